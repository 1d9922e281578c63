//! `/`: is anything running, does anything need me, what happened last.

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::response::Response;
use axum::routing::get;
use maud::{Markup, html};

use super::Web;
use super::error::WebError;
use super::page::{Look, Request, answer};
use super::view::layout::{Page, Place, section};
use super::view::{self, amount, card, item, numbers, source, state, table, text};
use crate::query::Judged;
use crate::reducer::verdict::Word;
use crate::store::reader::{RunFilter, Sort};

/// Attention items shown here; the rest is one click away.
const TOP: usize = 5;
/// Cards shown here; more runs than that are a list.
const CARDS: usize = 24;
/// Days of the numbers (spec 3.2).
const DAYS: u32 = 14;
/// Recent runs.
const RECENT: usize = 12;
/// The browser remembers how far it saw so many of the newest runs.
const REMEMBERED: usize = 100;

pub(super) fn router() -> Router<Web> {
    Router::new().route("/", get(overview))
}

async fn overview(State(web): State<Web>, request: Request) -> Response {
    answer(web, request, Place::Overview, make).await
}

fn make(look: &Look<'_>) -> Result<Page, WebError> {
    let recent = recent(look);
    let stats = look.known("the numbers", look.web.query.stats(DAYS, look.now));
    let nothing = look.source.totals.as_ref().is_some_and(|totals| totals.runs == 0);
    let main = html! {
        h1.sr { "Overview" }
        @if let Some(recent) = &recent { (view::since::slot(recent.iter().map(AsRef::as_ref))) }
        @if nothing && look.banner.is_some() && recent.is_some() && stats.is_some() {
            (nothing_yet(look))
        } @else {
            (attention(look))
            (active(look))
            (section("numbers", &html! { "Numbers" }, &match &stats {
                Some(stats) => numbers::numbers(stats, look.banner.map(|banner| banner.queue().len())),
                None => state::failed("the numbers"),
            }))
            (section("recent", &html! { "Recent runs" }, &html! {
                @match &recent {
                    None => (state::failed("the recent runs")),
                    Some(runs) if others(look, runs).next().is_none() => (state::empty("No other runs", &html! { "Runs that ended appear here." })),
                    Some(runs) => { (table::runs(others(look, runs).take(RECENT), look.now)) p.end { a href="/runs" { "all runs" } } }
                }
            }))
        }
    };
    Ok(Page { title: String::from("Overview"), place: Place::Overview, run: None, still: false, then: None, main })
}

fn attention(look: &Look<'_>) -> Markup {
    let body = match look.banner {
        None => state::failed("what needs attention"),
        Some(banner) if banner.attention.is_empty() => {
            html! { p.clear { @if look.source.is_all_read() { "Nothing needs you. " } @else { "Nothing needs you so far. " } span.source { (source::line(look.source, look.now)) } } }
        }
        Some(banner) => html! {
            @for one in banner.attention.iter().take(TOP) { (item::item(one, &[], look.now)) }
            @let total = banner.attention.len();
            @if total > TOP {
                (state::partial(TOP as u64, total as u64, &html! { a href="/attention" { "show all" } }))
            }
        },
    };
    section("needs", &html! { a href="/attention" { "Needs attention" } }, &body)
}

fn active(look: &Look<'_>) -> Markup {
    let body = match look.banner {
        None => state::failed("the active runs"),
        Some(banner) if banner.active.is_empty() => state::empty(
            "No active run",
            &html! { "A run appears here with its first line and stays until its log says that it ended." },
        ),
        Some(banner) => html! {
            div.cards {
                @for judged in concerning_first(&banner.active).take(CARDS) {
                    @match with_phases(look, judged) {
                        Some(judged) => (card::card(&judged, look.now)),
                        None => (state::failed("an active run")),
                    }
                }
            }
            @let total = banner.active.len();
            @if total > CARDS {
                (state::partial(CARDS as u64, total as u64, &html! { a href="/runs?open=1" { "all open runs" } }))
            }
        },
    };
    let heading = html! {
        "Active runs"
        @if let Some(banner) = look.banner { span.tally { (amount::count(banner.active.len() as u64)) } }
    };
    section("active", &heading, &body)
}

/// Active runs, those that are not on track before the others; otherwise most recently started first.
fn concerning_first(active: &[Arc<Judged>]) -> impl Iterator<Item = &Arc<Judged>> {
    let is_fine = |judged: &&Arc<Judged>| judged.verdict.word == Word::Healthy;
    active.iter().filter(move |judged| !is_fine(judged)).chain(active.iter().filter(is_fine))
}

/// The run with its ended phases, for the stepper; `None` when they cannot be read.
fn with_phases(look: &Look<'_>, judged: &Judged) -> Option<Judged> {
    let with = look.known("an active run", look.web.query.run_with_phases(&judged.record.key, look.now))?;
    Some(with.unwrap_or_else(|| judged.clone()))
}

/// The runs with the newest life; `None` when they cannot be read.
fn recent(look: &Look<'_>) -> Option<Vec<Arc<Judged>>> {
    let active = look.banner.map_or(0, |banner| banner.active.len());
    let limit = u32::try_from(REMEMBERED.max(RECENT + active)).unwrap_or(u32::MAX).min(500);
    let filter = RunFilter { sort: Sort::LastLife, limit, ..RunFilter::default() };
    Some(look.known("the recent runs", look.web.query.runs_beside(look.banner, &filter, None, look.now))?.runs)
}

/// Those that are not active.
fn others<'a>(look: &'a Look<'_>, runs: &'a [Arc<Judged>]) -> impl Iterator<Item = &'a Judged> {
    // Without the banner none is shown as active.
    runs.iter().map(AsRef::as_ref).filter(|judged| look.banner.is_none() || !judged.is_active())
}

/// No run at all: what is watched and what to do.
fn nothing_yet(look: &Look<'_>) -> Markup {
    let status = &look.source.status;
    html! {
        div.welcome {
            h2 { @if status.complete { "No runs yet" } @else { "Looking for runs…" } }
            p {
                "A run appears here as soon as a file " code { (text::text(&status.pattern)) } " appears in a directory below "
                @for (index, (root, problem)) in status.roots.iter().enumerate() {
                    @if index > 0 { " or " }
                    code { (text::text(root)) }
                    @if let Some(problem) = problem { " (" (text::text(problem)) ")" }
                }
                ". Nothing needs to be configured, and nothing there is ever changed."
            }
            p { "Logs by another name? " code { "wheelwatch doctor" } " says which files may be some, and how to have them read." }
            p { "To see what that looks like, run " code { "wheelwatch demo" } "." }
            p.source { (source::line(look.source, look.now)) }
        }
    }
}
