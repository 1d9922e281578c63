mod real_logs;

use proptest::prelude::*;

use super::*;
use crate::reducer::line::Splitter;

/// What a log decodes to: (line, offset, length, class, name) of each event, and the class of each line. A tail of
/// whole objects is taken like a line.
type Read = (Vec<(u64, u64, u64, Class, Option<String>)>, Vec<LineClass>);

fn read(log: &[u8], max_line: usize) -> Read {
    let mut decoder = Decoder::new(Reading { max_line, ..Reading::default() });
    let mut splitter = Splitter::new(max_line, 0, 0);
    let (mut events, mut classes) = (Vec::new(), Vec::new());
    let mut take = |line: &Line<'_>, decoder: &mut Decoder| {
        let decoded = decoder.decode(line, &mut |event| {
            let name = event.name.map(str::to_owned);
            events.push((event.line, event.offset, event.length, event.class, name));
        });
        classes.push(decoded.class);
    };
    splitter.push(log, &mut |line| take(&line, &mut decoder));
    if let Some(tail) = splitter.tail().filter(|tail| decoder.is_whole(tail)) {
        take(&tail, &mut decoder);
    }
    (events, classes)
}

fn class(line: &[u8]) -> LineClass {
    let log = [line, b"\n"].concat();
    let (events, classes) = read(&log, MAX_LINE);
    assert_eq!(classes.len(), 1, "{line:?}");
    assert_eq!(events.is_empty(), classes[0] == LineClass::Blank, "{line:?}");
    for event in events {
        assert_eq!(LineClass::from(event.3), classes[0]);
    }
    classes[0]
}

#[test]
fn every_line_is_of_the_first_class_that_applies() {
    let check = |expected: LineClass, lines: &[&[u8]]| {
        for line in lines {
            assert_eq!(class(line), expected, "{:?}", String::from_utf8_lossy(line));
        }
    };
    check(LineClass::Blank, &[b"", b" ", b"\t \r", b"\x0c", b"\0", b"\0\0 \0", b" \0"]);
    check(
        LineClass::Event,
        &[
            b"{}",
            b" {} ",
            b"\t{}\r",
            b"\0{}",
            b"{}{}",
            b"{} \t\r {}",
            b"{\"a\":1}",
            b"{\"a\":\"\\ud800\"}",
            b"{\"\\u0061\":[1,{\"b\":null}]}",
            "{\"é\":\"日本\"}".as_bytes(),
        ],
    );
    check(
        LineClass::Malformed,
        &[
            b"{",
            b"{]",
            b"{x",
            b"{}x",
            b"{}{",
            b"{}[]",
            b"{}1",
            b"{},{}",
            b"{}\0",
            b"{}\0{}",
            b" {\"a\":NaN}",
            b"{\"a\":1,}",
            b"{'a':1}",
            b"{\"a\":1e400}",
            b"{\"a\":\"\xff\"}",
            b"{\"\xc3\":1}",
            b"{\"a\":\"\xed\xa0\x80\"}",
            b"{\"a\":\"\xc0\xaf\"}",
            b"{} \xff",
            b"{\"a\":\"\t\"}",
            b"{}//",
            b"{\"a\":Infinity}",
            b"{\"ts\":1,\"x\":{\"ts\":2}",
        ],
    );
    check(
        LineClass::Text,
        &[
            b"text",
            b"# {}",
            b"1",
            b"\"{}\"",
            b"null",
            b"[{}]",
            b"[]",
            b"[",
            b"}",
            b"\xef\xbb{}",
            b"x{}",
            b"\xff",
            b"\x1b[1m{}",
            b"\x0b",
            b"\x0b{}",
            b"2026-08-12 10:28:43,411 INFO text",
            b"\xff\xfe{\0}\0",
        ],
    );
    let deep = |depth: usize| format!("{}1{}", "{\"a\":".repeat(depth), "}".repeat(depth));
    assert_eq!(class(deep(128).as_bytes()), LineClass::Event);
    assert_eq!(class(deep(129).as_bytes()), LineClass::Malformed);
    let in_data = |depth: usize| format!("{{\"data\":{}}}", "[".repeat(depth - 1) + &"]".repeat(depth - 1));
    assert_eq!(class(in_data(128).as_bytes()), LineClass::Event);
    assert_eq!(class(in_data(129).as_bytes()), LineClass::Malformed);
    let in_payload = |depth: usize| {
        format!("{{\"body\":{{\"payload\":{{\"x\":{}}}}}}}", "[".repeat(depth - 3) + &"]".repeat(depth - 3))
    };
    assert_eq!(class(in_payload(128).as_bytes()), LineClass::Event);
    assert_eq!(class(in_payload(129).as_bytes()), LineClass::Malformed);
}

#[test]
fn the_limit_comes_before_every_other_class() {
    for (content, short) in [
        ("{\"a\":1}", LineClass::Event),
        ("       ", LineClass::Blank),
        ("{\"a\":1x", LineClass::Malformed),
        ("{}{} {}", LineClass::Event),
    ] {
        for before in ["", "\0\0", "\u{feff}\0"] {
            for end in ["\n", "\r\n"] {
                let log = format!("{before}{content}{end}{{}}\n");
                let classes = |limit| read(log.as_bytes(), limit).1;
                assert_eq!(classes(6), [LineClass::Oversized, LineClass::Event], "{log:?}");
                assert_eq!(classes(7), [short, LineClass::Event], "{log:?}");
                assert_eq!(classes(8), [short, LineClass::Event], "{log:?}");
            }
        }
    }
    let (events, _) = read(b"0123456789\n", 5);
    assert_eq!(events, [(1, 0, 10, Class::Oversized, None)]);
}

/// Checks the events of a log as (line, offset, length, text of the record).
fn check_places(log: &[u8], expected: &[(u64, u64, &[u8])]) {
    let (events, _) = read(log, MAX_LINE);
    let found: Vec<(u64, u64, &[u8])> = events
        .iter()
        .map(|(line, offset, length, ..)| (*line, *offset, &log[*offset as usize..(*offset + *length) as usize]))
        .collect();
    assert_eq!(found, expected, "{:?}", String::from_utf8_lossy(log));
}

#[test]
fn an_event_stands_where_its_line_stands_without_mark_nuls_and_line_end() {
    check_places(b"{}\n text \r\n\r\n{\"a\":1}\r\n", &[(1, 0, b"{}"), (2, 3, b" text "), (4, 13, b"{\"a\":1}")]);
    check_places(b"\xEF\xBB\xBF{}\n\0\0{}\n", &[(1, 3, b"{}"), (2, 8, b"{}")]);
    check_places(b"  {} \t\n", &[(1, 0, b"  {} \t")]);
    check_places(b"{\"a\":\n", &[(1, 0, b"{\"a\":")]);
}

#[test]
fn glued_objects_are_events_of_one_line_each_with_its_own_place() {
    check_places(
        b" {\"a\":1}{} \t{\"b\":2} \r\n{}\n",
        &[(1, 1, b"{\"a\":1}"), (1, 8, b"{}"), (1, 12, b"{\"b\":2}"), (2, 22, b"{}")],
    );
    let (events, classes) = read(b"{\"event\":\"a\",\"data\":{\"x\":1}}{\"event\":\"b\"}{}\n", MAX_LINE);
    let names: Vec<_> = events.into_iter().map(|event| event.4).collect();
    assert_eq!(names, [Some("a".to_owned()), Some("b".to_owned()), None]);
    assert_eq!(classes, [LineClass::Event]);
}

#[test]
fn one_bad_record_among_glued_ones_makes_the_line_one_malformed_event() {
    check_places(b"{\"a\":1}{\"b\":}\n", &[(1, 0, b"{\"a\":1}{\"b\":}")]);
    check_places(b"{}{}{\n", &[(1, 0, b"{}{}{")]);
}

#[test]
fn a_half_written_line_is_not_an_event_and_whole_objects_are() {
    let whole = |tail: &[u8]| {
        let mut splitter = Splitter::new(100, 0, 0);
        splitter.push(tail, &mut |_| {});
        let decoder = Decoder::new(Reading::default());
        splitter.tail().is_some_and(|tail| decoder.is_whole(&tail))
    };
    for tail in ["{}", " {} ", "{}\r", "\0\0{}", "\u{feff}{}", "{}{}", "{\"a\":1} {\"b\":2}"] {
        assert!(whole(tail.as_bytes()), "{tail:?}");
    }
    for tail in ["", " ", "\0", "{", "{\"a\":1", "{}{", "{}x", "text", "1", "[]", "\"{}\"", "\u{feff}"] {
        assert!(!whole(tail.as_bytes()), "{tail:?}");
    }
    assert!(!whole(b"{\"a\":\"\xc3"));
    assert!(!whole(format!("{{\"a\":\"{}\"}}", "x".repeat(100)).as_bytes()), "oversized");
}

fn decoded<T>(line: &str, look: impl Fn(Decoded<'_>) -> T) -> T {
    let line =
        Line { number: 1, offset: 0, length: line.len() as u64, bytes: line.as_bytes(), oversized: false, clean: None };
    look(Decoder::new(Reading::default()).decode(&line, &mut |_| {}))
}

#[test]
fn the_health_counts_equal_keys_bad_times_and_wrong_types() {
    let check = |line: &str, duplicate_keys: u32, bad_times: u32, wrong_types: u32| {
        let found = decoded(line, |found| (found.duplicate_keys, found.bad_times, found.wrong_types));
        assert_eq!(found, (duplicate_keys, bad_times, wrong_types), "{line}");
    };
    check(r#"{"ts":1780442377,"phase":"build","attempt":2}"#, 0, 0, 0);
    check(r#"{"run_id":true}"#, 0, 0, 0);
    check(r#"{"phase":"a","phase":"b","data":{"phase":1,"ph\u0061se":"c"}}"#, 2, 0, 0);
    check(r#"{"phase":"a","data":{"phase":"b"}}"#, 0, 0, 0);
    check(r#"{"ts":"probe","time":"","at":null,"data":{"ts":5}}"#, 0, 2, 0);
    check(r#"{"phase":1,"stage":true}"#, 0, 0, 2);
    check(r#"{"phase":{},"stage":[],"candidate":{},"attempt":null,"score":null}"#, 0, 0, 0);
    check(r#"{"attempt":"x","score":"1","success":"yes","exit_code":1.5}"#, 0, 0, 4);
    check(r#"{"phase":"","data":{"phase":"build"}}"#, 0, 0, 0);
    check(r#"{"event":"a name with spaces"}"#, 0, 0, 0);
    check(r#"{"artifacts":[],"artifact_paths":[ ]}"#, 0, 0, 0);
    check(r#"{"artifacts":[5],"artifact_paths":"a.md","attempt":[]}"#, 0, 0, 3);
    check(r#"{"level":"odd","severity":true}"#, 0, 0, 1);
    check(r#"{"ts":"probe"}{"ts":"probe","phase":1}"#, 0, 2, 1);
}

#[test]
fn objects_are_generic_and_everything_else_is_plain() {
    for (line, dialect) in [("{}", GENERIC), ("{}{}", GENERIC), ("text", PLAIN), ("{", PLAIN), (" ", PLAIN)] {
        decoded(line, |found| assert_eq!(found.dialect, dialect, "{line}"));
    }
}

/// Pieces of log lines, so that random logs are not only noise.
fn pieces() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        4 => prop::sample::select(vec![
            "{", "}", "[", "]", ",", ":", "\"", "\\", "\n", "\r\n", " ", "\0", "\u{feff}", "\\ud800", "1", "-1.5e3", "null",
            "\"data\"", "\"body\"", "\"payload\"", "\"usage\"", "\"ts\"", "\"event\"", "\"type\"", "\"error\"", "\"steps\"",
            "\"artifacts\"", "\"path\"", "\"agent\"", "\"name\"", "\"artifact.written\"", "\"2026-06-02T23:19:37Z\"",
            "{\"event\":\"phase.started\",\"data\":{\"phase\":\"build\"}}", "{\"a\":{\"b\":[1,2]}}", "{}",
        ]).prop_map(|piece| piece.as_bytes().to_vec()),
        1 => prop::collection::vec(any::<u8>(), 1..4),
    ];
    prop::collection::vec(piece, 0..80).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn no_bytes_panic_and_no_line_is_lost(log in pieces()) {
        let (events, classes) = read(&log, 64);
        let newlines = log.iter().filter(|byte| **byte == b'\n').count();
        prop_assert!(classes.len() == newlines || classes.len() == newlines + 1);
        let mut after = 0;
        for (line, offset, length, class, _) in events {
            prop_assert!(offset >= after, "events do not overlap");
            after = offset + length;
            prop_assert!(after <= log.len() as u64);
            prop_assert_eq!(LineClass::from(class), classes[line as usize - 1]);
        }
    }

    #[test]
    fn a_line_is_an_event_where_serde_json_reads_objects(line in pieces()) {
        let line: Vec<u8> = line.into_iter().filter(|byte| *byte != b'\n' && *byte != 0).collect();
        let read: Result<Vec<_>, _> = serde_json::Deserializer::from_slice(&line).into_iter::<serde_json::Value>().collect();
        let whole = read.is_ok_and(|read| !read.is_empty() && read.iter().all(serde_json::Value::is_object));
        let surrogate = line.windows(4).any(|four| four.eq_ignore_ascii_case(b"\\ud8"));
        if !surrogate && !line.starts_with("\u{feff}".as_bytes()) {
            prop_assert_eq!(class(&line) == LineClass::Event, whole, "{:?}", String::from_utf8_lossy(&line));
        }
    }
}
