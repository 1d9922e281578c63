//! What changed in one run between two looks, in one line with the lines of the log that prove it.

use std::collections::BTreeSet;

use maud::{Markup, html};

use super::text::{cut, text};
use super::{amount, badge, evidence, link};
use crate::query::Judged;
use crate::reducer::diff::Difference;

/// So many handoffs, questions, approvals and the like are told of: those that are open first, of each the newest.
const MARKERS: usize = 12;

/// A run of which lines came after somebody looked.
#[derive(Clone, Debug)]
#[allow(missing_docs)]
pub struct Changed {
    pub judged: Judged,
    /// How many lines came.
    pub lines: u64,
    pub changes: Vec<Difference>,
}

/// The run and what changed in it.
#[must_use]
pub fn changed(run: &Changed) -> Markup {
    let key = run.judged.record.key.as_str();
    let chosen = chosen(&run.changes);
    let others = run.changes.len() - chosen.len();
    html! {
        li {
            (badge::standing(&run.judged)) " "
            a.title href=(link::run(key)) { (cut(run.judged.title(), 100)) } " "
            @for change in chosen { span.change { (difference(key, change)) } " " }
            @if others > 0 {
                a href={ (link::run(key)) "#markers" } { "and " (amount::plural(others as u64, "other matter", "other matters")) } " "
            }
            @if run.changes.is_empty() { span.meta { (amount::plural(run.lines, "new line", "new lines")) ", and nothing else changed" } }
        }
    }
}

/// All changes but those of too many markers.
fn chosen(changes: &[Difference]) -> Vec<&Difference> {
    let is_marker = |change: &Difference| change.what.starts_with("markers.");
    let is_open = |change: &Difference| change.after.as_deref() == Some("open");
    let all = || changes.iter().enumerate().rev().filter(|(_, change)| is_marker(change));
    let open_first = all().filter(|(_, change)| is_open(change)).chain(all().filter(|(_, change)| !is_open(change)));
    let markers: BTreeSet<usize> = open_first.map(|(at, _)| at).take(MARKERS).collect();
    let is_chosen = |(at, change): &(usize, &Difference)| !is_marker(change) || markers.contains(at);
    changes.iter().enumerate().filter(is_chosen).map(|(_, change)| change).collect()
}

/// Where the script puts what changed since the person last looked, and how far each of these runs is shown now.
#[must_use]
pub fn slot<'a>(runs: impl Iterator<Item = &'a Judged>) -> Markup {
    let lines = |run: &Judged| (run.record.key.clone(), run.record.state.counters.lines.total().into());
    let seen: serde_json::Map<String, serde_json::Value> = runs.map(lines).collect();
    html! { div #since data-seen=(serde_json::Value::Object(seen)) {} }
}

fn difference(key: &str, change: &Difference) -> Markup {
    let shown = said(change);
    match change.line {
        Some(line) => evidence::evidence(key, line, &shown),
        None => shown,
    }
}

/// `phase build → verify`, `approval a-1 granted`, `steps 2 → 5`.
fn said(change: &Difference) -> Markup {
    let (before, after) = (change.before.as_deref(), change.after.as_deref());
    if let Some(marker) = change.what.strip_prefix("markers.") {
        let (kind, id) = marker.split_once('.').unwrap_or((marker, "-"));
        return html! { (text(kind)) @if id != "-" { " " (cut(id, 40)) } " " (cut(after.unwrap_or("gone"), 40)) };
    }
    let (name, nothing) = match change.what.as_str() {
        "steps_done" => ("steps", "0"),
        "cost_usd" => ("cost", "$0"),
        "holder" => ("wheel", "nobody"),
        other => (other, "none"),
    };
    let value = |value: Option<&str>| match (value, name) {
        (None, _) => html! { (nothing) },
        (Some(value), "cost") => {
            value.parse().map_or_else(|_| cut(value, 60), |cost| html! { (amount::dollars(cost)) })
        }
        (Some(value), "status") => html! { (text(&value.replace('_', " "))) },
        (Some(value), _) => cut(value, 60),
    };
    html! { (text(name)) " " @if before.is_some() { (value(before)) " → " } (value(after)) }
}

#[cfg(test)]
mod tests {
    use super::super::sample::{EVIL, check_harmless, judged};
    use super::*;

    fn change(what: &str, before: Option<&str>, after: Option<&str>) -> Difference {
        let owned = |text: Option<&str>| text.map(str::to_owned);
        Difference { what: what.to_owned(), before: owned(before), after: owned(after), line: Some(9) }
    }

    #[test]
    fn every_kind_of_change_reads_as_one_phrase() {
        for (change, phrase) in [
            (change("phase", Some("build"), Some("verify")), "phase build → verify"),
            (change("phase", None, Some("build")), "phase build"),
            (change("status", Some("running"), Some("timed_out")), "status running → timed out"),
            (change("holder", Some("agent"), None), "wheel agent → nobody"),
            (change("markers.handoff.-", None, Some("open")), "handoff open"),
            (change("markers.approval.a.1", Some("open"), Some("granted")), "approval a.1 granted"),
            (change("steps_done", Some("2"), Some("5")), "steps 2 → 5"),
            (change("cost_usd", None, Some("0.5")), "cost $0.50"),
        ] {
            let shown = said(&change).into_string().replace("<bdi>", "").replace("</bdi>", "");
            assert_eq!(shown, phrase);
        }
    }

    #[test]
    fn of_very_many_markers_those_that_are_open_are_told_of_and_the_newest_others() {
        let marker = |n: usize, after| change(&format!("markers.approval.a-{n}"), None, Some(after));
        let markers = (0..500).map(|n| marker(n, if n % 100 == 7 { "open" } else { "granted" }));
        let changes = std::iter::once(change("phase", None, Some("build"))).chain(markers);
        let changes: Vec<_> = changes.chain([change("steps_done", Some("2"), Some("5"))]).collect();
        let names: Vec<&str> = chosen(&changes).into_iter().map(|change| change.what.as_str()).collect();
        let markers =
            [7, 107, 207, 307, 407, 493, 494, 495, 496, 497, 498, 499].map(|n| format!("markers.approval.a-{n}"));
        let wanted: Vec<&str> = std::iter::once("phase").chain(markers.iter().map(String::as_str)).collect();
        assert_eq!(names, [wanted, vec!["steps_done"]].concat());
        let shown = changed(&Changed { judged: judged(), lines: 600, changes }).into_string();
        assert!(shown.contains("#markers\">and 488\u{a0}other matters</a>"), "{shown}");
    }

    #[test]
    fn a_change_is_harmless_and_leads_to_its_line() {
        let evil = |what: &str| change(what, Some(EVIL), Some(EVIL));
        let changes = vec![evil("phase"), evil(&format!("markers.question.{EVIL}")), evil("cost_usd"), evil(EVIL)];
        let shown = changed(&Changed { judged: judged(), lines: 3, changes }).into_string();
        check_harmless(&shown);
        assert!(shown.contains("href=\"/runs/a%2Fb/lines/9\""), "{shown}");
        let quiet = changed(&Changed { judged: judged(), lines: 3, changes: Vec::new() }).into_string();
        assert!(quiet.contains("3\u{a0}new lines"), "{quiet}");
    }
}
