//! Rule 12 and the borders of spec 2.7: where two readers of the rules could differ, this is meant.

use serde_json::json;

use super::{at, check};

/// A line of a second with some members.
fn line(second: u32, members: &str) -> String {
    format!("{{\"ts\":\"2026-01-01T00:00:{second:02}Z\",{members}}}")
}

#[track_caller]
fn timed(rule: &str, members: &[&str], expected: &serde_json::Value) {
    let lines: Vec<String> = members.iter().zip(1..).map(|(members, second)| line(second, members)).collect();
    check(rule, &lines.iter().map(String::as_str).collect::<Vec<_>>(), expected);
}

#[test]
fn rule_12_being_alive_and_getting_somewhere_are_two_clocks() {
    let start = r#""event":"phase.started","phase":"build""#;
    let moves = [
        r#""event":"run.failed""#,
        r#""phase":"verify""#,
        r#""candidate":"c""#,
        r#""event":"note","attempt":2"#,
        r#""score":5"#,
        r#""steps_total":5"#,
        r#""event":"step.started","step":"a""#,
        r#""event":"question.asked""#,
        r#""artifact":"a.md""#,
    ];
    for moved in moves {
        timed(
            "rule 12, progress",
            &[start, moved],
            &json!({"run": {"last_progress_at": at(2), "last_life_at": at(2)}}),
        );
    }
    let rests = [
        r#""event":"heartbeat""#,
        r#""event":"note","error":"bad""#,
        r#""reason":"so""#,
        r#""event":"usage","input_tokens":5"#,
        r#""phase":"build""#,
        r#""event":"phase.started","phase":"Building ""#,
        r#""title":"t","retry_of":"x","deadline":"2026-01-02T00:00:00Z""#,
    ];
    for rest in rests {
        timed("rule 12, alive", &[start, rest], &json!({"run": {"last_progress_at": at(1), "last_life_at": at(2)}}));
    }
    timed(
        "rule 12, a marker renewed is none and one closed is",
        &[
            r#""event":"question.asked""#,
            r#""event":"question.asked","reason":"again""#,
            r#""event":"question.answered""#,
        ],
        &json!({"run": {"last_progress_at": at(3)}, "markers": [{"reason": "again", "opened_line": 1, "closed_line": 3}]}),
    );
    check(
        "rule 12, never back",
        &[&line(5, start), &line(3, r#""phase":"verify""#)],
        &json!({"run": {"last_progress_at": at(5), "evidence": {"last_progress_at": 1}}}),
    );
    check(
        "rule 12, the last life where there is no time",
        &[&line(3, start), &line(5, r#""event":"heartbeat""#), r#"{"phase":"docs"}"#],
        &json!({"run": {"last_progress_at": at(5), "evidence": {"last_progress_at": 3}}}),
    );
    timed(
        "rule 12 and 2.7, the first line makes the run running, also a heartbeat",
        &[r#""event":"heartbeat""#, r#""event":"heartbeat""#],
        &json!({"run": {"last_progress_at": at(1), "heartbeats": 2}}),
    );
}

#[test]
fn borders_of_spans() {
    timed(
        "2.7, span attempt: the event's own, else one more",
        &[
            r#""event":"step.started","step":"a","attempt":4"#,
            r#""event":"step.retried","step":"a""#,
            r#""event":"step.started","step":"a""#,
        ],
        &json!({"spans": [{"attempt": 4, "status": "failed"}, {"attempt": 5, "status": "superseded"}, {"attempt": 6}]}),
    );
    timed(
        "2.7, phase spans: how often that value has been opened, whatever the event says",
        &[r#""phase":"build","attempt":7"#, r#""phase":"verify""#, r#""event":"phase.started","phase":"build""#],
        &json!({"spans": [{"id": "build", "attempt": 1}, {"kind": "attempt"}, {"id": "verify"}, {"id": "build", "attempt": 2}]}),
    );
    timed(
        "2.7, ends without a value close the open span of that kind",
        &[r#""event":"phase.started","phase":"build""#, r#""event":"phase.failed""#],
        &json!({"spans": [{"id": "build", "status": "failed"}], "run": {"phase": "build"}}),
    );
    timed(
        "2.7, phase.finished of done neither makes a span nor ends the run",
        &[r#""event":"phase.finished","phase":"done""#],
        &json!({"spans": [], "run": {"status": "running"}}),
    );
    timed(
        "2.7, finished with the status skipped is skipped",
        &[r#""event":"step.started","step":"a""#, r#""event":"step.finished","step":"a","status":"skip""#],
        &json!({"spans": [{"status": "skipped"}], "run": {"steps_done": 1}}),
    );
    timed(
        "2.7, a second end renews particulars and neither status, times nor duration",
        &[
            r#""event":"step.started","step":"a""#,
            r#""event":"step.finished","step":"a""#,
            r#""event":"step.failed","step":"a","model":"m","attempt":3,"output":1"#,
        ],
        &json!({"spans": [{"status": "completed", "ended_at": at(2), "duration_ms": 1000, "model": "m", "attempt": 3,
            "output_line": 3}]}),
    );
    timed(
        "2.7, a skipped for a value that was already ended makes another span",
        &[
            r#""event":"phase.started","phase":"a""#,
            r#""event":"phase.finished","phase":"a""#,
            r#""event":"phase.skipped","phase":"a""#,
        ],
        &json!({"spans": [{"status": "completed"}, {"status": "skipped"}]}),
    );
    timed(
        "2.7, retried: error and score are those of the span that closes only",
        &[
            r#""event":"step.started","step":"a""#,
            r#""event":"step.retried","step":"a","error":"bad","score":2,"model":"m""#,
        ],
        &json!({"spans": [{"error": {"message": "bad"}, "score": 2.0, "model": "m"}, {"error": null, "score": null, "model": "m"}]}),
    );
    timed(
        "2.7, retried when nothing is open opens the next attempt and closes nothing",
        &[r#""event":"step.finished","step":"a""#, r#""event":"step.retried","step":"a""#],
        &json!({"spans": [{"status": "completed"}, {"status": "open", "attempt": 2}]}),
    );
    check(
        "2.7, a computed start before 1990 is unknown",
        &[r#"{"ts":"1990-01-01T00:00:01Z","event":"step.finished","step":"a","duration_ms":5000}"#],
        &json!({"spans": [{"started_at": null, "duration_ms": 5000}]}),
    );
}

#[test]
fn borders_of_the_run() {
    timed(
        "2.7, status_reason: an event that sets the same status renews it when it has a reason",
        &[
            r#""event":"run.started","reason":"a""#,
            r#""event":"run.started""#,
            r#""event":"run.status","status":"active","reason":"b""#,
        ],
        &json!({"run": {"status_reason": "b", "evidence": {"status_reason": 3}}}),
    );
    timed(
        "2.7, error text: message, else reason, else name",
        &[r#""event":"step.note","level":"error","reason":"why""#],
        &json!({"run": {"error": {"message": "why"}}}),
    );
    timed(
        "2.7, cancel sets the event's time unless the event has the field; the newest wins",
        &[r#""event":"cancel.requested","cancel_requested_at":"2026-01-01T00:00:30Z""#, r#""event":"cancel""#],
        &json!({"run": {"cancel_requested_at": at(2), "status": "running"}}),
    );
    timed(
        "2.7, a status word queued takes an implied start back",
        &[r#""event":"note""#, r#""event":"run.status","status":"pending""#],
        &json!({"run": {"status": "queued", "queued_at": at(2), "started_at": null, "holder": null}}),
    );
    timed(
        "2.7, ids that make a ledger line count with any value but null",
        &[r#""status":"running","task":false"#, r#""status":"failed","item_id":0"#],
        &json!({"run": {"status": "running"}}),
    );
    timed(
        "2.7, a replaced path takes the new line and is no progress",
        &[r#""artifact":"a.md","attempt":3"#, r#""artifact":"a.md""#],
        &json!({"artifacts": [{"path": "a.md", "line": 2, "attempt": 3}], "run": {"last_progress_at": at(1)}}),
    );
    check(
        "2.7, last_heartbeat_at is the newest line's time, also when it is earlier",
        &[&line(9, r#""event":"heartbeat""#), &line(4, r#""event":"heartbeat""#), &line(6, r#""event":"heartbeat""#)],
        &json!({"run": {"last_heartbeat_at": at(6), "last_life_at": at(9), "heartbeat_interval_ms": 2000}}),
    );
    timed(
        "2.7, deadline and expected of a span are the span's own; a heartbeat sets none",
        &[r#""event":"step.started","step":"a","expected_s":5"#, r#""event":"heartbeat","expected_ms":7"#],
        &json!({"spans": [{"expected_ms": 5000}], "run": {"expected_ms": null}}),
    );
    timed(
        "2.7, usage goes to the newest step span that the event names, open or closed",
        &[r#""event":"step.finished","step":"a""#, r#""event":"usage","step":"a","input_tokens":5"#],
        &json!({"spans": [{"tokens_in": 5}], "run": {"tokens_in": 5}}),
    );
}

#[test]
fn each_particular_counts_alone_and_stays_until_there_is_another() {
    for (said, member) in [
        (r#""skill":"k""#, json!({"skill": "k"})),
        (r#""agent":"k""#, json!({"agent": "k"})),
        (r#""model":"k""#, json!({"model": "k"})),
        (r#""repo":"k""#, json!({"repo": "k"})),
        (r#""score":0.5"#, json!({"score": 0.5})),
        (r#""error":"k""#, json!({"error": {"message": "k"}})),
        (r#""deadline":"2026-01-01T00:00:09Z""#, json!({"deadline": at(9)})),
        (r#""expected_ms":7"#, json!({"expected_ms": 7})),
    ] {
        let says = format!(r#""event":"step.started","step":"a",{said}"#);
        let others = [r#""skill":"o""#, r#""score":2"#, r#""expected_ms":3"#];
        let other = others.into_iter().find(|other| !other.starts_with(&said[..5])).expect("there are three");
        let ends = format!(r#""event":"step.finished","step":"a",{other}"#);
        timed(said, &[&says, &ends], &json!({"spans": [member]}));
    }
}
