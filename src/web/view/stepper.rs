//! The phase stepper: where a run is, what each phase took, and rework, which is shown and not folded away (rule 5).

use std::collections::HashMap;

use maud::{Markup, html};

use super::icon::{Icon, icon};
use super::text::cut;
use super::{amount, link, time, tone};
use crate::reducer::run::{RunState, Status, value};
use crate::reducer::span::{Span, SpanKind, SpanStatus};
use crate::reducer::time::Micros;
use crate::reducer::verdict::Learned;

/// The phases that most harnesses have, in their order (spec 3.2).
const USUAL: [&str; 4] = ["build", "hardening", "verify", "done"];

/// At most so many stops are shown; a run with more of them, or with more rework, says how many are left out.
const MOST: usize = 16;

/// At most so many characters of a phase's name.
const LONGEST: usize = 60;

/// One phase, or one visit of it.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs)]
pub struct Stop {
    pub name: String,
    /// `None` for a phase that was not reached yet.
    pub status: Option<SpanStatus>,
    /// Which visit this is, or how many there were in a folded list.
    pub visits: u64,
    pub took_ms: Option<i64>,
    /// When it is open: since when.
    pub since: Option<Micros>,
    /// The line that opened it.
    pub line: Option<u64>,
}

/// Every visit in order of appearance, then the usual phases that are still ahead: for the run page.
#[must_use]
pub fn sequence(state: &RunState) -> Vec<Stop> {
    let mut stops: Vec<Stop> = phases(&state.spans).map(|span| visit(span, span.attempt.unwrap_or(1))).collect();
    stops.extend(ahead(state, stops.last().map(|stop| stop.name.as_str())));
    stops
}

/// One stop per phase with the number of its visits and their time together: for cards.
#[must_use]
pub fn folded(state: &RunState) -> Vec<Stop> {
    let (mut stops, mut places) = (Vec::<Stop>::new(), HashMap::new());
    for span in phases(&state.spans) {
        let next = visit(span, 1);
        let place = *places.entry(&span.id).or_insert(stops.len());
        match stops.get_mut(place) {
            Some(stop) => {
                let took_ms = stop.took_ms.map(|sum| sum.saturating_add(next.took_ms.unwrap_or(0))).or(next.took_ms);
                *stop = Stop { visits: stop.visits + 1, took_ms, ..next };
            }
            None => stops.push(next),
        }
    }
    let current = value(&state.run.phase).map(String::as_str);
    let furthest = stops.iter().filter_map(|stop| usual(&stop.name)).max().map(|at| USUAL[at]);
    stops.extend(ahead(state, furthest.or(current)));
    stops
}

fn phases(spans: &[Span]) -> impl Iterator<Item = &Span> {
    spans.iter().filter(|span| span.kind == SpanKind::Phase)
}

fn visit(span: &Span, visits: u64) -> Stop {
    Stop {
        name: span.id.as_deref().unwrap_or_default().to_owned(),
        status: Some(span.status),
        visits,
        took_ms: span.duration_ms,
        since: span.is_open().then_some(span.started_at).flatten(),
        line: Some(span.opened_line),
    }
}

fn usual(name: &str) -> Option<usize> {
    USUAL.iter().position(|phase| *phase == name)
}

/// The usual phases behind `last`, when the run uses no others; `done` is marked when the run was completed.
fn ahead(state: &RunState, last: Option<&str>) -> Vec<Stop> {
    let foreign = phases(&state.spans).any(|span| usual(span.id.as_deref().unwrap_or("")).is_none());
    let Some(at) = last.and_then(usual).filter(|_| !foreign) else { return Vec::new() };
    let status = value(&state.run.status).copied();
    if status.is_some_and(|status| status.is_ended() && status != Status::Completed) {
        return Vec::new();
    }
    let completed = status == Some(Status::Completed);
    let rest = if completed { &USUAL[3..] } else { &USUAL[at + 1..] };
    rest.iter()
        .map(|name| Stop {
            name: (*name).to_owned(),
            status: completed.then_some(SpanStatus::Completed),
            visits: 1,
            took_ms: None,
            since: None,
            line: completed.then(|| state.run.status.as_ref().map(|fact| fact.line)).flatten(),
        })
        .collect()
}

/// The stops as a list, behind so many `earlier` ones; `learned` is what phases usually take in earlier runs of the workflow.
#[must_use]
pub fn stepper(key: &str, earlier: u64, stops: &[Stop], learned: &[(String, Learned)], now: Micros) -> Markup {
    html! {
        (list(key, earlier, stops, |stop| took(stop, now)))
        @if !learned.is_empty() {
            ul.learned {
                @for (phase, usual) in learned {
                    li {
                        (cut(phase, LONGEST)) " usually: median " (time::duration(usual.median_ms)) ", p90 " (time::duration(usual.p90_ms))
                        " over " (amount::plural(usual.spans, "run", "runs"))
                    }
                }
            }
        }
    }
}

/// The stops on one line, as far as that goes: times in one unit.
#[must_use]
pub fn brief(key: &str, stops: &[Stop], now: Micros) -> Markup {
    let coarse = |stop: &Stop| match (stop.since, stop.took_ms) {
        (Some(at), _) => Some(time::since(at, now)),
        (None, took) => took.map(|ms| html! { span title=(time::duration(ms)) { (time::age(ms)) } }),
    };
    list(key, 0, stops, coarse)
}

/// The last stops, or those from the open one on when it is before these, and how many are left out on both sides.
fn list(key: &str, earlier: u64, stops: &[Stop], took: impl Fn(&Stop) -> Option<Markup>) -> Markup {
    let last = stops.len().saturating_sub(MOST);
    let open = stops.iter().position(|stop| stop.status == Some(SpanStatus::Open));
    let (before, rest) = stops.split_at(open.map_or(last, |open| open.min(last)));
    let (shown, later) = rest.split_at(rest.len().min(MOST));
    let earlier = earlier + before.len() as u64;
    html! {
        ol.stepper aria-label="phases" {
            @if earlier > 0 { li.earlier { (amount::count(earlier)) " earlier" } }
            @for stop in shown { (one(key, stop, &took(stop))) }
            @if !later.is_empty() { li.earlier { (amount::count(later.len() as u64)) " more" } }
        }
    }
}

fn took(stop: &Stop, now: Micros) -> Option<Markup> {
    stop.since.map(|at| time::elapsed(at, now)).or_else(|| stop.took_ms.map(time::took))
}

fn one(key: &str, stop: &Stop, took: &Option<Markup>) -> Markup {
    let (class, drawing, said) = match stop.status {
        Some(status) => {
            let (tone, drawing, said) = tone::of_span(status);
            (tone.class(), Some(drawing), said)
        }
        None => ("ahead", None, "not reached"),
    };
    let name =
        html! { (cut(&stop.name, LONGEST)) @if stop.visits > 1 { span.visits title="visits" { "×" (stop.visits) } } };
    html! {
        li.(class).open[stop.status == Some(SpanStatus::Open)] {
            span.mark { @if let Some(drawing) = drawing { (icon(drawing)) } @else { (icon(Icon::Right)) } }
            @match stop.line {
                Some(line) => { a.name href=(link::line(key, line)) title={ (said) ", line " (line) } { (name) } }
                None => { span.name title=(said) { (name) } }
            }
            span.sr { (said) }
            @if let Some(took) = took { span.num { (took) } }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::sample;
    use super::*;

    #[test]
    fn rework_is_shown_and_what_is_ahead_follows() {
        let spans = vec![
            sample::phase("build", SpanStatus::Completed, 2),
            sample::phase("hardening", SpanStatus::Completed, 5),
            sample::phase("build", SpanStatus::Open, 9),
        ];
        let state = RunState { spans, ..RunState::default() };
        let names: Vec<String> = sequence(&state).into_iter().map(|stop| stop.name).collect();
        assert_eq!(names, ["build", "hardening", "build", "hardening", "verify", "done"]);
        let folded = folded(&state);
        assert_eq!((folded[0].name.as_str(), folded[0].visits, folded[0].status), ("build", 2, Some(SpanStatus::Open)));
        assert_eq!(folded.last().map(|stop| stop.status), Some(None));
    }

    #[test]
    fn of_very_many_phases_few_are_shown_and_the_open_one_is_among_them() {
        let ended = |n: usize| sample::phase(&format!("p{n}"), SpanStatus::Completed, n as u64 + 1);
        let mut spans: Vec<Span> = (0..100).map(ended).collect();
        let shown = |spans: &[Span]| {
            let stops = folded(&RunState { spans: spans.to_vec(), ..RunState::default() });
            let page = brief("r", &stops, Micros(0)).into_string();
            let words = ["84 earlier", "7 earlier", "77 more"].map(|words| page.contains(&format!(">{words}<")));
            (page.matches("<li").count() - words.iter().filter(|is| **is).count(), words, page.contains(">p7<"))
        };
        assert_eq!(shown(&spans), (MOST, [true, false, false], false));
        spans.push(sample::phase("p7", SpanStatus::Open, 999));
        assert_eq!(shown(&spans), (MOST, [false, true, true], true));
        let long = [sample::phase(&"x".repeat(5000), SpanStatus::Open, 1)];
        let stops = folded(&RunState { spans: long.to_vec(), ..RunState::default() });
        assert!(brief("r", &stops, Micros(0)).into_string().len() < 1000);
    }

    #[test]
    fn phases_of_another_harness_get_no_usual_ones_ahead() {
        let spans = vec![sample::phase("intake", SpanStatus::Open, 2)];
        let state = RunState { spans, ..RunState::default() };
        assert_eq!(sequence(&state).len(), 1);
    }
}
