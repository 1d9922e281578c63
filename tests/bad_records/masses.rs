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
