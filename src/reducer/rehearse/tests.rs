//! Hand-made stories of which the answer is known.

use super::{Rehearsal, Rehearsed, tally};
use crate::reducer::dialect::Reading;
use crate::reducer::reduce::Reducer;
use crate::reducer::run::{RunState, Status};
use crate::reducer::time::Micros;
use crate::reducer::verdict::{Learned, Limits, Policy, Rule};

const SECOND: i64 = 1_000;
const MINUTE: i64 = 60 * SECOND;
const START: Micros = Micros(1_780_000_000_000_000);

/// A line so many seconds after the start: `{…}` with the given fields.
fn at(seconds: i64, fields: &str) -> String {
    format!("{{\"ts\":{},{fields}}}\n", START.plus_millis(seconds * SECOND).0 / 1_000_000)
}

fn rehearse(policy: &Policy, learned: Option<Learned>, lines: &[String], until: i64) -> Rehearsed {
    let lessons = |_: &RunState, phase: &str| learned.filter(|_| phase == "build");
    let mut rehearsal = Rehearsal::new(policy, &lessons);
    let mut reducer = Reducer::new(Reading::default());
    reducer.push_before(lines.concat().as_bytes(), &mut |state, event| rehearsal.line(state, event.time));
    rehearsal.end(reducer.state_mut(), START.plus_millis(until * SECOND))
}

/// Each flag as `rule line from..until`, in seconds from the start; `+` where it lasts.
fn told(rehearsed: &Rehearsed) -> Vec<String> {
    let seconds = |at: Micros| (at.0 - START.0).div_euclid(1_000_000);
    let tell = |flag: &super::Flag| {
        let more = if flag.lasts { "+" } else { "" };
        format!("{} {} {}..{}{more}", flag.rule, flag.line, seconds(flag.at), seconds(flag.until))
    };
    rehearsed.flags.iter().map(tell).collect()
}

fn check(lines: &[String], until: i64, wanted: &[&str]) -> Rehearsed {
    let rehearsed = rehearse(&Policy::default(), None, lines, until);
    assert_eq!(told(&rehearsed), wanted);
    rehearsed
}

fn started() -> String {
    at(0, r#""event":"run.started","workflow":"w""#)
}

#[test]
fn a_silence_is_flagged_when_its_limit_passes_and_cleared_by_the_next_line() {
    let lines = [started(), at(700, r#""msg":"x""#), at(1300, r#""msg":"y""#), at(1310, r#""event":"run.passed""#)];
    // 600 s is the limit; the second silence of exactly 600 s does not pass it.
    let rehearsed = check(&lines, 99_999, &["silent 1 600..700"]);
    assert_eq!(rehearsed.end, Some(Status::Completed));
    let flag = rehearsed.flags[0];
    assert_eq!((flag.at, flag.millis()), (Micros(START.0 + 600_000_001), 100_000));
}

#[test]
fn the_limits_that_are_tried_decide() {
    let lines = [started(), at(700, r#""msg":"x""#), at(800, r#""event":"run.failed""#)];
    let limits = |silence_ms| Policy { limits: Limits { silence_ms, ..Limits::default() }, ..Policy::default() };
    let flags = |minutes| told(&rehearse(&limits(minutes * MINUTE), None, &lines, 99_999));
    assert_eq!(flags(5), ["silent 1 300..700"]);
    assert_eq!(flags(2), ["silent 1 120..700"]);
    assert_eq!(flags(12), [""; 0]);
    // Never before the limit of heartbeats, which is 2 min here.
    assert_eq!(told(&rehearse(&limits(90 * SECOND), None, &lines, 99_999)), ["silent 1 120..700"]);
}

#[test]
fn a_log_that_just_ends_is_silent_and_then_abandoned() {
    let day = 24 * 3600;
    check(&[started()], 2 * day, &["silent 1 600..86400", "abandoned 1 86400..172800+"]);
    check(&[started()], 300, &[]);
}

#[test]
fn what_a_line_says_is_flagged_from_that_line_on() {
    let lines = [
        started(),
        at(10, r#""event":"stuck","reason":"r""#),
        at(20, r#""event":"stuck.cleared""#),
        at(30, r#""event":"needs_human""#),
        at(40, r#""event":"needs_human.cleared""#),
        at(41, r#""event":"approval.requested","id":"a","expires_at":"2026-05-28T20:31:40Z""#),
        at(400, r#""event":"run.finished""#),
    ];
    // The approval expires at 300 s; then nobody is waited for.
    check(&lines, 99_999, &["marker 2 10..20", "waiting 4 30..40", "waiting 6 41..300"]);
}

#[test]
fn heartbeats_progress_queue_and_expectations_pass_at_their_moments() {
    let beat = |seconds| at(seconds, r#""event":"heartbeat""#);
    check(
        &[started(), beat(10), beat(20), beat(200), at(201, r#""event":"run.finished""#)],
        99_999,
        &["heartbeat_lost 3 140..200"],
    );
    let mut lines = vec![started(), at(1, r#""event":"phase.started","phase":"build""#)];
    lines.extend((1..8).map(|n| at(n * 300, r#""msg":"still here""#)));
    lines.push(at(2200, r#""event":"phase.finished","phase":"build""#));
    lines.push(at(2201, r#""event":"run.finished""#));
    check(&lines, 99_999, &["no_progress 8 1801..2200"]);
    check(
        &[at(0, r#""event":"run.queued""#), at(400, r#""event":"run.started""#), at(401, r#""event":"run.passed""#)],
        99_999,
        &["queued 1 300..400"],
    );
    let lines =
        [at(0, r#""event":"run.started","deadline":"2026-05-28T20:27:10Z""#), at(60, r#""event":"run.finished""#)];
    check(&lines, 99_999, &["deadline 1 30..60"]);
    let lines = [
        at(0, r#""event":"run.started","expected_s":50"#),
        at(5, r#""event":"step.started","step_id":"s","deadline":"2026-05-28T20:27:10Z""#),
        at(60, r#""event":"step.finished","step_id":"s""#),
        at(70, r#""event":"run.finished""#),
    ];
    check(&lines, 99_999, &["deadline 2 30..60", "expected 3 60..70"]);
}

#[test]
fn a_phase_is_late_by_what_was_learned() {
    let lines = [
        at(0, r#""event":"phase.started","phase":"build""#),
        at(200, r#""event":"phase.started","phase":"verify""#),
        at(500, r#""event":"run.finished""#),
    ];
    let learned = Some(Learned { median_ms: 60_000, p90_ms: 90_000, spans: 9 });
    assert_eq!(told(&rehearse(&Policy::default(), learned, &lines, 99_999)), ["phase 1 90..200"]);
    assert_eq!(told(&rehearse(&Policy::default(), None, &lines, 99_999)), [""; 0]);
}

#[test]
fn a_run_that_opens_again_is_judged_again() {
    let lines = [
        started(),
        at(10, r#""event":"run.finished""#),
        at(5000, r#""event":"run.started""#),
        at(5700, r#""event":"run.failed""#),
    ];
    check(&lines, 99_999, &["silent 3 5600..5700"]);
}

#[test]
fn a_log_without_times_is_not_judged() {
    let lines = [String::from("plain\n"), String::from("{\"event\":\"run.started\"}\n")];
    assert!(!check(&lines, 99_999, &[]).judged);
    assert!(check(&[started()], 1, &[]).judged);
}

#[test]
fn a_tally_counts_runs_flags_and_ends() {
    let silent = |end: &str| {
        let lines =
            [started(), at(700, r#""msg":"x""#), at(1400, r#""msg":"x""#), at(1401, &format!(r#""event":"{end}""#))];
        rehearse(&Policy::default(), None, &lines, 99_999)
    };
    let runs = [
        silent("run.passed"),
        silent("run.passed"),
        silent("run.failed"),
        rehearse(&Policy::default(), None, &[started()], 700),
    ];
    let tallies = tally(&runs);
    assert_eq!(tallies.keys().collect::<Vec<_>>(), [&Rule::Silent]);
    let tally = &tallies[&Rule::Silent];
    assert_eq!((tally.runs, tally.flags, tally.went_on, tally.longest_ms), (4, 7, 3, 100_000));
    let ends: Vec<(Option<Status>, u64)> = tally.ends.iter().map(|(end, runs)| (*end, *runs)).collect();
    assert_eq!(ends, [(None, 1), (Some(Status::Completed), 2), (Some(Status::Failed), 1)]);
}
