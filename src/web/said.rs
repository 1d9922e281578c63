//! What events say: their text, read from the log when it is shown (spec 2.1: the cache does not keep it).

use std::borrow::Cow;
use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::LogText;
pub use super::view::timeline::Said;
use crate::reducer::dialect::{Decoder, Reading};
use crate::reducer::event::{Class, Event};
use crate::reducer::line::Line;
use crate::reducer::reduce::EventRow;
use crate::reducer::visible::readable;
use crate::store::reader::EventRecord;

/// Neighbouring events are read with one call when all of them together are no longer than this.
const TOGETHER: u64 = 1 << 20;
/// Of one event at most so many bytes are read; what is longer is shown as its beginning.
const ONE: u64 = 32 << 10;
/// Values shown beside the message.
const FIELDS: usize = 8;
/// Objects whose members count as members of the record (spec 1.3).
const CONTAINERS: [&str; 9] =
    ["data", "payload", "attrs", "attributes", "metadata", "details", "detail", "fields", "body"];
/// Keys that the timeline shows in columns of its own.
const COLUMNS: [&str; 19] = [
    "ts",
    "timestamp",
    "time",
    "at",
    "ts_ms",
    "created_at",
    "createdAt",
    "Time",
    "level",
    "severity",
    "severityText",
    "severity_text",
    "event",
    "event_type",
    "eventType",
    "type",
    "kind",
    "topic",
    "action",
];

/// What each event says, in the same order.
pub fn read(logs: &dyn LogText, key: &str, events: &[EventRecord]) -> Vec<Said> {
    // What is read from a log is masked already, unless the user wants it not to be.
    let mut decoder = Decoder::new(Reading { redact: false, ..Reading::default() });
    let say = |(event, bytes): (&EventRecord, Result<Vec<u8>, String>)| match bytes {
        Ok(bytes) => say(&mut decoder, &event.row, &bytes),
        Err(problem) => Said { problem: Some(problem), ..Said::default() },
    };
    events.iter().zip(raw(logs, key, events)).map(say).collect()
}

/// The bytes of each event as they stand in the log, in the same order; of a long one, alone, only its beginning. The
/// error is a sentence for a person.
pub fn raw(logs: &dyn LogText, key: &str, events: &[EventRecord]) -> Vec<Result<Vec<u8>, String>> {
    let together = together(logs, key, events);
    let one = |EventRecord { row, .. }: &EventRecord| {
        let known =
            together.as_ref().and_then(|(start, all)| slice(all, row.offset.saturating_sub(*start), row.length));
        match known {
            Some(bytes) => Ok(bytes.to_vec()),
            None => logs.read(key, row.offset, usize::try_from(row.length.min(ONE)).unwrap_or(0)),
        }
    };
    events.iter().map(one).collect()
}

/// All of them at once, when they are near each other.
fn together(logs: &dyn LogText, key: &str, events: &[EventRecord]) -> Option<(u64, Vec<u8>)> {
    let (first, last) = (&events.first()?.row, &events.last()?.row);
    let length =
        last.offset.checked_add(last.length)?.checked_sub(first.offset).filter(|length| *length <= TOGETHER)?;
    let bytes = logs.read(key, first.offset, usize::try_from(length).ok()?).ok()?;
    Some((first.offset, bytes))
}

fn slice(bytes: &[u8], offset: u64, length: u64) -> Option<&[u8]> {
    let from = usize::try_from(offset).ok()?;
    bytes.get(from..from.checked_add(usize::try_from(length).ok()?)?)
}

fn say(decoder: &mut Decoder, row: &EventRow, bytes: &[u8]) -> Said {
    let whole = bytes.len() as u64 == row.length;
    if row.class != Class::Event || !whole {
        return Said { message: Some(readable(bytes).into_owned()), ..Said::default() };
    }
    let line = Line { number: row.line, offset: row.offset, length: row.length, bytes, oversized: false, clean: None };
    let mut message = None;
    decoder.decode(&line, &mut |event| message = message.take().or_else(|| main_text(event)));
    let (fields, more) = fields(bytes, message.as_deref(), row.name.as_deref());
    if message.is_none() && fields.is_empty() && row.name.is_none() {
        message = Some(readable(bytes).into_owned());
    }
    Said { message, fields, more, problem: None }
}

/// The message, error or reason of a record, decoded.
pub(super) fn message(row: &EventRow, bytes: &[u8]) -> Option<String> {
    say(&mut Decoder::new(Reading::default()), row, bytes).message
}

fn main_text(event: &Event<'_>) -> Option<String> {
    let message = event.message.map(|text| text.decoded().into_owned());
    let error = || event.error.as_ref().and_then(|error| error.message.clone());
    message.or_else(error).or_else(|| event.reason.map(str::to_owned))
}

/// The other values of a record, members of containers included, and how many are left out.
fn fields(bytes: &[u8], message: Option<&str>, name: Option<&str>) -> (Vec<(String, String)>, usize) {
    let Some(Members(top)) = std::str::from_utf8(bytes).ok().and_then(members) else { return (Vec::new(), 0) };
    let (mut first, mut ids) = (Vec::new(), Vec::new());
    // Ids last: they are long and say little.
    for (key, value) in top {
        let inner = if CONTAINERS.contains(&&*key) { members(value.get()) } else { None };
        for (key, value) in inner.map_or_else(|| vec![(key, value)], |Members(inner)| inner) {
            let is_id = key == "uuid" || key.ends_with("_id") || key.ends_with("Id");
            if is_id { &mut ids } else { &mut first }.push((key, value));
        }
    }
    let mut shown: Vec<(String, String)> = Vec::new();
    let mut more = 0;
    for (key, value) in first.into_iter().chain(ids).filter(|(key, _)| !COLUMNS.contains(&&**key)) {
        let value = plain(value.get());
        if message == Some(&*value) || name == Some(&*value) || value.is_empty() {
            continue;
        }
        match shown.len() < FIELDS {
            true => shown.push((key.into_owned(), value.into_owned())),
            false => more += 1,
        }
    }
    (shown, more)
}

/// A string without its quotes, nothing for null, anything else as written.
fn plain(raw: &str) -> Cow<'_, str> {
    match raw {
        "null" | "[]" | "{}" => Cow::Borrowed(""),
        text if text.starts_with('"') => serde_json::from_str(text).map_or(Cow::Borrowed(text), |Text(text)| text),
        other => Cow::Borrowed(other),
    }
}

/// A string, borrowed when nothing in it is escaped.
#[derive(Deserialize)]
struct Text<'t>(#[serde(borrow)] Cow<'t, str>);

/// The members of a JSON object in the order of the log.
struct Members<'t>(Vec<(Cow<'t, str>, &'t RawValue)>);

fn members(text: &str) -> Option<Members<'_>> {
    serde_json::from_str(text).ok()
}

impl<'de> Deserialize<'de> for Members<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct InOrder;
        impl<'de> Visitor<'de> for InOrder {
            type Value = Members<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members<'de>, A::Error> {
                let mut members = Vec::new();
                while let Some((Text(key), value)) = map.next_entry()? {
                    members.push((key, value));
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(InOrder)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_come_in_the_order_of_the_log_without_what_is_shown_already() {
        let line =
            br#"{"ts":1,"event":"step_end","zeta":2,"data":{"exit":"ok","msg":"all good"},"alpha":null,"n":[1]}"#;
        let (fields, more) = fields(line, Some("all good"), Some("step_end"));
        let shown: Vec<String> = fields.iter().map(|(key, value)| format!("{key}={value}")).collect();
        assert_eq!(shown, ["zeta=2", "exit=ok", "n=[1]"]);
        assert_eq!(more, 0);
    }

    #[test]
    fn many_fields_are_counted_and_not_dropped_in_silence() {
        let members: Vec<String> = (0..12).map(|n| format!("\"k{n}\":{n}")).collect();
        let (fields, more) = fields(format!("{{{}}}", members.join(",")).as_bytes(), None, None);
        assert_eq!((fields.len(), more), (FIELDS, 4));
    }
}
