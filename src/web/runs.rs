//! `/runs`: all runs as a table, filtered, searched and sorted by the URL.

use axum::Router;
use axum::extract::State;
use axum::response::Response;
use axum::routing::get;
use maud::{Markup, html};

use super::Web;
use super::error::WebError;
use super::page::{Look, Request, answer};
use super::view::layout::{Page, Place};
use super::view::{amount, form, link, source, state, table, text};
use crate::reducer::run::Status;
use crate::reducer::time::Micros;
use crate::reducer::verdict::Word;
use crate::store::reader::{RunFilter, Sort};

/// Rows of a page (spec 3.2).
const PAGE: u32 = 50;

/// Sort orders with the words of the URL and of the form.
const SORTS: [(&str, Sort); 5] = [
    ("started", Sort::Started),
    ("last_life", Sort::LastLife),
    ("status", Sort::Status),
    ("duration", Sort::Duration),
    ("cost", Sort::Cost),
];

/// The parameters of this page, except `after`, in the order in which they stand in its links.
const KEPT: [&str; 10] = ["q", "status", "verdict", "open", "workflow", "phase", "source", "from", "to", "sort"];

/// The filters that are folded away until one of them is used.
const MORE: [&str; 5] = ["workflow", "phase", "source", "from", "to"];

pub(super) fn router() -> Router<Web> {
    Router::new().route("/runs", get(runs))
}

async fn runs(State(web): State<Web>, request: Request) -> Response {
    answer(web, request, Place::Runs, make).await
}

fn make(look: &Look<'_>) -> Result<Page, WebError> {
    let request = look.request;
    let verdict = request.word("verdict", Word::from_word)?;
    let filter = filter(request)?;
    let found = look.web.query.runs_beside(look.banner, &filter, verdict, look.now)?;
    let total = found.total;
    let main = html! {
        h1 { "Runs" span.tally { (amount::count(total)) } }
        (fields(look))
        @if found.runs.is_empty() {
            (nothing(look))
        } @else {
            (table::runs(found.runs.iter().map(AsRef::as_ref), look.now))
            p.pager {
                span {
                    @if filter.after.is_some() { a href=(here(request, "")) { "first page" } }
                }
                span { (amount::plural(found.runs.len() as u64, "run", "runs")) " of " (amount::count(total)) }
                @match &found.next {
                    Some(next) => { a rel="next" href=(here(request, next)) { "next page →" } }
                    None => { span { "end of list" } }
                }
            }
        }
    };
    let title =
        if request.text("q").is_empty() { String::from("Runs") } else { format!("{} · Runs", request.text("q")) };
    Ok(Page { title, place: Place::Runs, run: None, still: false, then: None, main })
}

fn filter(request: &Request) -> Result<RunFilter, WebError> {
    let sort = match request.text("sort") {
        "" => Sort::default(),
        word => SORTS.iter().find(|(name, _)| *name == word).map(|(_, sort)| *sort).ok_or_else(|| {
            WebError::BadRequest(String::from("sort is started, last_life, status, duration or cost."))
        })?,
    };
    let open = match request.text("open") {
        "" => None,
        "1" | "true" => Some(true),
        "0" | "false" => Some(false),
        _ => return Err(WebError::BadRequest(String::from("open is 1 or 0."))),
    };
    Ok(RunFilter {
        status: request.words("status", Status::from_word)?,
        open,
        workflow: request.given("workflow"),
        phase: request.given("phase"),
        source: request.given("source"),
        text: request.given("q"),
        from: day(request, "from", 0)?,
        to: day(request, "to", 1)?,
        sort,
        after: request.given("after"),
        limit: PAGE,
    })
}

/// The first moment of a day in UTC, so many days later: `to` is meant with the whole of its day.
fn day(request: &Request, name: &str, later: i64) -> Result<Option<Micros>, WebError> {
    let wrong = || WebError::BadRequest(format!("{name} is a day such as 2026-06-02."));
    let Some(given) = request.given(name) else { return Ok(None) };
    let day: jiff::civil::Date = given.parse().map_err(|_| wrong())?;
    let start = day.to_zoned(jiff::tz::TimeZone::UTC).map_err(|_| wrong())?;
    Ok(Some(Micros(start.timestamp().as_microsecond()).plus_millis(later * 86_400_000)))
}

fn here(request: &Request, after: &str) -> String {
    let mut parameters: Vec<(&str, &str)> = KEPT.iter().map(|name| (*name, request.text(name))).collect();
    parameters.push(("after", after));
    link::with("/runs", &parameters)
}

fn fields(look: &Look<'_>) -> Markup {
    let request = look.request;
    let chosen = |name: &str| Some(request.text(name)).filter(|text| !text.is_empty());
    let statuses: Vec<&str> = Status::ALL.iter().map(|word| word.as_str()).chain(["failed,timed_out"]).collect();
    let verdicts: Vec<&str> = Word::ALL.iter().map(|word| word.as_str()).collect();
    let sorts: Vec<&str> = SORTS.iter().map(|(name, _)| *name).collect();
    let filtered = KEPT.iter().any(|name| !request.text(name).is_empty());
    html! {
        form.filters method="get" action="/runs" role="search" {
            (form::search("q", "search", request.text("q")))
            (form::select("status", "status", "any", chosen("status"), &statuses))
            (form::select("verdict", "how it is going", "any", chosen("verdict"), &verdicts))
            (form::select("sort", "sort by", "started", chosen("sort"), &sorts[1..]))
            details.more-filters #more-filters open[MORE.iter().any(|name| !request.text(name).is_empty())] {
                summary { "more filters" }
                (form::field("workflow", "workflow", request.text("workflow"), None))
                (form::field("phase", "phase", request.text("phase"), None))
                @if look.source.status.roots.len() > 1 { (form::field("source", "state directory", request.text("source"), None)) }
                (form::day("from", "from (UTC)", request.text("from")))
                (form::day("to", "to", request.text("to")))
            }
            @if !request.text("open").is_empty() { input type="hidden" name="open" value=(text::plain(request.text("open"))); }
            button type="submit" { "Show" }
            @if filtered { a href="/runs" { "clear" } }
        }
    }
}

fn nothing(look: &Look<'_>) -> Markup {
    match look.source.totals.as_ref().map(|totals| totals.runs) {
        Some(0) => state::empty(
            "No runs yet",
            &html! {
                "Every file " code { (text::text(&look.source.status.pattern)) } " below a state directory is a run. "
                span.source { (source::line(look.source, look.now)) }
            },
        ),
        all => state::empty(
            "No run matches",
            &html! {
                @if let Some(all) = all { (amount::plural(all, "run", "runs")) " without these filters. " }
                a href="/runs" { "Clear them" } "."
            },
        ),
    }
}
