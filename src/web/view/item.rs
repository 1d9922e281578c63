//! The item card of the attention list: a run for a run reason, or one approval (spec 3.2).

use maud::{Markup, html};

use super::text::{cut, text};
use super::{commands, evidence, going, icon, json, link, parts, time, tone};
use crate::query::{Command, Item, Queued};
use crate::reducer::marker::Marker;
use crate::reducer::run::value;
use crate::reducer::span::SpanKind;
use crate::reducer::time::Micros;

/// At most so many bytes of a text that stands in an address.
const LONGEST: usize = 500;

/// The card, with what a person could run about it. Its heading opens the run.
#[must_use]
pub fn item(item: &Item, offered: &[Command], now: Micros) -> Markup {
    let record = &item.run.record;
    let key = record.key.as_str();
    let (tone, drawing, said) = tone::of_reason(item.entry.reason);
    let (title, workflow) = (item.run.title(), value(&record.state.run.workflow).map(String::as_str));
    html! {
        article.item.(tone.class()) {
            span.mark { (icon::icon(drawing)) }
            div.what {
                h3 {
                    a.cover data-row href=(link::run(key)) { (cut(title, 120)) } " "
                    span.said { (said) }
                }
                @match &item.entry.approval {
                    Some(marker) => (approval(marker, now)),
                    None => { p.sentence { (going::ticking(&going::beside(said, &item.entry.sentence), growing(item), now)) } },
                }
                (whose(title, key, workflow, record.retried_by.as_deref()))
                @if let Some(session) = session(item) {
                    p.key { "session " a href={ (link::run(key)) "#sessions" } { (cut(session, 80)) } }
                }
                (commands::commands(offered))
            }
            div.when {
                @if let Some(at) = item.entry.since { (time::ago(at, now)) }
                @if let Some(line) = item.entry.line { (evidence::line(key, line)) }
            }
        }
    }
}

/// What grows in the sentence of an item that says what the verdict says.
fn growing(item: &Item) -> &[i64] {
    let verdict = &item.run.verdict;
    if item.entry.sentence == verdict.sentence { &verdict.growing } else { &[] }
}

/// Whose matter it is: the run's key, its workflow with the way to its other runs, and the run that retries it.
#[must_use]
pub fn whose(title: &str, key: &str, workflow: Option<&str>, retried_by: Option<&str>) -> Markup {
    // An address has its bounds; nobody calls a workflow like that.
    let named = workflow.filter(|workflow| workflow.len() <= LONGEST);
    let others = |workflow| link::with("/runs", &[("workflow", workflow)]);
    parts::parts([
        parts::key(key, title),
        parts::workflow(workflow, title),
        named.map(|workflow| html! { a href=(others(workflow)) { "other runs of this workflow" } }),
        retried_by.map(|other| html! { "retried as " a href=(link::run(other)) { (text(other)) } }),
    ])
}

/// The session that it comes from: what the approval names, else the newest open one of the run.
fn session(item: &Item) -> Option<&str> {
    let sessions = || item.run.record.state.spans.iter().filter(|span| span.kind == SpanKind::Session);
    let named = item.entry.approval.as_ref().and_then(|marker| marker.span.as_deref());
    let is_named = sessions().any(|span| span.id.as_deref() == named);
    named.filter(|_| is_named).or_else(|| sessions().rev().find_map(|span| span.id.as_deref()))
}

/// Something that a run queued for a person, as a card of the same kind.
#[must_use]
pub fn queued(item: &Queued<'_>, now: Micros) -> Markup {
    let Queued { run, marker, repo } = item;
    let (title, key) = (run.title(), run.record.key.as_str());
    html! {
        article.item.warn {
            span.mark { (icon::icon(icon::Icon::Queue)) }
            div.what {
                h3 {
                    a.cover data-row href=(link::run(key)) { (cut(title, 120)) } " "
                    span.said { "queued " @if marker.id != "-" { (cut(&marker.id, 80)) } @else { "something" } }
                }
                @if let Some(reason) = &marker.reason { p.sentence { (cut(reason, 400)) } }
                (parts::parts([
                    parts::key(key, title),
                    repo.as_ref().map(|repo| html! { "repo " (cut(repo, 80)) }),
                    marker.span.as_ref().map(|span| html! { "from " (cut(span, 60)) }),
                ]))
            }
            div.when {
                @if let Some(at) = marker.opened_at { (time::ago(at, now)) }
                (evidence::line(key, marker.opened_line))
            }
        }
    }
}

/// What an approval is asked for: action, risk, parameters, and the time that is left.
#[must_use]
pub fn approval(marker: &Marker, now: Micros) -> Markup {
    html! {
        p.sentence {
            "Run " code { (cut(marker.action.as_deref().unwrap_or("an action"), 120)) }
            @if let Some(integration) = &marker.integration { " on " code { (cut(integration, 80)) } }
            @if let Some(reason) = &marker.reason { ": " (cut(reason, 400)) }
        }
        (parts::parts([
            Some(html! { "approval " (cut(&marker.id, 60)) }),
            marker.risk.as_ref().map(|risk| html! { "risk " strong { (cut(risk, 40)) } }),
            marker.expires_at.filter(|_| marker.is_open()).map(|at| html! { "expires " (time::until(at, now)) }),
        ]))
        @if let Some(params) = &marker.params {
            details { summary { "parameters" } (json::viewer(params)) }
        }
    }
}
