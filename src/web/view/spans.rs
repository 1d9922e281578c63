//! Steps, sessions and tools as tables.

use maud::{Markup, html};

use super::text::cut;
use super::{amount, badge, evidence, time};
use crate::reducer::run::RunState;
use crate::reducer::span::{Span, SpanKind};
use crate::reducer::time::Micros;

/// At most so many rows of one table, the newest.
const MOST: usize = 100;

/// A table of the spans of one kind; nothing when there are none.
#[must_use]
pub fn table(key: &str, state: &RunState, kind: SpanKind, now: Micros) -> Option<Markup> {
    let all: Vec<&Span> = state.spans.iter().filter(|span| span.kind == kind).collect();
    let shown = &all[all.len().saturating_sub(MOST)..];
    if shown.is_empty() {
        return None;
    }
    let any = |has: fn(&Span) -> bool| shown.iter().any(|span| has(span));
    let columns = Columns {
        skill: any(|span| span.skill.is_some()),
        agent: any(|span| span.agent.is_some()),
        model: any(|span| span.model.is_some()),
        cache: any(|span| span.cache_hit.is_some()),
        lines: any(|span| span.input_line.is_some() || span.output_line.is_some()),
        cost: any(|span| span.cost_usd.is_some() || span.tokens_in.is_some() || span.tokens_out.is_some()),
    };
    Some(html! {
        @if shown.len() < all.len() {
            p.note { (amount::count(all.len() as u64)) ", showing the newest " (shown.len()) }
        }
        div.scroll.tall tabindex="0" role="region" aria-label={ (kind.as_str()) "s" } {
            table.list {
                thead { tr {
                    th scope="col" { (kind.as_str()) }
                    @if columns.skill { th scope="col" { "skill" } }
                    th scope="col" { "status" }
                    th.num scope="col" { "took" }
                    th.num scope="col" { "attempt" }
                    @if columns.agent { th scope="col" { "agent" } }
                    @if columns.model { th scope="col" { "model" } }
                    @if columns.cache { th scope="col" { "cache" } }
                    @if columns.lines { th scope="col" { "input, output" } }
                    @if columns.cost { th.num scope="col" { "cost, tokens" } }
                    th scope="col" { "lines" }
                } }
                tbody { @for span in shown { (row(key, span, &columns, now)) } }
            }
        }
    })
}

struct Columns {
    skill: bool,
    agent: bool,
    model: bool,
    cache: bool,
    lines: bool,
    cost: bool,
}

fn row(key: &str, span: &Span, columns: &Columns, now: Micros) -> Markup {
    let optional = |text: &Option<String>| html! { @if let Some(text) = text { (cut(text, 60)) } };
    html! {
        tr {
            th scope="row" {
                @match &span.id { Some(id) => (cut(id, 60)), None => { span.none { "–" } } }
                @if let Some(name) = span.name.as_ref().filter(|name| span.id.as_ref() != Some(name)) { span.name { " " (cut(name, 80)) } }
                @if let Some(parent) = &span.parent { span.meta { " in " (cut(parent, 40)) } }
            }
            @if columns.skill { td { (optional(&span.skill)) } }
            td {
                (badge::span(span.status))
                @if let Some(message) = span.error.as_ref().and_then(|error| error.message.as_ref()) { span.reason { " " (cut(message, 160)) } }
            }
            td.num {
                @match (span.duration_ms, span.is_open(), span.started_at) {
                    (Some(millis), _, _) => (time::took(millis)),
                    (None, true, Some(at)) => (time::elapsed(at, now)),
                    _ => { "–" },
                }
            }
            td.num { @if let Some(attempt) = span.attempt { (attempt) } }
            @if columns.agent { td { (optional(&span.agent)) } }
            @if columns.model { td { (optional(&span.model)) } }
            @if columns.cache { td { @match span.cache_hit { Some(true) => "hit", Some(false) => "miss", None => "" } } }
            @if columns.lines {
                td {
                    @if let Some(line) = span.input_line { "in " (evidence::line(key, line)) " " }
                    @if let Some(line) = span.output_line { "out " (evidence::line(key, line)) }
                }
            }
            @if columns.cost {
                td.num {
                    @if let Some(cost) = span.cost_usd { (amount::dollars(cost)) " " }
                    @if span.tokens_in.is_some() || span.tokens_out.is_some() {
                        span.meta { (amount::short(span.tokens_in.unwrap_or(0))) " in " (amount::short(span.tokens_out.unwrap_or(0))) " out" }
                    }
                }
            }
            td {
                (evidence::line(key, span.opened_line))
                @if let Some(line) = span.closed_line.filter(|line| *line != span.opened_line) { "–" (evidence::line(key, line)) }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::sample::{self, EVIL, NOW, check_harmless};
    use super::*;
    use crate::reducer::span::SpanStatus;

    #[test]
    fn steps_show_what_they_have_and_no_empty_columns() {
        let mut step = sample::span(SpanKind::Step, EVIL, SpanStatus::Failed, 4);
        step.name = Some(EVIL.to_owned());
        step.cache_hit = Some(true);
        let state = RunState { spans: vec![step], ..RunState::default() };
        let shown = table("k", &state, SpanKind::Step, NOW).expect("has a step").into_string();
        check_harmless(&shown);
        assert!(shown.contains(">cache<") && shown.contains("hit") && !shown.contains(">model<"), "{shown}");
        assert!(table("k", &state, SpanKind::Session, NOW).is_none());
    }
}
