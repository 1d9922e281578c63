use crate::reducer::dialect::testing::{Field, field, with};
use crate::reducer::event::{Event, Level, Outcome};

#[test]
fn levels_are_words_in_any_case_or_numbers() {
    let check = |value: &str, expected: Option<Level>| {
        for name in ["level", "severity", "severityText", "severity_text"] {
            let line = format!(r#"{{"{name}":{value}}}"#);
            assert_eq!(with(&line, |event| event.level), expected, "{line}");
        }
    };
    let words = [
        (Level::Trace, "trace TRACE Trace"),
        (Level::Debug, "debug DEBUG"),
        (Level::Info, "info INFO notice Notice"),
        (Level::Warn, "warn WARNING warning"),
        (Level::Error, "error ERROR err fatal FATAL critical panic Panic"),
    ];
    for (level, list) in words {
        for word in list.split(' ') {
            check(&format!("{word:?}"), Some(level));
        }
    }
    let numbers = [
        (Level::Trace, "-5 0 10 19 19.9"),
        (Level::Debug, "20 29"),
        (Level::Info, "30 39.99"),
        (Level::Warn, "40 4.9e1"),
        (Level::Error, "50 60 1e300"),
    ];
    for (level, list) in numbers {
        for number in list.split(' ') {
            check(number, Some(level));
        }
    }
    for other in ["\"\"", "\"event\"", "\"30\"", "\" info\"", "null", "true", "{}", "[\"info\"]"] {
        check(other, None);
    }
    let line = r#"{"level":"EVENT","severity":"warn","data":{"level":"error"}}"#;
    assert_eq!(with(line, |event| event.level), Some(Level::Warn));
}

#[test]
fn the_types_of_values_have_exact_borders() {
    let check = |line: &str, field: Field, expected: Option<&str>| {
        assert_eq!(with(line, field).as_deref(), expected, "{line}");
    };
    for (written, id) in [
        ("9223372036854775807", Some("9223372036854775807")),
        ("-9223372036854775808", Some("-9223372036854775808")),
        ("18446744073709551615", Some("18446744073709551615")),
        ("18446744073709551616", None),
        ("-9223372036854775809", None),
        ("0", Some("0")),
        ("-0", Some("0")),
        ("2.0", None),
        ("2e0", None),
        ("1.5", None),
        ("true", None),
        (r#"" 7 ""#, Some(" 7 ")),
        (r#""\u0020""#, None),
        (r#""\u3000""#, None),
    ] {
        check(&format!(r#"{{"step":{written}}}"#), field!(step), id);
    }
    for (written, count) in [
        ("0", Some("0")),
        ("-0", Some("0")),
        ("2.0", Some("2")),
        ("2e3", Some("2000")),
        ("9223372036854775807", Some("9223372036854775807")),
        ("9223372036854775808", None),
        ("9223372036854775807.0", None),
        ("1e18", Some("1000000000000000000")),
        ("1e19", None),
        ("-1", None),
        ("0.5", None),
        (r#""5""#, None),
    ] {
        check(&format!(r#"{{"steps_total":{written}}}"#), field!(more().steps_total), count);
    }
    for (written, attempt) in [
        (r#""3""#, Some("3")),
        (r#""003""#, Some("3")),
        (r#""attempt-002""#, Some("2")),
        (r#""round 12""#, Some("12")),
        (r#""v2""#, Some("2")),
        (r#""2nd""#, None),
        (r#""""#, None),
        (r#""9223372036854775807""#, Some("9223372036854775807")),
        (r#""9223372036854775808""#, None),
        ("2.0", Some("2")),
        ("2.5", None),
    ] {
        check(&format!(r#"{{"attempt":{written}}}"#), field!(attempt), attempt);
        check(&format!(r#"{{"max_attempts":{written}}}"#), field!(more().max_attempts), attempt);
    }
    for (written, who) in [
        (r#""a""#, Some("a")),
        (r#"{"name":"a","id":"b"}"#, Some("a")),
        (r#"{"name":" ","id":"b"}"#, Some("b")),
        (r#"{"name":1,"id":2}"#, Some("2")),
        (r#"{"name":null}"#, None),
        (r#"{"id":1.5}"#, None),
        (r#"{}"#, None),
        ("5", None),
        (r#"["a"]"#, None),
    ] {
        check(&format!(r#"{{"agent":{written}}}"#), field!(agent), who);
    }
}

#[test]
fn durations_have_units_and_bounds_and_round_halves_up() {
    let check = |line: &str, expected: Option<i64>| {
        assert_eq!(with(line, |event| event.duration_ms), expected, "{line}");
    };
    for (written, millis) in [
        ("0", Some(0)),
        ("-0.0", Some(0)),
        ("1.4", Some(1)),
        ("1.5", Some(2)),
        ("2.5", Some(3)),
        ("999999999999999", Some(999_999_999_999_999)),
        ("1e15", None),
        ("-1", None),
        ("-0.1", None),
        (r#""5""#, None),
    ] {
        for name in ["duration_ms", "durationMs", "elapsed_ms"] {
            check(&format!(r#"{{"{name}":{written}}}"#), millis);
        }
    }
    for (written, millis) in
        [("1.5", Some(1500)), ("0.0005", Some(1)), ("999999999999", Some(999_999_999_999_000)), ("1e12", None)]
    {
        for name in ["duration_s", "duration_sec"] {
            check(&format!(r#"{{"{name}":{written}}}"#), millis);
        }
        let line = format!(r#"{{"expected_s":{written}}}"#);
        assert_eq!(with(&line, |event| event.more().expected_ms), millis, "{line}");
    }
    check(r#"{"duration_ms":-1,"duration_s":2}"#, Some(2000));
    check(r#"{"duration_s":2,"data":{"duration_ms":5}}"#, Some(2000));
    check(r#"{"duration_s":1e12,"data":{"duration_ms":5}}"#, Some(5));
    let line = r#"{"expected_ms":1e15,"expected_s":3}"#;
    assert_eq!(with(line, |event| event.more().expected_ms), Some(3000));
}

#[test]
fn a_value_that_is_no_time_gives_way_to_the_next_name() {
    let check = |line: &str, expected: Option<i64>| {
        assert_eq!(with(line, |event| event.time.map(|time| time.0)), expected, "{line}");
    };
    check(r#"{"ts":"2026-06-02T23:19:37.5Z"}"#, Some(1_780_442_377_500_000));
    check(r#"{"ts":1780442377.1234565}"#, Some(1_780_442_377_123_457));
    check(r#"{"ts":"probe","timestamp":1780442377}"#, Some(1_780_442_377_000_000));
    check(r#"{"ts":0,"data":{"at":"20260602T231937"}}"#, Some(1_780_442_377_000_000));
    check(r#"{"ts":true,"time":{},"at":[1780442377]}"#, None);
    check(r#"{"ts":"2026\u002d06-02T23:19:37Z"}"#, Some(1_780_442_377_000_000));
    let deadline = |event: &Event<'_>| event.more().deadline.map(|time| time.0);
    assert_eq!(with(r#"{"deadline":"soon","data":{"deadline":1780442377000}}"#, deadline), Some(1_780_442_377_000_000));
}

#[test]
fn a_flag_or_exit_code_only_says_failed_and_one_that_does_is_enough() {
    let check = |line: &str, expected: Option<Outcome>| {
        assert_eq!(with(line, |event| event.outcome), expected, "{line}");
    };
    let failed = [
        r#"{"exit_code":1}"#,
        r#"{"exitCode":-15}"#,
        r#"{"exit_code":2.0}"#,
        r#"{"success":false}"#,
        r#"{"ok":false}"#,
        r#"{"passed":false}"#,
        r#"{"is_error":true}"#,
        r#"{"isError":true}"#,
        r#"{"exit_code":0,"is_error":true}"#,
        r#"{"success":true,"ok":false}"#,
        r#"{"success":true,"exit_code":1,"outcome":"completed"}"#,
        r#"{"exit_code":0,"data":{"exit_code":1}}"#,
        r#"{"data":{"success":false},"result":"ok"}"#,
        r#"{"outcome":"failed"}"#,
        r#"{"result":"ERROR"}"#,
    ];
    for line in failed {
        check(line, Some(Outcome::Failed));
    }
    let nothing = [
        r#"{"exit_code":0}"#,
        r#"{"exit_code":0.5}"#,
        r#"{"exit_code":"1"}"#,
        r#"{"success":true}"#,
        r#"{"success":"false"}"#,
        r#"{"success":0}"#,
        r#"{"is_error":false}"#,
        r#"{"outcome":"running"}"#,
        r#"{"result":{"passed":false}}"#,
        r#"{"outcome":"keep"}"#,
    ];
    for line in nothing {
        check(line, None);
    }
    let words = [
        (Outcome::Completed, "completed passed pass success succeeded ok done shipped complete finished OK"),
        (Outcome::Failed, "failed error errored crashed failure fail"),
        (Outcome::Cancelled, "cancelled aborted abort stopped killed canceled cancel"),
        (Outcome::TimedOut, "timed_out timeout timedout deadline_exceeded Timed-Out"),
    ];
    for (outcome, list) in words {
        for word in list.split(' ') {
            check(&format!(r#"{{"outcome":"{word}"}}"#), Some(outcome));
            check(&format!(r#"{{"success":true,"outcome":"partly","result":"{word}"}}"#), Some(outcome));
        }
    }
    check(r#"{"outcome":"timed out"}"#, Some(Outcome::TimedOut));
}

#[test]
fn a_cache_hit_is_a_word_or_a_flag() {
    let check = |line: &str, expected: Option<bool>| {
        assert_eq!(with(line, |event| event.cache_hit), expected, "{line}");
    };
    check(r#"{"cache":"hit"}"#, Some(true));
    check(r#"{"cache":"miss","cache_hit":true}"#, Some(false));
    check(r#"{"cache":"warm","cache_hit":true}"#, Some(true));
    check(r#"{"cache":true}"#, None);
    check(r#"{"cacheHit":false}"#, Some(false));
    check(r#"{"cache_hit":"hit","cacheHit":1}"#, None);
    check(r#"{"data":{"cache_hit":true}}"#, Some(true));
}
