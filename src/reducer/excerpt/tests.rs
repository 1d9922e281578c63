//! An excerpt of many spans is held against all of them.

use std::cell::Cell;
use std::collections::BTreeSet;

use super::*;
use crate::reducer::event::ErrorText;
use crate::reducer::span::{More, SpanStatus};
use crate::reducer::verdict::world::span;

const S: i64 = 1_000_000;
const MANY: usize = 9 * STRETCH as usize + 321;

/// The same numbers each time.
struct Dice(u64);

impl Dice {
    fn below(&mut self, most: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % most
    }
}

/// Spans of all kinds: mostly short steps, a few long ones, some open, failed or without times, and two nights between.
fn spans(timed: bool) -> Vec<Span> {
    let mut dice = Dice(7);
    let mut now = 1_000_000 * S;
    let mut line = 1;
    let one = |n: usize| {
        now += dice.below(3) as i64 * S + if n == 2000 || n == 7003 { 40_000 * S } else { 0 };
        line += 1 + dice.below(3);
        let kind = match dice.below(1000) {
            0 => SpanKind::Phase,
            1..4 => SpanKind::Candidate,
            4..20 => SpanKind::Attempt,
            20..60 => SpanKind::Session,
            60..300 => SpanKind::Tool,
            _ => SpanKind::Step,
        };
        let mut span = span(kind, &format!("s{n}"), line);
        let took = if dice.below(500) == 0 { dice.below(9000) } else { dice.below(9) } as i64;
        if dice.below(300) > 0 {
            span.status = SpanStatus::Completed;
            span.closed_line = Some(line + took as u64);
            span.duration_ms = Some(took * 1000 + 3);
            span.ended_at = Some(Micros(now + took * S));
        }
        span.started_at = Some(Micros(now)).filter(|_| dice.below(40) > 0);
        if !timed || dice.below(50) == 0 {
            (span.started_at, span.ended_at) = (None, None);
        }
        let error = (dice.below(100) == 0).then(ErrorText::default);
        let repo = (dice.below(200) == 0).then(|| format!("repo-{}", dice.below(5)).into());
        span.more = More { error, repo, ..More::default() }.into();
        span
    };
    (0..MANY).map(one).collect()
}

fn asked(window: Option<Window>) -> Asked {
    Asked { window, now: Micros(1_200_000 * S), lines: 40_000 }
}

/// The windows that are tried, milliseconds or lines: all, a middle, both ends, beyond, and one second.
fn windows(unit: Unit) -> Vec<Option<Window>> {
    let scale = if unit == Unit::Time { 1000 } else { 1 };
    let ends = [(3000, 12_000), (0, 4000), (8000, 999_999), (999_990, 999_999), (5000, 5001)];
    let windows = ends.map(|(from, to)| Some(Window { from: from * scale, to: to * scale }));
    std::iter::once(None).chain(windows).collect()
}

/// The same without digests: everything is looked at.
fn whole(spans: &[Span], asked: &Asked) -> Excerpt {
    let source = Source { digests: &[], open: Vec::new(), rest: spans.to_vec() };
    let none = |_| Ok::<_, std::convert::Infallible>(Vec::new());
    Excerpt::read(source, asked, none).unwrap_or_else(|never| match never {})
}

fn stretch(excerpt: &Excerpt, spans: &[Span], asked: &Asked) -> Option<(i64, i64)> {
    let bars: Vec<_> = spans.iter().map(|span| bar(span, excerpt.unit, excerpt.last)).collect();
    excerpt.within(&[], &bars, asked.window)
}

/// The rows of the picture, as it chooses them.
fn rows(excerpt: &Excerpt, within: Option<(i64, i64)>) -> Vec<u64> {
    let bars = excerpt.spans.iter().map(|span| (span, bar(span, excerpt.unit, excerpt.last)));
    let mut rows: Vec<_> = bars.filter(|(_, bar)| touches(*bar, within)).collect();
    rows.sort_by_key(|(span, bar)| (level(span.kind), Reverse((span.is_open(), length(*bar, within)))));
    rows.truncate(ROWS);
    rows.into_iter().map(|(span, _)| span.opened_line).collect()
}

/// Gaps of the window that are long enough to be compressed.
fn long_gaps(busy: &[(i64, i64)], (from, to): (i64, i64)) -> Vec<(i64, i64)> {
    let mut busy: Vec<_> = busy.iter().filter(|bar| touches(Some(**bar), Some((from, to)))).copied().collect();
    busy.sort_unstable();
    let (mut gaps, mut reached) = (Vec::new(), from);
    for (begin, end) in busy.into_iter().chain([(to, to)]) {
        if begin - reached > (to - from) * 12 / 100 {
            gaps.push((reached, begin));
        }
        reached = reached.max(end);
    }
    gaps
}

#[test]
fn an_excerpt_shows_what_all_spans_would() {
    for (timed, ended) in [(true, false), (true, true), (false, false)] {
        let mut spans = spans(timed);
        if ended {
            spans.iter_mut().for_each(|span| span.status = SpanStatus::Completed);
        }
        let unit = if timed { Unit::Time } else { Unit::Line };
        for window in windows(unit) {
            let asked = asked(window);
            let (few, all) = (Excerpt::of(&spans, &asked), whole(&spans, &asked));
            let within = stretch(&all, &spans, &asked);
            assert_eq!(few.unit, unit);
            assert_eq!(rows(&few, within), rows(&all, within), "{timed} {window:?}");
            let sums = |excerpt: &Excerpt| {
                let Excerpt { kinds, errors, within, last, medians, repos, .. } = excerpt.clone();
                (kinds, errors, within, last, medians, repos)
            };
            assert_eq!(sums(&few), sums(&all), "{timed} {window:?}");
            assert_eq!(few.total(), MANY as u64);
            assert!(few.repos.len() > 2 && few.errors > ERRORS as u64, "nothing is compared");
            if let (Unit::Time, Some(within)) =
                (unit, within.or(window.is_none().then_some((1_000_000 * S, 1_200_000 * S))))
            {
                let gaps = long_gaps(&all.busy, within);
                assert_eq!(long_gaps(&few.busy, within), gaps, "{window:?}");
                // What is open leaves no gap.
                assert!(window.is_some() || (gaps.len() > 1) == ended, "{gaps:?}");
            }
        }
    }
}

#[test]
fn an_excerpt_has_the_open_ones_the_newest_of_each_kind_and_the_newest_errors() {
    let spans = spans(true);
    let few = Excerpt::of(&spans, &asked(None));
    assert!(few.spans.len() < 2 * STRETCH as usize + ROWS + 700, "{} of {MANY}", few.spans.len());
    assert!(few.spans.is_sorted_by_key(|span| span.opened_line));
    let has: BTreeSet<u64> = few.spans.iter().map(|span| span.opened_line).collect();
    assert_eq!(has.len(), few.spans.len(), "none is there twice");
    assert!(spans.iter().filter(|span| span.is_open()).all(|span| has.contains(&span.opened_line)));
    for (kind, most) in SpanKind::ALL.iter().zip(NEWEST) {
        let newest = spans.iter().rev().filter(|span| span.kind == *kind).take(most);
        assert!(newest.clone().count() > 0 || most == 0 || *kind == SpanKind::Span, "{kind}");
        assert!(newest.map(|span| span.opened_line).all(|line| has.contains(&line)), "{kind}");
    }
    let newest = |spans: &[Span]| {
        let mut lines: Vec<_> = spans.iter().filter_map(digest::error_line).collect();
        lines.sort_unstable_by_key(|line| Reverse(*line));
        lines.truncate(ERRORS);
        lines
    };
    assert_eq!(newest(&few.spans), newest(&spans));
}

/// A closed span of the kind that is shown in the picture alone.
fn closed(n: u64, from: i64, seconds: i64) -> Span {
    let mut span = span(SpanKind::Span, "s", n);
    (span.status, span.closed_line) = (SpanStatus::Completed, Some(n));
    (span.started_at, span.ended_at) = (Some(Micros(from * S)), Some(Micros((from + seconds) * S)));
    span
}

#[test]
fn what_is_at_hand_leaves_less_room_for_the_rest() {
    for kind in [SpanKind::Phase, SpanKind::Span] {
        let of = |n: u64| match n < ROWS as u64 {
            true => span(kind, "s", n),
            false => closed(n, n as i64, 9),
        };
        let spans: Vec<Span> = (0..2 * u64::from(STRETCH)).map(of).collect();
        let few = Excerpt::of(&spans, &asked(None));
        assert_eq!(few.spans.len(), ROWS, "the open ones of {kind} alone");
    }
    let step = |n: u64| Span { kind: SpanKind::Step, ..closed(n, n as i64, 9) };
    let spans: Vec<Span> = (0..u64::from(STRETCH) + 100).map(step).collect();
    let few = Excerpt::of(&spans, &asked(None));
    let expected: Vec<u64> = (0..ROWS as u64).chain(u64::from(STRETCH)..u64::from(STRETCH) + 100).collect();
    let lines: Vec<u64> = few.spans.iter().map(|span| span.opened_line).collect();
    assert_eq!(lines, expected, "the newest hundred are at hand, and none is read beside the rows");
}

#[test]
fn lines_do_not_stand_beside_times() {
    let long = u64::from(STRETCH);
    let kind = |n| if (20..long).contains(&n) { SpanKind::Span } else { SpanKind::Phase };
    let one = |n: u64| match n < long {
        true => Span {
            kind: kind(n),
            started_at: None,
            ended_at: None,
            closed_line: Some(n + 9_000_000),
            ..closed(n, 0, 0)
        },
        false => Span { kind: kind(n), ..closed(n, n as i64, 5) },
    };
    let spans: Vec<Span> = (0..2 * long).map(one).collect();
    for window in [None, Some(Window { from: 0, to: 200_000 })] {
        let asked = asked(window);
        let (few, all) = (Excerpt::of(&spans, &asked), whole(&spans, &asked));
        let within = stretch(&all, &spans, &asked);
        assert_eq!(rows(&few, within), rows(&all, within), "{window:?}");
        assert_eq!((few.within, few.unit), (all.within, Unit::Time), "{window:?}");
        assert_eq!(few.busy.iter().map(|bar| bar.0).min(), Some(long as i64 * S), "{window:?}");
    }
}

#[test]
fn of_many_spans_few_are_read() {
    let mut spans = spans(true);
    spans.iter_mut().for_each(|span| span.status = SpanStatus::Completed);
    spans.truncate(9 * STRETCH as usize);
    let later = |span: &Span, copy: i64| {
        let later = |at: Option<Micros>| at.map(|at| Micros(at.0 + copy * 200_000 * S));
        Span { started_at: later(span.started_at), ended_at: later(span.ended_at), ..span.clone() }
    };
    let long: Vec<Span> = (0..12).flat_map(|copy| spans.iter().map(move |span| later(span, copy))).collect();
    let digests: Vec<Digest> = long.chunks(STRETCH as usize).map(Digest::of).collect();
    // Of a stretch that a window does not hold as a whole, all is read.
    for (window, most) in [(None, 450), (Some(Window { from: 1_000_000_000, to: 1_000_001_000 }), 1200)] {
        let read = Cell::new(0);
        let piece = |n: u32| {
            read.set(read.get() + 1);
            Ok::<_, ()>(long[(n * PIECE) as usize..((n + 1) * PIECE) as usize].to_vec())
        };
        let source = Source { digests: &digests, open: Vec::new(), rest: Vec::new() };
        let found = Excerpt::read(source, &asked(window), piece).expect("it is all there");
        assert_eq!(found.total(), long.len() as u64);
        let all = long.len() / PIECE as usize;
        assert!(read.get() > 0 && read.get() < most, "{window:?}: {} of {all} pieces", read.get());
    }
}

#[test]
fn a_window_is_two_whole_numbers_in_order() {
    assert_eq!(Window::parse("0-5").map(|window| window.to_string()).as_deref(), Some("0-5"));
    for wrong in ["", "-", "5", "5-5", "6-5", "-1-5", "a-b", "1-99999999999999999999", "1.0-2", "+1-2"] {
        assert_eq!(Window::parse(wrong), None, "{wrong}");
    }
}

#[test]
fn a_window_is_never_empty_and_never_outside_the_run() {
    for (from, to, expected) in [(3, 5, (3, 5)), (20, 30, (9, 10)), (0, 1, (2, 3)), (9, 10, (9, 10))] {
        assert_eq!(Window { from, to }.on(Unit::Line, 2, 10), expected, "{from}-{to}");
    }
    assert_eq!(Window { from: 1, to: 2 }.on(Unit::Line, 7, 7), (7, 8), "of a run that is a point");
}

#[test]
fn what_ends_where_a_window_begins_touches_it() {
    let window = Some((5, 9));
    for (bar, expected) in [((1, 4), false), ((1, 5), true), ((9, 12), true), ((10, 12), false), ((6, 7), true)] {
        assert_eq!(touches(Some(bar), window), expected, "{bar:?}");
    }
    assert!(touches(None, None) && !touches(None, window));
}

#[test]
fn a_closed_span_without_an_end_ends_after_its_duration() {
    let mut one = span(SpanKind::Step, "s", 3);
    one.started_at = Some(Micros(5 * S));
    assert_eq!(bar(&one, Unit::Time, 9 * S), Some((5 * S, 9 * S)), "open");
    one.status = SpanStatus::Completed;
    assert_eq!(bar(&one, Unit::Time, 9 * S), Some((5 * S, 5 * S)));
    one.duration_ms = Some(2000);
    assert_eq!(bar(&one, Unit::Time, 9 * S), Some((5 * S, 7 * S)));
    assert_eq!(bar(&one, Unit::Line, 99), Some((3, 3)));
}
