//! Which spans are rows of the waterfall, how deep each stands, and which were slow.

use std::collections::{BTreeSet, HashMap};

use super::scale::Unit;
use crate::reducer::run::RunState;
use crate::reducer::span::{Span, SpanKind};

/// At most so many rows; the coarser kinds come first, then the longest.
pub(super) const MOST: usize = 150;
/// From so many spans of a kind on, one can be slow beside them.
const ENOUGH: usize = 5;

/// One row.
#[derive(Debug)]
pub(super) struct Row<'a> {
    /// What it shows.
    pub(super) span: &'a Span,
    /// How many rows it stands below.
    pub(super) depth: usize,
    /// Where it begins and ends on the scale; `None` when the log does not say.
    pub(super) bar: Option<(i64, i64)>,
    /// Why it is called slow.
    pub(super) slow: Option<&'static str>,
}

/// How deep a kind stands when no parent says so.
fn level(kind: SpanKind) -> usize {
    match kind {
        SpanKind::Phase => 0,
        SpanKind::Candidate => 1,
        SpanKind::Attempt => 2,
        SpanKind::Step | SpanKind::Session => 3,
        SpanKind::Tool | SpanKind::Span => 4,
    }
}

fn rank(kind: SpanKind) -> usize {
    SpanKind::ALL.iter().position(|one| *one == kind).unwrap_or(0)
}

/// Where a span begins and ends on the scale; an open one ends at `last`.
#[must_use]
pub(super) fn bar(span: &Span, unit: Unit, last: i64) -> Option<(i64, i64)> {
    let (start, end) = match unit {
        Unit::Time => (span.started_at.or(span.ended_at)?.0, span.ended_at.map(|end| end.0)),
        Unit::Line => {
            let line = |line: u64| i64::try_from(line).ok();
            (line(span.opened_line)?, span.closed_line.and_then(line))
        }
    };
    Some((start, end.unwrap_or(last).max(start)))
}

/// The rows of a stretch, in the order in which they opened, and how many spans it has in all.
#[must_use]
pub(super) fn rows<'a>(state: &'a RunState, unit: Unit, last: i64, within: (i64, i64)) -> (Vec<Row<'a>>, usize) {
    let touches = |bar: &Option<(i64, i64)>| bar.is_none_or(|(from, to)| from <= within.1 && to >= within.0);
    let bars = state.spans.iter().map(|span| (span, bar(span, unit, last)));
    let mut spans: Vec<_> = bars.filter(|(_, bar)| touches(bar)).collect();
    let all = spans.len();
    if all > MOST {
        let length = |bar: Option<(i64, i64)>| bar.map_or(0, |(from, to)| to.min(within.1) - from.max(within.0));
        spans.sort_by_key(|(span, bar)| (level(span.kind).min(3), std::cmp::Reverse((span.is_open(), length(*bar)))));
        spans.truncate(MOST);
    }
    spans.sort_by_key(|(span, _)| (span.opened_line, rank(span.kind)));
    let usual = medians(state);
    let levels: BTreeSet<usize> = spans.iter().map(|(span, _)| level(span.kind)).collect();
    let mut depths: HashMap<&str, usize> = HashMap::new();
    let mut rows = Vec::with_capacity(spans.len());
    for (span, bar) in spans {
        let under = span.parent.as_deref().and_then(|parent| depths.get(parent)).map(|depth| depth + 1);
        let depth = under.unwrap_or_else(|| levels.range(..level(span.kind)).count()).min(6);
        if let Some(id) = span.id.as_deref() {
            depths.insert(id, depth);
        }
        rows.push(Row { span, depth, bar, slow: slow(span, &usual) });
    }
    (rows, all)
}

/// The median duration of each kind that has enough spans.
fn medians(state: &RunState) -> HashMap<SpanKind, i64> {
    let mut known: HashMap<SpanKind, Vec<i64>> = HashMap::new();
    for span in &state.spans {
        if let Some(millis) = span.duration_ms {
            known.entry(span.kind).or_default().push(millis);
        }
    }
    known.retain(|_, durations| durations.len() >= ENOUGH);
    let median = |mut durations: Vec<i64>| {
        let middle = durations.len() / 2;
        *durations.select_nth_unstable(middle).1
    };
    known.into_iter().map(|(kind, durations)| (kind, median(durations))).collect()
}

/// Slower than itself or its like would have it. A phase is measured by the verdict, against earlier runs.
fn slow(span: &Span, medians: &HashMap<SpanKind, i64>) -> Option<&'static str> {
    let took = span.duration_ms?;
    if span.expected_ms.is_some_and(|expected| took > expected) {
        return Some("longer than expected");
    }
    let usual = *medians.get(&span.kind).filter(|_| span.kind != SpanKind::Phase)?;
    (took >= 1000 && took > usual.saturating_mul(3)).then_some("over three times the median of its kind")
}

#[cfg(test)]
mod tests {
    use super::super::super::sample;
    use super::*;
    use crate::reducer::span::SpanStatus;

    fn timed(kind: SpanKind, line: u64, from: i64, to: i64) -> Span {
        let mut span = sample::span(kind, &format!("s{line}"), SpanStatus::Completed, line);
        span.started_at = Some(crate::reducer::time::Micros(from * 1000));
        span.ended_at = Some(crate::reducer::time::Micros(to * 1000));
        span.duration_ms = Some(to - from);
        span
    }

    #[test]
    fn of_very_many_spans_the_coarse_and_the_long_ones_are_rows() {
        let mut spans: Vec<Span> =
            (0..100_000).map(|n| timed(SpanKind::Tool, n + 10, n as i64 * 10, n as i64 * 10 + 5)).collect();
        spans[40_000].ended_at = Some(crate::reducer::time::Micros(500_000_000));
        spans.push(timed(SpanKind::Phase, 1, 0, 1_000_000));
        let state = RunState { spans, ..RunState::default() };
        let (shown, all) = rows(&state, Unit::Time, 0, (0, i64::MAX));
        assert_eq!((shown.len(), all), (MOST, 100_001));
        assert!(shown.iter().any(|row| row.span.kind == SpanKind::Phase));
        assert!(shown.iter().any(|row| row.span.opened_line == 40_010), "the longest is there");
        // In a stretch only what touches it.
        let (shown, all) = rows(&state, Unit::Time, 0, (700_000_000, 700_100_000));
        assert_eq!((shown.len(), all), (12, 12), "the phase and eleven tools");
    }

    #[test]
    fn slow_is_what_takes_far_longer_than_its_like() {
        let mut spans: Vec<Span> = (0..6).map(|n| timed(SpanKind::Step, n, 0, 1000)).collect();
        spans.push(timed(SpanKind::Step, 7, 0, 3001));
        spans.push(timed(SpanKind::Step, 8, 0, 3000));
        let mut promised = timed(SpanKind::Session, 9, 0, 50);
        promised.expected_ms = Some(40);
        spans.push(promised);
        let state = RunState { spans, ..RunState::default() };
        let (rows, _) = rows(&state, Unit::Time, 0, (0, i64::MAX));
        let slow: Vec<u64> = rows.iter().filter(|row| row.slow.is_some()).map(|row| row.span.opened_line).collect();
        assert_eq!(slow, [7, 9]);
    }

    #[test]
    fn a_row_stands_below_its_parent() {
        let mut child = timed(SpanKind::Tool, 4, 0, 5);
        child.parent = Some("s3".into());
        let spans = vec![timed(SpanKind::Phase, 1, 0, 9), timed(SpanKind::Tool, 3, 0, 9), child];
        let state = RunState { spans, ..RunState::default() };
        let depths: Vec<usize> = rows(&state, Unit::Time, 0, (0, i64::MAX)).0.iter().map(|row| row.depth).collect();
        assert_eq!(depths, [0, 1, 2]);
    }
}
