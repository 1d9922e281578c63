//! Bytes and lines: what is no UTF-8, marks, line ends, limits.

use std::fs::File;
use std::io::Write;

use serde_json::json;

use crate::bench::Bench;

const GOOD: &str = "{\"ts\":1780000000,\"event\":\"phase.started\",\"phase\":\"build\"}\n";

/// What is no UTF-8, with what it is shown as.
const DAMAGE: [(&str, &[u8], &str); 6] = [
    ("continuation", b"\x80", "⟨80⟩"),
    ("overlong", b"\xc0\xaf", "⟨C0⟩⟨AF⟩"),
    ("surrogate", b"\xed\xa0\x80", "⟨ED⟩⟨A0⟩⟨80⟩"),
    ("beyond", b"\xf4\x90\x80\x80", "⟨F4⟩⟨90⟩⟨80⟩⟨80⟩"),
    ("truncated", b"\xe2\x82", "⟨E2⟩⟨82⟩"),
    ("never", b"\xff", "⟨FF⟩"),
];

#[test]
fn t55_what_is_no_utf_8_is_malformed_and_its_bytes_are_shown() {
    let log = |bytes: &[u8]| {
        let mut log = Vec::new();
        for (before, after) in [("{\"message\":\"a", "b\"}\n"), ("{\"a", "\":1}\n"), ("plain ", " text\n")] {
            log.extend_from_slice(before.as_bytes());
            log.extend_from_slice(bytes);
            log.extend_from_slice(after.as_bytes());
        }
        log.extend_from_slice(GOOD.as_bytes());
        log
    };
    let seen = Bench::with(DAMAGE.map(|(name, bytes, _)| (name, log(bytes)))).compare();
    for (name, _, shown) in DAMAGE {
        let page = seen.check(name, [1, 1, 2, 0, 0]);
        assert!(page.contains(shown), "{name}: {shown} is not on the page");
        assert_eq!(seen.of(name)["run"]["phase"], "build", "{name}");
        let line = seen.harmless(&format!("/api/runs/{name}/lines/1")).body;
        assert!(line.contains(shown), "{name}: {line}");
    }
    seen.end();
}

#[test]
fn t56_a_byte_order_mark_is_skipped_at_the_start_only_and_utf_16_is_counted() {
    let utf_16: Vec<u8> = format!("\u{feff}{GOOD}{GOOD}").encode_utf16().flat_map(u16::to_le_bytes).collect();
    let seen = Bench::with([
        ("first", format!("\u{feff}{GOOD}{GOOD}").into_bytes()),
        ("middle", format!("{GOOD}\u{feff}{GOOD}").into_bytes()),
        ("utf-16", utf_16),
    ])
    .compare();
    seen.check("first", [2, 0, 0, 0, 0]);
    assert_eq!(seen.events("first")[0]["offset"], 3, "the mark is no part of the event");
    let page = seen.check("middle", [1, 1, 0, 0, 0]);
    assert!(page.contains("⟨U+FEFF⟩"), "the mark in the middle is shown");
    // The second byte of the last line feed is a tail.
    seen.check("utf-16", [0, 1, 1, 0, 0]);
    assert_eq!(seen.of("utf-16")["pending_bytes"], 1);
    seen.end();
}

#[test]
fn t57_only_a_line_feed_ends_a_line_and_offsets_are_exact() {
    let seen = Bench::with([
        ("crlf", "{\"a\":1}\r\n{\"b\":2}\r\n\r\n"),
        ("cr", "{\"a\":1}\r{\"b\":2}\n"),
        ("separator", "{\"a\":1}\u{2028}{\"b\":2}\n{\"message\":\"a\u{2028}b\"}\n"),
        ("vt", "{\"a\":1}\u{b}{\"b\":2}\n\u{b}\n"),
        ("ff", "{\"a\":1}\u{c}\n\u{c}\n"),
    ])
    .compare();
    let places = |key: &str| -> Vec<_> {
        let row = |event: &serde_json::Value| json!([event["line"], event["offset"], event["length"]]);
        seen.events(key).iter().map(row).collect()
    };
    seen.check("crlf", [2, 0, 0, 0, 1]);
    assert_eq!(places("crlf"), [json!([1, 0, 7]), json!([2, 9, 7])]);
    seen.check("cr", [1, 0, 0, 0, 0]);
    assert_eq!(places("cr"), [json!([1, 0, 7]), json!([1, 8, 7])]);
    let page = seen.check("separator", [1, 0, 1, 0, 0]);
    assert!(page.contains("a⟨U+2028⟩b"), "a line separator is shown");
    assert_eq!(places("separator"), [json!([1, 0, 17]), json!([2, 18, 19])]);
    seen.check("vt", [0, 1, 1, 0, 0]);
    seen.check("ff", [0, 0, 1, 0, 1]);
    seen.end();
}

#[test]
fn t59_a_line_of_a_gigabyte_is_counted_and_not_held() {
    let bench = Bench::new();
    let size = if std::env::var_os("WHEELWATCH_TEST_LONG").is_some() { 1 << 30 } else { 64 << 20 };
    let mut log = File::create(bench.path("huge")).expect("a log");
    let piece = vec![b'a'; 1 << 20];
    for _ in 0..size / piece.len() {
        log.write_all(&piece).expect("room");
    }
    log.write_all(format!("\n{GOOD}").as_bytes()).expect("room");
    let small = Bench::with([("small", GOOD)]);
    let seen = small.read();
    let usual = seen.peak();
    seen.end();
    let seen = bench.read();
    seen.check("huge", [1, 0, 0, 1, 0]);
    assert_eq!(seen.of("huge")["run"]["phase"], "build");
    let first = &seen.events("huge")[0];
    assert_eq!(first["length"], size, "{first}");
    assert!(seen.peak() < usual + (32 << 10), "{} KiB instead of {usual} KiB", seen.peak());
    seen.end();
}

#[test]
fn t60_the_limit_is_exact_with_and_without_a_carriage_return() {
    const LIMIT: usize = 4096;
    let record = |length: usize| {
        let frame = "{\"event\":\"note\",\"message\":\"\"}";
        frame.replace("\"\"", &format!("\"{}\"", "x".repeat(length - frame.len())))
    };
    let mut bench = Bench::new();
    bench.max_line = Some(LIMIT);
    let cases = [("below", LIMIT - 1, true), ("at", LIMIT, true), ("above", LIMIT + 1, false)];
    for (name, length, _) in cases {
        for (kind, content) in [("json", record(length)), ("text", "x".repeat(length))] {
            for (end, bytes) in [("lf", "\n"), ("crlf", "\r\n")] {
                bench.log(&format!("{name}-{kind}-{end}"), format!("{content}{bytes}{GOOD}").as_bytes());
            }
        }
    }
    let seen = bench.compare();
    for (name, _, fits) in cases {
        for end in ["lf", "crlf"] {
            seen.check(&format!("{name}-json-{end}"), if fits { [2, 0, 0, 0, 0] } else { [1, 0, 0, 1, 0] });
            seen.check(&format!("{name}-text-{end}"), if fits { [1, 1, 0, 0, 0] } else { [1, 0, 0, 1, 0] });
            assert_eq!(seen.of(&format!("{name}-json-{end}"))["run"]["phase"], "build", "{name}: the following line");
        }
    }
    seen.end();
}
