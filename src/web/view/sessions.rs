//! Sessions as a tree: who started whom, with which model, where, and what it cost (spec 3.2).

use std::collections::HashMap;

use maud::{Markup, html};

use super::text::cut;
use super::{amount, badge, evidence, time};
use crate::reducer::run::RunState;
use crate::reducer::span::{Span, SpanKind};
use crate::reducer::time::Micros;

/// At most so many rows, the newest.
const MOST: usize = 200;
/// Deeper ones stand below each other.
const DEEPEST: usize = 6;

/// The tree as a table, one row per session, of which there are `count`; nothing when there are none. The state has the
/// newest of them. `now` is where open ones end.
#[must_use]
pub fn sessions(key: &str, state: &RunState, count: u64, now: Micros) -> Option<Markup> {
    let rows = tree(state);
    if rows.is_empty() {
        return None;
    }
    let any = |has: fn(&Span) -> bool| rows.iter().any(|(span, _)| has(span));
    let (model, repo) = (any(|span| span.more.model.is_some()), any(|span| span.more.repo.is_some()));
    let cost =
        any(|span| span.more.cost_usd.is_some() || span.more.tokens_in.is_some() || span.more.tokens_out.is_some());
    Some(html! {
        div.scroll.tall tabindex="0" role="region" aria-label="sessions" {
            table.list.sessions {
                thead { tr {
                    th scope="col" { "session" }
                    @if model { th scope="col" { "model" } }
                    @if repo { th scope="col" { "repo" } }
                    th scope="col" { "status" }
                    th.num scope="col" { "took" }
                    @if cost { th.num scope="col" { "cost, tokens" } }
                    th scope="col" { "lines" }
                } }
                tbody {
                    @for (span, depth) in &rows {
                        tr {
                            th scope="row" { (called(span, *depth)) }
                            @if model { td { @if let Some(model) = &span.more.model { (cut(model, 60)) } } }
                            @if repo { td { @if let Some(repo) = &span.more.repo { (cut(repo, 60)) } } }
                            td {
                                (badge::span(span.status))
                                @if let Some(message) = span.more.error.as_ref().and_then(|error| error.message.as_ref()) { span.reason { " " (cut(message, 160)) } }
                            }
                            td.num { (took(span, now)) }
                            @if cost { td.num { (spent(span)) } }
                            td { (lines(key, span)) }
                        }
                    }
                }
            }
        }
        @if (rows.len() as u64) < count { p.end { (amount::count(count)) ", showing the newest " (rows.len()) } }
    })
}

fn called(span: &Span, depth: usize) -> Markup {
    let class = ["d0", "d1", "d2", "d3", "d4", "d5", "d6"][depth.min(DEEPEST)];
    let name = span.name.as_ref().or(span.more.agent.as_ref());
    html! {
        span.branch.(class) {
            @if depth > 0 { span.twig aria-hidden="true" { "└ " } span.sr { "level " (depth + 1) ", started by " (span.parent.as_deref().map_or_else(|| html! {}, |parent| cut(parent, 60))) ": " } }
            @if let Some(agent) = span.more.agent.as_ref().or(name) { strong { (cut(agent, 60)) } " " }
            @if let Some(name) = name.filter(|name| span.more.agent.as_ref().is_some_and(|agent| agent != *name)) { (cut(name, 80)) " " }
            @match &span.id { Some(id) => { code { (cut(id, 60)) } } None => { span.none { "without an id" } } }
            @if let Some(attempt) = span.attempt.filter(|attempt| *attempt > 1) { span.visits { " ×" (attempt) } }
        }
    }
}

/// How long a span took, or has been open.
#[must_use]
pub fn took(span: &Span, now: Micros) -> Markup {
    html! {
        @match (span.duration_ms, span.is_open(), span.started_at) {
            (Some(millis), _, _) => (time::took(millis)),
            (None, true, Some(at)) => (time::elapsed(at, now)),
            _ => { "–" },
        }
    }
}

/// What a span cost.
#[must_use]
pub fn spent(span: &Span) -> Markup {
    html! {
        @if let Some(cost) = span.more.cost_usd { (amount::dollars(cost)) " " }
        @if span.more.tokens_in.is_some() || span.more.tokens_out.is_some() {
            span.meta { (amount::short(span.more.tokens_in.unwrap_or(0))) " in " (amount::short(span.more.tokens_out.unwrap_or(0))) " out" }
        }
    }
}

/// The lines that opened and closed a span.
#[must_use]
pub fn lines(key: &str, span: &Span) -> Markup {
    html! {
        (evidence::line(key, span.opened_line))
        @if let Some(line) = span.closed_line.filter(|line| *line != span.opened_line) { "–" (evidence::line(key, line)) }
    }
}

/// Every one of the newest sessions once, children behind their parent in the order in which they opened, each with its depth. Whose parent
/// is unknown, or stands below itself, is a root.
fn tree(state: &RunState) -> Vec<(&Span, usize)> {
    let mut all: Vec<&Span> = state.spans.iter().filter(|span| span.kind == SpanKind::Session).collect();
    all.drain(..all.len().saturating_sub(MOST));
    let mut by_id: HashMap<&str, usize> = HashMap::new();
    for (number, span) in all.iter().enumerate() {
        if let Some(id) = span.id.as_deref() {
            by_id.entry(id).or_insert(number);
        }
    }
    let parent = |number: usize| {
        let found = all[number].parent.as_deref().and_then(|parent| by_id.get(parent)).copied();
        found.filter(|parent| *parent != number)
    };
    let mut children: Vec<Vec<usize>> = vec![Vec::new(); all.len()];
    let mut roots = Vec::new();
    for number in 0..all.len() {
        match parent(number) {
            Some(parent) => children[parent].push(number),
            None => roots.push(number),
        }
    }
    let mut rows = Vec::with_capacity(all.len());
    let mut shown = vec![false; all.len()];
    // Behind the roots, whatever no root leads to: a circle of parents begins at its first.
    for start in roots.into_iter().chain(0..all.len()) {
        let mut stack = vec![(start, 0)];
        while let Some((number, depth)) = stack.pop() {
            if std::mem::replace(&mut shown[number], true) {
                continue;
            }
            rows.push((all[number], depth));
            stack.extend(children[number].iter().rev().map(|child| (*child, depth + 1)));
        }
    }
    rows
}

#[cfg(test)]
mod tests {
    use super::super::sample::{self, EVIL, NOW, check_harmless};
    use super::*;
    use crate::reducer::span::{More, SpanStatus};

    fn session(id: &str, parent: Option<&str>) -> Span {
        let mut span = sample::span(SpanKind::Session, id, SpanStatus::Completed, 4);
        span.parent = parent.map(Into::into);
        span
    }

    fn shape(spans: Vec<Span>) -> String {
        let state = RunState { spans, ..RunState::default() };
        let rows = tree(&state);
        let one = |(span, depth): &(&Span, usize)| format!("{}{}", span.id.as_deref().unwrap_or("?"), depth);
        rows.iter().map(one).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn children_follow_their_parent_and_nobody_is_lost() {
        let spans = vec![
            session("lead", None),
            session("a", Some("lead")),
            session("solo", Some("not in the log")),
            session("b", Some("lead")),
            session("aa", Some("a")),
            // The same session again is another row; a child belongs to the first.
            session("a", Some("lead")),
        ];
        assert_eq!(shape(spans), "lead0 a1 aa2 b1 a1 solo0");
        let circle = vec![session("x", Some("y")), session("y", Some("x")), session("z", Some("z"))];
        assert_eq!(shape(circle), "z0 x0 y1");
    }

    #[test]
    fn a_session_shows_agent_model_repo_and_cost() {
        let mut span = session(EVIL, None);
        let evil = || Some(EVIL.into());
        span.name = evil();
        let more = More { agent: evil(), model: evil(), repo: evil(), ..More::default() };
        span.more = More { cost_usd: Some(1.25), tokens_in: Some(1500), ..more }.into();
        let shown =
            sessions("k", &RunState { spans: vec![span], ..RunState::default() }, 1, NOW).expect("one").into_string();
        check_harmless(&shown);
        for part in [">model<", ">repo<", "$1.25", "1.5k in", "/runs/k/lines/4"] {
            assert!(shown.contains(part), "{part}: {shown}");
        }
        assert!(sessions("k", &RunState::default(), 0, NOW).is_none());
    }
}
