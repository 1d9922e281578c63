//! Times that are none, that lie, or that say nothing.

use serde_json::Value;

use crate::bench::Bench;

/// The same second in every form, and what is no time.
const FORMS: [(&str, &str, Option<&str>); 24] = [
    ("seconds", "1780442377", Some("2026-06-02T23:19:37.000000Z")),
    ("milliseconds", "1780442377123", Some("2026-06-02T23:19:37.123000Z")),
    ("microseconds", "1780442377123456", Some("2026-06-02T23:19:37.123456Z")),
    ("nanoseconds", "1780442377123456789", Some("2026-06-02T23:19:37.123457Z")),
    ("float", "1780442377.5", Some("2026-06-02T23:19:37.500000Z")),
    ("digits", "\"1780442377\"", Some("2026-06-02T23:19:37.000000Z")),
    ("decimals", "\"1780442377.25\"", Some("2026-06-02T23:19:37.250000Z")),
    ("epoch", "\"epoch:1780442377\"", Some("2026-06-02T23:19:37.000000Z")),
    ("zulu", "\"2026-06-02T23:19:37Z\"", Some("2026-06-02T23:19:37.000000Z")),
    ("zone", "\"2026-06-03T01:19:37+02:00\"", Some("2026-06-02T23:19:37.000000Z")),
    ("zone-short", "\"2026-06-03 01:19:37+0200\"", Some("2026-06-02T23:19:37.000000Z")),
    ("naive", "\"2026-06-02 23:19:37\"", Some("2026-06-02T23:19:37.000000Z")),
    ("sixty", "\"2026-06-02T23:19:60Z\"", Some("2026-06-02T23:19:59.000000Z")),
    ("comma", "\"2026-06-02T23:19:37,1234567Z\"", Some("2026-06-02T23:19:37.123456Z")),
    ("compact", "\"20260602T231937\"", Some("2026-06-02T23:19:37.000000Z")),
    ("compact-dash", "\"20260602-231937\"", Some("2026-06-02T23:19:37.000000Z")),
    ("future", "\"2099-12-31T23:59:59Z\"", Some("2099-12-31T23:59:59.000000Z")),
    ("negative", "-1780442377", None),
    ("zero", "0", None),
    ("year-9999", "\"9999-12-31T23:59:59Z\"", None),
    ("year-1989", "\"1989-12-31T23:59:59Z\"", None),
    ("word", "\"probe\"", None),
    ("leap-day", "\"2026-02-29T00:00:00Z\"", None),
    ("list", "[2026,6,2]", None),
];

#[test]
fn t67_a_time_is_read_in_every_form_and_what_is_none_leaves_the_event() {
    let log = |time: &str| {
        ["run.started", "phase.started"]
            .map(|name| format!("{{\"ts\":{time},\"event\":\"{name}\",\"phase\":\"p\"}}\n"))
            .concat()
    };
    let bench = Bench::with(FORMS.map(|(key, time, _)| (key, log(time))));
    bench.log("missing", b"{\"event\":\"run.started\"}\n{\"event\":\"phase.started\",\"phase\":\"p\"}\n");
    let seen = bench.compare();
    let all = FORMS.iter().map(|(key, _, expected)| (*key, *expected)).chain([("missing", None)]);
    for (key, expected) in all {
        let page = seen.check(key, [2, 0, 0, 0, 0]);
        let run = &seen.of(key)["run"];
        assert_eq!(run["first_event_at"].as_str(), expected, "{key}");
        assert_eq!(run["phase"], "p", "{key}: the event is kept");
        let lines: Vec<_> = seen.events(key).iter().map(|event| event["line"].clone()).collect();
        assert_eq!(lines, [1, 2], "{key}: the order is the file's");
        assert_eq!(expected.is_none(), page.contains("events without a time"), "{key}");
        // No age is negative and none is absurd: nothing on this page lies ahead.
        for piece in page.split('<').filter_map(|element| element.split_once('>')).map(|(_, text)| text) {
            for ahead in ["-", "−", "in "] {
                let rest = piece.trim_start().strip_prefix(ahead);
                assert!(!rest.is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit())), "{key}: {piece}");
            }
        }
        assert!(!page.contains("datetime=\"9999"), "{key}: a year that is none is shown as a time");
    }
    seen.end();
}

#[test]
fn t68_the_order_is_the_files_and_fake_times_make_no_run_stuck() {
    let now = jiff::Timestamp::now().as_second();
    let at = |seconds: i64, rest: &str| format!("{{\"ts\":{seconds},{rest}}}\n");
    let work = |times: [i64; 4]| {
        let lines = [
            "run.started\"",
            "phase.started\",\"phase\":\"a\"",
            "phase.started\",\"phase\":\"b\"",
            "phase.started\",\"phase\":\"c\"",
        ];
        times.iter().zip(lines).map(|(time, line)| at(*time, &format!("\"event\":\"{line}"))).collect::<String>()
    };
    let seen = Bench::with([
        ("backwards", work([now, now - 50, now - 100, now - 150])),
        ("equal", work([now, now, now, now])),
        // A clock that is two hours behind or ahead: the file was written just now.
        ("behind", work([7200; 4].map(|off| now - off))),
        ("ahead", work([7200; 4].map(|off| now + off))),
        // A year ahead, which no zone explains.
        ("far", work([31_536_000; 4].map(|off| now + off))),
    ])
    .compare();
    for key in ["backwards", "equal", "behind", "ahead", "far"] {
        let lines: Vec<_> = seen.events(key).iter().map(|event| event["line"].clone()).collect();
        assert_eq!(lines, [1, 2, 3, 4], "{key}");
        assert_eq!(seen.of(key)["run"]["phase"], "c", "{key}: the last line has the last word");
        assert_eq!(seen.run(key)["verdict"]["verdict"], "healthy", "{key}: {}", seen.run(key)["verdict"]);
        let durations = seen.of(key)["spans"].as_array().expect("spans").iter().map(|span| span["duration_ms"].clone());
        assert!(durations.clone().all(|ms| ms == Value::Null || ms.as_i64() >= Some(0)), "{key}: {durations:?}");
    }
    let run = &seen.of("backwards")["run"];
    assert_eq!(run["last_life_at"], run["first_event_at"], "life never goes back");
    seen.end();
}
