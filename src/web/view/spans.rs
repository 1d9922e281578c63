//! Steps and tools as tables.

use maud::{Markup, html};

use super::sessions::{lines, spent, took};
use super::text::cut;
use super::{amount, badge, link};
use crate::reducer::run::RunState;
use crate::reducer::span::{Artifact, Span, SpanKind};
use crate::reducer::time::Micros;

/// At most so many rows of one table, the newest.
const MOST: usize = 100;

/// A table of the spans of one kind, of which there are `count`; nothing when there are none. The state has the newest of
/// them, and its artifacts begin behind so many others.
#[must_use]
pub fn table(
    key: &str,
    state: &RunState,
    (kind, count): (SpanKind, u64),
    earlier_artifacts: u64,
    now: Micros,
) -> Option<Markup> {
    let all: Vec<&Span> = state.spans.iter().filter(|span| span.kind == kind).collect();
    let shown = &all[all.len().saturating_sub(MOST)..];
    if shown.is_empty() {
        return None;
    }
    let any = |has: fn(&Span) -> bool| shown.iter().any(|span| has(span));
    let columns = Columns {
        skill: any(|span| span.more.skill.is_some()),
        agent: any(|span| span.more.agent.is_some()),
        model: any(|span| span.more.model.is_some()),
        cache: any(|span| span.cache_hit.is_some()),
        lines: any(|span| span.input_line.is_some() || span.output_line.is_some()),
        artifacts: shown.iter().any(|span| artifacts_of(state, span).next().is_some()),
        cost: any(|span| {
            span.more.cost_usd.is_some() || span.more.tokens_in.is_some() || span.more.tokens_out.is_some()
        }),
    };
    Some(html! {
        @if (shown.len() as u64) < count {
            p.note { (amount::count(count)) ", showing the newest " (shown.len()) }
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
                    @if columns.artifacts { th scope="col" { "artifacts" } }
                    @if columns.cost { th.num scope="col" { "cost, tokens" } }
                    th scope="col" { "lines" }
                } }
                tbody { @for span in shown { (row(key, (state, earlier_artifacts), span, &columns, now)) } }
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
    artifacts: bool,
    cost: bool,
}

fn row(key: &str, (state, earlier): (&RunState, u64), span: &Span, columns: &Columns, now: Micros) -> Markup {
    let optional = |text: Option<&str>| html! { @if let Some(text) = text { (cut(text, 60)) } };
    html! {
        tr {
            th scope="row" {
                @match &span.id { Some(id) => (cut(id, 60)), None => { span.none { "–" } } }
                @if let Some(name) = span.name.as_ref().filter(|name| span.id.as_ref() != Some(name)) { span.name { " " (cut(name, 80)) } }
                @if let Some(parent) = &span.parent { span.meta { " in " (cut(parent, 40)) } }
            }
            @if columns.skill { td { (optional(span.more.skill.as_deref())) } }
            td {
                (badge::span(span.status))
                @if let Some(message) = span.more.error.as_ref().and_then(|error| error.message.as_ref()) { span.reason { " " (cut(message, 160)) } }
            }
            td.num { (took(span, now)) }
            td.num data-label="attempt" { @if let Some(attempt) = span.attempt { (attempt) } }
            @if columns.agent { td { (optional(span.more.agent.as_deref())) } }
            @if columns.model { td { (optional(span.more.model.as_deref())) } }
            @if columns.cache { td data-label="cache" { @match span.cache_hit { Some(true) => "hit", Some(false) => "miss", None => "" } } }
            @if columns.lines {
                td {
                    @if let Some(line) = span.input_line { (opener(key, line, "in")) " " }
                    @if let Some(line) = span.output_line { (opener(key, line, "out")) }
                }
            }
            @if columns.artifacts {
                td {
                    @for (place, artifact) in artifacts_of(state, span) {
                        a.path href=(link::artifact(key, earlier + place)) { (cut(file_name(&artifact.path), 60)) } " "
                    }
                }
            }
            @if columns.cost { td.num { (spent(span)) } }
            td { (lines(key, span)) }
        }
    }
}

/// Leads to the record in the JSON viewer; with scripts it opens right here.
fn opener(key: &str, line: u64, word: &str) -> Markup {
    html! { a href=(link::line(key, line)) data-raw title={ "line " (line) } { (word) } }
}

/// The artifacts that a log ascribes to a step, and their places in the run's list.
fn artifacts_of<'a>(state: &'a RunState, span: &'a Span) -> impl Iterator<Item = (u64, &'a Artifact)> {
    let same = move |artifact: &Artifact| {
        let attempt = artifact.attempt.is_none() || span.attempt.is_none() || artifact.attempt == span.attempt;
        span.kind == SpanKind::Step && span.id.is_some() && artifact.step.as_deref() == span.id.as_deref() && attempt
    };
    (1..).zip(&state.artifacts).filter(move |(_, artifact)| same(artifact))
}

fn file_name(path: &str) -> &str {
    path.rsplit('/').find(|part| !part.is_empty()).unwrap_or(path)
}

#[cfg(test)]
mod tests {
    use super::super::sample::{self, EVIL, NOW, check_harmless};
    use super::*;
    use crate::reducer::span::SpanStatus;

    #[test]
    fn steps_show_what_they_have_and_no_empty_columns() {
        let mut step = sample::span(SpanKind::Step, EVIL, SpanStatus::Failed, 4);
        step.name = Some(EVIL.into());
        step.cache_hit = Some(true);
        let named = |path: &str, attempt| Artifact {
            path: path.to_owned(),
            media_type: None,
            attempt,
            step: Some(EVIL.to_owned()),
            line: 7,
        };
        let artifacts = vec![named("a/mine.md", Some(1)), named("other.md", Some(2)), named("also.md", None)];
        let state = RunState { spans: vec![step], artifacts, ..RunState::default() };
        let shown = table("k", &state, (SpanKind::Step, 1), 0, NOW).expect("has a step").into_string();
        check_harmless(&shown);
        assert!(shown.contains(">cache<") && shown.contains("hit") && !shown.contains(">model<"), "{shown}");
        assert!(shown.contains("/runs/k/artifacts/1\"") && shown.contains(">mine.md<"), "{shown}");
        assert!(
            shown.contains("/runs/k/artifacts/3\"") && !shown.contains("/artifacts/2\""),
            "of this attempt: {shown}"
        );
        assert!(table("k", &state, (SpanKind::Session, 0), 0, NOW).is_none());
    }
}
