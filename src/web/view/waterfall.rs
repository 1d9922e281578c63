//! The waterfall: spans as nested bars over time, one table row each, so that it is its own table view.
//!
//! Bars are server-side SVG with places in percent: no style attributes, any width, text stays text. Long idle gaps are
//! compressed and labelled. A log without times is drawn over its line numbers.

use maud::{Markup, html};

use super::text::cut;
use super::{link, time, tone};
use crate::reducer::run::RunState;
use crate::reducer::span::{Span, SpanKind};
use crate::reducer::time::Micros;

/// At most so many rows; the coarser kinds come first.
const MOST: usize = 150;
/// The share of the width that a compressed gap gets.
const GAP_WIDTH: f64 = 0.03;
/// A gap is compressed when it is longer than this share of the whole, and than this many units.
const GAP_SHARE: f64 = 0.12;

/// What a scale is a scale of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Unit {
    /// Microseconds.
    Time,
    /// Physical lines.
    Line,
}

/// A piece of the scale: a stretch with work, or a compressed gap.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Piece {
    from: i64,
    to: i64,
    left: f64,
    right: f64,
    gap: bool,
}

/// From a time (or line) to a place between 0 and 1.
#[derive(Debug)]
struct Scale {
    unit: Unit,
    pieces: Vec<Piece>,
}

impl Scale {
    fn new(unit: Unit, mut busy: Vec<(i64, i64)>) -> Option<Self> {
        busy.sort_unstable();
        let start = busy.first()?.0;
        let end = busy.iter().map(|span| span.1).max()?.max(start.saturating_add(1));
        let whole = (end - start) as f64;
        let least = if unit == Unit::Time { 30_000_000.0 } else { f64::INFINITY };
        let mut pieces = Vec::new();
        let (mut from, mut reached) = (start, start);
        for (begin, until) in busy {
            let gap = begin.saturating_sub(reached) as f64;
            if gap > least && gap > whole * GAP_SHARE {
                pieces.push(Piece { from, to: reached, left: 0.0, right: 0.0, gap: false });
                pieces.push(Piece { from: reached, to: begin, left: 0.0, right: 0.0, gap: true });
                from = begin;
            }
            reached = reached.max(until);
        }
        pieces.push(Piece { from, to: end, left: 0.0, right: 0.0, gap: false });
        let gaps = pieces.iter().filter(|piece| piece.gap).count() as f64;
        let work: f64 = pieces.iter().filter(|piece| !piece.gap).map(|piece| (piece.to - piece.from) as f64).sum();
        let width = 1.0 - gaps * GAP_WIDTH;
        let mut at = 0.0;
        for piece in &mut pieces {
            piece.left = at;
            at += match piece.gap {
                true => GAP_WIDTH,
                false => width * (piece.to - piece.from) as f64 / work.max(1.0),
            };
            piece.right = at;
        }
        Some(Self { unit, pieces })
    }

    fn place(&self, at: i64) -> f64 {
        let Some(piece) = self.pieces.iter().find(|piece| at <= piece.to).or(self.pieces.last()) else { return 0.0 };
        let length = (piece.to - piece.from).max(1) as f64;
        let within = (at.saturating_sub(piece.from) as f64 / length).clamp(0.0, 1.0);
        piece.left + within * (piece.right - piece.left)
    }

    /// About six marks at round distances from the start, none inside a gap.
    fn ticks(&self) -> Vec<(f64, String)> {
        const S: i64 = 1_000_000;
        const STEPS: [i64; 18] = [
            S / 10,
            S,
            2 * S,
            5 * S,
            10 * S,
            15 * S,
            30 * S,
            60 * S,
            120 * S,
            300 * S,
            600 * S,
            900 * S,
            1800 * S,
            3600 * S,
            7200 * S,
            21_600 * S,
            43_200 * S,
            86_400 * S,
        ];
        let Some(first) = self.pieces.first() else { return Vec::new() };
        let work: i64 = self.pieces.iter().filter(|piece| !piece.gap).map(|piece| piece.to - piece.from).sum();
        let step = match self.unit {
            Unit::Time => STEPS.into_iter().find(|step| work / step <= 6).unwrap_or(work / 6),
            Unit::Line => (work / 6).max(1),
        };
        let mut ticks: Vec<(f64, String)> = Vec::new();
        for piece in self.pieces.iter().filter(|piece| !piece.gap) {
            let begun = (piece.from - first.from).div_euclid(step) + i64::from((piece.from - first.from) % step != 0);
            for number in (begun..).take(12) {
                let after = number * step;
                let at = first.from.saturating_add(after);
                if at > piece.to {
                    break;
                }
                let place = self.place(at);
                // A label needs room: none at the very end, none on top of the one before.
                if place < 0.93 && ticks.last().is_none_or(|(before, _)| place - before > 0.08) {
                    ticks.push((place, self.label(after, at)));
                }
            }
        }
        ticks
    }

    fn label(&self, after: i64, at: i64) -> String {
        match self.unit {
            Unit::Time if after == 0 => String::from("0"),
            Unit::Time => format!("+{}", time::duration(after / 1000)),
            Unit::Line => format!("L{at}"),
        }
    }
}

/// One row.
#[derive(Debug)]
struct Row<'a> {
    span: &'a Span,
    depth: usize,
    /// Where it begins and ends on the scale; `None` when the log does not say.
    bar: Option<(i64, i64)>,
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

fn bar(span: &Span, unit: Unit, last: i64) -> Option<(i64, i64)> {
    match unit {
        Unit::Time => {
            let start = span.started_at.or(span.ended_at)?.0;
            let end = match span.ended_at {
                Some(end) => end.0,
                None => last,
            };
            Some((start, end.max(start)))
        }
        Unit::Line => {
            let start = i64::try_from(span.opened_line).ok()?;
            let end = span.closed_line.and_then(|line| i64::try_from(line).ok()).unwrap_or(last);
            Some((start, end.max(start)))
        }
    }
}

fn rows<'a>(state: &'a RunState, unit: Unit, last: i64) -> Vec<Row<'a>> {
    let mut spans: Vec<&Span> = state.spans.iter().collect();
    if spans.len() > MOST {
        spans.sort_by_key(|span| (rank(span.kind), std::cmp::Reverse(span.opened_line)));
        spans.truncate(MOST);
    }
    spans.sort_by_key(|span| (span.opened_line, rank(span.kind)));
    let levels: std::collections::BTreeSet<usize> = spans.iter().map(|span| level(span.kind)).collect();
    let mut depths: std::collections::HashMap<&str, usize> = std::collections::HashMap::new();
    let mut rows = Vec::with_capacity(spans.len());
    for span in spans {
        let under = span.parent.as_deref().and_then(|parent| depths.get(parent)).map(|depth| depth + 1);
        let depth = under.unwrap_or_else(|| levels.range(..level(span.kind)).count()).min(6);
        if let Some(id) = span.id.as_deref() {
            depths.insert(id, depth);
        }
        rows.push(Row { span, depth, bar: bar(span, unit, last) });
    }
    rows
}

/// The waterfall of a run; nothing when it has no spans. `now` is where open bars end.
#[must_use]
pub fn waterfall(key: &str, state: &RunState, now: Micros) -> Option<Markup> {
    if state.spans.is_empty() {
        return None;
    }
    let timed = state.spans.iter().any(|span| span.started_at.is_some() || span.ended_at.is_some());
    let unit = if timed { Unit::Time } else { Unit::Line };
    let last = match unit {
        Unit::Time => now.0,
        Unit::Line => i64::try_from(state.counters.lines.total()).unwrap_or(i64::MAX).max(1),
    };
    let rows = rows(state, unit, last);
    let scale = Scale::new(unit, rows.iter().filter_map(|row| row.bar).collect())?;
    Some(html! {
        @if unit == Unit::Line { p.note { "This log has no times here: the bars are drawn over its lines." } }
        div.scroll.tall tabindex="0" role="region" aria-label="waterfall" {
            table.waterfall {
                thead {
                    tr {
                        th scope="col" { "span" }
                        th.num scope="col" { "took" }
                        th.bars scope="col" { span.sr { "bar" } (axis(&scale)) }
                    }
                }
                tbody { @for row in &rows { (one(key, row, &scale, now)) } }
            }
        }
        @if rows.len() < state.spans.len() {
            p.end { (super::amount::count(state.spans.len() as u64)) " spans, showing " (rows.len()) ": phases, candidates and attempts first, then the newest" }
        }
    })
}

fn percent(place: f64) -> String {
    format!("{:.2}%", place * 100.0)
}

fn axis(scale: &Scale) -> Markup {
    html! {
        svg.axis height="18" width="100%" aria-hidden="true" {
            @for (place, label) in scale.ticks() {
                line x1=(percent(place)) x2=(percent(place)) y1="12" y2="18" {}
                text x=(percent(place)) y="9" { (label) }
            }
            @for piece in scale.pieces.iter().filter(|piece| piece.gap) {
                rect.gap x=(percent(piece.left)) width=(percent(piece.right - piece.left)) y="0" height="18" {
                    title { "idle for " (time::duration((piece.to - piece.from) / 1000)) ", compressed" }
                }
                text.gap x=(percent((piece.left + piece.right) / 2.0)) y="9" text-anchor="middle" { "⋯" }
            }
        }
    }
}

fn one(key: &str, row: &Row<'_>, scale: &Scale, now: Micros) -> Markup {
    let span = row.span;
    let (tone, drawing, said) = tone::of_span(span.status);
    let depth = ["d0", "d1", "d2", "d3", "d4", "d5", "d6"][row.depth.min(6)];
    html! {
        tr {
            th scope="row" {
                span.label.(depth) {
                    span.mark.(tone.class()) title=(said) { (super::icon::icon(drawing)) span.sr { (said) } }
                    span.kind { (span.kind.as_str()) }
                    a href=(link::line(key, span.opened_line)) { (cut(name(span), 60)) }
                    @if span.attempt.is_some_and(|attempt| attempt > 1) { span.visits { "×" (span.attempt.unwrap_or(1)) } }
                    @if span.cache_hit == Some(true) { span.tag { "cached" } }
                }
            }
            td.num {
                @match (span.duration_ms, span.is_open(), span.started_at) {
                    (Some(millis), _, _) => (time::took(millis)),
                    (None, true, Some(at)) => (time::elapsed(at, now)),
                    _ => { "–" },
                }
            }
            td.bars {
                @if let Some((from, to)) = row.bar {
                    @let (left, right) = (scale.place(from), scale.place(to));
                    svg.span.(tone.class()).open[span.is_open()] height="14" width="100%" aria-hidden="true" {
                        @for piece in scale.pieces.iter().filter(|piece| piece.gap) {
                            rect.gap x=(percent(piece.left)) width=(percent(piece.right - piece.left)) y="0" height="14" {}
                        }
                        rect x=(percent(left.min(0.997))) width=(percent((right - left).max(0.003))) y="2" height="10" rx="2" {}
                    }
                }
            }
        }
    }
}

/// The name of a span, else its id, else its kind.
#[must_use]
pub fn name(span: &Span) -> &str {
    span.name.as_deref().or(span.id.as_deref()).or(span.agent.as_deref()).unwrap_or(span.kind.as_str())
}

#[cfg(test)]
mod tests {
    use super::super::sample::{self, NOW, check_harmless};
    use super::*;
    use crate::reducer::span::SpanStatus;

    const MINUTE: i64 = 60_000_000;

    #[test]
    fn the_scale_keeps_order_and_reaches_both_ends() {
        let scale = Scale::new(Unit::Time, vec![(0, 10 * MINUTE), (5 * MINUTE, 20 * MINUTE)]).expect("has spans");
        assert_eq!(scale.pieces.len(), 1);
        assert!((scale.place(0) - 0.0).abs() < 1e-9 && (scale.place(20 * MINUTE) - 1.0).abs() < 1e-9);
        assert!((scale.place(10 * MINUTE) - 0.5).abs() < 1e-9);
    }

    #[test]
    fn a_long_idle_gap_is_compressed() {
        let scale = Scale::new(Unit::Time, vec![(0, MINUTE), (500 * MINUTE, 501 * MINUTE)]).expect("has spans");
        let gap = scale.pieces.iter().find(|piece| piece.gap).expect("the night is a gap");
        assert!(gap.right - gap.left < 0.031);
        assert!((scale.place(501 * MINUTE) - 1.0).abs() < 1e-9);
        assert!(scale.place(MINUTE) < scale.place(500 * MINUTE));
    }

    #[test]
    fn many_spans_are_cut_and_the_cut_is_said() {
        let spans =
            (0..400).map(|n| sample::span(SpanKind::Tool, sample::EVIL, SpanStatus::Completed, n)).collect::<Vec<_>>();
        let state = RunState { spans, ..RunState::default() };
        let shown = waterfall("k", &state, NOW).expect("has spans").into_string();
        check_harmless(&shown);
        assert_eq!(shown.matches("<tr>").count(), MOST + 1);
        assert!(shown.contains("400 spans, showing 150"), "no note");
    }

    #[test]
    fn a_log_without_times_is_drawn_over_its_lines() {
        let mut span = sample::span(SpanKind::Tool, "t", SpanStatus::Completed, 3);
        (span.started_at, span.ended_at, span.duration_ms) = (None, None, None);
        let state = RunState { spans: vec![span], ..RunState::default() };
        let shown = waterfall("k", &state, NOW).expect("has a span").into_string();
        assert!(shown.contains("over its lines") && shown.contains("<rect"), "{shown}");
    }
}
