//! One small log per rule: its lines, and the part of the dump that the rule decides.

mod borders;

use serde_json::{Value, json};

use crate::reducer::dialect::Reading;
use crate::reducer::dump;
use crate::reducer::reduce::{Reducer, Tail};
use crate::reducer::run::{RunState, value};
use crate::reducer::span::SpanKind;

/// The dumped run of a log.
fn reduce(lines: &[&str]) -> Value {
    let mut reducer = Reducer::new(Reading::default());
    let mut events = dump::EventsHash::default();
    reducer.push((lines.join("\n") + "\n").as_bytes(), &mut |event| {
        events.push(&crate::reducer::reduce::EventRow::of(event));
    });
    assert!(matches!(reducer.tail(), Tail::None));
    let (count, hash) = events.finish();
    json!(dump::run("key", "key", reducer.state(), 0, count, &hash))
}

/// Every value of `expected` must be in `actual`; arrays have the same length.
fn holds(expected: &Value, actual: &Value, path: &str, wrong: &mut Vec<String>) {
    match (expected, actual) {
        (Value::Object(expected), Value::Object(actual)) => {
            for (key, value) in expected {
                holds(value, actual.get(key).unwrap_or(&Value::Null), &format!("{path}/{key}"), wrong);
            }
        }
        (Value::Array(expected), Value::Array(actual)) if expected.len() == actual.len() => {
            for (n, (expected, actual)) in expected.iter().zip(actual).enumerate() {
                holds(expected, actual, &format!("{path}/{n}"), wrong);
            }
        }
        (expected, actual) if expected == actual => {}
        (expected, actual) => wrong.push(format!("{path}: expected {expected}, got {actual}")),
    }
}

#[track_caller]
fn check(rule: &str, lines: &[&str], expected: &Value) {
    let mut wrong = Vec::new();
    holds(expected, &reduce(lines), "", &mut wrong);
    assert!(wrong.is_empty(), "{rule}\n{}\n{}", lines.join("\n"), wrong.join("\n"));
}

const T: [&str; 4] = ["2026-01-01T00:00:01Z", "2026-01-01T00:00:02Z", "2026-01-01T00:00:03Z", "2026-01-01T00:00:04Z"];

fn at(second: u32) -> String {
    format!("2026-01-01T00:00:{second:02}.000000Z")
}

#[test]
fn rule_1_counts_levels_and_names_and_the_first_time_once() {
    check(
        "rule 1",
        &[
            r#"{"event":"a.b","level":"info"}"#,
            r#"{"ts":"2026-01-01T00:00:02Z","event":"a.b","level":"warning"}"#,
            r#"{"ts":"2026-01-01T00:00:01Z"}"#,
            "plain",
            "",
        ],
        &json!({
            "lines": {"event": 3, "text": 1, "blank": 1}, "levels": {"info": 1, "warn": 1}, "names": {"a.b": 2},
            "run": {"first_event_at": at(2), "last_life_at": at(2), "evidence": {"first_event_at": 2}}, "events": 4,
        }),
    );
}

#[test]
fn rule_2_heartbeats_are_counted_and_their_lower_median_kept() {
    check(
        "rule 2",
        &[
            r#"{"ts":"2026-01-01T00:00:01Z","event":"heartbeat"}"#,
            r#"{"ts":"2026-01-01T00:00:02Z","event":"heartbeat"}"#,
            r#"{"ts":"2026-01-01T00:00:05Z","event":"heartbeat"}"#,
            r#"{"ts":"2026-01-01T00:00:04Z","event":"heartbeat"}"#,
        ],
        &json!({"run": {"heartbeats": 4, "heartbeat_interval_ms": 1000, "last_heartbeat_at": at(4),
            "last_life_at": at(5), "last_progress_at": at(1),
            "evidence": {"heartbeats": 4, "heartbeat_interval_ms": 2, "last_progress_at": 1}}}),
    );
}

#[test]
fn rule_2_the_median_is_that_of_the_last_intervals_also_after_a_restart() {
    let mut reducer = Reducer::new(Reading::default());
    let (mut at, mut intervals) = (1_780_000_000_000_i64, Vec::new());
    for beat in 0..200_i64 {
        // Longer and shorter ones, some of them equal, and in the end only short ones.
        let interval = if beat < 120 { 1000 + beat * 37 % 50 * 100 } else { 500 };
        at += interval;
        intervals.extend((beat > 0).then_some(interval));
        reducer.push(format!("{{\"ts\":{at},\"event\":\"heartbeat\"}}\n").as_bytes(), &mut |_| {});
        let mut last = intervals[intervals.len().saturating_sub(64)..].to_vec();
        last.sort_unstable();
        let middle = last.get(last.len().saturating_sub(1) / 2).copied();
        assert_eq!(value(&reducer.state().run.heartbeat_interval_ms).copied(), middle, "beat {beat}");
        if beat % 30 == 29 {
            let core = postcard::from_bytes(&postcard::to_stdvec(reducer.state()).unwrap()).unwrap();
            let state = RunState::restore(core, Vec::new(), Vec::new(), Vec::new());
            reducer = Reducer::resume(Reading::default(), state, reducer.offset());
        }
    }
}

#[test]
fn rule_3_any_event_makes_a_run_running_until_it_is_queued() {
    check(
        "rule 3",
        &["started by hand"],
        &json!({"run": {"status": "running", "holder": "agent", "started_at": null, "evidence": {"status": 1}}}),
    );
    let queued =
        [r#"{"ts":"2026-01-01T00:00:01Z","msg":"x"}"#, r#"{"ts":"2026-01-01T00:00:02Z","event":"run.queued"}"#];
    check(
        "rule 3, taken back",
        &queued,
        &json!({"run": {"status": "queued", "started_at": null, "queued_at": at(2), "holder": null}}),
    );
    check(
        "rule 10, queued after a start is only an event",
        &[r#"{"ts":"2026-01-01T00:00:01Z","event":"run.started"}"#, queued[1]],
        &json!({"run": {"status": "running", "started_at": at(1), "queued_at": null}}),
    );
}

#[test]
fn rule_4_fields_count_whatever_the_event_is_called() {
    check(
        "rule 4",
        &[
            r#"{"event":"log","phase":" Building ","title":"one","score":0.5,"attempt":2,"steps_total":9}"#,
            r#"{"event":"log","title":"two"}"#,
            r#"{"event":"run.info","title":"three"}"#,
            r#"{"event":"step.started","step":"s","score":0.9,"attempt":7}"#,
        ],
        &json!({
            "run": {"phase": "build", "title": "three", "score": 0.5, "attempt": 2, "steps_total": 9},
            "spans": [{"kind": "phase", "id": "build"}, {"kind": "attempt", "id": "2", "attempt": 1},
                {"kind": "step", "id": "s", "score": 0.9, "attempt": 7}],
        }),
    );
}

#[test]
fn rule_5_a_new_phase_completes_the_old_one_and_coming_back_is_rework() {
    check(
        "rule 5",
        &[
            &format!(r#"{{"ts":"{}","event":"phase.started","phase":"build"}}"#, T[0]),
            &format!(r#"{{"ts":"{}","phase":"verify","candidate":"c1"}}"#, T[1]),
            &format!(r#"{{"ts":"{}","phase":"build","candidate":"c2"}}"#, T[2]),
        ],
        &json!({"spans": [
            {"kind": "phase", "id": "build", "status": "completed", "duration_ms": 1000, "closed_line": 2, "attempt": 1},
            {"kind": "phase", "id": "verify", "status": "completed"},
            {"kind": "candidate", "id": "c1", "status": "superseded", "closed_line": 3},
            {"kind": "phase", "id": "build", "status": "open", "attempt": 2},
            {"kind": "candidate", "id": "c2", "status": "open"},
        ]}),
    );
    check(
        "rule 5, an end leaves the value, a second end opens nothing, skipped sets no value",
        &[
            r#"{"event":"phase.started","phase":"build"}"#,
            r#"{"event":"phase.failed","phase":"build"}"#,
            r#"{"event":"phase.finished","phase":"build","error":"late"}"#,
            r#"{"event":"phase.skipped","phase":"docs"}"#,
        ],
        &json!({"run": {"phase": "build", "status": "running"}, "spans": [
            {"id": "build", "status": "failed", "closed_line": 2, "error": {"message": "late"}},
            {"id": "docs", "status": "skipped", "opened_line": 4, "closed_line": 4},
        ]}),
    );
    check(
        "rule 5, done ends an open run",
        &[r#"{"phase":"verify"}"#, r#"{"ts":"2026-01-01T00:00:02Z","phase":"completed"}"#],
        &json!({"run": {"status": "completed", "phase": "done", "ended_at": at(2), "holder": null},
            "spans": [{"id": "verify", "status": "completed"}]}),
    );
    check(
        "2.7, phase.finished of done neither makes a span nor ends the run",
        &[r#"{"event":"phase.finished","phase":"done"}"#],
        &json!({"run": {"status": "running", "phase": null}, "spans": []}),
    );
}

#[test]
fn rule_6_spans_open_close_supersede_and_retry() {
    check(
        "rule 6, superseded and next attempt",
        &[r#"{"event":"step.started","step":"a"}"#, r#"{"event":"step.started","step":"a"}"#],
        &json!({"spans": [{"status": "superseded", "attempt": 1}, {"status": "open", "attempt": 2}]}),
    );
    check(
        "rule 6, an end without a start begins at end minus duration",
        &[r#"{"ts":"2026-01-01T00:00:03Z","event":"tool.result","tool_use_id":"t","duration_ms":1500}"#],
        &json!({"spans": [{"kind": "tool", "id": "t", "status": "completed", "duration_ms": 1500,
            "started_at": "2026-01-01T00:00:01.500000Z", "opened_line": 1, "closed_line": 1}]}),
    );
    check(
        "rule 6, the same end again without a start is another record",
        &[r#"{"event":"step.finished","step":"a"}"#, r#"{"event":"step.finished","step":"a"}"#],
        &json!({"spans": [{"attempt": 1}, {"attempt": 2}], "run": {"steps_done": 1}}),
    );
    check(
        "rule 6, retried closes as failed and opens the next attempt",
        &[r#"{"event":"step.started","step":"a"}"#, r#"{"event":"step.retried","step":"a","error":"x","skill":"s"}"#],
        &json!({"spans": [{"status": "failed", "error": {"message": "x"}, "attempt": 1, "skill": "s"},
            {"status": "open", "error": null, "attempt": 2, "skill": "s"}]}),
    );
    check(
        "rule 6, an end with only a name means the newest open one with it",
        &[
            r#"{"event":"tool.started","span_id":"1","tool":"Bash"}"#,
            r#"{"event":"tool.started","span_id":"2","tool":"Bash"}"#,
            r#"{"event":"tool.finished","tool":"Bash","exit_code":1}"#,
        ],
        &json!({"spans": [{"id": "1", "status": "open"}, {"id": "2", "status": "failed"}]}),
    );
    check(
        "rule 6, without an id an end closes the newest open span of the kind",
        &[r#"{"event":"step.started","step":"a"}"#, r#"{"event":"step.finished","status":"skip"}"#],
        &json!({"spans": [{"id": "a", "status": "skipped"}], "run": {"steps_done": 1}}),
    );
}

#[test]
fn the_newest_line_of_a_step_is_known_whatever_opened_or_closed_it() {
    let lines = [
        r#"{"event":"run.started"}"#,
        r#"{"event":"phase.started","phase":"build"}"#,
        r#"{"event":"step.started","step":"a"}"#,
        r#"{"event":"tool.started","span_id":"t"}"#,
        r#"{"event":"step.started","step":"a"}"#,
        r#"{"event":"step.progress","step":"a"}"#,
        r#"{"event":"step.retried","step":"a"}"#,
        r#"{"event":"tool.finished","span_id":"t"}"#,
        r#"{"event":"step.finished","step":"b","duration_ms":4}"#,
        r#"{"event":"step.finished","step":"a"}"#,
        r#"{"event":"step.failed","step":"a"}"#,
        r#"{"event":"step.started","step":"c"}"#,
        "plain text",
        r#"{"event":"run.finished"}"#,
    ];
    let mut reducer = Reducer::new(Reading::default());
    let mut newest = Vec::new();
    for line in lines {
        reducer.push(format!("{line}\n").as_bytes(), &mut |_| {});
        let state = reducer.state();
        let steps = state.spans.iter().filter(|span| span.kind == SpanKind::Step);
        let of_steps = steps.map(|span| span.closed_line.unwrap_or(span.opened_line)).max();
        assert_eq!(state.counters.steps_line, of_steps.unwrap_or(0), "after {line}");
        newest.push(state.counters.steps_line);
    }
    assert_eq!(newest, [0, 0, 3, 3, 5, 5, 7, 7, 9, 10, 10, 12, 12, 14]);
}

#[test]
fn rule_7_markers_open_close_and_move_the_wheel() {
    check(
        "rule 7, needs-human word",
        &[r#"{"event":"needs_human","reason":"which one?"}"#, r#"{"event":"handoff.resolved"}"#],
        &json!({"run": {"status": "running", "holder": "agent"},
            "markers": [{"kind": "handoff", "id": "-", "reason": "which one?", "resolution": "cleared", "closed_line": 2}]}),
    );
    check(
        "rule 7, granted keeps it open and names the holder",
        &[r#"{"event":"handoff.requested"}"#, r#"{"event":"handoff.granted","holder":{"name":"ada"}}"#],
        &json!({"run": {"holder": "ada"}, "markers": [{"closed_line": null, "resolution": null}]}),
    );
    check(
        "1.3, the bare word handoff raises nothing",
        &[r#"{"event":"handoff"}"#],
        &json!({"markers": [], "run": {"status": "running"}}),
    );
    check(
        "rule 7, an answer repeated does not close the next question",
        &[
            r#"{"event":"question.asked","id":"q1"}"#,
            r#"{"event":"question.answered","id":"q1"}"#,
            r#"{"event":"question.asked","id":"q2"}"#,
            r#"{"event":"question.answered","id":"q1"}"#,
        ],
        &json!({"markers": [{"id": "q1", "resolution": "granted"}, {"id": "q2", "closed_line": null}]}),
    );
    check(
        "rule 7, a question is superseded by the next phase start",
        &[r#"{"event":"question"}"#, r#"{"event":"phase.started","phase":"verify"}"#],
        &json!({"markers": [{"resolution": "superseded", "closed_line": 2}]}),
    );
    check(
        "rule 7, a stuck marker opens without a verb and unblocked clears it",
        &[r#"{"event":"build.blocked","reason":"disk"}"#, r#"{"event":"unblocked"}"#],
        &json!({"markers": [{"kind": "stuck", "reason": "disk", "resolution": "cleared"}]}),
    );
}

#[test]
fn rule_8_an_artifact_named_again_replaces_its_entry_and_is_no_progress() {
    check(
        "rule 8",
        &[
            r#"{"ts":"2026-01-01T00:00:01Z","event":"artifact.written","path":"a.md","attempt":3}"#,
            r#"{"ts":"2026-01-01T00:00:02Z","artifacts":["a.md",{"path":"b.md","media_type":"text/markdown"}]}"#,
            r#"{"ts":"2026-01-01T00:00:03Z","artifact":"b.md"}"#,
        ],
        &json!({"artifacts": [{"path": "a.md", "line": 2, "attempt": 3}, {"path": "b.md", "line": 3, "media_type": null}],
            "run": {"last_progress_at": at(2)}}),
    );
}

#[test]
fn rule_9_the_newest_error_wins_and_has_a_text() {
    check(
        "rule 9",
        &[r#"{"error":{"message":"no","type":"E","stack":"at x"}}"#, r#"{"level":"error","msg":"worse"}"#],
        &json!({"run": {"error": {"message": "worse", "type": null, "stack": null}, "evidence": {"error": 2}}}),
    );
}

#[test]
fn rule_10_ends_by_verb_status_outcome_error_and_score() {
    for (line, status) in [
        (r#"{"event":"run.passed"}"#, "completed"),
        (r#"{"event":"run.crashed"}"#, "failed"),
        (r#"{"event":"run.stopped"}"#, "cancelled"),
        (r#"{"event":"run_timed_out"}"#, "timed_out"),
        (r#"{"event":"run.finished","status":"aborted"}"#, "cancelled"),
        (r#"{"event":"run.finished","status":"odd","exit_code":3}"#, "failed"),
        (r#"{"event":"run.finished","error":"x"}"#, "failed"),
        (r#"{"event":"run.finished","score":0.1,"pass_threshold":0.5}"#, "failed"),
        (r#"{"event":"run.finished","success":true}"#, "completed"),
        (r#"{"event":"state_changed","status":"needs-input"}"#, "needs_human"),
        (r#"{"event":"log","status":"failed"}"#, "running"),
        (r#"{"status":"failed"}"#, "failed"),
        (r#"{"status":"failed","run_id":7}"#, "running"),
        (r#"{"status":"waiting","run_id":7}"#, "needs_human"),
        (r#"{"event":"cancel"}"#, "running"),
    ] {
        check("rule 10", &[line], &json!({"run": {"status": status}}));
    }
}

#[test]
fn rule_10_a_waiting_run_that_starts_work_is_running() {
    check(
        "rule 10",
        &[r#"{"event":"run.queued"}"#, r#"{"ts":"2026-01-01T00:00:02Z","event":"phase.started","phase":"build"}"#],
        &json!({"run": {"status": "running", "started_at": at(2), "holder": "agent"}}),
    );
    check(
        "rule 10, not while something is open",
        &[r#"{"event":"needs_human"}"#, r#"{"event":"step.started","step":"a"}"#],
        &json!({"run": {"status": "needs_human"}}),
    );
}

#[test]
fn rule_11_the_first_end_stands_until_something_starts() {
    let end = [
        r#"{"ts":"2026-01-01T00:00:01Z","event":"step.started","step":"a"}"#,
        r#"{"ts":"2026-01-01T00:00:02Z","event":"approval.requested","id":"x"}"#,
        r#"{"ts":"2026-01-01T00:00:03Z","event":"run.failed","reason":"bad"}"#,
        r#"{"ts":"2026-01-01T00:00:04Z","event":"run.finished","phase":"docs","total_cost_usd":2.5,"error":"after"}"#,
    ];
    check(
        "rule 11",
        &end,
        &json!({"run": {"status": "failed", "status_reason": "bad", "ended_at": at(3), "phase": null, "cost_usd": 2.5,
                "error": {"message": "after"}, "last_life_at": at(4), "last_progress_at": at(3), "holder": null},
            "spans": [{"status": "unfinished", "closed_line": 3}], "markers": [{"resolution": "run_ended"}]}),
    );
    let again = [&end[..], &[r#"{"event":"step.started","step":"b"}"#]].concat();
    check(
        "rule 11, opened again",
        &again,
        &json!({"run": {"status": "running", "ended_at": null, "holder": "agent", "status_reason": null}}),
    );
}

#[test]
fn usage_totals_replace_and_move_the_run_by_the_difference() {
    check(
        "rule 4 and 2.7, usage",
        &[
            r#"{"event":"step.started","step":"a","usage":{"input_tokens":10}}"#,
            r#"{"event":"step.finished","step":"a","total_input_tokens":25,"total_cost_usd":0.5}"#,
            r#"{"event":"usage","step":"a","input_tokens":5}"#,
            r#"{"event":"usage","output_tokens":7}"#,
        ],
        &json!({"run": {"tokens_in": 30, "tokens_out": 7, "cost_usd": 0.5},
            "spans": [{"tokens_in": 30, "tokens_out": null, "cost_usd": 0.5}]}),
    );
}
