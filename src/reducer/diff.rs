//! What changed between two states of a run (spec 2.5).
//!
//! It must never know which of a run's states are asked for, nor when.

use super::marker::Marker;
use super::run::{Holder, Known, RunState};

/// One value that differs.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct Difference {
    /// The name of the value, as in the dump (`phase`, `status`, `markers.handoff.-`, …).
    pub what: String,
    pub before: Option<String>,
    pub after: Option<String>,
    /// The line of the later state that proves it.
    pub line: Option<u64>,
}

/// The differences from `before` to `after`, two states of one log: phase, candidate, status, holder, markers, steps
/// done and cost, in this order. A marker is `open`, or the word that closed it; a holder `None` is nobody.
#[must_use]
pub fn diff(before: &RunState, after: &RunState) -> Vec<Difference> {
    let (a, b) = (&before.run, &after.run);
    let holder = known("holder", &a.holder, &b.holder, |holder: &Holder| holder.as_str().to_owned());
    // Nobody has no line of its own: the change of status took the wheel away (rule 7).
    let holder = holder.map(|changed| match changed.line {
        Some(_) => changed,
        None => Difference { line: b.status.as_ref().map(|fact| fact.line), ..changed },
    });
    let values = [
        known("phase", &a.phase, &b.phase, String::clone),
        known("candidate", &a.candidate, &b.candidate, String::clone),
        known("status", &a.status, &b.status, |status| status.as_str().to_owned()),
        holder,
    ];
    let amounts =
        [steps_done(before, after), known("cost_usd", &a.cost_usd, &b.cost_usd, |cost: &f64| cost.to_string())];
    let markers = markers(&before.markers, &after.markers);
    values.into_iter().flatten().chain(markers).chain(amounts.into_iter().flatten()).collect()
}

fn known<T: PartialEq>(what: &str, before: &Known<T>, after: &Known<T>, text: fn(&T) -> String) -> Option<Difference> {
    let value = |known: &Known<T>| known.as_ref().map(|fact| text(&fact.value));
    let (a, b) = (value(before), value(after));
    (a != b).then(|| Difference {
        what: what.to_owned(),
        before: a,
        after: b,
        line: after.as_ref().map(|fact| fact.line),
    })
}

/// Markers keep their number for good, so the same number is the same marker.
fn markers(before: &[Marker], after: &[Marker]) -> Vec<Difference> {
    let count = before.len().max(after.len());
    (0..count).filter_map(|number| marker(before.get(number), after.get(number))).collect()
}

fn marker(before: Option<&Marker>, after: Option<&Marker>) -> Option<Difference> {
    let named = after.or(before)?;
    let (a, b) = (before.map(stand), after.map(stand));
    (a != b).then(|| Difference {
        what: format!("markers.{}.{}", named.kind, named.id),
        before: a,
        after: b,
        line: after.map(|marker| marker.closed_line.unwrap_or(marker.opened_line)),
    })
}

fn stand(marker: &Marker) -> String {
    if marker.is_open() {
        return String::from("open");
    }
    marker.resolution.clone().unwrap_or_else(|| String::from("closed"))
}

/// Proved by the newest line that opened or closed a step.
fn steps_done(before: &RunState, after: &RunState) -> Option<Difference> {
    let (a, b) = (before.counters.steps_done, after.counters.steps_done);
    (a != b).then(|| Difference {
        what: String::from("steps_done"),
        before: Some(a.to_string()),
        after: Some(b.to_string()),
        line: Some(after.counters.steps_line).filter(|line| *line > 0),
    })
}

#[cfg(test)]
mod tests {
    use super::{Difference, diff};
    use crate::reducer::marker::MarkerKind;
    use crate::reducer::run::{Holder, RunState, Status, set};
    use crate::reducer::verdict::world::marker;

    /// Each difference as `what before -> after @line`.
    fn check(before: &RunState, after: &RunState, wanted: &[&str]) {
        let text = |value: &Option<String>| value.clone().unwrap_or_else(|| String::from("null"));
        let line = |d: &Difference| d.line.map_or_else(|| String::from("none"), |line| line.to_string());
        let found: Vec<String> = diff(before, after)
            .iter()
            .map(|d| format!("{} {} -> {} @{}", d.what, text(&d.before), text(&d.after), line(d)))
            .collect();
        assert_eq!(found, wanted);
    }

    #[test]
    fn equal_states_have_no_difference() {
        let mut state = RunState::default();
        set(&mut state.run.phase, String::from("build"), 3);
        check(&state, &state.clone(), &[]);
    }

    #[test]
    fn a_value_set_again_on_a_later_line_is_no_difference() {
        let (mut before, mut after) = (RunState::default(), RunState::default());
        before.run.phase = Some(crate::reducer::run::Fact { value: String::from("build"), line: 3 });
        after.run.phase = Some(crate::reducer::run::Fact { value: String::from("build"), line: 9 });
        check(&before, &after, &[]);
    }

    #[test]
    fn every_difference_has_the_line_that_proves_it() {
        let mut before = RunState::default();
        set(&mut before.run.status, Status::Running, 1);
        set(&mut before.run.holder, Holder::Agent, 1);
        set(&mut before.run.phase, String::from("build"), 2);
        before.markers = vec![marker(MarkerKind::Handoff, "-", 4)];
        let mut after = before.clone();
        set(&mut after.run.phase, String::from("verify"), 8);
        set(&mut after.run.candidate, String::from("c2"), 9);
        set(&mut after.run.status, Status::Failed, 20);
        set(&mut after.run.cost_usd, 1.25, 18);
        after.run.holder = None;
        after.markers[0].closed_line = Some(6);
        after.markers[0].resolution = Some(String::from("cleared"));
        after.markers.push(marker(MarkerKind::Question, "q1", 7));
        after.counters.steps_done = 1;
        after.counters.steps_line = 12;
        check(
            &before,
            &after,
            &[
                "phase build -> verify @8",
                "candidate null -> c2 @9",
                "status running -> failed @20",
                "holder agent -> null @20",
                "markers.handoff.- open -> cleared @6",
                "markers.question.q1 null -> open @7",
                "steps_done 0 -> 1 @12",
                "cost_usd null -> 1.25 @18",
            ],
        );
    }

    #[test]
    fn a_marker_that_opened_and_closed_in_between_is_told() {
        let mut asked = marker(MarkerKind::Approval, "a", 4);
        asked.closed_line = Some(5);
        asked.resolution = Some(String::from("granted"));
        let after = RunState { markers: vec![asked], ..RunState::default() };
        check(&RunState::default(), &after, &["markers.approval.a null -> granted @5"]);
    }

    #[test]
    fn the_way_back_has_no_proof_in_what_is_gone() {
        let later = RunState { markers: vec![marker(MarkerKind::Stuck, "-", 4)], ..RunState::default() };
        check(&later, &RunState::default(), &["markers.stuck.- open -> null @none"]);
    }
}
