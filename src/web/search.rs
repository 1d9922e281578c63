//! Looks for text in a log: page after page of its events, so many bytes per request, and says where to go on.
//!
//! The cache keeps no text (spec 2.1), so the log itself is read. What is looked for is literal: `%` means `%`
//! (spec T94). Case makes no difference, and a text is found as it stands and as JSON would write it.

use memchr::memmem::Finder;

use super::Web;
use super::error::WebError;
use crate::store::reader::{EventFilter, EventPage, EventRecord};

/// A request looks at so many bytes of the log, then says where to go on.
const BYTES: u64 = 32 << 20;
/// Events are asked for so many at a time.
const BATCH: u32 = 1000;
/// Neighbouring events are read together up to so many bytes; a longer one is read alone.
const TOGETHER: u64 = 1 << 20;
/// Of one event at most so many bytes are looked at: the longest line that is decoded.
const ONE: u64 = 8 << 20;

/// What was found.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// The events that hold the text, ascending. `earlier` and `later` say whether there are events on that side that
    /// were not looked at.
    pub(super) page: EventPage,
    /// The first and the last event that was looked at.
    pub(super) seen: Option<(Place, Place)>,
}

/// Where an event stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub(super) struct Place {
    pub(super) ordinal: u64,
    pub(super) line: u64,
}

/// Looks through the events that match a filter: forwards behind `filter.after`, else backwards from `filter.before`
/// or the end, until `filter.limit` are found or [`BYTES`] were read.
pub(super) fn search(web: &Web, key: &str, filter: &EventFilter, wanted: &str) -> Result<Found, WebError> {
    look(web, key, filter, wanted, BYTES)
}

fn look(web: &Web, key: &str, filter: &EventFilter, wanted: &str, bytes: u64) -> Result<Found, WebError> {
    let forward = filter.after.is_some();
    let mut needle = Needle::new(wanted);
    let mut ask = EventFilter { limit: BATCH, ..filter.clone() };
    let mut found = Found::default();
    let mut left = bytes;
    loop {
        let batch = web.query.reader.events(key, &ask)?;
        if found.seen.is_none() {
            found.page = EventPage { events: Vec::new(), ..batch.clone() };
        }
        let mut groups = groups(&batch.events);
        if !forward {
            groups.reverse();
        }
        let mut full = false;
        for group in groups {
            let held = text_of(web, key, group)?;
            left = left.saturating_sub(held.len() as u64);
            let mut hits: Vec<&EventRecord> = Vec::new();
            hits.extend(group.iter().filter(|event| needle.is_in(piece(&held, group, event))));
            if !forward {
                hits.reverse();
            }
            let room = (filter.limit as usize).saturating_sub(found.page.events.len());
            full = hits.len() > room || left == 0;
            let end = if hits.len() > room { End::At(room.checked_sub(1).map(|last| hits[last])) } else { End::Open };
            found.widen(group, &end, forward);
            found.page.events.extend(hits.into_iter().take(room).cloned());
            if full {
                break;
            }
        }
        let more = found.is_more(&batch, forward);
        match forward {
            true => (found.page.later, ask.after) = (more, found.seen.map(|seen| seen.1.ordinal)),
            false => (found.page.earlier, ask.before) = (more, found.seen.map(|seen| seen.0.ordinal)),
        }
        if full || !more || batch.events.is_empty() {
            if !forward {
                found.page.events.reverse();
            }
            return Ok(found);
        }
    }
}

impl Found {
    /// Whether there is more to look at: in the rest of the batch, or behind it.
    fn is_more(&self, batch: &EventPage, forward: bool) -> bool {
        let Some((first, last)) = self.seen else { return false };
        match forward {
            true => batch.later || batch.events.last().is_some_and(|event| event.ordinal > last.ordinal),
            false => batch.earlier || batch.events.first().is_some_and(|event| event.ordinal < first.ordinal),
        }
    }

    /// Takes a group of events as looked at, up to where the list became full, so that the next request begins there.
    fn widen(&mut self, group: &[EventRecord], end: &End<'_>, forward: bool) {
        let place = |event: &EventRecord| Place { ordinal: event.ordinal, line: event.row.line };
        let (Some(first), Some(last)) = (group.first().map(place), group.last().map(place)) else { return };
        let (first, last) = match (end, forward) {
            (End::Open, _) => (first, last),
            (End::At(None), _) => return,
            (End::At(Some(end)), true) => (first, place(end)),
            (End::At(Some(end)), false) => (place(end), last),
        };
        self.seen = Some(match self.seen {
            None => (first, last),
            Some(seen) if forward => (seen.0, last),
            Some(seen) => (first, seen.1),
        });
    }
}

/// How far a group of events was looked at.
enum End<'a> {
    /// To its end.
    Open,
    /// The list became full with this one, or was full before the group.
    At(Option<&'a EventRecord>),
}

/// Neighbours that are read with one call.
fn groups(events: &[EventRecord]) -> Vec<&[EventRecord]> {
    let mut groups = Vec::new();
    let mut rest = events;
    while let Some(first) = rest.first() {
        let fits = |event: &&EventRecord| event.row.offset + event.row.length <= first.row.offset + TOGETHER;
        let count = rest.iter().take_while(fits).count().max(1);
        let (group, after) = rest.split_at(count);
        groups.push(group);
        rest = after;
    }
    groups
}

/// The bytes from the first event of a group to the end of the last.
fn text_of(web: &Web, key: &str, group: &[EventRecord]) -> Result<Vec<u8>, WebError> {
    let (Some(first), Some(last)) = (group.first(), group.last()) else { return Ok(Vec::new()) };
    let length = (last.row.offset + last.row.length).saturating_sub(first.row.offset).min(ONE);
    web.logs.read(key, first.row.offset, usize::try_from(length).unwrap_or(0)).map_err(|reason| {
        tracing::warn!(key, reason, "a log could not be searched");
        WebError::Log
    })
}

/// What of the bytes of a group belongs to one of its events; less where the log ends before.
fn piece<'a>(held: &'a [u8], group: &[EventRecord], event: &EventRecord) -> &'a [u8] {
    let start = group.first().map_or(0, |first| event.row.offset - first.row.offset);
    let from = usize::try_from(start).unwrap_or(usize::MAX).min(held.len());
    let length = usize::try_from(event.row.length).unwrap_or(usize::MAX);
    &held[from..from.saturating_add(length).min(held.len())]
}

/// What is looked for, in lower case, in every way in which a log may write it.
struct Needle {
    forms: Vec<Finder<'static>>,
    ascii: bool,
    lower: Vec<u8>,
}

impl Needle {
    fn new(wanted: &str) -> Self {
        let mut forms = Vec::new();
        for way in [wanted.to_owned(), wanted.to_lowercase(), wanted.to_uppercase()] {
            let json = serde_json::to_string(&way).unwrap_or_default();
            let escaped = json[1..json.len().max(2) - 1].to_owned();
            forms.extend([way, ascii_only(&escaped), escaped].map(|form| form.to_lowercase()));
        }
        forms.sort();
        forms.dedup();
        let ascii = wanted.is_ascii();
        let forms = forms.iter().map(|form| Finder::new(form).into_owned()).collect();
        Self { forms, ascii, lower: Vec::new() }
    }

    fn is_in(&mut self, bytes: &[u8]) -> bool {
        self.lower.clear();
        if self.ascii || bytes.is_ascii() {
            self.lower.extend_from_slice(bytes);
            self.lower.make_ascii_lowercase();
        } else {
            self.lower.extend_from_slice(String::from_utf8_lossy(bytes).to_lowercase().as_bytes());
        }
        self.forms.iter().any(|form| form.find(&self.lower).is_some())
    }
}

/// A JSON text in which everything beyond ASCII is escaped, as many writers do.
fn ascii_only(json: &str) -> String {
    let mut out = String::with_capacity(json.len());
    for character in json.chars() {
        if character.is_ascii() {
            out.push(character);
            continue;
        }
        for unit in character.encode_utf16(&mut [0; 2]) {
            out.push_str(&format!("\\u{unit:04x}"));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::super::LogText;
    use super::*;

    fn is_in(wanted: &str, text: &str) -> bool {
        Needle::new(wanted).is_in(text.as_bytes())
    }

    #[test]
    fn a_text_is_literal_and_found_in_every_way_of_writing_it() {
        for (wanted, text) in [
            ("%", "100% done"),
            ("DISK full", "Disk Full"),
            ("say \"hi\"", r#"{"msg":"say \"hi\" twice"}"#),
            ("grün", "GRÜN"),
            ("Grün", r#"{"msg":"alles gr\u00fcn"}"#),
            ("ÜBER", r#"{"msg":"\u00dcber"}"#),
            ("a_b", "A_B"),
        ] {
            assert!(is_in(wanted, text), "{wanted} in {text}");
        }
        for (wanted, text) in [("%", "100 done"), ("a_b", "axb"), ("d.sk", "disk"), ("x", "")] {
            assert!(!is_in(wanted, text), "{wanted} in {text}");
        }
    }

    /// Knows that the text of line n is `n` in words of ten bytes.
    struct Numbers;

    impl LogText for Numbers {
        fn read(&self, _: &str, offset: u64, length: usize) -> Result<Vec<u8>, String> {
            let all: Vec<u8> = (1..=5000).flat_map(|n| format!("line {n:04}\n").into_bytes()).collect();
            let from = usize::try_from(offset).expect("small").min(all.len());
            Ok(all[from..(from + length).min(all.len())].to_vec())
        }

        fn part_at(
            &self,
            _: &str,
            _: u64,
            _: crate::reducer::fold::Wanted,
        ) -> Result<(crate::reducer::run::RunState, Option<crate::store::Part>), String> {
            Err(String::from("is not asked for"))
        }

        fn artifact(&self, _: &str, _: &str) -> Result<std::fs::File, &'static str> {
            Err("is not asked for")
        }
    }

    fn web(directory: &std::path::Path) -> (Web, crate::store::Store) {
        use crate::reducer::dialect::Reading;
        use crate::reducer::reduce::{EventRow, Reducer};
        use crate::store::writer::Write;
        let store = crate::store::open(&directory.join("cache.db"), &[], "").expect("a cache");
        let mut reducer = Reducer::new(Reading::default());
        let mut rows = Vec::new();
        let text = Numbers.read("", 0, usize::MAX >> 1).expect("text");
        reducer.push(&text, &mut |event| rows.push(EventRow::of(event)));
        let cursor = crate::store::Cursor { generation: 1, offset: reducer.offset(), ..Default::default() };
        let events_offset = reducer.offset();
        let batch = crate::store::Batch {
            log: crate::store::LogRow { key: String::from("r"), cursor, events_offset, ..Default::default() },
            replace: false,
            state: reducer.shared(),
            changes: Default::default(),
            events: Some(rows),
            provisional: None,
        };
        store.writer.send(Write::Batch(Box::new(batch))).expect("a batch");
        store.writer.flush().expect("a commit");
        let query = crate::query::Query { reader: store.reader.clone(), policy: Arc::default() };
        (
            Web {
                query,
                live: store.live.clone(),
                logs: Arc::new(Numbers),
                commands: Arc::default(),
                redact: true,
                port: 1,
                token: None,
            },
            store,
        )
    }

    #[test]
    fn a_search_goes_on_where_it_stopped_and_finds_all_of_them() {
        let directory = tempfile::tempdir().expect("a directory");
        let (web, _store) = web(directory.path());
        for forward in [true, false] {
            let mut filter = EventFilter { hidden: true, limit: 4, ..EventFilter::default() };
            filter.after = forward.then_some(0);
            let mut lines = Vec::new();
            let mut requests = 0;
            loop {
                // Both ends of a request: a full list, and the bound of bytes.
                let found = look(&web, "r", &filter, "99", 3000).expect("an answer");
                assert!(found.page.events.len() <= 4);
                let mut page: Vec<u64> = found.page.events.iter().map(|event| event.row.line).collect();
                assert!(page.is_sorted());
                let (first, last) = found.seen.expect("looked at some");
                assert!(page.iter().all(|line| (first.line..=last.line).contains(line)));
                requests += 1;
                if forward {
                    lines.append(&mut page);
                    filter.after = Some(last.ordinal);
                } else {
                    page.append(&mut lines);
                    lines = page;
                    filter.before = Some(first.ordinal);
                }
                if !(if forward { found.page.later } else { found.page.earlier }) {
                    break;
                }
            }
            let expected: Vec<u64> = (1..=5000).filter(|n| format!("{n:04}").contains("99")).collect();
            assert_eq!(lines, expected, "forward {forward}");
            assert!(requests > 10, "{requests} requests");
        }
    }
}
