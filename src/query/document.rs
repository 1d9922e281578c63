//! What the command line and the HTTP interface both give as JSON, with the names of spec 4.2 and 2.1.

use serde::Serialize;
use serde_json::{Value, json};

use super::Item;
use crate::reducer::event::{Level, Subject, Verb};
use crate::reducer::json::to_value;
use crate::reducer::time::Micros;
use crate::reducer::verdict::Verdict;
use crate::reducer::visible::visible_bytes;
use crate::store::reader::EventRecord;

/// One event; its members in the order of their names, as in every answer.
#[derive(Debug, Serialize)]
pub struct Event<'a> {
    class: &'static str,
    hidden: bool,
    length: u64,
    level: Option<&'static str>,
    line: u64,
    name: Option<&'a str>,
    offset: u64,
    ordinal: u64,
    span: Option<&'a str>,
    subject: Option<&'static str>,
    text: Option<String>,
    time: Option<String>,
    truncated: bool,
    verb: Option<&'static str>,
}

impl Event<'_> {
    /// How many bytes its text has.
    #[must_use]
    pub fn text_length(&self) -> usize {
        self.text.as_ref().map_or(0, String::len)
    }
}

/// One event. `text` is its beginning as it stands in the log, made safe here (spec 5.3 rule 5); `None` where it could
/// not be read.
#[must_use]
pub fn event<'a>(event: &'a EventRecord, text: Option<&[u8]>) -> Event<'a> {
    let row = &event.row;
    Event {
        class: row.class.as_str(),
        hidden: row.hidden,
        length: row.length,
        level: row.level.map(Level::as_str),
        line: row.line,
        name: row.name.as_deref(),
        offset: row.offset,
        ordinal: event.ordinal,
        span: row.span.as_deref(),
        subject: row.subject.map(Subject::as_str),
        text: text.map(visible_bytes),
        time: row.time.map(Micros::to_rfc3339),
        truncated: text.is_some_and(|text| (text.len() as u64) < row.length),
        verb: row.verb.map(Verb::as_str),
    }
}

/// How a run is going.
#[must_use]
pub fn verdict(verdict: &Verdict) -> Value {
    json!({
        "verdict": verdict.word.as_str(),
        "label": verdict.word.label(verdict.rule),
        "rule": verdict.rule.as_str(),
        "since": verdict.since.map(Micros::to_rfc3339),
        "limit_ms": verdict.limit_ms,
        "sentence": verdict.sentence,
        "evidence": verdict.evidence,
        "clears": verdict.clears,
    })
}

/// One entry of the attention list; `approval` only where it is one.
#[must_use]
pub fn item(item: &Item) -> Value {
    let (entry, run) = (&item.entry, &item.run.record);
    let mut value = json!({
        "type": if entry.approval.is_some() { "approval" } else { "run" },
        "run": run.key,
        "title": item.run.title(),
        "workflow": run.state.run.workflow.as_ref().map(|workflow| &workflow.value),
        "verdict": item.run.verdict.word.as_str(),
        "reason": entry.reason.as_str(),
        "since": entry.since.map(Micros::to_rfc3339),
        "sentence": entry.sentence,
        "line": entry.line,
    });
    if let Some(marker) = &entry.approval {
        value["approval"] = json!({
            "id": marker.id,
            "integration": marker.integration,
            "action": marker.action,
            "risk": marker.risk,
            "params": marker.params.as_deref().map(to_value),
            "reason": marker.reason,
            "span": marker.span,
            "expires_at": marker.expires_at.map(Micros::to_rfc3339),
        });
    }
    value
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reducer::event::Class;
    use crate::reducer::reduce::EventRow;

    #[test]
    fn an_event_says_whether_its_text_is_all_of_it_and_that_it_could_not_be_read() {
        let row = EventRow {
            line: 3,
            offset: 10,
            length: 6,
            class: Class::Text,
            time: None,
            name: None,
            subject: None,
            verb: None,
            level: Some(Level::Warn),
            span: None,
            hidden: true,
        };
        let record = EventRecord { ordinal: 2, row };
        for (bytes, text, truncated) in [
            (Some(&b"a\x1bbcde"[..]), json!(visible_bytes(b"a\x1bbcde")), false),
            (Some(b"abc"), json!("abc"), true),
            (None, Value::Null, false),
        ] {
            let event = serde_json::to_value(event(&record, bytes)).expect("serialises");
            assert_eq!((&event["text"], &event["truncated"]), (&text, &json!(truncated)), "{bytes:?}");
            assert_eq!(
                (&event["level"], &event["hidden"], &event["time"]),
                (&"warn".into(), &true.into(), &Value::Null)
            );
        }
    }
}
