//! Two runs of a workflow beside each other: where their ways part first, and what took how long in each (spec 3.2).
//!
//! Spans are matched by kind, id and how often that id came before, in the order of the log. It must never know a clock.

use std::collections::HashMap;

use super::run::{Run, value};
use super::span::{Span, SpanKind};

/// A run as far as it is looked at.
#[derive(Clone, Copy, Debug)]
pub struct Way<'a> {
    /// Its first spans.
    pub spans: &'a [Span],
    /// It may still come to where the other was: it has not ended, or has more spans.
    pub goes_on: bool,
}

impl<'a> Way<'a> {
    /// Of a run that has so many spans in all.
    #[must_use]
    pub fn of(run: &Run, spans: &'a [Span], total: u64) -> Self {
        let is_open = value(&run.status).is_none_or(|status| !status.is_ended());
        Self { spans, goes_on: is_open || total > spans.len() as u64 }
    }

    fn of_kind(self, kind: SpanKind) -> impl Iterator<Item = &'a Span> {
        self.spans.iter().filter(move |span| span.kind == kind)
    }
}

/// Where two runs part.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Parting<'a> {
    /// Nothing of this kind differs.
    Nowhere,
    /// Nothing differs as far as both have come; one of them goes on.
    NotYet,
    /// Here, counted from 1 among the spans of the kind. `None` is a run that has no such span.
    At(usize, Option<&'a Span>, Option<&'a Span>),
}

/// What belongs together of two runs; `None` where one of them has no such span.
pub type Pair<'a> = (Option<&'a Span>, Option<&'a Span>);

/// The first phase or candidate that is another one.
#[must_use]
pub fn order<'a>(kind: SpanKind, a: Way<'a>, b: Way<'a>) -> Parting<'a> {
    let (mut left, mut right) = (a.of_kind(kind), b.of_kind(kind));
    for place in 1.. {
        match (left.next(), right.next()) {
            (None, None) => break,
            (Some(one), Some(other)) if one.id == other.id => {}
            (None, Some(_)) if a.goes_on => return Parting::NotYet,
            (Some(_), None) if b.goes_on => return Parting::NotYet,
            (one, other) => return Parting::At(place, one, other),
        }
    }
    if a.goes_on || b.goes_on { Parting::NotYet } else { Parting::Nowhere }
}

/// The first step that ended otherwise, in the order of the first run; then one that only the second has.
#[must_use]
pub fn outcome<'a>(a: Way<'a>, b: Way<'a>) -> Parting<'a> {
    for (place, (one, other)) in (1..).zip(pairs(SpanKind::Step, a, b)) {
        let differs = match (one, other) {
            (Some(one), Some(other)) => !one.is_open() && !other.is_open() && one.status != other.status,
            (None, _) => !a.goes_on,
            (_, None) => !b.goes_on,
        };
        if differs {
            return Parting::At(place, one, other);
        }
    }
    if a.goes_on || b.goes_on { Parting::NotYet } else { Parting::Nowhere }
}

/// Spans of a kind side by side: in the order of the first run, then what only the second has.
#[must_use]
pub fn pairs<'a>(kind: SpanKind, a: Way<'a>, b: Way<'a>) -> Vec<Pair<'a>> {
    let numbered = |way: Way<'a>| {
        let mut seen: HashMap<&'a str, usize> = HashMap::new();
        let name = |span: &'a Span| span.id.as_deref().or(span.name.as_deref()).unwrap_or("");
        let keyed = way.of_kind(kind).map(move |span| {
            let times = seen.entry(name(span)).or_default();
            *times += 1;
            ((name(span), *times), span)
        });
        keyed.collect::<Vec<_>>()
    };
    let (left, right) = (numbered(a), numbered(b));
    let mut others: HashMap<(&str, usize), &Span> = right.iter().copied().collect();
    let mut pairs: Vec<Pair<'a>> = left.iter().map(|(key, span)| (Some(*span), others.remove(key))).collect();
    pairs.extend(right.iter().filter(|(key, _)| others.contains_key(key)).map(|(_, span)| (None, Some(*span))));
    pairs
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reducer::dialect::Reading;
    use crate::reducer::reduce::Reducer;
    use crate::reducer::run::RunState;

    /// A run of phases (`build`), steps (`lint!` failed, `lint` completed) and candidates (`=a`); `.` ends it.
    fn run(words: &str) -> RunState {
        let mut reducer = Reducer::new(Reading::default());
        for word in words.split_whitespace() {
            let line = match word {
                "." => String::from("{\"event\":\"run.completed\"}\n"),
                word if word.starts_with('=') => format!("{{\"candidate\":\"{}\"}}\n", &word[1..]),
                word if word.ends_with('!') => {
                    format!("{{\"event\":\"step.failed\",\"step\":\"{}\"}}\n", word.trim_end_matches('!'))
                }
                word if word.starts_with('-') => {
                    format!("{{\"event\":\"step.completed\",\"step\":\"{}\"}}\n", &word[1..])
                }
                word => format!("{{\"event\":\"phase.started\",\"phase\":\"{word}\"}}\n"),
            };
            reducer.push(line.as_bytes(), &mut |_| {});
        }
        reducer.state().clone()
    }

    fn way(state: &RunState) -> Way<'_> {
        Way::of(&state.run, &state.spans, state.spans.len() as u64)
    }

    fn ids(parting: Parting<'_>) -> String {
        let id = |span: Option<&Span>| span.map_or("-", |span| span.id.as_deref().unwrap_or("?")).to_owned();
        match parting {
            Parting::Nowhere => String::from("nowhere"),
            Parting::NotYet => String::from("not yet"),
            Parting::At(place, a, b) => format!("{place} {} {}", id(a), id(b)),
        }
    }

    #[test]
    fn phases_and_candidates_part_where_the_order_differs() {
        for (kind, a, b, expected) in [
            (SpanKind::Phase, "build verify .", "build verify .", "nowhere"),
            (SpanKind::Phase, "build verify .", "build hardening verify .", "2 verify hardening"),
            (SpanKind::Phase, "build verify build .", "build verify .", "3 build -"),
            (SpanKind::Phase, "build verify", "build", "not yet"),
            (SpanKind::Phase, "build verify .", "build", "not yet"),
            (SpanKind::Phase, "build .", "build verify", "2 - verify"),
            (SpanKind::Candidate, "=a =b .", "=a =c .", "2 b c"),
            (SpanKind::Candidate, ".", ".", "nowhere"),
        ] {
            assert_eq!(ids(order(kind, way(&run(a)), way(&run(b)))), expected, "{a} beside {b}");
        }
    }

    #[test]
    fn steps_part_where_one_ended_otherwise_whatever_their_order() {
        for (a, b, expected) in [
            ("-lint -test .", "-test -lint .", "nowhere"),
            ("-lint -test .", "-lint test! .", "2 test test"),
            ("-lint -test .", "-test .", "1 lint -"),
            ("-test .", "-lint -test .", "2 - lint"),
            ("-lint -test", "-lint", "not yet"),
            // The same step again is another pair.
            ("lint! -lint .", "-lint .", "1 lint lint"),
            ("-lint -lint .", "-lint .", "2 lint -"),
        ] {
            assert_eq!(ids(outcome(way(&run(a)), way(&run(b)))), expected, "{a} beside {b}");
        }
    }
    #[test]
    fn a_run_that_is_not_looked_at_to_its_end_goes_on() {
        let (long, short) = (run("build -lint verify -test ."), run("build -lint ."));
        let cut = Way::of(&long.run, &long.spans[..2], 4);
        let whole = way(&short);
        for kind in [SpanKind::Phase, SpanKind::Candidate] {
            assert_eq!(
                (order(kind, cut, whole), order(kind, whole, cut)),
                (Parting::NotYet, Parting::NotYet),
                "{kind}"
            );
        }
        assert_eq!((outcome(cut, whole), outcome(whole, cut)), (Parting::NotYet, Parting::NotYet));
        assert_eq!(outcome(Way::of(&long.run, &long.spans[..1], 4), whole), Parting::NotYet, "lint may still come");
        let other = run("verify .");
        assert_eq!(ids(order(SpanKind::Phase, cut, way(&other))), "1 build verify", "what differs differs");
    }
}
