//! The decoder (spec 1.2, 1.3), with `serde_json` as the oracle: what a line is, where its records lie, and a few of
//! their values.

use serde::Deserialize;
use serde_json::Value;

use crate::pieces::Dice;
use crate::reducer::dialect::{Decoder, GENERIC, LineClass, Reading};
use crate::reducer::event::Event;
use crate::reducer::json::MAX_DEPTH;
use crate::reducer::line::{Line, MAX_LINE, Splitter};

/// A record as the oracle reads it: where it lies in its line, and what it says.
struct Record {
    start: usize,
    length: usize,
    value: Value,
}

/// Every line is of the class, and gives the events, that the oracle says.
///
/// # Panics
///
/// When it is not.
pub fn decode(log: &[u8]) {
    let mut decoder = Decoder::new(Reading::default());
    let mut splitter = Splitter::new(MAX_LINE, 0, 0);
    splitter.push(log, &mut |line| check(&mut decoder, &line));
    if let Some(tail) = splitter.tail() {
        let whole = begins_with_brace(tail.bytes) && records(tail.bytes).is_some();
        assert_eq!(decoder.is_whole(&tail), whole, "the tail");
    }
    // A fuzzer seldom finds the keys that matter twice in one object, so some are made for it.
    let made = object(&mut Dice::of(log), 3);
    let (bytes, length) = (made.as_bytes(), made.len() as u64);
    check(&mut decoder, &Line { number: 1, offset: 0, length, bytes, oversized: false, clean: None });
}

/// An object of keys that are looked for, some of them more than once, with values of every type.
fn object(dice: &mut Dice, depth: usize) -> String {
    const KEYS: [&str; 18] = [
        "phase",
        "stage",
        "candidate",
        "candidate_id",
        "score",
        "final_score",
        "steps_total",
        "steps",
        "repo",
        "name",
        "id",
        "data",
        "payload",
        "attributes",
        "body",
        "usage",
        "other",
        r"ph\u0061se",
    ];
    const VALUES: [&str; 16] = [
        r#""build""#,
        r#"" ""#,
        r#""""#,
        r#""\ud800x""#,
        "0",
        "-0",
        "7",
        "2.0",
        "1e3",
        "-3",
        "9223372036854775808",
        "18446744073709551616",
        "true",
        "null",
        "[1,[2]]",
        r#"{"name":" ","id":3}"#,
    ];
    let mut text = String::from("{");
    for n in 0..dice.below(9) {
        let key = KEYS[dice.below(KEYS.len())];
        let value = match depth.checked_sub(1).filter(|_| dice.below(3) == 0) {
            Some(depth) => object(dice, depth),
            None => VALUES[dice.below(VALUES.len())].to_owned(),
        };
        let comma = if n > 0 { "," } else { "" };
        text.push_str(&format!("{comma}\"{key}\": {value}"));
    }
    text + "}"
}

fn check(decoder: &mut Decoder, line: &Line<'_>) {
    let mut events = Vec::new();
    let mut values = Vec::new();
    let decoded = decoder.decode(line, &mut |event| {
        events.push((event.class, event.offset, event.length));
        values.push(Said::by(event));
    });
    let (class, dialect) = (decoded.class, decoded.dialect.to_owned());
    let records = if begins_with_brace(line.bytes) { records(line.bytes) } else { None };
    let expected = match &records {
        Some(_) => LineClass::Event,
        None if is_blank(line.bytes) => LineClass::Blank,
        None if begins_with_brace(line.bytes) => LineClass::Malformed,
        None => LineClass::Text,
    };
    assert_eq!(class, expected);
    let Some(records) = records else {
        assert_eq!(events.len(), usize::from(class != LineClass::Blank));
        assert!(events.iter().all(|(_, offset, length)| (*offset, *length) == (line.offset, line.length)));
        return;
    };
    for (_, offset, length) in &events {
        assert!(line.offset <= *offset && offset + length <= line.offset + line.length, "an event lies in its line");
    }
    // A dialect may leave a record out, or make one event of each element of a list.
    if dialect != GENERIC {
        return;
    }
    assert_eq!(events.len(), records.len());
    for ((event, said), record) in events.iter().zip(values).zip(&records) {
        if records.len() > 1 {
            let place = (line.offset + record.start as u64, record.length as u64);
            assert_eq!((event.1, event.2), place);
        }
        // The oracle does not tell the whole number `-0` from `-0.0`, which is no id.
        let at = record.start..record.start + record.length;
        if !line.bytes.get(at).is_some_and(|text| text.windows(2).any(|pair| pair == b"-0")) {
            assert_eq!(said, Said::of(&record.value), "{}", record.value);
        }
    }
}

/// The objects of a line, none when it is anything else.
fn records(bytes: &[u8]) -> Option<Vec<Record>> {
    let text = without_lone_surrogates(std::str::from_utf8(bytes).ok()?);
    let mut records = Vec::new();
    let mut from = text.len() - text.trim_start_matches([' ', '\t', '\r', '\n']).len();
    while from < text.len() {
        let mut parser = serde_json::Deserializer::from_str(&text[from..]);
        parser.disable_recursion_limit();
        let value = Value::deserialize(&mut parser).ok()?;
        if !value.is_object() || depth(&value) > MAX_DEPTH {
            return None;
        }
        // What the value took, white space behind it not counted, which the stream knows and the parser does not say.
        let mut stream = serde_json::Deserializer::from_str(&text[from..]).into_iter::<&serde_json::value::RawValue>();
        let length = stream.next()?.ok()?.get().len();
        records.push(Record { start: from, length, value });
        let rest = &text[from + length..];
        from += length + rest.len() - rest.trim_start_matches([' ', '\t', '\r', '\n']).len();
    }
    Some(records)
}

fn depth(value: &Value) -> usize {
    let deepest = |values: &mut dyn Iterator<Item = &Value>| values.map(depth).max().unwrap_or(0);
    match value {
        Value::Array(list) => 1 + deepest(&mut list.iter()),
        Value::Object(map) => 1 + deepest(&mut map.values()),
        _ => 0,
    }
}

/// The text with `\ufffd`, of equal length, for each escape of a surrogate that stands alone, which the oracle refuses
/// (spec 1.2).
fn without_lone_surrogates(text: &str) -> String {
    let unit = |text: &str| {
        let digits = text.strip_prefix("\\u")?.get(..4)?;
        digits.bytes().all(|byte| byte.is_ascii_hexdigit()).then(|| u32::from_str_radix(digits, 16).ok())?
    };
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('\\') {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        let length = match (unit(rest), rest.get(6..).and_then(unit)) {
            (Some(0xD800..=0xDBFF), Some(0xDC00..=0xDFFF)) => 12,
            (Some(0xD800..=0xDFFF), _) => {
                out.push_str("\\ufffd");
                rest = &rest[6..];
                continue;
            }
            (Some(_), _) => 6,
            (None, _) => rest.char_indices().nth(2).map_or(rest.len(), |(end, _)| end),
        };
        out.push_str(&rest[..length]);
        rest = &rest[length..];
    }
    out + rest
}

fn begins_with_brace(bytes: &[u8]) -> bool {
    bytes.iter().find(|byte| !b" \t\r\n".contains(byte)) == Some(&b'{')
}

fn is_blank(bytes: &[u8]) -> bool {
    bytes.iter().all(|byte| b" \t\r\n\x0c\0".contains(byte))
}

/// Values of each type, found where spec 1.3 says.
#[derive(Debug, PartialEq)]
struct Said {
    phase: Option<String>,
    candidate: Option<String>,
    score: Option<f64>,
    steps_total: Option<u64>,
    repo: Option<String>,
}

impl Said {
    fn by(event: &Event<'_>) -> Self {
        Self {
            phase: event.phase.map(str::to_owned),
            candidate: event.candidate.map(str::to_owned),
            score: event.score,
            steps_total: event.more().steps_total,
            repo: event.more().repo.map(str::to_owned),
        }
    }

    fn of(record: &Value) -> Self {
        let count = |value: &Value| match value {
            Value::Array(_) => None,
            _ => count(value),
        };
        let places = places(record);
        Self {
            phase: find(&places, &["phase", "stage"], text),
            candidate: find(&places, &["candidate", "candidate_id", "candidateId", "feature_id", "featureId"], id),
            score: find(&places, &["score", "final_score", "finalScore"], Value::as_f64),
            steps_total: places.iter().find_map(|place| {
                find(&[place], &["steps_total", "stepsTotal"], count)
                    .or_else(|| Some(place.get("steps")?.as_array()?.len() as u64))
            }),
            repo: find(&places, &["repo", "repository"], |value| match value {
                Value::Object(who) => who.get("name").and_then(text).or_else(|| who.get("id").and_then(id)),
                _ => text(value),
            }),
        }
    }
}

fn places(record: &Value) -> Vec<&Value> {
    let names = ["data", "payload", "attrs", "attributes", "metadata", "details", "detail", "fields", "body"];
    let inside = names.iter().filter_map(|name| record.get(name));
    let last = record.get("body").and_then(|body| body.get("payload"));
    std::iter::once(record).chain(inside).chain(last).filter(|place| place.is_object()).collect()
}

fn find<T>(places: &[&Value], names: &[&str], read: impl Fn(&Value) -> Option<T>) -> Option<T> {
    places.iter().find_map(|place| names.iter().find_map(|name| read(place.get(name)?)))
}

fn text(value: &Value) -> Option<String> {
    value.as_str().filter(|text| !text.trim().is_empty()).map(str::to_owned)
}

fn id(value: &Value) -> Option<String> {
    let whole = || value.as_i64().map(|n| n.to_string()).or_else(|| value.as_u64().map(|n| n.to_string()));
    text(value).or_else(whole)
}

/// A whole number of at most 63 bits, however it is spelt.
fn count(value: &Value) -> Option<u64> {
    let spelt = || value.as_f64().filter(|n| n.fract() == 0.0 && (0.0..9.223_372_036_854_775_8e18).contains(n));
    match value.as_u64() {
        Some(whole) => (whole <= i64::MAX as u64).then_some(whole),
        None => value.is_f64().then(spelt)?.map(|number| number as u64),
    }
}
