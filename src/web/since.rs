//! `/since?seen=KEY:LINE`: what changed in runs after lines that somebody has seen: "since you last looked" (spec 2.5, 3.2).
//!
//! The browser remembers which lines it showed; this page says what came of them. It must never remember anybody.

use axum::Router;
use axum::extract::State;
use axum::response::Response;
use axum::routing::get;
use maud::{Markup, html};

use super::Web;
use super::error::WebError;
use super::page::{Look, Request, answer};
use super::view::layout::{Page, Place, section};
use super::view::since::{Changed, changed};
use super::view::{state, time};
use crate::reducer::diff::diff;
use crate::reducer::fold::Wanted;
use crate::reducer::run::RunState;
use crate::reducer::time::Micros;

/// At most so many runs are told about; the address of more would be too long for a header.
const MOST: usize = 30;

pub(super) fn router() -> Router<Web> {
    Router::new().route("/since", get(since))
}

async fn since(State(web): State<Web>, request: Request) -> Response {
    answer(web, request, Place::Overview, make).await
}

fn make(look: &Look<'_>) -> Result<Page, WebError> {
    let seen = look.request.all("seen").map(parse).collect::<Result<Vec<_>, _>>()?;
    let mut runs = Vec::new();
    for (key, line) in seen.iter().take(MOST) {
        runs.extend(told(look, key, *line)?);
    }
    let more = seen.len().saturating_sub(MOST) as u64 + look.request.number("more")?.unwrap_or(0);
    // Milliseconds since 1970, as browsers count.
    let at = look.request.number("at")?.and_then(|ms| i64::try_from(ms).ok()?.checked_mul(1000)).map(Micros);
    let heading = html! { "Since you last looked" @if let Some(at) = at { span.tally { (time::ago(at, look.now)) } } };
    let main = html! {
        h1.sr { "Since you last looked" }
        (section("since-list", &heading, &body(&runs, more)))
    };
    let title = String::from("Since you last looked");
    Ok(Page { title, place: Place::Overview, run: None, still: true, then: None, main })
}

fn body(runs: &[Changed], more: u64) -> Markup {
    if runs.is_empty() && more == 0 {
        return state::empty(
            "Nothing changed",
            &html! { "What changes in a run after you looked at it is listed here." },
        );
    }
    html! {
        ul.since { @for run in runs { (changed(run)) } }
        @if more > 0 {
            (state::partial(runs.len() as u64, runs.len() as u64 + more, &html! { a href="/runs?sort=last_life" { "all runs by last life" } }))
        }
    }
}

/// The key of a run and the last line of it that was seen; 0 is none.
fn parse(text: &str) -> Result<(String, u64), WebError> {
    // Keys hold no colon (spec 1.1).
    let parts = text.rsplit_once(':').and_then(|(key, line)| Some((key.to_owned(), line.parse().ok()?)));
    parts.ok_or_else(|| WebError::BadRequest(String::from("seen is the key of a run, a colon and a line.")))
}

/// What changed in a run after a line; `None` when nothing was written or there is no such run.
fn told(look: &Look<'_>, key: &str, line: u64) -> Result<Option<Changed>, WebError> {
    let Some(judged) = look.web.query.run_with_markers(key, look.now)? else { return Ok(None) };
    let last = judged.record.state.counters.lines.total();
    // A log that became shorter is another one, of which nothing was seen.
    let seen = if line > last { 0 } else { line };
    if seen == last {
        return Ok(None);
    }
    let before = match seen {
        0 => RunState::default(),
        _ => {
            let before = look.web.logs.part_at(key, seen, Wanted::all_markers()).map_err(|reason| {
                tracing::warn!(%reason, seen, "the state at a line could not be read");
                WebError::Log
            })?;
            before.0
        }
    };
    let changes = diff(&before, &judged.record.state);
    Ok(Some(Changed { judged, lines: last - seen, changes }))
}
