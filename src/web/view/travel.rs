//! Time travel: a scrubber over the lines of a run, and the lines where something began (spec 3.2).

use maud::{Markup, html};

use super::text::cut;
use super::{amount, link};
use crate::reducer::run::RunState;
use crate::reducer::span::SpanKind;

/// At most so many moments are offered, evenly chosen.
const MOST: usize = 12;

/// The scrubber. `last` is the last line of the log, `at` the one that the page shows.
#[must_use]
pub fn travel(key: &str, state: &RunState, at: Option<u64>, last: u64) -> Markup {
    let marks = marks(state);
    let value = at.unwrap_or(last).clamp(1, last.max(1));
    html! {
        form.travel method="get" action=(link::run(key)) {
            label {
                span { "the run as it was after line " }
                output.js-only { (amount::count(value)) }
                input type="range" name="at" min="1" max=(last.max(1)) step="1" value=(value) list="moments";
            }
            datalist #moments { @for (line, _) in &marks { option value=(line) {} } }
            button type="submit" { "show" }
        }
        form.travel method="get" action=(link::run(key)) {
            label { span { "exactly line " } input type="number" name="at" min="1" max=(last.max(1)) value=(value); }
            button type="submit" { "show" }
            span.meta { "of " (amount::count(last)) }
        }
        @if !marks.is_empty() {
            p.moments {
                "when it began: "
                @for (index, (line, name)) in marks.iter().enumerate() {
                    @if index > 0 { ", " }
                    a href=(link::run_at(key, *line)) { (cut(name, 60)) " L" (line) }
                }
            }
        }
    }
}

/// The lines where phases, candidates and attempts began.
fn marks(state: &RunState) -> Vec<(u64, String)> {
    let coarse = |kind| matches!(kind, SpanKind::Phase | SpanKind::Candidate | SpanKind::Attempt);
    let all: Vec<_> = state.spans.iter().filter(|span| coarse(span.kind)).collect();
    let step = all.len().div_ceil(MOST).max(1);
    let name = |span: &crate::reducer::span::Span| match span.kind {
        SpanKind::Phase => super::waterfall::name(span).to_owned(),
        kind => format!("{kind} {}", super::waterfall::name(span)),
    };
    all.into_iter().step_by(step).map(|span| (span.opened_line, name(span))).collect()
}

#[cfg(test)]
mod tests {
    use super::super::sample::{self, check_harmless};
    use super::*;
    use crate::reducer::span::SpanStatus;

    #[test]
    fn every_line_can_be_asked_for_without_a_script() {
        let spans = (0..100).map(|n| sample::phase(sample::EVIL, SpanStatus::Completed, n + 1)).collect();
        let shown = travel("a/b", &RunState { spans, ..RunState::default() }, Some(7), 812).into_string();
        check_harmless(&shown);
        assert!(shown.contains("type=\"range\" name=\"at\" min=\"1\" max=\"812\" step=\"1\" value=\"7\""), "{shown}");
        assert!(shown.matches("/runs/a%2Fb?at=").count() <= MOST, "{shown}");
        assert!(shown.contains("/runs/a%2Fb?at=1\""), "{shown}");
    }
}
