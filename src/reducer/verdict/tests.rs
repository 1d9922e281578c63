//! The table of spec 2.6, row by row and border by border.

use super::world::{LAST, NOW, PROGRESS, STATUS, World, ago, fact, marker, span};
use super::{Learned, Override, Policy, Rule, Word, learn, percentile};
use crate::reducer::marker::{Marker, MarkerKind};
use crate::reducer::run::{Health, Status};
use crate::reducer::span::{More, Span, SpanKind, SpanStatus};
use crate::reducer::time::Micros;

mod learned;
mod sentences;

const SECOND: i64 = 1_000;
const MINUTE: i64 = 60 * SECOND;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;

fn opened(kind: MarkerKind, line: u64, ms_ago: i64) -> Marker {
    Marker { opened_at: Some(ago(ms_ago)), ..marker(kind, "-", line) }
}

fn approval(expires_at: Option<Micros>) -> Marker {
    Marker { expires_at, ..opened(MarkerKind::Approval, 42, 2 * MINUTE) }
}

/// Rule, since (milliseconds ago), limit and evidence of a world.
#[track_caller]
fn check(name: &str, world: &World, rule: Rule, since: Option<i64>, limit: Option<i64>, evidence: &[u64]) {
    let verdict = world.judge();
    assert_eq!(verdict.rule, rule, "{name}: {verdict:?}");
    assert_eq!(verdict.since.map(|at| (NOW.0 - at.0) / 1000), since, "{name}: since of {verdict:?}");
    assert_eq!(verdict.limit_ms, limit, "{name}: limit of {verdict:?}");
    assert_eq!(verdict.evidence, evidence, "{name}: evidence of {verdict:?}");
    assert!(!verdict.sentence.contains(" -"), "{name}: negative: {verdict:?}");
}

#[track_caller]
fn rule(name: &str, world: &World, rule: Rule) {
    let verdict = world.judge();
    assert_eq!(verdict.rule, rule, "{name}: {verdict:?}");
}

#[test]
fn a_lively_run_is_healthy() {
    check("lively", &World::running(), Rule::Healthy, None, None, &[PROGRESS, LAST]);
}

#[test]
fn a_healthy_long_run_is_not_escalated() {
    let world = World::running().with(|w| w.run.started_at = fact(ago(300 * DAY), 1));
    rule("300 days", &world, Rule::Healthy);
}

#[test]
fn a_run_without_an_event_is_healthy_until_it_is_old() {
    let empty = |modified| {
        World::running().untimed(Some(ago(modified))).with(|w| {
            w.run.status = None;
            w.has_work = false;
            w.health = Health::default();
        })
    };
    check("new", &empty(MINUTE), Rule::Healthy, None, None, &[]);
    check("quiet", &empty(11 * MINUTE), Rule::NoSignal, Some(11 * MINUTE), Some(10 * MINUTE), &[]);
    check("old", &empty(2 * DAY), Rule::Abandoned, Some(2 * DAY), Some(DAY), &[]);
}

#[test]
fn an_ended_run_is_ended_whatever_else() {
    for status in [Status::Completed, Status::Failed, Status::Cancelled, Status::TimedOut] {
        let world = World::running()
            .alive(100 * DAY)
            .status(status, 48)
            .marked(opened(MarkerKind::Stuck, 3, HOUR))
            .with(|w| w.run.ended_at = fact(ago(101 * DAY), 48));
        check(status.as_str(), &world, Rule::Ended, Some(101 * DAY), None, &[48]);
        assert_eq!(world.judge().word, Word::Ended);
    }
    let untimed = World::running().untimed(Some(ago(HOUR))).status(Status::Failed, 48);
    check("an end without a time", &untimed, Rule::Ended, Some(HOUR), None, &[48]);
}

#[test]
fn a_run_without_life_for_longer_than_a_day_is_abandoned() {
    for status in [Status::Queued, Status::Running] {
        let world = |age| World::running().alive(age).status(status, STATUS);
        check("over", &world(DAY + 1), Rule::Abandoned, Some(DAY + 1), Some(DAY), &[LAST]);
        assert_ne!(world(DAY).judge().rule, Rule::Abandoned, "exactly the limit");
    }
}

#[test]
fn a_run_that_waits_is_abandoned_after_attention_days() {
    let week = 7 * DAY;
    let plain = || World::running().status(Status::Running, STATUS);
    let waits = [
        World::running().status(Status::NeedsHuman, STATUS),
        plain().marked(opened(MarkerKind::Handoff, 3, HOUR)),
        plain().marked(opened(MarkerKind::Question, 3, HOUR)),
        plain().marked(approval(None)),
        plain().marked(approval(Some(NOW.plus_millis(1)))),
    ];
    for (number, world) in waits.into_iter().enumerate() {
        let name = format!("cause {number}");
        let world = world.alive(week);
        rule(&name, &world, Rule::Waiting);
        check(&name, &world.alive(week + 1), Rule::Abandoned, Some(week + 1), Some(week), &[LAST]);
    }
    let does_not_wait = [
        plain().marked(approval(Some(NOW))),
        plain().marked(opened(MarkerKind::Stuck, 3, HOUR)),
        plain().marked(opened(MarkerKind::Queue, 3, HOUR)),
        plain().marked(Marker { closed_line: Some(9), ..opened(MarkerKind::Handoff, 3, HOUR) }),
    ];
    for (number, world) in does_not_wait.into_iter().enumerate() {
        rule(&format!("no cause {number}"), &world.alive(DAY + 1), Rule::Abandoned);
    }
}

#[test]
fn a_stuck_marker_goes_before_waiting() {
    let world = World::running()
        .status(Status::NeedsHuman, 44)
        .marked(opened(MarkerKind::Stuck, 41, 3 * MINUTE))
        .marked(opened(MarkerKind::Stuck, 43, MINUTE));
    check("two", &world, Rule::StuckMarker, Some(3 * MINUTE), None, &[41, 43]);
    let closed = Marker { closed_line: Some(45), ..opened(MarkerKind::Stuck, 41, 3 * MINUTE) };
    rule("closed", &World::running().marked(closed), Rule::Healthy);
}

#[test]
fn a_run_that_waits_for_a_person_says_since_when() {
    let cases = [
        ("handoff", World::running().marked(opened(MarkerKind::Handoff, 41, 3 * MINUTE)), Some(3 * MINUTE), vec![41]),
        ("question", World::running().marked(opened(MarkerKind::Question, 41, 3 * MINUTE)), Some(3 * MINUTE), vec![41]),
        ("approval", World::running().marked(approval(None)), Some(2 * MINUTE), vec![42]),
        (
            "the first of two",
            World::running().marked(approval(None)).marked(opened(MarkerKind::Question, 41, 3 * MINUTE)),
            Some(3 * MINUTE),
            vec![41, 42],
        ),
        (
            "needs human, by the handoff of its line",
            World::running().status(Status::NeedsHuman, 41).marked(opened(MarkerKind::Handoff, 41, 3 * MINUTE)),
            Some(3 * MINUTE),
            vec![41],
        ),
        (
            "needs human, by the progress of its line",
            World::running().status(Status::NeedsHuman, PROGRESS),
            Some(SECOND),
            vec![PROGRESS],
        ),
        (
            "needs human, by the time that was looked up",
            World::running().status(Status::NeedsHuman, 39).with(|w| w.status_at = Some(ago(HOUR))),
            Some(HOUR),
            vec![39],
        ),
        ("needs human, unknown", World::running().status(Status::NeedsHuman, 39), None, vec![39]),
    ];
    for (name, world, since, evidence) in cases {
        check(name, &world, Rule::Waiting, since, None, &evidence);
    }
}

#[test]
fn of_very_many_causes_a_verdict_names_the_first() {
    let world = (0..300).fold(World::running(), |world, n| {
        world.marked(Marker { id: format!("q{n}"), ..opened(MarkerKind::Question, 300 - n, 3 * MINUTE) })
    });
    let verdict = world.judge();
    assert_eq!(verdict.sentence.matches("it has a question").count(), 10);
    assert!(verdict.sentence.ends_with("; and 290 more."), "{}", verdict.sentence);
    assert_eq!(verdict.evidence, (1..=100).collect::<Vec<u64>>());
}

#[test]
fn an_expired_approval_is_no_longer_waiting() {
    let cases = [
        (Some(NOW.plus_millis(1)), Rule::Waiting),
        (Some(NOW), Rule::Healthy),
        (Some(ago(1)), Rule::Healthy),
        (None, Rule::Waiting),
    ];
    for (expires_at, wanted) in cases {
        rule(&format!("{expires_at:?}"), &World::running().marked(approval(expires_at)), wanted);
    }
}

fn beating(beats: u64, interval: Option<i64>, silence: i64) -> World {
    World::running().alive(silence).with(|w| {
        w.run.heartbeats = fact(beats, 49);
        w.run.heartbeat_interval_ms = interval.and_then(|ms| fact(ms, 49));
        w.run.last_heartbeat_at = fact(ago(silence), 49);
    })
}

#[test]
fn a_run_whose_heartbeat_is_lost_is_stuck() {
    let two = 2 * MINUTE;
    let over = beating(2, Some(4 * SECOND), two + 1);
    check("over", &over, Rule::HeartbeatLost, Some(two + 1), Some(two), &[49, LAST]);
    rule("exactly", &beating(2, Some(4 * SECOND), two), Rule::Healthy);
    rule("one heartbeat is no rhythm", &beating(1, Some(4 * SECOND), two + 1), Rule::Healthy);
    rule("no positive interval", &beating(2, None, two + 1), Rule::HeartbeatLost);
    rule("slow rhythm, exactly", &beating(9, Some(MINUTE), 4 * MINUTE), Rule::Healthy);
    let slow = beating(9, Some(MINUTE), 4 * MINUTE + 1);
    check("slow rhythm", &slow, Rule::HeartbeatLost, Some(4 * MINUTE + 1), Some(4 * MINUTE), &[49, LAST]);
    rule("queued", &beating(2, Some(SECOND), two + 1).status(Status::Queued, 1), Rule::Healthy);
}

#[test]
fn a_silent_run_is_stuck() {
    let ten = 10 * MINUTE;
    check("over", &World::running().alive(ten + 1), Rule::Silent, Some(ten + 1), Some(ten), &[LAST]);
    rule("exactly", &World::running().alive(ten), Rule::Healthy);
    rule("queued", &World::running().alive(ten + 1).status(Status::Queued, 1), Rule::Healthy);
    let slow = |silence| beating(1, Some(5 * MINUTE), silence);
    rule("its heartbeat limit is longer", &slow(20 * MINUTE), Rule::Healthy);
    let over = slow(20 * MINUTE + 1);
    check("slow", &over, Rule::Silent, Some(20 * MINUTE + 1), Some(20 * MINUTE), &[LAST]);
}

#[test]
fn a_log_without_times_gives_no_signal_when_its_file_rests() {
    let ten = 10 * MINUTE;
    for status in [Status::Running, Status::Queued] {
        let world = |age| World::running().status(status, 1).untimed(Some(ago(age)));
        check("over", &world(ten + 1), Rule::NoSignal, Some(ten + 1), Some(ten), &[LAST]);
        rule("exactly", &world(ten), Rule::Healthy);
    }
    let waits = World::running().untimed(Some(ago(ten + 1))).marked(marker(MarkerKind::Question, "-", 3));
    check("it waits", &waits, Rule::Waiting, None, None, &[3]);
    let nothing = World::running().untimed(None);
    check("no file time either", &nothing, Rule::NoSignal, None, Some(ten), &[LAST]);
}

#[test]
fn a_run_that_moves_nowhere_is_stuck() {
    let half = 30 * MINUTE;
    let still = |ms| World::running().with(|w| w.run.last_progress_at = fact(ago(ms), PROGRESS));
    // The log's own clock stands where its last line was written, plus what passed since: here, now.
    check("over", &still(half + 1), Rule::NoProgress, Some(half + 1), Some(half), &[PROGRESS, LAST]);
    rule("exactly", &still(half), Rule::Healthy);
    rule("without work", &still(half + 1).with(|w| w.has_work = false), Rule::Healthy);
    rule("queued", &still(half + 1).status(Status::Queued, 1), Rule::Healthy);
    rule("no progress time", &World::running().with(|w| w.run.last_progress_at = None), Rule::Healthy);
}

#[test]
fn progress_may_take_three_times_the_expectation_of_the_phase() {
    let learned = Some(Learned { median_ms: 5 * MINUTE, p90_ms: 20 * MINUTE, spans: 9 });
    let configured = |minutes: i64| Policy {
        overrides: vec![Override {
            phase: Some(String::from("build")),
            phase_ms: Some(minutes * MINUTE),
            ..Override::default()
        }],
        ..Policy::default()
    };
    let still =
        |ms| World::running().in_phase("build", 5 * MINUTE).with(|w| w.run.last_progress_at = fact(ago(ms), 30));
    let cases = [
        ("nothing known", still(0), 30 * MINUTE),
        ("learned", still(0).with(|w| w.learned = learned), 60 * MINUTE),
        ("a short expectation is no limit", still(0).with(|w| w.policy = configured(9)), 30 * MINUTE),
        (
            "configured goes before learned",
            still(0).with(|w| {
                w.learned = learned;
                w.policy = configured(15);
            }),
            45 * MINUTE,
        ),
        ("the phase's own", still(0).with(|w| w.spans[0].more.to_mut().expected_ms = Some(HOUR)), 3 * HOUR),
    ];
    for (name, world, limit) in cases {
        let exactly = world.with(|w| w.run.last_progress_at = fact(ago(limit), 30));
        assert_ne!(exactly.judge().rule, Rule::NoProgress, "{name}");
        let over = exactly.with(|w| w.run.last_progress_at = fact(ago(limit + 1), 30));
        check(name, &over, Rule::NoProgress, Some(limit + 1), Some(limit), &[30, LAST]);
    }
}

#[test]
fn a_passed_deadline_is_late() {
    let of_run = |at| World::running().with(|w| w.run.deadline = fact(at, 7));
    check("over", &of_run(ago(1)), Rule::Deadline, Some(1), None, &[7]);
    rule("exactly", &of_run(NOW), Rule::Healthy);
    rule("queued runs too", &of_run(ago(1)).status(Status::Queued, 1), Rule::Deadline);
    let of_span = |status| {
        World::running().with(|w| {
            let more = More { deadline: Some(ago(MINUTE)), ..More::default() }.into();
            w.spans.push(Span { status, more, ..span(SpanKind::Step, "lint", 12) });
        })
    };
    check("a span's", &of_span(SpanStatus::Open), Rule::Deadline, Some(MINUTE), None, &[12]);
    rule("a closed span's", &of_span(SpanStatus::Completed), Rule::Healthy);
    let both = of_span(SpanStatus::Open).with(|w| w.run.deadline = fact(ago(2 * MINUTE), 7));
    check("the first of two", &both, Rule::Deadline, Some(2 * MINUTE), None, &[7]);
}

#[test]
fn an_exceeded_expectation_is_late() {
    let of_run = |expected| World::running().with(|w| w.run.expected_ms = fact(expected, 7));
    check("over", &of_run(HOUR - 1), Rule::Expected, Some(1), Some(HOUR - 1), &[7]);
    rule("exactly", &of_run(HOUR), Rule::Healthy);
    rule("not started", &of_run(HOUR - 1).with(|w| w.run.started_at = None), Rule::Healthy);
    rule("the longest there is", &of_run(i64::MAX), Rule::Healthy);
    let more = More { expected_ms: Some(MINUTE), ..More::default() }.into();
    let step = Span { started_at: Some(ago(MINUTE + 1)), more, ..span(SpanKind::Step, "lint", 12) };
    let of_span = World::running().with(|w| w.spans.push(step.clone()));
    check("a span's", &of_span, Rule::Expected, Some(1), Some(MINUTE), &[12]);
    let unknown = World::running().with(|w| w.spans.push(Span { started_at: None, ..step }));
    rule("a span without a start", &unknown, Rule::Healthy);
}

#[test]
fn a_run_queued_for_long_is_late() {
    let five = 5 * MINUTE;
    let queued = |ms| World::running().status(Status::Queued, 2).with(|w| w.run.queued_at = fact(ago(ms), 2));
    check("over", &queued(five + 1), Rule::Queued, Some(1), Some(five), &[2]);
    rule("exactly", &queued(five), Rule::Healthy);
    rule("running by now", &queued(five + 1).status(Status::Running, 3), Rule::Healthy);
}

#[test]
fn a_phase_that_takes_longer_than_it_may_is_late() {
    let learned = |p90_ms| Some(Learned { median_ms: 1, p90_ms, spans: 5 });
    let configured = Policy {
        overrides: vec![Override {
            workflow: Some(String::from("nightly")),
            phase: Some(String::from("build")),
            phase_ms: Some(8 * MINUTE),
            ..Override::default()
        }],
        ..Policy::default()
    };
    let build = |ms| World::running().in_phase("build", ms);
    let nightly = |ms| {
        build(ms).with(|w| {
            w.run.workflow = fact(String::from("nightly"), 1);
            w.policy = configured.clone();
            w.learned = learned(2 * MINUTE);
        })
    };
    rule("nothing known", &build(20 * HOUR), Rule::Healthy);
    let over = build(6 * MINUTE + 1).with(|w| w.learned = learned(6 * MINUTE));
    check("learned", &over, Rule::Phase, Some(1), Some(6 * MINUTE), &[30]);
    rule("learned, exactly", &build(6 * MINUTE).with(|w| w.learned = learned(6 * MINUTE)), Rule::Healthy);
    let quick = |ms| build(ms).with(|w| w.learned = learned(3 * SECOND));
    rule("at least a minute", &quick(MINUTE), Rule::Healthy);
    check("over the least", &quick(MINUTE + 1), Rule::Phase, Some(1), Some(MINUTE), &[30]);
    check("configured", &nightly(8 * MINUTE + 1), Rule::Phase, Some(1), Some(8 * MINUTE), &[30]);
    rule("configured goes before learned", &nightly(8 * MINUTE), Rule::Healthy);
    let closed = nightly(HOUR).with(|w| w.spans[0].status = SpanStatus::Completed);
    rule("a phase that is over", &closed, Rule::Healthy);
    let unknown = nightly(HOUR).with(|w| w.spans[0].started_at = None);
    rule("a phase without a start", &unknown, Rule::Healthy);
}

/// What *life* is: (log says, file says, last line timed) in hours ago, and the life that follows.
#[test]
fn life_is_the_files_time_where_the_logs_cannot_be_trusted() {
    let second = 1; // milliseconds beyond the border
    let cases = [
        ("of one mind", Some(3 * HOUR), Some(3 * HOUR), true, Some(3 * HOUR)),
        ("a local time behind", Some(5 * HOUR), Some(3 * HOUR), true, Some(3 * HOUR)),
        ("a clock ahead, still past", Some(2 * HOUR), Some(3 * HOUR), true, Some(3 * HOUR)),
        ("26 hours apart", Some(29 * HOUR), Some(3 * HOUR), true, Some(3 * HOUR)),
        ("more than 26 hours apart", Some(29 * HOUR + second), Some(3 * HOUR), true, Some(29 * HOUR + second)),
        ("a file that is old by more", Some(3 * HOUR), Some(29 * HOUR + second), true, Some(3 * HOUR)),
        ("the last line has no time", Some(90 * HOUR), Some(3 * HOUR), false, Some(3 * HOUR)),
        ("a log from the future", Some(-90 * HOUR), Some(3 * HOUR), true, Some(3 * HOUR)),
        ("both from the future", Some(-90 * HOUR), Some(-HOUR), true, Some(0)),
        ("a file from the future", Some(90 * HOUR), Some(-HOUR), true, Some(90 * HOUR)),
        ("no time in the log", None, Some(3 * HOUR), false, Some(3 * HOUR)),
        ("no time in the log, file from the future", None, Some(-3 * HOUR), false, Some(0)),
        ("no file time", Some(3 * HOUR), None, true, Some(3 * HOUR)),
        ("no file time, last line without", Some(3 * HOUR), None, false, Some(3 * HOUR)),
        ("no file time, log from the future", Some(-3 * HOUR), None, true, Some(0)),
        ("no times at all", None, None, false, None),
    ];
    for (name, said, modified, timed, life) in cases {
        let world = World::running().with(|w| {
            w.run.last_life_at = said.and_then(|ms| fact(ago(ms), LAST));
            w.modified = modified.map(ago);
            w.health.last_line_timed = timed;
        });
        let clocks = super::clocks::Clocks::of(&world.observed());
        assert_eq!(clocks.life, life.map(ago), "{name}");
        assert!(clocks.silence_ms() >= 0, "{name}");
    }
}

/// The log's own clock, in milliseconds after now.
#[test]
fn the_logs_own_clock_goes_on_from_its_last_line() {
    let cases = [
        ("of one mind", Some(3 * HOUR), Some(3 * HOUR), true, 0),
        ("a clock two hours ahead", Some(-2 * HOUR), Some(MINUTE), true, 2 * HOUR + MINUTE),
        ("a clock two hours behind", Some(2 * HOUR + MINUTE), Some(MINUTE), true, -2 * HOUR),
        ("26 hours apart", Some(27 * HOUR), Some(HOUR), true, -26 * HOUR),
        ("more than 26 hours apart", Some(27 * HOUR + 1), Some(HOUR), true, 0),
        ("the last line has no time", Some(2 * HOUR), Some(MINUTE), false, 0),
        ("no file time", Some(2 * HOUR), None, true, 0),
        ("no time in the log", None, Some(MINUTE), false, 0),
        ("both from the future", Some(-2 * HOUR), Some(-HOUR), true, 2 * HOUR),
    ];
    for (name, said, modified, timed, ahead) in cases {
        let world = World::running().with(|w| {
            w.run.last_life_at = said.and_then(|ms| fact(ago(ms), LAST));
            w.modified = modified.map(ago);
            w.health.last_line_timed = timed;
        });
        assert_eq!(world.observed().log_now(), NOW.plus_millis(ahead), "{name}");
    }
}

#[test]
fn a_skewed_clock_makes_no_run_stuck_or_late() {
    for skew in [-25 * HOUR, -2 * HOUR, -MINUTE, MINUTE, 2 * HOUR, 25 * HOUR] {
        // Everything of the log moves by the skew; the file is written a second ago.
        let world = World::running().in_phase("build", 5 * MINUTE - skew).with(|w| {
            w.run.last_life_at = fact(ago(SECOND - skew), LAST);
            w.run.last_progress_at = fact(ago(MINUTE - skew), PROGRESS);
            w.run.started_at = fact(ago(HOUR - skew), 1);
            w.run.expected_ms = fact(2 * HOUR, 1);
            w.run.deadline = fact(ago(-MINUTE - skew), 1);
            w.learned = Some(Learned { median_ms: 1, p90_ms: 6 * MINUTE, spans: 5 });
        });
        rule(&format!("skew {skew}"), &world, Rule::Healthy);
        let still = world.with(|w| w.run.last_progress_at = fact(ago(HOUR - skew), PROGRESS));
        rule(&format!("skew {skew}, no progress"), &still, Rule::NoProgress);
    }
}

#[test]
fn limits_can_be_set_for_all_for_a_workflow_and_for_a_phase() {
    let world = World::running().in_phase("verify", MINUTE).alive(9 * MINUTE).with(|w| {
        w.run.workflow = fact(String::from("nightly"), 1);
    });
    rule("default", &world, Rule::Healthy);
    let special = |workflow: Option<&str>, phase: Option<&str>| Override {
        workflow: workflow.map(str::to_owned),
        phase: phase.map(str::to_owned),
        silence_ms: Some(8 * MINUTE),
        ..Override::default()
    };
    let cases = [
        (special(None, None), Rule::Silent),
        (special(Some("nightly"), None), Rule::Silent),
        (special(None, Some("verify")), Rule::Silent),
        (special(Some("nightly"), Some("verify")), Rule::Silent),
        (special(Some("daily"), None), Rule::Healthy),
        (special(None, Some("build")), Rule::Healthy),
        (special(Some("daily"), Some("verify")), Rule::Healthy),
    ];
    let mut world = world;
    for (set, wanted) in cases {
        world.policy.overrides = vec![set];
        rule(&format!("{:?}", world.policy.overrides), &world, wanted);
    }
}

#[test]
fn learning_takes_nearest_ranks_of_five_or_more() {
    type Case = (&'static [i64], Option<(i64, i64)>);
    let cases: [Case; 5] = [
        (&[], None),
        (&[1, 2, 3, 4], None),
        (&[50, 10, 40, 20, 30], Some((30, 50))),
        (&[1, 2, 3, 4, 5, 6, 7, 8, 9, 10], Some((5, 9))),
        (&[11, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10], Some((6, 10))),
    ];
    for (durations, wanted) in cases {
        let learned = learn(&mut durations.to_vec());
        assert_eq!(learned.map(|l| (l.median_ms, l.p90_ms)), wanted, "{durations:?}");
        assert_eq!(learned.map_or(0, |l| l.spans), if wanted.is_some() { durations.len() as u64 } else { 0 });
    }
    assert_eq!(percentile(&[], 50), None);
    assert_eq!(percentile(&[7], 0), Some(7));
    assert_eq!(percentile(&[7], 100), Some(7));
}

proptest::proptest! {
    /// Whatever times a log and a file claim, there is a verdict, and no age in it is negative.
    #[test]
    fn no_time_makes_an_age_negative(
        said in proptest::option::of(Micros::MIN.0..Micros::END.0),
        modified in proptest::option::of(-9_223_372_036_854_775i64..9_223_372_036_854_775),
        progress in proptest::option::of(Micros::MIN.0..Micros::END.0),
        began in proptest::option::of(Micros::MIN.0..Micros::END.0),
        expected in proptest::option::of(0i64..1_000_000_000_000_000),
        interval in proptest::option::of(1i64..i64::MAX),
        status in 0..4usize,
        timed: bool,
    ) {
        let world = World::running().status(Status::ALL[status], 1).in_phase("build", 0).with(|w| {
            w.run.last_life_at = said.and_then(|at| fact(Micros(at), LAST));
            w.run.last_progress_at = progress.and_then(|at| fact(Micros(at), PROGRESS));
            w.run.started_at = began.and_then(|at| fact(Micros(at), 1));
            w.run.queued_at = w.run.started_at.clone();
            w.run.ended_at = w.run.last_progress_at.clone();
            w.run.expected_ms = expected.and_then(|ms| fact(ms, 1));
            w.run.heartbeats = fact(3, 1);
            w.run.heartbeat_interval_ms = interval.and_then(|ms| fact(ms, 1));
            w.spans[0].started_at = began.map(Micros);
            w.spans[0].more.to_mut().deadline = progress.map(Micros);
            w.learned = Some(Learned { median_ms: 1, p90_ms: 1, spans: 5 });
            w.modified = modified.map(Micros);
            w.health.last_line_timed = timed;
        });
        let verdict = world.judge();
        let label = verdict.word.label(verdict.rule);
        proptest::prop_assert!(verdict.sentence.to_lowercase().starts_with(label), "{verdict:?}");
        proptest::prop_assert!(!verdict.sentence.contains(" -"), "{verdict:?}");
    }
}
