//! `/runs/{key}`: one run, as it is now or as it was after a line (`?at=`).

mod events;

use axum::Router;
use axum::extract::{Path, State};
use axum::response::Response;
use axum::routing::get;
use maud::{Markup, html};

use super::error::WebError;
use super::page::{Look, Request, answer};
use super::view::layout::{Page, Place, section};
use super::view::{
    amount, artifact, commands, facts, going, icon, json, link, loghealth, markers, problem, queue, sessions, spans,
    stepper, text, time, timeline, travel, waterfall,
};
use super::{Web, address, compare, view};
use crate::query::{self, Act, Judged};
use crate::reducer::excerpt::{Asked, Window};
use crate::reducer::fold::Wanted;
use crate::reducer::span::SpanKind;
use crate::reducer::time::Micros;
use crate::reducer::verdict::Learned;
use crate::store::reader::{Lists, Shown};

pub(super) fn router() -> Router<Web> {
    Router::new().route("/runs/{key}", get(run))
}

async fn run(State(web): State<Web>, Path(key): Path<String>, request: Request) -> Response {
    answer(web, request, Place::Runs, move |look| make(look, &address::key(key))).await
}

const UNKNOWN: WebError = WebError::NotFound("There is no such run.");
/// Runs of the same workflow that are offered for a comparison.
const FEW: u32 = 3;
/// The expectation is shown of so many phases.
const PHASES: usize = 12;

/// A run and the moment that everything about it is measured against.
struct Seen {
    /// With the entries of its lists that are shown.
    judged: Judged,
    /// What is true of all entries of its lists.
    lists: Shown,
    now: Micros,
    /// The line of the past that is shown.
    at: Option<u64>,
    /// The last line of the log, also when the past is shown.
    last: u64,
    /// The stretch that the waterfall shows.
    window: Option<Window>,
}

fn make(look: &Look<'_>, key: &str) -> Result<Page, WebError> {
    let seen = match seen(look, key) {
        Err(WebError::NotFound(_)) => return unread(look, key),
        seen => seen?,
    };
    let events = events::read(look, key, seen.at)?;
    let judged = &seen.judged;
    let title = judged.title().to_owned();
    let parts = parts(look, &seen);
    let main = html! {
        p.crumbs { a href="/runs" data-back { "Runs" } }
        @if seen.at.is_none() { (view::since::slot(std::iter::once(judged))) }
        (past(&seen))
        (gone(judged))
        (facts::head(judged, seen.now))
        (going::going(judged, seen.now))
        @if let Some(happened) = commands::happened(judged) { (happened) }
        @if seen.at.is_none() { (could_run(look, judged)) }
        nav.jump aria-label="sections" {
            @for part in &parts { a href={ "#" (part.id) } { (part.name) @if let Some(count) = part.count { span.tally { (amount::count(count)) } } } }
            a href="#timeline" { "Timeline" span.tally { (amount::count(events.shown.page.total)) } }
            a href="#travel" { "Time travel" }
            a href="#compare" { "Compare" }
            a href="#log" { "Log" }
        }
        div.parts {
            @for part in &parts { (section(part.id, &html! { (part.name) @if let Some(count) = part.count { span.tally { (amount::count(count)) } } }, &part.body)) }
        }
        (section("timeline", &html! { "Timeline" span.tally { (amount::count(events.shown.page.total)) } button #follow.js-only type="button" aria-pressed="false" { "follow" } }, &html! {
            (timeline::timeline(key, &events.shown, &events.asked, &events.names(judged)))
        }))
        (section("travel", &html! { "Time travel" }, &travel::travel(key, &judged.record.state, seen.at, seen.last)))
        (section("compare", &html! { "Compare" }, &others(look, judged)))
        (section("log", &html! { "Log" }, &loghealth::log_health(&judged.record)))
    };
    Ok(Page {
        title,
        place: Place::Runs,
        run: Some(key.to_owned()),
        still: seen.at.is_some(),
        then: seen.at.map(|_| seen.now),
        main,
    })
}

/// What has the name of a log and was never read (spec 1.1).
fn unread(look: &Look<'_>, key: &str) -> Result<Page, WebError> {
    let log = look.web.query.reader.log(key)?.ok_or(UNKNOWN)?;
    let main = html! {
        p.crumbs { a href="/runs" data-back { "Runs" } }
        h1 { (text::text(&log.key)) }
        @if let Some(problem) = &log.problem {
            div.failed role="alert" { (icon::icon(icon::Icon::Alert)) p { (text::text(&problem.text)) } }
        }
        p { "Nothing was read of it yet, so there is no run to show. " a href="/health#logs" { "All logs and their problems" } }
    };
    let title = log.key.clone();
    Ok(Page { title, place: Place::Runs, run: Some(log.key), still: false, then: None, main })
}

fn seen(look: &Look<'_>, key: &str) -> Result<Seen, WebError> {
    let zoom = look.request.given("zoom").map(|text| {
        Window::parse(&text)
            .ok_or_else(|| WebError::BadRequest(String::from("zoom is two whole numbers such as 0-60000.")))
    });
    let window = zoom.transpose()?;
    let Some(line) = look.request.number("at")? else {
        let mut judged = look.web.query.run_open(key, look.now)?.ok_or(UNKNOWN)?;
        let last = judged.record.state.counters.lines.total();
        let asked = Asked { window, now: facts::end(&judged, look.now), lines: last };
        let lists = look.web.query.show(&mut judged, &asked)?;
        return Ok(Seen { judged, lists, now: look.now, at: None, last, window });
    };
    if line == 0 {
        return Err(WebError::BadRequest(String::from("at is a line number from 1.")));
    }
    let last = look.web.query.reader.run(key, Lists::None)?.ok_or(UNKNOWN)?.state.counters.lines.total();
    let (then, part) = look.web.logs.part_at(key, line, Wanted::default()).map_err(|reason| {
        tracing::warn!(%reason, line, "the state at a line could not be read");
        WebError::Log
    })?;
    let mut judged = look.web.query.run_at(key, line, then, look.now)?.ok_or(UNKNOWN)?;
    // What the verdict was measured against.
    let now = judged.record.modified.unwrap_or(look.now);
    let asked = Asked { window, now: facts::end(&judged, now), lines: judged.record.state.counters.lines.total() };
    let lists = look.web.query.show_then(&mut judged, part.as_ref(), &asked)?;
    Ok(Seen { judged, lists, now, at: Some(line), last, window })
}

/// What a person could run about it.
fn could_run(look: &Look<'_>, judged: &Judged) -> Markup {
    let offered = look.web.commands.of_run(judged);
    let is_answered = offered.iter().any(|command| matches!(command.act, Act::Approve | Act::Deny));
    let open = query::approvals(judged).count();
    html! {
        (commands::commands(&offered))
        @if is_answered && open > query::ANSWERED {
            p.end {
                "Answers to the first " (query::ANSWERED) " of " (amount::count(open as u64)) " open approvals · "
                a href="/attention" { "all approvals" }
            }
        }
    }
}

/// Says that the page shows the past.
fn past(seen: &Seen) -> Markup {
    let Some(line) = seen.at else { return html! {} };
    let key = seen.judged.record.key.as_str();
    html! {
        div.past role="status" {
            (icon::icon(icon::Icon::Hourglass))
            span { "This is the run as it was after " a href=(link::line(key, line)) { "line " (amount::count(line)) } ", " (time::stamp(seen.now)) }
            span {
                @if line > 1 { a href=(link::run_at(key, line - 1)) { "← a line earlier" } " " }
                @if seen.last > line { a href=(link::run_at(key, line + 1)) { "a line later →" } " " }
                a href=(link::run(key)) { "now" }
            }
        }
    }
}

/// The way to runs beside which this one can be put.
fn others(look: &Look<'_>, judged: &Judged) -> Markup {
    match look.known("the other runs of a workflow", compare::others(look, judged, FEW, None)) {
        Some((others, more)) => html! {
            (view::compare::chooser(&judged.record.key, &others, None, false, look.now))
            @if more { p { a href={ (link::run(&judged.record.key)) "/compare" } { "choose another run of this workflow" } } }
        },
        None => view::state::failed("the other runs of this workflow"),
    }
}

fn gone(judged: &Judged) -> Markup {
    let log = &judged.record.log;
    html! {
        @if log.gone { div.past role="status" { (icon::icon(icon::Icon::Alert)) span { "The log is gone. This is what it last said." } } }
        @if let Some(problem) = &log.problem { div.failed role="alert" { (icon::icon(icon::Icon::Alert)) p { (text::text(&problem.text)) } } }
    }
}

/// One section of the page.
struct Part {
    id: &'static str,
    name: &'static str,
    count: Option<u64>,
    body: Markup,
}

/// The sections that this run has something for, in the order of spec 3.2.
fn parts(look: &Look<'_>, seen: &Seen) -> Vec<Part> {
    let record = &seen.judged.record;
    let (key, state) = (record.key.as_str(), &record.state);
    let (skew, end) = (facts::skew(&seen.judged, seen.now), facts::end(&seen.judged, seen.now));
    // Times of a run that is not active stand still; those of one that is tick by the clock of its log.
    let still = (!seen.judged.is_active()).then(|| end.0.div_euclid(1000));
    let spanning = |body: Markup| html! { div.parts data-now=[still] data-skew=[skew] { (body) } };
    let since = |body: Markup| html! { div.parts data-skew=[skew] { (body) } };
    let part = |id, name, count, body| Part { id, name, count, body };
    let Shown { spans: excerpt, earlier_markers, earlier_artifacts, .. } = &seen.lists;
    let of_kind = |kind| excerpt.of_kind(kind);
    let earlier = *earlier_artifacts;
    let mut parts = Vec::new();
    let stops = stepper::sequence(state);
    if !stops.is_empty() {
        let (usual, all) = learned(look, seen);
        let phases = state.spans.iter().filter(|span| span.kind == SpanKind::Phase).count() as u64;
        let body = html! {
            (stepper::stepper(key, of_kind(SpanKind::Phase).saturating_sub(phases), &stops, &usual, end))
            @if !all { (view::state::failed("what these phases usually take")) }
        };
        parts.push(part("phases", "Phases", None, spanning(body)));
    }
    let lane = look.known("who held the wheel", look.web.query.wheel(record));
    if !state.markers.is_empty() || lane.as_ref().is_none_or(|lane| lane.len() > 1) {
        let open = state.markers.iter().filter(|marker| marker.is_open()).count() as u64;
        parts.push(part(
            "markers",
            "Wheel and open matters",
            Some(open).filter(|open| *open > 0),
            since(html! {
                @if lane.is_none() { (view::state::failed("who held the wheel")) }
                (markers::markers(key, state, *earlier_markers, &lane.unwrap_or_default(), facts::log_now(&seen.judged, seen.now)))
            }),
        ));
    }
    let own = query::queued(&seen.judged);
    // What others wait for is of the present.
    let beside = match (seen.at, look.banner) {
        (Some(_), _) => Some(Vec::new()),
        (None, banner) => banner.map(|banner| banner.queue_beside(&seen.judged, &excerpt.repos)),
    };
    if !own.is_empty() || beside.as_ref().is_none_or(|beside| !beside.is_empty()) {
        let depth = beside.as_ref().map(|beside| (own.len() + beside.len()) as u64);
        let body = html! {
            @if beside.is_none() { (view::state::failed("what others wait for")) }
            (queue::of_run(&own, &beside.unwrap_or_default(), seen.now))
        };
        parts.push(part("queue", "Action required", depth, body));
    }
    let drawing = waterfall::Drawing { key, spans: &state.spans, excerpt, window: seen.window, at: seen.at, now: end };
    if let Some(body) = waterfall::waterfall(&drawing).map(spanning) {
        parts.push(part("waterfall", "Waterfall", Some(excerpt.total()), body));
    }
    if let Some(body) = spans::table(key, state, (SpanKind::Step, of_kind(SpanKind::Step)), earlier, end).map(spanning)
    {
        parts.push(part("steps", "Steps", Some(of_kind(SpanKind::Step)), body));
    }
    if let Some(body) = sessions::sessions(key, state, of_kind(SpanKind::Session), end).map(spanning) {
        parts.push(part("sessions", "Sessions", Some(of_kind(SpanKind::Session)), body));
    }
    if let Some(body) = spans::table(key, state, (SpanKind::Tool, of_kind(SpanKind::Tool)), earlier, end).map(spanning)
    {
        let body = html! { details #tool-table { summary { "table" } (body) } };
        parts.push(part("tools", "Tools", Some(of_kind(SpanKind::Tool)), body));
    }
    if let Some((count, body)) = problem::errors(key, state, excerpt.errors) {
        parts.push(part("errors", "Errors", Some(count), body));
    }
    if let Some(inputs) = &state.run.inputs {
        let body = html! {
            details #inputs-json open[inputs.value.len() < 1500] {
                summary { "as the log gave them" }
                (json::viewer(&inputs.value))
                p.end { "from " (super::view::evidence::line(key, inputs.line)) }
            }
        };
        parts.push(part("inputs", "Inputs", None, body));
    }
    if let Some(body) = artifact::list(key, state, earlier) {
        parts.push(part("artifacts", "Artifacts", Some(earlier + state.artifacts.len() as u64), body));
    }
    parts
}

/// What the phases of this run usually take, in the order of their first visit, and whether all of it could be read.
fn learned(look: &Look<'_>, seen: &Seen) -> (Vec<(String, Learned)>, bool) {
    let record = &seen.judged.record;
    let mut phases: Vec<&str> = Vec::new();
    for span in record.state.spans.iter().filter(|span| span.kind == SpanKind::Phase) {
        let id = span.id.as_deref().unwrap_or("");
        if !phases.contains(&id) && phases.len() < PHASES {
            phases.push(id);
        }
    }
    let mut usual = Vec::new();
    for phase in phases {
        match look.known("what a phase usually takes", look.web.query.learned(record, phase)) {
            Some(learned) => usual.extend(learned.map(|learned| (phase.to_owned(), learned))),
            None => return (usual, false),
        }
    }
    (usual, true)
}
