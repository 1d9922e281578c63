//! Very many of what there are usually few of.

use std::fmt::Write;

use crate::bench::Bench;

/// As many as the spec says when there is time for it.
fn many(count: usize) -> usize {
    if std::env::var_os("WHEELWATCH_TEST_LONG").is_some() { count } else { count / 50 }
}

#[test]
fn t72_a_million_events_of_one_run_come_in_pages_that_stay_small() {
    let count = many(1_000_000);
    let log: String = (1..=count).fold(String::new(), |mut log, n| {
        let _ = writeln!(log, "{{\"ts\":{},\"event\":\"note.taken\",\"message\":\"note {n}\"}}", 1_780_000_000 + n);
        log
    });
    let seen = Bench::with([("all", log)]).read();
    let page = seen.check("all", [count as u64, 0, 0, 0, 0]);
    assert!(page.len() < 500_000, "a page of {} bytes", page.len());
    let events = |query: &str| seen.server.get(&format!("/api/runs/all/events?{query}")).json();
    let lines = |query: &str| -> Vec<u64> {
        let answer = events(query);
        answer["events"]
            .as_array()
            .expect("events")
            .iter()
            .map(|event| event["line"].as_u64().expect("a line"))
            .collect()
    };
    let first = lines("limit=1000");
    assert_eq!(first.len(), 1000);
    assert_eq!(events("limit=1")["total"], count);
    let middle = count as u64 / 2;
    assert_eq!(lines(&format!("after={middle}&limit=3")), [middle + 1, middle + 2, middle + 3], "a deep page");
    let end = count as u64;
    assert_eq!(lines(&format!("after={}&limit=1000", end - 2)), [end - 1, end], "the last page");
    seen.end();
}

#[test]
fn t72_the_spans_of_a_long_run_come_in_pages_and_each_of_them_once() {
    let count = many(100_000).max(12_000);
    let log: String = (0..count).fold(String::new(), |mut log, n| {
        let _ = writeln!(log, "{{\"ts\":{},\"event\":\"step.finished\",\"step\":\"s-{n}\"}}", 1_780_000_000 + n);
        log
    });
    let seen = Bench::with([("all", log)]).read();
    let mut answer = seen.run("all");
    assert_eq!((&answer["total"]["spans"], &answer["next"]["spans"]), (&count.into(), &1000.into()));
    let mut next = answer["next"]["spans"].take();
    let mut reached = 0;
    loop {
        let spans = answer["spans"].as_array().expect("a list");
        assert!((1..=1000).contains(&spans.len()), "{} at {reached}", spans.len());
        for span in spans {
            assert_eq!(span["id"], format!("s-{reached}"));
            reached += 1;
        }
        let Some(after) = next.as_u64() else { break };
        answer = seen.server.get(&format!("/api/runs/all/spans?limit=1000&after={after}")).json();
        next = answer["next"].take();
    }
    assert_eq!(reached, count);
    let beside = seen.server.get("/runs/all/compare?with=all").body;
    assert_eq!(beside.matches("were looked at").count(), 2, "of each the first alone: {beside}");
    seen.end();
}

#[test]
fn t73_very_many_candidates_and_names_are_bounded_on_the_page() {
    let count = many(500_000);
    let log: String = (0..count).fold(String::new(), |mut log, n| {
        let _ = writeln!(log, "{{\"event\":\"zorp{n}.glorp\",\"candidate\":\"c{n}\",\"key{n}\":{n}}}");
        log
    });
    let seen = Bench::with([("all", log)]).read();
    let page = seen.check("all", [count as u64, 0, 0, 0, 0]);
    assert!(page.len() < 500_000, "a page of {} bytes", page.len());
    let names = seen.of("all")["names"].as_object().expect("names");
    assert_eq!(names.len(), 257, "256 names and the rest");
    assert_eq!(names["other"], count - 256);
    // T130's bound, for few and for all of them.
    assert!(seen.peak() < 256 << 10, "{} KiB", seen.peak());
    seen.end();
}

/// One of each event, with every text so long that a page of it would be no page. Without times the run is one of today.
fn long_texts(has_times: bool) -> String {
    let events = [
        ("run.started", vec!["workflow", "title", "run_id"]),
        ("phase.started", vec!["phase", "candidate"]),
        ("step.started", vec!["step_id", "step_name", "skill", "agent", "model", "repo"]),
        ("session.started", vec!["session_id", "agent", "model", "parent_session_id"]),
        ("tool.started", vec!["span_id", "tool_name"]),
        ("tool.failed", vec!["span_id", "error", "stack", "message"]),
        ("approval.requested", vec!["item", "integration", "action", "risk", "params", "reason"]),
        ("question.raised", vec!["id", "reason"]),
        ("question.answered", vec!["id", "resolution"]),
        ("needs_human", vec!["holder", "reason"]),
        ("queue.enqueued", vec!["item", "claimed_by"]),
        ("artifact.written", vec!["path", "media_type", "step"]),
        ("run.retry", vec!["retry_of"]),
    ];
    let line = |(n, (name, fields)): (usize, (&str, Vec<&str>))| {
        let long = |field: &&str| format!(",\"{field}\":\"{}\"", field.repeat(100_000 / field.len()));
        let texts: String = fields.iter().map(long).collect();
        let time = if has_times { format!(",\"ts\":{}", 1_780_000_000 + n) } else { String::new() };
        format!("{{\"event\":\"{name}\"{time}{texts}}}\n")
    };
    events.into_iter().enumerate().map(line).collect()
}

#[test]
fn t73b_very_many_phases_and_very_long_texts_are_bounded_on_every_page() {
    let phases = (1..=10_000).fold(String::new(), |mut log, n| {
        let _ = writeln!(log, "{{\"ts\":{},\"event\":\"phase.started\",\"phase\":\"p{n}\"}}", 1_780_000_000 + n);
        log
    });
    let ended = long_texts(true) + "{\"ts\":1780000100,\"event\":\"run.failed\"}\n";
    let seen = Bench::with([("phases", phases), ("open", long_texts(false)), ("ended", ended)]).read();
    // What a page quotes of a stack, of parameters and of lines is bounded too, but not small.
    let (small, middle, large) = (30_000, 100_000, 200_000);
    let of_all = [("/", middle), ("/runs", small), ("/attention", middle), ("/queue", small), ("/health", small)];
    let of_all = of_all.map(|(path, bound)| (String::from(path), bound));
    let of_each = |key: &str| {
        [("", large), ("?at=9", large), ("/compare", small), ("/artifacts/1", small)]
            .map(|(rest, bound)| (format!("/runs/{key}{rest}"), bound))
    };
    let of_phases = (String::from("/runs/phases"), large + small);
    let pages = of_all.into_iter().chain([of_phases]).chain(["open", "ended"].into_iter().flat_map(of_each));
    for (path, bound) in pages {
        let page = seen.harmless(&path).body;
        assert!(page.len() < bound, "{path}: a page of {} bytes", page.len());
    }
    seen.end();
}
