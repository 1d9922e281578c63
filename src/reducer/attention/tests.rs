//! Which entries a run has, and in what order of badness.

use super::{Entry, Reason, entries};
use crate::reducer::event::ErrorText;
use crate::reducer::marker::{Marker, MarkerKind};
use crate::reducer::run::{Holder, Status};
use crate::reducer::time::Micros;
use crate::reducer::verdict::Rule;
use crate::reducer::verdict::world::{NOW, World, ago, fact, marker};

const MINUTE: i64 = 60_000;
const DAY: i64 = 24 * 60 * MINUTE;

fn of(world: &World) -> Vec<Entry> {
    entries(&world.observed(), &world.judge(), false, &world.policy)
}

/// Each entry as reason, since in milliseconds ago, line.
#[track_caller]
fn check(name: &str, world: &World, wanted: &[(Reason, Option<i64>, u64)]) {
    let found: Vec<_> =
        of(world).iter().map(|e| (e.reason, e.since.map(|at| (NOW.0 - at.0) / 1000), e.line.unwrap_or(0))).collect();
    assert_eq!(found, wanted, "{name}");
}

fn opened(kind: MarkerKind, line: u64, ms_ago: i64) -> Marker {
    Marker { opened_at: Some(ago(ms_ago)), ..marker(kind, "-", line) }
}

fn expiring(line: u64, at: Micros) -> Marker {
    Marker { expires_at: Some(at), ..opened(MarkerKind::Approval, line, MINUTE) }
}

fn ended(status: Status, ms_ago: i64) -> World {
    World::running().alive(ms_ago).status(status, 48).with(|w| w.run.ended_at = fact(ago(ms_ago), 48))
}

#[test]
fn a_healthy_or_well_ended_run_needs_nobody() {
    check("healthy", &World::running(), &[]);
    check("completed", &ended(Status::Completed, MINUTE), &[]);
    check("cancelled", &ended(Status::Cancelled, MINUTE), &[]);
}

#[test]
fn a_failed_run_stays_for_attention_days() {
    for (status, reason) in [(Status::Failed, Reason::Failed), (Status::TimedOut, Reason::TimedOut)] {
        check("new", &ended(status, MINUTE), &[(reason, Some(MINUTE), 48)]);
        check("exactly seven days", &ended(status, 7 * DAY), &[(reason, Some(7 * DAY), 48)]);
        check("over", &ended(status, 7 * DAY + 1), &[]);
        check("configured", &ended(status, 2 * DAY).with(|w| w.policy.attention_days = 1), &[]);
        check("ended in the future of a skewed clock", &ended(status, -MINUTE), &[(reason, Some(-MINUTE), 48)]);
    }
}

#[test]
fn a_retried_run_leaves_the_list() {
    let world = ended(Status::Failed, MINUTE);
    assert_eq!(entries(&world.observed(), &world.judge(), true, &world.policy), []);
}

#[test]
fn an_open_run_that_says_it_is_retried_stays() {
    let world = World::running().marked(opened(MarkerKind::Question, 41, MINUTE));
    assert_eq!(entries(&world.observed(), &world.judge(), true, &world.policy).len(), 1);
}

#[test]
fn a_run_has_one_entry_for_its_worst_reason() {
    let late = World::running().with(|w| w.run.deadline = fact(ago(3), 7));
    check("late", &late, &[(Reason::Late, Some(3), 7)]);
    let stuck = late.marked(opened(MarkerKind::Stuck, 41, 4));
    check("stuck", &stuck, &[(Reason::Stuck, Some(4), 41)]);
    let question = stuck.marked(opened(MarkerKind::Question, 42, 5));
    check("question", &question, &[(Reason::Question, Some(5), 42)]);
    let handoff = question.marked(opened(MarkerKind::Handoff, 43, 6));
    check("handoff", &handoff, &[(Reason::Handoff, Some(6), 43)]);
    let needs = handoff.status(Status::NeedsHuman, 44).with(|w| w.status_at = Some(ago(7)));
    check("needs_human", &needs, &[(Reason::NeedsHuman, Some(7), 44)]);
}

#[test]
fn every_open_unexpired_approval_has_its_own_entry() {
    let world = World::running()
        .marked(expiring(41, NOW.plus_millis(1)))
        .marked(expiring(42, NOW))
        .marked(Marker { closed_line: Some(49), ..expiring(43, NOW.plus_millis(1)) })
        .marked(opened(MarkerKind::Approval, 44, 2))
        .marked(opened(MarkerKind::Question, 45, 3));
    check(
        "two of four",
        &world,
        &[(Reason::Question, Some(3), 45), (Reason::Approval, Some(MINUTE), 41), (Reason::Approval, Some(2), 44)],
    );
    assert_eq!(of(&world)[2].approval.as_ref(), Some(&world.markers[3]));
}

#[test]
fn an_approval_of_a_stuck_run_is_in_the_list_beside_it() {
    let world = World::running().marked(opened(MarkerKind::Approval, 41, 2)).marked(opened(MarkerKind::Stuck, 42, 3));
    check("both", &world, &[(Reason::Stuck, Some(3), 42), (Reason::Approval, Some(2), 41)]);
}

#[test]
fn an_abandoned_run_and_its_markers_are_not_in_the_list() {
    let world = World::running()
        .status(Status::NeedsHuman, 44)
        .marked(opened(MarkerKind::Approval, 41, 2))
        .marked(opened(MarkerKind::Handoff, 42, 2))
        .alive(7 * DAY + 1);
    assert_eq!(world.judge().rule, Rule::Abandoned);
    check("abandoned", &world, &[]);
}

#[test]
fn an_entry_says_what_it_is_about() {
    let reason = |text: &str| Some(text.to_owned());
    let cases = [
        (
            ended(Status::Failed, 0).with(|w| {
                w.run.error = fact(ErrorText { message: reason("tests failed."), ..ErrorText::default() }, 8);
            }),
            "Failed after 1 h: tests failed.",
        ),
        (ended(Status::TimedOut, 0).with(|w| w.run.started_at = None), "Timed out."),
        (
            World::running()
                .status(Status::NeedsHuman, 4)
                .with(|w| w.run.status_reason = fact(String::from("conflict"), 4)),
            "Needs you: conflict.",
        ),
        (
            World::running().marked(Marker { reason: reason("no access"), ..opened(MarkerKind::Handoff, 4, 0) }),
            "It asks to hand over the wheel: no access.",
        ),
        (
            World::running()
                .marked(opened(MarkerKind::Handoff, 4, 0))
                .with(|w| w.run.holder = fact(Holder::Other(String::from("human")), 5)),
            "Human has the wheel.",
        ),
        (
            World::running().marked(Marker { reason: reason("Which one?"), ..opened(MarkerKind::Question, 4, 0) }),
            "It has a question: Which one?",
        ),
        (
            World::running().marked(Marker {
                action: reason("deploy"),
                integration: reason("github"),
                ..opened(MarkerKind::Approval, 4, 0)
            }),
            "Run `deploy` on `github`.",
        ),
    ];
    for (world, sentence) in cases {
        let found: Vec<String> = of(&world).into_iter().map(|entry| entry.sentence).collect();
        assert_eq!(found, [sentence]);
    }
}
