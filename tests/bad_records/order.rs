//! Events in an order that makes no sense, and references that lead nowhere.

use serde_json::{Value, json};

use crate::bench::Bench;

fn lines(events: &[&str]) -> String {
    let line = |(number, event): (usize, &&str)| format!("{{\"ts\":{},{event}}}\n", 1_780_000_000 + number);
    events.iter().enumerate().map(line).collect()
}

#[test]
fn t70_ends_that_come_twice_or_without_a_start_have_one_documented_meaning() {
    let phase = "\"event\":\"phase.started\",\"phase\":\"build\"";
    let done = "\"event\":\"run.completed\"";
    let failed = "\"event\":\"run.failed\",\"reason\":\"late\"";
    let seen = Bench::with([
        ("after-done", lines(&[phase, done, "\"event\":\"note.taken\",\"phase\":\"verify\",\"score\":5"])),
        ("done-twice", lines(&[phase, done, failed])),
        ("running-again", lines(&[phase, done, "\"event\":\"run.started\"", phase])),
        ("no-start", lines(&["\"event\":\"step.finished\",\"step\":\"s\",\"duration_ms\":500"])),
        ("two-starts", lines(&["\"event\":\"step.started\",\"step\":\"s\""; 2])),
    ])
    .compare();
    let status = |key: &str| seen.of(key)["run"]["status"].clone();
    let run = &seen.of("after-done")["run"];
    assert_eq!(
        (&run["phase"], &run["score"], status("after-done")),
        (&json!("build"), &Value::Null, json!("completed"))
    );
    let run = &seen.of("done-twice")["run"];
    assert_eq!((status("done-twice"), &run["status_reason"]), (json!("completed"), &Value::Null));
    let run = &seen.of("running-again")["run"];
    assert_eq!((status("running-again"), &run["ended_at"]), (json!("running"), &Value::Null));
    let span = &seen.of("no-start")["spans"][0];
    assert_eq!(
        (&span["status"], &span["opened_line"], &span["closed_line"]),
        (&json!("completed"), &json!(1), &json!(1))
    );
    assert_eq!(span["started_at"], "2026-05-28T20:26:39.500000Z", "end minus duration");
    let spans = seen.of("two-starts")["spans"].as_array().expect("spans");
    let spans: Vec<_> = spans.iter().map(|span| (span["status"].clone(), span["attempt"].clone())).collect();
    assert_eq!(spans, [(json!("superseded"), json!(1)), (json!("open"), json!(2))]);
    seen.end();
}

#[test]
fn t71_references_to_oneself_to_nobody_in_a_chain_and_in_a_circle_are_only_references() {
    const CHAIN: usize = 10_000;
    let session = |id: usize, parent: usize| {
        format!("{{\"event\":\"session.started\",\"session\":\"s{id}\",\"parent_session\":\"s{parent}\"}}\n")
    };
    let span = |id: usize, parent: usize| {
        format!(
            "{{\"event\":\"tool.started\",\"span_id\":\"t{id}\",\"parent_span_id\":\"t{parent}\",\"tool\":\"sh\"}}\n"
        )
    };
    let handoff = |extra: &str| format!("{{\"event\":\"handoff.requested\",\"reason\":\"look\"{extra}}}\n");
    let bench = Bench::with([
        ("self", handoff(",\"retry_of\":\"self\",\"holder\":\"self\"") + &session(1, 1) + &span(1, 1)),
        ("unknown", handoff(",\"retry_of\":\"nobody\"") + &session(1, 2) + &span(1, 2)),
        ("one", handoff(",\"retry_of\":\"two\"") + &session(1, 2) + &session(2, 1) + &span(1, 2) + &span(2, 1)),
        ("two", handoff(",\"retry_of\":\"one\"")),
        ("sessions", (0..CHAIN).map(|n| session(n + 1, n)).collect()),
        ("spans", (0..CHAIN).map(|n| span(n + 1, n)).collect()),
    ]);
    let seen = bench.read();
    for key in ["self", "unknown", "one", "two"] {
        assert_eq!(seen.of(key)["markers"][0]["kind"], "handoff", "{key}");
    }
    for key in ["sessions", "spans"] {
        assert_eq!(seen.of(key)["spans"].as_array().map(Vec::len), Some(CHAIN), "{key}");
        let page = seen.page(key);
        assert!(page.len() < 500_000, "{key}: a page of {} bytes", page.len());
    }
    for path in ["/", "/attention", "/runs", "/api/attention"] {
        seen.harmless(path);
    }
    seen.end();
}
