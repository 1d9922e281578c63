//! `/runs/{key}/compare?with=`: a run beside another one of its workflow.

use axum::Router;
use axum::extract::{Path, State};
use axum::response::Response;
use axum::routing::get;
use maud::html;

use super::error::WebError;
use super::page::{Look, Request, answer};
use super::view::layout::{Page, Place, section};
use super::view::{self, form, link, text};
use super::{Web, address};
use crate::query::Judged;
use crate::reducer::run::value;
use crate::store::reader::{Cut, Cuts};

/// Runs to choose from.
const CHOICES: u32 = 20;

/// Of each run so many spans are looked at: where two part they do so early, or not where anybody would look for it.
const LOOKED_AT: Cuts = Cuts {
    spans: Cut { after: 0, limit: 10_000 },
    markers: Cut { after: 0, limit: 0 },
    artifacts: Cut { after: 0, limit: 0 },
};

pub(super) fn router() -> Router<Web> {
    Router::new().route("/runs/{key}/compare", get(page))
}

async fn page(State(web): State<Web>, Path(key): Path<String>, request: Request) -> Response {
    answer(web, request, Place::Runs, move |look| make(look, &address::key(key))).await
}

fn make(look: &Look<'_>, key: &str) -> Result<Page, WebError> {
    const UNKNOWN: WebError = WebError::NotFound("There is no such run.");
    let query = &look.web.query;
    let (judged, here) = query.run_entries(key, &LOOKED_AT, look.now)?.ok_or(UNKNOWN)?;
    let with = look.request.given("with");
    let other =
        with.as_deref().map(|with| query.run_entries(with, &LOOKED_AT, look.now)?.ok_or(UNKNOWN)).transpose()?;
    let q = look.request.text("q");
    let (others, more) = others(look, &judged, CHOICES, look.request.given("q"))?;
    let main = html! {
        p.crumbs { a href=(link::run(key)) { (text::cut(judged.title(), 100)) } " / compare" }
        h1 {
            "Compare " (text::cut(judged.title(), 80))
            @if let Some((other, _)) = &other { " with " (text::cut(other.title(), 80)) }
        }
        @if let Some((other, there)) = &other {
            p.key {
                "here " a href=(link::run(key)) { code { (text::text(key)) } }
                ", there " a href=(link::run(&other.record.key)) { code { (text::text(&other.record.key)) } }
            }
            (view::compare::compare((&judged, &here.spans), (other, &there.spans), look.now))
        }
        (section("others", &html! { "Other runs of this workflow" }, &html! {
            form.filters method="get" action={ (link::run(key)) "/compare" } {
                @if let Some(with) = &with { input type="hidden" name="with" value=(text::plain(with)); }
                (form::search("q", "name or key", q))
                button type="submit" { "Search" }
            }
            (view::compare::chooser(key, &others, with.as_deref(), more, look.now))
        }))
    };
    let title = format!("Compare {}", judged.title());
    Ok(Page { title, place: Place::Runs, run: Some(key.to_owned()), still: true, then: None, main })
}

/// The newest other runs of the workflow that hold a text, at most so many, and whether there are more.
pub(super) fn others(
    look: &Look<'_>,
    judged: &Judged,
    most: u32,
    text: Option<String>,
) -> Result<(Vec<Judged>, bool), WebError> {
    let workflow = value(&judged.record.state.run.workflow).map(String::as_str);
    // One for the run itself, and one that says whether there are more.
    let mut others = look.web.query.of_workflow(workflow, text.as_deref(), most + 2, look.now)?;
    others.retain(|other| other.record.key != judged.record.key);
    let more = others.len() > most as usize;
    others.truncate(most as usize);
    Ok((others, more))
}
