//! Something that needed a person and does no more, as a card of the same kind as what does (spec 3.2, history).

use std::borrow::Cow;

use maud::{Markup, html};

use super::text::{cut, text};
use super::tone::Tone;
use super::{evidence, icon, item, link, time, tone};
use crate::query::{Judged, Past};
use crate::reducer::marker::MarkerKind;
use crate::reducer::run::value;
use crate::reducer::time::Micros;
use crate::store::Resolved;

/// The card.
#[must_use]
pub fn past(past: &Past, now: Micros) -> Markup {
    match past {
        Past::Marker(resolved) => marker(resolved, now),
        Past::Run(judged) => run(judged, now),
    }
}

fn marker(resolved: &Resolved, now: Micros) -> Markup {
    let Resolved { number: _, marker, run: key, title, workflow } = resolved;
    let (_, drawing) = tone::of_marker(marker.kind);
    // What is still open here is an approval that nobody answered in time.
    let became = match marker.resolution.as_deref().unwrap_or("expired") {
        "run_ended" => Cow::Borrowed("until the run ended"),
        word => Cow::Owned(word.replace('_', " ")),
    };
    html! {
        article.item.(Tone::Quiet.class()) {
            span.mark { (icon::icon(drawing)) }
            div.what {
                h3 {
                    a.cover data-row href=(link::run(key)) { (cut(title, 120)) } " "
                    span.said { (marker.kind.as_str()) " " (cut(&became, 160)) }
                }
                @if marker.kind == MarkerKind::Approval {
                    (item::approval(marker, now))
                } @else {
                    @if let Some(reason) = &marker.reason { p.sentence { (cut(reason, 400)) } }
                }
                (item::whose(title, key, workflow.as_deref(), None))
            }
            div.when {
                @if let Some(at) = marker.closed_at.or(marker.expires_at.filter(|_| marker.is_open())) { (time::ago(at, now)) }
                span.meta {
                    "opened " (evidence::line(key, marker.opened_line))
                    @if let Some(line) = marker.closed_line { ", closed " (evidence::line(key, line)) }
                }
            }
        }
    }
}

fn run(judged: &Judged, now: Micros) -> Markup {
    let record = &judged.record;
    let (key, run) = (record.key.as_str(), &record.state.run);
    let (_, drawing, said) =
        tone::of_status(value(&run.status).copied().unwrap_or(crate::reducer::run::Status::Failed));
    html! {
        article.item.(Tone::Quiet.class()) {
            span.mark { (icon::icon(drawing)) }
            div.what {
                h3 { a.cover data-row href=(link::run(key)) { (cut(judged.title(), 120)) } " " span.said { (said) } }
                p.sentence { (text(&judged.verdict.sentence)) }
                (item::whose(judged.title(), key, value(&run.workflow).map(String::as_str), record.retried_by.as_deref()))
            }
            div.when {
                @if let Some(at) = value(&run.ended_at) { (time::ago(*at, now)) }
                @if let Some(status) = &run.status { (evidence::line(key, status.line)) }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::sample::{EVIL, NOW, check_harmless, judged};
    use super::*;
    use crate::reducer::verdict::world::marker as sample;

    #[test]
    fn what_is_over_says_how_and_is_quiet() {
        let mut one = sample(MarkerKind::Question, EVIL, 4);
        one.reason = Some(EVIL.to_owned());
        one.closed_line = Some(9);
        one.resolution = Some(String::from("run_ended"));
        let resolved = |marker| {
            Past::Marker(Box::new(Resolved {
                number: 1,
                marker,
                run: String::from("a/b"),
                title: EVIL.to_owned(),
                workflow: Some(EVIL.to_owned()),
            }))
        };
        let shown = past(&resolved(one), NOW).into_string();
        check_harmless(&shown);
        for part in ["question <bdi>until the run ended</bdi>", "lines/4", "lines/9", "class=\"item quiet\""] {
            assert!(shown.contains(part), "{part} is not in {shown}");
        }
        let mut late = sample(MarkerKind::Approval, "a", 4);
        late.expires_at = Some(NOW.plus_millis(-60_000));
        let shown = past(&resolved(late), NOW).into_string();
        assert!(shown.contains("approval <bdi>expired</bdi>") && shown.contains("1\u{a0}min ago"), "{shown}");

        let mut retried = judged();
        retried.record.retried_by = Some(String::from("a/c"));
        let shown = past(&Past::Run(Box::new(retried)), NOW).into_string();
        check_harmless(&shown);
        assert!(shown.contains("retried as <a href=\"/runs/a%2Fc\">"), "{shown}");
    }
}
