//! `/health`: what is watched and how, how far each log was read, and what is wrong with which.

use axum::Router;
use axum::extract::State;
use axum::response::Response;
use axum::routing::get;
use maud::{Markup, html};

use super::Web;
use super::error::WebError;
use super::page::{Look, Request, answer};
use super::view::icon::{Icon, icon};
use super::view::layout::{Page, Place, section};
use super::view::{amount, badge, evidence, link, loghealth, source, state, text, time, tone};
use crate::store::reader::Lists;
use crate::store::{LogRow, RunRecord, WatchMode};

/// Logs on one page: those with a problem first, then by key.
const PAGE: usize = 100;

pub(super) fn router() -> Router<Web> {
    Router::new().route("/health", get(health))
}

async fn health(State(web): State<Web>, request: Request) -> Response {
    answer(web, request, Place::Health, make).await
}

fn make(look: &Look<'_>) -> Result<Page, WebError> {
    let logs = look.known("the logs", look.web.query.reader.logs());
    let most = usize::try_from(look.request.number("n")?.unwrap_or(PAGE as u64)).unwrap_or(PAGE);
    let main = html! {
        h1 { "Health" }
        p.source.big { (source::line(look.source, look.now)) }
        (section("watching", &html! { "What is watched" }, &watching(look)))
        (section("logs", &html! { "Logs" @if let Some(logs) = &logs { span.tally { (amount::count(logs.len() as u64)) } } }, &match logs {
            None => state::failed("the logs"),
            Some(logs) if logs.is_empty() => state::empty("No log yet", &html! { "Every log that is found is listed here with its size and how far it was read." }),
            Some(logs) => self::logs(look, logs, most),
        }))
    };
    Ok(Page { title: String::from("Health"), place: Place::Health, run: None, still: false, then: None, main })
}

fn watching(look: &Look<'_>) -> Markup {
    let status = &look.source.status;
    html! {
        dl.facts {
            div.wide { dt { "state directories" } dd {
                @if status.roots.is_empty() { "none yet" }
                @for (root, problem) in &status.roots {
                    p { span.path { (text::text(root)) } @if let Some(problem) = problem { " " span.bad { (icon(Icon::Alert)) (text::text(problem)) } } }
                }
            } }
            div { dt { "log name" } dd { code { (text::text(&status.pattern)) } } }
            div { dt { "how" } dd { @match &status.mode {
                WatchMode::Starting => { "starting" }
                WatchMode::EventsAndScan => { "events and scan" }
                WatchMode::ScanOnly(reason) => { span.warn { (icon(Icon::Alert)) "scan only: " (text::text(reason)) } }
            } } }
            div { dt { "last full scan" } dd { @match status.last_full_scan { Some(at) => { (time::ago(at, look.now)) @if let Some(ms) = status.scan_ms { ", took " (time::took(i64::try_from(ms).unwrap_or(i64::MAX))) } } None => { "none yet" } } } }
            div { dt { "scans" } dd { (amount::count(status.scans)) @if status.overflows > 0 { ", " (amount::count(status.overflows)) " because notifications were lost" } } }
            div { dt { "behind" } dd { (amount::bytes(status.backlog_bytes)) } }
            @if let Some(totals) = &look.source.totals {
                div { dt { "read" } dd { (amount::count(totals.lines)) " lines, " (amount::bytes(totals.bytes)) } }
                div { dt { "malformed" } dd { (amount::count(totals.malformed)) " lines" } }
                @if totals.problems > 0 { div { dt { "cannot be read" } dd { span.bad { (icon(Icon::Alert)) (amount::plural(totals.problems, "log", "logs")) } } } }
                div { dt { "runs" } dd { (amount::count(totals.runs)) ", " (amount::count(totals.open)) " open" } }
            }
            div { dt { "cache" } dd { @match &status.cache_problem { Some(problem) => { span.bad { (icon(Icon::Alert)) (text::text(problem)) } } None => { "fine" } } } }
            div { dt { "writes" } dd { @match &status.unconfined {
                None => { "only in the directory of the cache: the kernel sees to that (Landlock)" }
                Some(why) => { span.warn { (icon(Icon::Alert)) "only this program itself keeps it from writing elsewhere: " (text::text(why)) } }
            } } }
            div { dt { "SQLite" } dd { @match look.known("the version of SQLite", look.web.query.reader.sqlite_version()) {
                Some(version) => (version),
                None => { span.bad { (icon(Icon::Alert)) "could not be asked" } }
            } } }
            div { dt { "wheelwatch" } dd { (env!("CARGO_PKG_VERSION")) ", process " (std::process::id()) } }
        }
    }
}

fn logs(look: &Look<'_>, mut logs: Vec<LogRow>, most: usize) -> Markup {
    let total = logs.len();
    logs.sort_by(|a, b| trouble(b).cmp(&trouble(a)).then_with(|| a.key.cmp(&b.key)));
    logs.truncate(most);
    html! {
        div.scroll tabindex="0" role="region" aria-label="logs" {
            table.list {
                thead { tr {
                    th scope="col" { "log" }
                    th scope="col" { "state" }
                    th.num scope="col" { "size" }
                    th.num scope="col" { "read to byte" }
                    th.num scope="col" { "behind" }
                    th.num scope="col" { "generation" }
                    th scope="col" { "lines" }
                    th scope="col" { "noticed" }
                } }
                tbody { @for log in &logs { (row(look, log)) } }
            }
        }
        @if logs.len() < total {
            (state::partial(logs.len() as u64, total as u64, &html! { a href=(link::with("/health", &[("n", &(most + PAGE).to_string())])) { "show more" } }))
        } @else {
            (state::end_of_list(total as u64, "log", "logs"))
        }
    }
}

/// What is worst about a log, as an order.
fn trouble(log: &LogRow) -> u8 {
    if log.problem.is_some() {
        return 3;
    }
    u8::from(log.gone) * 2 + u8::from(log.pending_bytes > 0 || log.rotated)
}

fn row(look: &Look<'_>, log: &LogRow) -> Markup {
    let record = look.known("the run of a log", look.web.query.reader.run(&log.key, Lists::None));
    let behind = log.cursor.size.saturating_sub(log.cursor.offset + log.pending_bytes + log.provisional_bytes);
    html! {
        tr {
            th scope="row" { a data-row href=(link::run(&log.key)) { (text::text(&log.key)) } span.path.key { (text::text(&log.path)) } }
            td {
                @match &log.problem {
                    Some(problem) => { (badge::badge(tone::Tone::Bad, Icon::Alert, &problem.code.replace('_', " "))) " " (text::text(&problem.text)) }
                    None if log.gone => (badge::badge(tone::Tone::Warn, Icon::Question, "gone")),
                    None => (badge::badge(tone::Tone::Quiet, Icon::Check, "fine")),
                }
                @if log.rotated { " " span.meta { "rotated" } }
            }
            td.num { (amount::size(log.cursor.size)) }
            td.num data-label="read to byte" { (amount::count(log.cursor.offset)) }
            td.num data-label="behind" { @if behind > 0 { span.warn { (amount::bytes(behind)) } } @else { "0" } }
            td.num data-label="generation" { (log.cursor.generation) }
            td {
                @match &record {
                    Some(Some(record)) => (loghealth::classes(&record.state.counters.lines)),
                    Some(None) => {}
                    None => { span.bad { (icon(Icon::Alert)) "could not be read" } }
                }
                @if log.pending_bytes > 0 { ", unterminated tail " (amount::bytes(log.pending_bytes)) }
            }
            td { @if let Some(Some(record)) = &record { (noticed(record)) } }
        }
    }
}

fn noticed(record: &RunRecord) -> Markup {
    let health = &record.state.health;
    let all = [
        (&health.malformed, "malformed"),
        (&health.oversized, "oversized"),
        (&health.bad_times, "bad times"),
        (&health.wrong_types, "wrong types"),
        (&health.duplicate_keys, "duplicate keys"),
        (&health.unread_elements, "unread elements"),
        (&health.unknown_names, "unknown names"),
    ];
    html! {
        @if let Some(id) = loghealth::other_id(record) {
            span.warn { "id mismatch " (evidence::line(&record.key, id.line)) } " "
        }
        @for (tally, what) in all.into_iter().filter(|(tally, _)| tally.count > 0) {
            span.meta { (amount::count(tally.count)) " " (what) " " (evidence::line(&record.key, tally.first_line)) } " "
        }
    }
}
