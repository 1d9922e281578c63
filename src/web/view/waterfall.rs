//! The waterfall: spans as nested bars over time, one table row each, so that it is its own table view.
//!
//! Bars are server-side SVG with places in percent: no style attributes, any width, text stays text. Long idle gaps are
//! compressed and labelled. A log without times is drawn over its line numbers. A window of the run is another address,
//! so that zooming works by links; the script adds a brush.

mod rows;
mod scale;

use maud::{Markup, html};

pub use scale::Window;

use super::icon::{Icon, icon};
use super::text::cut;
use super::{amount, link, time, tone};
use crate::reducer::excerpt::Excerpt;
use crate::reducer::span::Span;
use crate::reducer::time::Micros;
use rows::Row;
use scale::{Scale, Tick, Unit};

/// What is drawn: a run, the stretch of it that is looked at, and where its links lead.
#[derive(Clone, Copy, Debug)]
pub struct Drawing<'a> {
    /// The run's key.
    pub key: &'a str,
    /// Those of its spans that are shown.
    pub spans: &'a [Span],
    /// What is true of all of them.
    pub excerpt: &'a Excerpt,
    /// `None` is the whole run.
    pub window: Option<Window>,
    /// The line of the past that the page shows, which stays in the links.
    pub at: Option<u64>,
    /// Where open bars end.
    pub now: Micros,
}

impl Drawing<'_> {
    fn url(&self, window: Option<Window>) -> String {
        let (at, zoom) = (self.at.map(|at| at.to_string()), window.map(|window| window.to_string()));
        let parameters = [("at", at.as_deref().unwrap_or("")), ("zoom", zoom.as_deref().unwrap_or(""))];
        format!("{}#waterfall", link::with(&link::run(self.key), &parameters))
    }
}

/// The waterfall of a run; nothing when it has no spans.
#[must_use]
pub fn waterfall(drawing: &Drawing<'_>) -> Option<Markup> {
    let Excerpt { unit, busy, within: all, .. } = drawing.excerpt;
    let (unit, all) = (*unit, *all);
    let scale = Scale::new(unit, busy, drawing.window)?;
    let rows = rows::rows(drawing.spans, drawing.excerpt, drawing.window.map(|_| scale.ends()));
    let pieces = serde_json::to_string(&pieces(&scale)).unwrap_or_default();
    Some(html! {
        @if unit == Unit::Line { p.note { "This log has no times here: the bars are drawn over its lines." } }
        (zoom(drawing, &scale, busy))
        div.scroll.tall tabindex="0" role="region" aria-label="waterfall" {
            table.waterfall data-pieces=(pieces) {
                thead {
                    tr {
                        th scope="col" { "span" }
                        th.num scope="col" { "took" }
                        th.bars scope="col" { span.sr { "bar, leads to its stretch" } (axis(&scale)) }
                    }
                }
                tbody { @for row in &rows { (one(drawing, row, &scale)) } }
            }
        }
        @if (rows.len() as u64) < all {
            p.end {
                (amount::count(all)) " spans here, showing " (rows.len())
                ": phases, candidates and attempts first, then open ones, then the longest. Look closer to see the others."
            }
        }
        @if drawing.window.is_some() && all < drawing.excerpt.total() {
            p.end { (amount::count(drawing.excerpt.total() - all)) " further spans lie outside of this stretch" }
        }
    })
}

/// Each piece of the scale for the brush: window from and to, left and right in shares of the width.
fn pieces(scale: &Scale) -> Vec<(i64, i64, f64, f64)> {
    let round = |place: f64| (place * 10_000.0).round() / 10_000.0;
    let piece = |piece: &scale::Piece| {
        let window = scale.window(piece.from, piece.to);
        (window.from, window.to, round(piece.left), round(piece.right))
    };
    scale.pieces.iter().map(piece).collect()
}

/// Links to the whole, to neighbouring stretches and closer.
fn zoom(drawing: &Drawing<'_>, scale: &Scale, busy: &[(i64, i64)]) -> Markup {
    let (from, to) = scale.ends();
    let (zero, end) = busy.iter().fold((i64::MAX, i64::MIN), |all, one| (all.0.min(one.0), all.1.max(one.1)));
    let length = to.saturating_sub(from);
    let to_window = |a: i64, b: i64| {
        let (a, b) = (a.max(zero), b.min(end));
        let whole = a <= zero && b >= end;
        drawing.url((!whole && b > a).then(|| scale.window(a, b)))
    };
    let quarter = (length / 4).max(1);
    html! {
        p.zoom {
            span {
                @match (drawing.window, scale.unit) {
                    (None, Unit::Time) => { (time::took(length / 1000)) " in all" }
                    (Some(_), Unit::Time) => { (said(scale, from)) " to " (said(scale, to)) ": " (time::took(length / 1000)) }
                    (_, _) => { (said(scale, from)) " to " (said(scale, to)) }
                }
            }
            @if length > 4 { a href=(to_window(from + quarter, to - quarter)) { "closer" } }
            @if drawing.window.is_some() {
                a href=(to_window(from.saturating_sub(length / 2), to.saturating_add(length / 2))) { "wider" }
                @if from > zero { a href=(to_window(from.saturating_sub(length), from)) { "← earlier" } }
                @if to < end { a href=(to_window(to, to.saturating_add(length))) { "later →" } }
                a href=(drawing.url(None)) { "the whole run" }
            }
            @for gap in scale.gaps() { span.meta { "idle for " (time::took((gap.to - gap.from) / 1000)) ", compressed" } }
            span.meta.js-only { "drag across the bars to look closer" }
        }
    }
}

fn said(scale: &Scale, at: i64) -> String {
    let window = scale.window(at, at);
    match scale.unit {
        Unit::Time => format!("+{}", time::duration(window.from)),
        Unit::Line => format!("line {at}"),
    }
}

fn percent(place: f64) -> String {
    format!("{:.2}%", place * 100.0)
}

fn axis(scale: &Scale) -> Markup {
    html! {
        svg.axis height="18" width="100%" aria-hidden="true" {
            @for gap in scale.gaps() {
                rect.gap x=(percent(gap.left)) width=(percent(gap.right - gap.left)) y="0" height="18" {
                    title { "idle for " (time::duration((gap.to - gap.from) / 1000)) ", compressed" }
                }
                text.gap x=(percent((gap.left + gap.right) / 2.0)) y="12" text-anchor="middle" { (time::age((gap.to - gap.from) / 1000)) }
            }
            // Above the gaps: none of them hides a part of a label.
            g.ticks {
                @for Tick { place, label, anchor } in scale.ticks() {
                    line x1=(percent(place)) x2=(percent(place)) y1="12" y2="18" {}
                    text x=(percent(place)) y="9" text-anchor=(anchor) { (label) }
                }
            }
        }
    }
}

fn one(drawing: &Drawing<'_>, row: &Row<'_>, scale: &Scale) -> Markup {
    let span = row.span;
    let (tone, drawn, said) = tone::of_span(span.status);
    let depth = ["d0", "d1", "d2", "d3", "d4", "d5", "d6"][row.depth.min(6)];
    html! {
        tr {
            th scope="row" {
                span.label.(depth) {
                    span.mark.(tone.class()) title=(said) { (icon(drawn)) span.sr { (said) } }
                    (called(span, &html! { a href=(link::line(drawing.key, span.opened_line)) { (cut(name(span), 60)) } }))
                    @if let Some(attempt) = span.attempt.filter(|attempt| *attempt > 1) {
                        span.visits title={ "attempt " (attempt) } { "×" (attempt) }
                    }
                    @if span.cache_hit == Some(true) { span.tag { "cached" } }
                    @if let Some(why) = row.slow { span.tag.slow title=(why) { (icon(Icon::Hourglass)) "slow" } }
                }
            }
            td.num {
                @match (span.duration_ms, span.is_open(), span.started_at) {
                    (Some(millis), _, _) => (time::took(millis)),
                    (None, true, Some(at)) => (time::elapsed(at, drawing.now)),
                    _ => { "–" },
                }
            }
            td.bars {
                @if let Some((from, to)) = row.bar {
                    @let closer = drawing.url(Some(scale.window(from, to.max(from + 1000))));
                    a.bar href=(closer) tabindex="-1" title="look closer" { (bars(span, from, to, scale)) }
                }
            }
        }
    }
}

/// The bar of a span, never narrower than can be seen and never beyond the edge.
fn bars(span: &Span, from: i64, to: i64, scale: &Scale) -> Markup {
    let (tone, ..) = tone::of_span(span.status);
    let (left, right) = (scale.place(from), scale.place(to));
    html! {
        svg.span.(tone.class()).open[span.is_open()] height="14" width="100%" aria-hidden="true" {
            @for gap in scale.gaps() {
                rect.gap x=(percent(gap.left)) width=(percent(gap.right - gap.left)) y="0" height="14" {}
            }
            rect x=(percent(left.min(0.997))) width=(percent((right - left).max(0.003))) y="2" height="10" rx="2" {}
        }
    }
}

/// The name of a span, else its id, else its kind.
#[must_use]
pub fn name(span: &Span) -> &str {
    span.name.as_deref().or(span.id.as_deref()).or(span.more.agent.as_deref()).unwrap_or(span.kind.as_str())
}

/// A span's kind and its name, as `shown`; the kind alone is not said twice.
#[must_use]
pub fn called(span: &Span, shown: &Markup) -> Markup {
    let kind = span.kind.as_str();
    html! { @if name(span) != kind { span.kind { (kind) } " " } (shown) }
}

#[cfg(test)]
mod tests {
    use super::super::sample::{self, NOW, check_harmless};
    use super::*;
    use crate::reducer::excerpt::Asked;
    use crate::reducer::run::RunState;
    use crate::reducer::span::{SpanKind, SpanStatus};

    fn drawn(state: &RunState, window: Option<Window>) -> String {
        let excerpt = Excerpt::of(&state.spans, &Asked { window, now: NOW, lines: 0 });
        let drawing = Drawing { key: "k", spans: &excerpt.spans, excerpt: &excerpt, window, at: None, now: NOW };
        waterfall(&drawing).expect("has spans").into_string()
    }

    #[test]
    fn many_spans_are_cut_and_the_cut_is_said() {
        let spans =
            (0..400).map(|n| sample::span(SpanKind::Tool, sample::EVIL, SpanStatus::Completed, n)).collect::<Vec<_>>();
        let shown = drawn(&RunState { spans, ..RunState::default() }, None);
        check_harmless(&shown);
        assert_eq!(shown.matches("<tr>").count(), crate::reducer::excerpt::ROWS + 1);
        assert!(shown.contains("400 spans here, showing 150"), "no note");
    }

    #[test]
    fn a_log_without_times_is_drawn_over_its_lines() {
        let mut span = sample::span(SpanKind::Tool, "t", SpanStatus::Completed, 3);
        (span.started_at, span.ended_at, span.duration_ms) = (None, None, None);
        let shown = drawn(&RunState { spans: vec![span], ..RunState::default() }, None);
        assert!(shown.contains("over its lines") && shown.contains("<rect"), "{shown}");
    }

    #[test]
    fn a_span_without_a_name_says_its_kind_once() {
        let mut span = sample::span(SpanKind::Step, "s", SpanStatus::Completed, 3);
        let kinds = |span: &Span| {
            let shown = drawn(&RunState { spans: vec![span.clone()], ..RunState::default() }, None);
            (shown.matches("<span class=\"kind\">step</span>").count(), shown.matches("<bdi>step</bdi>").count())
        };
        assert_eq!(kinds(&span), (1, 0), "and its id");
        span.id = None;
        assert_eq!(kinds(&span), (0, 1));
    }

    #[test]
    fn no_gap_hides_a_label_of_the_axis() {
        let mut late = sample::span(SpanKind::Step, "late", SpanStatus::Completed, 9);
        (late.started_at, late.ended_at) = (Some(NOW.plus_millis(540_000)), Some(NOW.plus_millis(600_000)));
        let spans = vec![sample::span(SpanKind::Step, "early", SpanStatus::Completed, 3), late];
        let shown = drawn(&RunState { spans, ..RunState::default() }, None);
        let axis =
            shown.split("<svg class=\"axis\"").nth(1).and_then(|rest| rest.split("</svg>").next()).expect("an axis");
        let (gap, labels) = (axis.rfind("<rect class=\"gap\""), axis.find("<g class=\"ticks\""));
        assert!(gap.is_some() && gap < labels, "what comes later lies above: {axis}");
    }

    #[test]
    fn zooming_goes_by_links() {
        let mut late = sample::span(SpanKind::Step, "late", SpanStatus::Completed, 9);
        (late.started_at, late.ended_at) = (Some(NOW.plus_millis(50_000)), Some(NOW.plus_millis(60_000)));
        let spans = vec![sample::span(SpanKind::Step, "early", SpanStatus::Completed, 3), late];
        let state = RunState { spans, ..RunState::default() };
        let whole = drawn(&state, None);
        assert!(
            whole.contains("?zoom=0-60000#waterfall") && whole.contains("?zoom=110000-120000#waterfall"),
            "{whole}"
        );
        assert!(
            whole.contains(">closer<") && !whole.contains(">wider<") && !whole.contains("the whole run"),
            "{whole}"
        );
        let near = drawn(&state, Window::parse("100000-115000"));
        assert!(near.contains("late") && !near.contains("early"), "{near}");
        assert!(near.contains("1 further spans lie outside"), "{near}");
        for way in [">wider<", ">← earlier<", ">later →<", ">the whole run<"] {
            assert!(near.contains(way), "{way}: {near}");
        }
    }

    #[test]
    fn the_last_moment_is_inside_the_picture() {
        let mut point = sample::span(SpanKind::Tool, "t", SpanStatus::Completed, 9);
        (point.started_at, point.ended_at) = (Some(NOW.plus_millis(3_600_000)), Some(NOW.plus_millis(3_600_000)));
        let spans = vec![sample::span(SpanKind::Step, "s", SpanStatus::Completed, 3), point];
        let shown = drawn(&RunState { spans, ..RunState::default() }, None);
        assert!(shown.contains("<rect x=\"99.70%\" width=\"0.30%\""), "{shown}");
    }
}
