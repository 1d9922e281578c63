//! The item card of the attention list: a run for a run reason, or one approval (spec 3.2).

use maud::{Markup, html};

use super::text::{cut, text};
use super::{evidence, icon, json, link, time, tone};
use crate::query::{Item, Queued};
use crate::reducer::marker::Marker;
use crate::reducer::run::value;
use crate::reducer::time::Micros;

/// The card. Its heading opens the run, or the approval's line.
#[must_use]
pub fn item(item: &Item, now: Micros) -> Markup {
    let record = &item.run.record;
    let (key, run) = (record.key.as_str(), &record.state.run);
    let (tone, drawing, said) = tone::of_reason(item.entry.reason);
    html! {
        article.item.(tone.class()) {
            span.mark { (icon::icon(drawing)) }
            div.what {
                h3 {
                    a.cover data-row href=(link::run(key)) { (cut(item.run.title(), 120)) } " "
                    span.said { (said) }
                }
                @match &item.entry.approval {
                    Some(marker) => (approval(marker, now)),
                    None => { p.sentence { (text(&item.entry.sentence)) } },
                }
                p.key {
                    (text(key))
                    @if let Some(workflow) = value(&run.workflow) {
                        " · " (cut(workflow, 60)) " · "
                        a href=(link::with("/runs", &[("workflow", workflow)])) { "other runs of this workflow" }
                    }
                    @if let Some(other) = &record.retried_by {
                        " · retried as " a href=(link::run(other)) { (text(other)) }
                    }
                }
            }
            div.when {
                @if let Some(at) = item.entry.since { (time::ago(at, now)) }
                @if let Some(line) = item.entry.line { (evidence::line(key, line)) }
            }
        }
    }
}

/// Something that a run queued for a person, as a card of the same kind.
#[must_use]
pub fn queued(item: &Queued<'_>, now: Micros) -> Markup {
    let Queued { run, marker, repo } = item;
    let key = run.record.key.as_str();
    html! {
        article.item.warn {
            span.mark { (icon::icon(icon::Icon::Queue)) }
            div.what {
                h3 {
                    a.cover data-row href=(link::run(key)) { (cut(run.title(), 120)) } " "
                    span.said { "queued " @if marker.id != "-" { (cut(&marker.id, 80)) } @else { "something" } }
                }
                @if let Some(reason) = &marker.reason { p.sentence { (cut(reason, 400)) } }
                p.key {
                    (text(key))
                    @if let Some(repo) = repo { " · repo " (cut(repo, 80)) }
                    @if let Some(span) = &marker.span { " · from " (cut(span, 60)) }
                }
            }
            div.when {
                @if let Some(at) = marker.opened_at { (time::ago(at, now)) }
                (evidence::line(key, marker.opened_line))
            }
        }
    }
}

fn approval(marker: &Marker, now: Micros) -> Markup {
    html! {
        p.sentence {
            "Run " code { (cut(marker.action.as_deref().unwrap_or("an action"), 120)) }
            @if let Some(integration) = &marker.integration { " on " code { (cut(integration, 80)) } }
            @if let Some(reason) = &marker.reason { ": " (cut(reason, 400)) }
        }
        p.key {
            "approval " (text(&marker.id))
            @if let Some(risk) = &marker.risk { " · risk " strong { (cut(risk, 40)) } }
            @if let Some(at) = marker.expires_at { " · expires " (time::until(at, now)) }
        }
        @if let Some(params) = &marker.params {
            details { summary { "parameters" } (json::viewer(params)) }
        }
    }
}
