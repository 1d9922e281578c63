//! `/runs/{key}/lines/{n}`: one raw line of a log, where every evidence link leads.

use axum::Router;
use axum::extract::{Path, State};
use axum::response::Response;
use axum::routing::get;
use maud::{Markup, html};

use super::error::WebError;
use super::page::{Look, Request, answer};
use super::view::layout::{Page, Place, section};
use super::view::{amount, ansi, badge, icon, json, link, text, time, tone};
use super::{Web, address, said};
use crate::reducer::event::Class;
use crate::reducer::reduce::EventRow;
use crate::reducer::visible::readable;
use crate::store::reader::{EventRecord, Lists};

/// Of the raw line at most so many bytes are shown.
const MOST: usize = 256 << 10;
/// Lines shown before and after.
const AROUND: u64 = 3;

pub(super) fn router() -> Router<Web> {
    Router::new().route("/runs/{key}/lines/{line}", get(line))
}

async fn line(State(web): State<Web>, Path((key, line)): Path<(String, String)>, request: Request) -> Response {
    answer(web, request, Place::Runs, move |look| make(look, &address::key(key), &line)).await
}

fn make(look: &Look<'_>, key: &str, line: &str) -> Result<Page, WebError> {
    let number: u64 = line.parse().map_err(|_| WebError::NotFound("A line has a number from 1."))?;
    let reader = &look.web.query.reader;
    let record = reader.run(key, Lists::Open)?.ok_or(WebError::NotFound("There is no such run."))?;
    let judged = look.web.query.judge(record, look.now)?;
    let record = &judged.record;
    let last = record.state.counters.lines.total();
    if number == 0 || number > last {
        return Err(WebError::NotFound("The log has no such line."));
    }
    let main = html! {
        p.crumbs { a href=(link::run(key)) { (text::cut(judged.title(), 100)) } " / line" }
        h1 { "Line " (amount::count(number)) span.tally { "of " (amount::count(last)) } }
        @match reader.line(key, number)? {
            Some(row) => (found(look, key, &row)),
            None => (absent(number, record.log.lacks_rows())),
        }
        (around(look, key, number, last)?)
        p.pager {
            @if number > 1 { a rel="prev" href=(link::line(key, number - 1)) { "← line " (number - 1) } } @else { span {} }
            @if number < last { a rel="next" href=(link::line(key, number + 1)) { "line " (number + 1) " →" } } @else { span {} }
        }
    };
    let title = format!("Line {number} · {}", judged.title());
    Ok(Page { title, place: Place::Runs, run: Some(key.to_owned()), still: true, then: None, main })
}

fn found(look: &Look<'_>, key: &str, row: &EventRow) -> Markup {
    html! {
        dl.facts {
            div { dt { "class" } dd { (class(row.class)) } }
            div { dt { "bytes" } dd { (amount::count(row.length)) " at byte " (amount::count(row.offset)) } }
            @if let Some(at) = row.time { div { dt { "time" } dd { (time::stamp(at)) " (" (time::ago(at, look.now)) ")" } } }
            @if let Some(name) = &row.name { div { dt { "event" } dd { (text::cut(name, 120)) } } }
            @if let Some(subject) = row.subject {
                div { dt { "read as" } dd { (subject.as_str()) @if let Some(verb) = row.verb { " " (verb.as_str().replace('_', " ")) } } }
            }
            @if let Some(level) = row.level { div { dt { "level" } dd { (level.as_str()) } } }
        }
        @match raw(look, key, row) {
            Ok((bytes, cut)) => {
                div #raw {
                    p.meta {
                        "bytes " (amount::count(row.offset)) " to " (amount::count(row.offset.saturating_add(row.length)))
                        " · " a href=(link::in_timeline(key, row.line)) { "show in context" }
                        " · " a href=(link::run_at(key, row.line)) { "the run after this line" }
                    }
                    (content(row, &bytes))
                    @if cut { p.end { "the line is longer, showing its first " (amount::bytes(bytes.len() as u64)) } }
                }
            }
            Err(problem) => {
                div #raw { div.failed role="alert" { (icon::icon(icon::Icon::Alert)) p { strong { "The line could not be read." } " " (text::text(&problem)) } } }
            }
        }
    }
}

/// The line for reading, then, where that differs, byte for byte.
fn content(row: &EventRow, bytes: &[u8]) -> Markup {
    let readable = readable(bytes);
    let exact = html! { pre.line tabindex="0" { (text::bytes(bytes)) } };
    match row.class {
        Class::Event => html! {
            @if let Some(message) = said::message(row, bytes).filter(|text| text.contains(['\n', '\u{1b}'])) {
                pre.said tabindex="0" { (ansi::ansi(&message, MOST)) }
            }
            (json::viewer(&readable))
            details { summary { "as it stands in the log" } (exact) }
        },
        _ if bytes.contains(&0x1b) => html! {
            pre.said tabindex="0" { (ansi::ansi(&readable, MOST)) }
            details { summary { "as it stands in the log" } (exact) }
        },
        _ => exact,
    }
}

/// The bytes from the first record of the line to the end of the line, and whether there is more.
fn raw(look: &Look<'_>, key: &str, row: &EventRow) -> Result<(Vec<u8>, bool), String> {
    let mut bytes = look.web.logs.read(key, row.offset, MOST)?;
    let end = bytes.iter().position(|byte| *byte == b'\n');
    bytes.truncate(end.unwrap_or(bytes.len()));
    if bytes.last() == Some(&b'\r') {
        bytes.pop();
    }
    let cut = end.is_none() && bytes.len() == MOST;
    Ok((bytes, cut))
}

fn class(class: Class) -> Markup {
    match class {
        Class::Event => badge::badge(tone::Tone::Quiet, icon::Icon::Check, "event"),
        Class::Text => badge::badge(tone::Tone::Quiet, icon::Icon::File, "text"),
        Class::Malformed => badge::badge(tone::Tone::Bad, icon::Icon::Alert, "malformed"),
        Class::Oversized => badge::badge(tone::Tone::Bad, icon::Icon::Alert, "oversized"),
    }
}

fn absent(number: u64, behind: bool) -> Markup {
    html! {
        div #raw {
            @if behind {
                p.note { "Line " (number) " was counted, and its place is still being written. Ask again in a moment." }
            } @else {
                p.note { "Line " (number) " is blank: it counts as a line and is no event." }
            }
        }
    }
}

fn around(look: &Look<'_>, key: &str, number: u64, last: u64) -> Result<Markup, WebError> {
    let mut rows = Vec::new();
    for near in number.saturating_sub(AROUND).max(1)..=number.saturating_add(AROUND).min(last) {
        rows.extend(look.web.query.reader.line(key, near)?.map(|row| EventRecord { ordinal: 0, row }));
    }
    let said = said::read(&*look.web.logs, key, &rows);
    Ok(section(
        "around",
        &html! { "Around it" },
        &html! {
            ol.timeline {
                @for (event, said) in rows.iter().zip(&said) { (super::view::timeline::row(key, &event.row, said, Some(number), false)) }
            }
        },
    ))
}
