//! Which spans are rows of the waterfall, how deep each stands, and which were slow.

use std::cmp::Reverse;
use std::collections::{BTreeSet, HashMap};

use crate::reducer::digest::{KINDS, bar, level};
use crate::reducer::excerpt::{Excerpt, ROWS as MOST, length, touches};
use crate::reducer::span::{Span, SpanKind};

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
fn depth(kind: SpanKind) -> usize {
    match kind {
        SpanKind::Tool | SpanKind::Span => 4,
        kind => level(kind),
    }
}

fn rank(kind: SpanKind) -> usize {
    SpanKind::ALL.iter().position(|one| *one == kind).unwrap_or(0)
}

/// The rows of a stretch, in the order in which they opened. `spans` are those of the excerpt.
#[must_use]
pub(super) fn rows<'a>(spans: &'a [Span], excerpt: &Excerpt, within: Option<(i64, i64)>) -> Vec<Row<'a>> {
    let bars = spans.iter().map(|span| (span, bar(span, excerpt.unit, excerpt.last)));
    let mut spans: Vec<_> = bars.filter(|(_, bar)| touches(*bar, within)).collect();
    if spans.len() > MOST {
        spans.sort_by_key(|(span, bar)| (level(span.kind), Reverse((span.is_open(), length(*bar, within)))));
        spans.truncate(MOST);
    }
    spans.sort_by_key(|(span, _)| (span.opened_line, rank(span.kind)));
    let depths_shown: BTreeSet<usize> = spans.iter().map(|(span, _)| depth(span.kind)).collect();
    let mut depths: HashMap<&str, usize> = HashMap::new();
    let mut rows = Vec::with_capacity(spans.len());
    for (span, bar) in spans {
        let under = span.parent.as_deref().and_then(|parent| depths.get(parent)).map(|depth| depth + 1);
        let depth = under.unwrap_or_else(|| depths_shown.range(..depth(span.kind)).count()).min(6);
        if let Some(id) = span.id.as_deref() {
            depths.insert(id, depth);
        }
        rows.push(Row { span, depth, bar, slow: slow(span, &excerpt.medians) });
    }
    rows
}

/// Slower than itself or its like would have it. A phase is measured by the verdict, against earlier runs.
fn slow(span: &Span, medians: &[Option<i64>; KINDS]) -> Option<&'static str> {
    let took = span.duration_ms?;
    if span.more.expected_ms.is_some_and(|expected| took > expected) {
        return Some("longer than expected");
    }
    let usual = medians[span.kind as usize].filter(|_| span.kind != SpanKind::Phase)?;
    (took >= 1000 && took > usual.saturating_mul(3)).then_some("over three times the median of its kind")
}

#[cfg(test)]
mod tests {
    use super::super::super::sample;
    use super::*;
    use crate::reducer::excerpt::{Asked, Window};
    use crate::reducer::span::SpanStatus;

    fn timed(kind: SpanKind, line: u64, from: i64, to: i64) -> Span {
        let mut span = sample::span(kind, &format!("s{line}"), SpanStatus::Completed, line);
        span.started_at = Some(crate::reducer::time::Micros(from * 1000));
        span.ended_at = Some(crate::reducer::time::Micros(to * 1000));
        span.duration_ms = Some(to - from);
        span
    }

    fn excerpt(spans: &[Span], window: Option<Window>) -> Excerpt {
        Excerpt::of(spans, &Asked { window, now: sample::NOW, lines: 0 })
    }

    #[test]
    fn of_very_many_spans_the_coarse_and_the_long_ones_are_rows() {
        let mut spans: Vec<Span> =
            (0..100_000).map(|n| timed(SpanKind::Tool, n + 10, n as i64 * 10, n as i64 * 10 + 5)).collect();
        spans[40_000].ended_at = Some(crate::reducer::time::Micros(500_000_000));
        spans.push(timed(SpanKind::Phase, 1, 0, 1_000_000));
        let all = excerpt(&spans, None);
        let shown = rows(&all.spans, &all, None);
        assert_eq!((shown.len(), all.within), (MOST, 100_001));
        assert!(shown.iter().any(|row| row.span.kind == SpanKind::Phase));
        assert!(shown.iter().any(|row| row.span.opened_line == 40_010), "the longest is there");
        // In a stretch only what touches it.
        let near = excerpt(&spans, Some(Window { from: 700_000, to: 700_100 }));
        let shown = rows(&near.spans, &near, Some((700_000_000, 700_100_000)));
        assert_eq!((shown.len(), near.within), (12, 12), "the phase and eleven tools");
    }

    #[test]
    fn slow_is_what_takes_far_longer_than_its_like() {
        let mut spans: Vec<Span> = (0..6).map(|n| timed(SpanKind::Step, n, 0, 1000)).collect();
        spans.push(timed(SpanKind::Step, 7, 0, 3001));
        spans.push(timed(SpanKind::Step, 8, 0, 3000));
        let mut promised = timed(SpanKind::Session, 9, 0, 50);
        promised.more.to_mut().expected_ms = Some(40);
        spans.push(promised);
        let all = excerpt(&spans, None);
        let rows = rows(&all.spans, &all, None);
        let slow: Vec<u64> = rows.iter().filter(|row| row.slow.is_some()).map(|row| row.span.opened_line).collect();
        assert_eq!(slow, [7, 9]);
    }

    #[test]
    fn a_row_stands_below_its_parent() {
        let mut child = timed(SpanKind::Tool, 4, 0, 5);
        child.parent = Some("s3".into());
        let spans = vec![timed(SpanKind::Phase, 1, 0, 9), timed(SpanKind::Tool, 3, 0, 9), child];
        let all = excerpt(&spans, None);
        let depths: Vec<usize> = rows(&all.spans, &all, None).iter().map(|row| row.depth).collect();
        assert_eq!(depths, [0, 1, 2]);
    }
}
