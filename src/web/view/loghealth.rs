//! The health of a log: how far it was read, what its lines were, and what was noticed, each with a first line.

use maud::{Markup, html};

use super::icon::{Icon, icon};
use super::text::{cut, text};
use super::{amount, evidence, link};
use crate::reducer::run::{Fact, Health, LineCounts, Tally};
use crate::store::RunRecord;

/// The section.
#[must_use]
pub fn log_health(record: &RunRecord) -> Markup {
    let log = &record.log;
    let cursor = &log.cursor;
    let lines = &record.state.counters.lines;
    html! {
        dl.facts {
            div.wide { dt { "file" } dd.path { (text(&log.path)) } }
            div { dt { "complete up to" } dd { "byte " (amount::count(cursor.offset)) " of " (amount::count(cursor.size)) } }
            div { dt { "lines" } dd { (classes(lines)) } }
            div { dt { "generation" } dd {
                (cursor.generation)
                @if log.rotated { " " span.warn { "rotated: another file took this name, and it was read again from its first byte" } }
            } }
            @if !record.state.health.dialects.is_empty() {
                div { dt { "dialect" } dd {
                    @for (index, (dialect, count)) in record.state.health.dialects.iter().enumerate() {
                        @if index > 0 { ", " } (text(dialect)) " (" (amount::count(count)) ")"
                    }
                } }
            }
        }
        ul.notes {
            @if log.gone { (note("the log is gone; this is its last known state", &html! {})) }
            @if let Some(problem) = &log.problem { li.bad { (icon(Icon::Alert)) " " (text(&problem.text)) } }
            @if log.pending_bytes > 0 { (note("unterminated tail", &html! { ", " (amount::bytes(log.pending_bytes)) ": no line yet" })) }
            @if log.provisional_bytes > 0 {
                (note("last line without a line end", &html! { ", " (amount::bytes(log.provisional_bytes)) ": taken provisionally" }))
            }
            @if log.events_offset < cursor.offset {
                @let what = match record.state.run.is_ended() && log.may_lack_lists() {
                    true => "steps and timeline not complete yet",
                    false => "timeline not complete yet",
                };
                (note(what, &html! { ": " (amount::bytes(cursor.offset - log.events_offset)) " to go" }))
            }
            @if let Some(id) = other_id(record) {
                (note("id mismatch", &html! {
                    ": the log calls itself " (cut(&id.value, 120)) " at " (evidence::line(&record.key, id.line))
                    "; its run is known by its directory all the same"
                }))
            }
            (tallies(&record.key, &record.state.health))
        }
    }
}

/// Where the log is and how far it was read, for the head of a page; the section has the rest.
#[must_use]
pub fn in_short(record: &RunRecord) -> Markup {
    let (log, lines) = (&record.log, &record.state.counters.lines);
    let damaged = lines.malformed + lines.oversized;
    html! {
        p.key {
            span.path { (text(&log.path)) } " · complete up to byte " (amount::count(log.cursor.offset))
            @if log.cursor.offset < log.cursor.size { " of " (amount::count(log.cursor.size)) }
            " · "
            a href="#log" {
                @if damaged > 0 { (icon(Icon::Alert)) " " (amount::plural(damaged, "damaged line", "damaged lines")) }
                @else { "health of the log" }
            }
        }
    }
}

/// What the log calls its run, where no part of the key is that (spec 5.4 T51).
#[must_use]
pub fn other_id(record: &RunRecord) -> Option<&Fact<String>> {
    let id = record.state.health.run_id.as_ref()?;
    let written = link::encode(&id.value);
    let mut parts = record.log.fallback_title().split('/');
    (!parts.any(|part| part == written || part == id.value)).then_some(id)
}

/// How many lines, and of which classes.
#[must_use]
pub fn classes(lines: &LineCounts) -> Markup {
    let all = [
        (lines.event, if lines.event == 1 { "event" } else { "events" }, ""),
        (lines.text, "text", ""),
        (lines.malformed, "malformed", "bad"),
        (lines.oversized, "oversized", "bad"),
        (lines.blank, "blank", ""),
    ];
    html! {
        @let present: Vec<_> = all.into_iter().filter(|(count, _, _)| *count > 0).collect();
        @if present.len() != 1 { (amount::count(lines.total())) @if !present.is_empty() { ": " } }
        @for (index, (count, class, tone)) in present.into_iter().enumerate() {
            @if index > 0 { ", " }
            span.(tone) { (amount::count(count)) " " (class) }
        }
    }
}

fn note(what: &str, more: &Markup) -> Markup {
    html! { li.warn { (icon(Icon::Alert)) " " (what) (more) } }
}

/// What was noticed, with counts and first lines.
fn tallies(key: &str, health: &Health) -> Markup {
    let all: [(&Tally, &str); 8] = [
        (&health.malformed, "malformed lines"),
        (&health.oversized, "oversized lines"),
        (&health.untimed, "events without a time"),
        (&health.bad_times, "values that are no time"),
        (&health.wrong_types, "values of the wrong type"),
        (&health.duplicate_keys, "keys given twice (the last one counts)"),
        (&health.unread_elements, "elements of lists too long to be events"),
        (&health.unknown_names, "event names that say nothing to this program"),
    ];
    html! {
        @for (tally, what) in all.into_iter().filter(|(tally, _)| tally.count > 0) {
            li { (what) ": " (amount::count(tally.count)) ", first at " (evidence::line(key, tally.first_line)) }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::sample::{check_harmless, judged};
    use super::*;
    use crate::reducer::run::{Status, set};

    #[test]
    fn a_pending_tail_and_malformed_lines_are_said() {
        let mut record = judged().record;
        record.log_mut().pending_bytes = 17;
        record.state_mut().health.malformed.add(42);
        record.state_mut().counters.lines.malformed = 1;
        let shown = log_health(&record).into_string();
        check_harmless(&shown);
        assert!(shown.contains("unterminated tail, 17\u{a0}B"), "{shown}");
        assert!(shown.contains("/lines/42") && shown.contains("1 malformed"), "{shown}");
        let head = in_short(&record).into_string();
        check_harmless(&head);
        assert!(head.contains("complete up to byte") && head.contains("1\u{a0}damaged line"), "{head}");
        record.state_mut().counters.lines.malformed = 0;
        assert!(in_short(&record).into_string().contains("health of the log"));
    }

    #[test]
    fn what_a_run_that_was_reduced_without_its_rows_lacks_is_said() {
        let mut record = judged().record;
        for (status, rows, size, wanted) in [
            (Status::Completed, 0, 2048, Some("</svg> steps and timeline not complete yet: 2.0\u{a0}KiB to go")),
            (Status::Completed, 1024, 4096, Some("</svg> timeline not complete yet: 1.0\u{a0}KiB to go")),
            (Status::Running, 0, 2048, Some("</svg> timeline not complete yet: 2.0\u{a0}KiB to go")),
            (Status::Completed, 2048, 2048, None),
        ] {
            set(&mut record.state_mut().run.status, status, 9);
            let log = record.log_mut();
            (log.cursor.offset, log.cursor.size, log.events_offset) = (2048, size, rows);
            let shown = log_health(&record).into_string();
            match wanted {
                Some(note) => assert!(shown.contains(note), "{shown}"),
                None => assert!(!shown.contains("not complete yet"), "{shown}"),
            }
        }
    }

    #[test]
    fn a_log_that_calls_its_run_otherwise_is_said_to() {
        let mut record = judged().record;
        for (key, id, is_other) in [
            ("a", "b", true),
            ("a", "a", false),
            ("2026/run 1/logs", "run 1", false),
            ("2026/run%201/logs", "run 1", false),
            ("run-10", "run-1", true),
        ] {
            record.log_mut().key = String::from(key);
            record.state_mut().health.run_id = Some(Fact { value: String::from(id), line: 7 });
            assert_eq!(other_id(&record).is_some(), is_other, "{key} {id}");
        }
        record.state_mut().health.run_id = Some(Fact { value: String::from(crate::web::view::sample::EVIL), line: 7 });
        let shown = log_health(&record).into_string();
        check_harmless(&shown);
        assert!(shown.contains("id mismatch") && shown.contains("/lines/7"), "{shown}");
    }
}
