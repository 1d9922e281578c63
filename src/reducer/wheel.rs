//! The wheel lane (spec 3.2): who held control over time, each hand-over with its line.
//!
//! A marker keeps its opening, its first grant to a person and its close, and the run who holds the wheel now. It must never
//! know a clock.

use super::marker::{Marker, MarkerKind};
use super::run::{Holder, RunState, Status, value};
use super::time::Micros;

/// Who had control.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Who {
    /// The run did not run: it was queued, or had ended.
    Nobody,
    /// The agent worked by itself.
    Agent,
    /// A person had the wheel, with the name where the log gave one and it is still known.
    Human(Option<String>),
}

/// A line and its time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct Point {
    pub line: u64,
    pub at: Option<Micros>,
}

/// A stretch of lines in which one held the wheel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hold {
    /// Who.
    pub who: Who,
    /// The hand-over that began it.
    pub from: Point,
    /// The hand-over that ended it; `None` while it lasts.
    pub to: Option<Point>,
}

/// The stretches of a run in file order; neighbours differ. Empty for a run without an event.
///
/// `held_at` is the time of the line that [`passed_on`] gives. Of a run that ended and was opened again only the last end is
/// known.
#[must_use]
pub fn lane(state: &RunState, held_at: Option<Micros>) -> Vec<Hold> {
    let mut turns = beginning(state);
    turns.extend(hand_overs(state, held_at));
    turns.extend(end(state));
    // The sort is stable: of the turns on one line the last in this order stays, and the end is the last of all.
    turns.sort_by_key(|(point, _)| point.line);
    turns.dedup_by(|next, kept| {
        let same_line = next.0.line == kept.0.line;
        if same_line {
            std::mem::swap(next, kept);
        }
        same_line
    });
    let mut holds: Vec<Hold> = Vec::new();
    for (point, who) in turns {
        if holds.last().is_some_and(|last| last.who == who) {
            continue;
        }
        if let Some(last) = holds.last_mut() {
            last.to = Some(point);
        }
        holds.push(Hold { who, from: point, to: None });
    }
    holds
}

type Turn = (Point, Who);

/// Nobody while queued, the agent from the line that made it running.
fn beginning(state: &RunState) -> Vec<Turn> {
    let run = &state.run;
    let Some(status) = value(&run.status) else { return Vec::new() };
    let first = run.first_event_at.as_ref();
    let first = Point { line: first.map_or(1, |fact| fact.line), at: first.map(|fact| fact.value) };
    let Some(queued) = &run.queued_at else {
        return vec![(first, if *status == Status::Queued { Who::Nobody } else { Who::Agent })];
    };
    let started = run.started_at.as_ref().map(|fact| Point { line: fact.line, at: Some(fact.value) });
    // A start without a time left only the line from which somebody held the wheel.
    let held = run.holder.as_ref().map(|fact| Point { line: fact.line, at: None });
    let started = started.or(held).map(|point| (point, Who::Agent));
    let queued = Point { line: first.line.min(queued.line), at: first.at.or(Some(queued.value)) };
    std::iter::once((queued, Who::Nobody)).chain(started).collect()
}

/// The line that gave the wheel to the present holder, when that was a later grant of an open handoff: the state knows no time
/// of it.
#[must_use]
pub fn passed_on(state: &RunState) -> Option<u64> {
    let line = state.run.holder.as_ref()?.line;
    let is_later = |handoff: &Marker| {
        handoff.granted_line.is_some_and(|granted| granted < line)
            && handoff.closed_line.is_none_or(|closed| line < closed)
    };
    handoffs(state).any(is_later).then_some(line)
}

fn handoffs(state: &RunState) -> impl Iterator<Item = &Marker> {
    state.markers.iter().filter(|marker| marker.kind == MarkerKind::Handoff)
}

fn hand_overs(state: &RunState, held_at: Option<Micros>) -> Vec<Turn> {
    // Only the present holder has a name: the markers keep none.
    let holder = state.run.holder.as_ref();
    let who_at = |line| match holder.filter(|fact| fact.line == line).map(|fact| &fact.value) {
        Some(Holder::Agent) => Who::Agent,
        Some(Holder::Other(name)) => Who::Human(Some(name.clone())),
        None => Who::Human(None),
    };
    let mut turns = Vec::new();
    for handoff in handoffs(state) {
        turns.extend(handoff.granted_line.map(|line| (Point { line, at: handoff.granted_at }, who_at(line))));
        if let Some(line) = handoff.closed_line {
            turns.push((Point { line, at: handoff.closed_at }, Who::Agent));
        }
    }
    turns.extend(passed_on(state).map(|line| (Point { line, at: held_at }, who_at(line))));
    turns
}

fn end(state: &RunState) -> Option<Turn> {
    let status = state.run.status.as_ref().filter(|fact| fact.value.is_ended())?;
    Some((Point { line: status.line, at: value(&state.run.ended_at).copied() }, Who::Nobody))
}

#[cfg(test)]
mod tests {
    use super::{Point, Who, lane, passed_on};
    use crate::reducer::event::{Class, Event, Meaning, Subject, Verb};
    use crate::reducer::fold::apply;
    use crate::reducer::marker::MarkerKind;
    use crate::reducer::run::{Holder, RunState, Status, set, value};
    use crate::reducer::time::Micros;
    use crate::reducer::verdict::world::marker;

    /// Each stretch as `who from-to`; the time of a line is the line.
    fn check(state: &RunState, wanted: &[&str]) {
        let found: Vec<String> = lane(state, None)
            .iter()
            .map(|hold| {
                let who = match &hold.who {
                    Who::Nobody => "nobody",
                    Who::Agent => "agent",
                    Who::Human(name) => name.as_deref().unwrap_or("someone"),
                };
                format!("{who} {}-{}", hold.from.line, hold.to.map_or_else(String::new, |to| to.line.to_string()))
            })
            .collect();
        assert_eq!(found, wanted);
    }

    fn at(line: u64) -> Point {
        Point { line, at: Some(Micros(line as i64)) }
    }

    fn running() -> RunState {
        let mut state = RunState::default();
        set(&mut state.run.first_event_at, Micros(1), 1);
        set(&mut state.run.started_at, Micros(1), 1);
        set(&mut state.run.status, Status::Running, 1);
        set(&mut state.run.holder, Holder::Agent, 1);
        state
    }

    fn handoff(state: &mut RunState, opened: u64, granted: Option<u64>, closed: Option<u64>) {
        let mut asked = marker(MarkerKind::Handoff, "-", opened);
        (asked.granted_line, asked.granted_at) = (granted, granted.and_then(|line| at(line).at));
        asked.closed_line = closed;
        state.markers.push(asked);
    }

    #[test]
    fn a_run_without_an_event_has_no_lane() {
        check(&RunState::default(), &[]);
    }

    #[test]
    fn the_agent_drives_until_the_end() {
        let mut state = running();
        check(&state, &["agent 1-"]);
        set(&mut state.run.status, Status::Completed, 9);
        check(&state, &["agent 1-9", "nobody 9-"]);
    }

    #[test]
    fn nobody_drives_a_queued_run() {
        let mut state = running();
        set(&mut state.run.queued_at, Micros(1), 1);
        state.run.started_at = None;
        state.run.holder = None;
        set(&mut state.run.status, Status::Queued, 1);
        check(&state, &["nobody 1-"]);
        set(&mut state.run.started_at, Micros(4), 4);
        set(&mut state.run.status, Status::Running, 4);
        check(&state, &["nobody 1-4", "agent 4-"]);
        state.run.started_at = None;
        set(&mut state.run.holder, Holder::Agent, 4);
        check(&state, &["nobody 1-4", "agent 4-"]);
    }

    #[test]
    fn a_person_drives_from_the_grant_to_the_close() {
        let mut state = running();
        handoff(&mut state, 3, Some(5), Some(8));
        check(&state, &["agent 1-5", "someone 5-8", "agent 8-"]);
    }

    #[test]
    fn a_handoff_that_was_only_asked_for_leaves_the_agent_at_the_wheel() {
        let mut state = running();
        handoff(&mut state, 3, None, Some(8));
        handoff(&mut state, 9, None, None);
        check(&state, &["agent 1-"]);
    }

    #[test]
    fn the_present_holder_has_a_name() {
        let mut state = running();
        handoff(&mut state, 3, Some(5), None);
        set(&mut state.run.holder, Holder::Other(String::from("ada")), 5);
        check(&state, &["agent 1-5", "ada 5-"]);
    }

    #[test]
    fn the_wheel_goes_from_one_person_to_the_next() {
        let mut state = running();
        handoff(&mut state, 3, Some(5), None);
        set(&mut state.run.holder, Holder::Other(String::from("ada")), 5);
        assert_eq!(passed_on(&state), None);
        set(&mut state.run.holder, Holder::Other(String::from("bob")), 7);
        assert_eq!(passed_on(&state), Some(7));
        check(&state, &["agent 1-5", "someone 5-7", "bob 7-"]);
        assert_eq!(lane(&state, at(7).at)[2].from, at(7));
        set(&mut state.run.holder, Holder::Agent, 8);
        check(&state, &["agent 1-5", "someone 5-8", "agent 8-"]);
        state.markers[0].closed_line = Some(8);
        assert_eq!(passed_on(&state), None, "the close says it");
    }

    #[test]
    fn the_lane_agrees_with_the_fold() {
        let steps = [
            (Subject::Run, Verb::Queued),
            (Subject::Run, Verb::Started),
            (Subject::Handoff, Verb::Raised),
            (Subject::Handoff, Verb::Granted),
            (Subject::Handoff, Verb::Cleared),
            (Subject::Handoff, Verb::Granted),
            (Subject::Handoff, Verb::Raised),
            (Subject::Handoff, Verb::Granted),
            (Subject::Run, Verb::Failed),
        ];
        let wanted: [&[&str]; 9] = [
            &["nobody 1-"],
            &["nobody 1-2", "agent 2-"],
            &["nobody 1-2", "agent 2-"],
            &["nobody 1-2", "agent 2-4", "human 4-"],
            &["nobody 1-2", "agent 2-4", "someone 4-5", "agent 5-"],
            &["nobody 1-2", "agent 2-4", "someone 4-5", "agent 5-"],
            &["nobody 1-2", "agent 2-4", "someone 4-5", "agent 5-"],
            &["nobody 1-2", "agent 2-4", "someone 4-5", "agent 5-8", "human 8-"],
            &["nobody 1-2", "agent 2-4", "someone 4-5", "agent 5-8", "someone 8-9", "nobody 9-"],
        ];
        let mut state = RunState::default();
        for ((line, (subject, verb)), wanted) in (1..).zip(steps).zip(wanted) {
            let mut event = Event::bare(Class::Event, line, line * 10, 9);
            event.meaning = Meaning { subject: Some(subject), verb: Some(verb), ..Meaning::default() };
            event.time = at(line).at;
            apply(&mut state, &event);
            check(&state, wanted);
            let last = lane(&state, None).pop().map(|hold| match hold.who {
                Who::Nobody => None,
                Who::Agent => Some(Holder::Agent),
                Who::Human(name) => Some(Holder::Other(name.unwrap_or_default())),
            });
            assert_eq!(
                last,
                Some(value(&state.run.holder).cloned()),
                "line {line}: the last one is the present holder"
            );
        }
    }

    #[test]
    fn an_end_takes_the_wheel_from_everybody() {
        let mut state = running();
        handoff(&mut state, 3, Some(5), Some(8));
        state.run.holder = None;
        set(&mut state.run.status, Status::Failed, 8);
        check(&state, &["agent 1-5", "someone 5-8", "nobody 8-"]);
    }

    #[test]
    fn a_stretch_knows_when_it_began_and_ended() {
        let mut state = running();
        handoff(&mut state, 3, Some(5), None);
        let lane = lane(&state, None);
        assert_eq!((lane[0].from, lane[0].to), (at(1), Some(at(5))));
        assert_eq!((lane[1].from, lane[1].to), (at(5), None));
    }
}
