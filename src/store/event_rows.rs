//! Event rows, in both directions: so many of them stand in one row as JSON, since a row costs by its columns. An event is
//! its place in the log, its time, a kind that many share, and a span id that stands in full once per chunk.

use std::borrow::Cow;
use std::fmt;
use std::sync::LazyLock;

use compact_str::CompactString;
use rusqlite::types::ValueRef;
use rusqlite::{Connection, OptionalExtension, Row, params};
use rustc_hash::FxHashMap;
use serde::de::{Error, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::columns::{Json, count, int, key_of, unreadable, word};
use super::inserts::{Entry, Inserts};
use crate::reducer::event::{Class, Level, Subject, Verb};
use crate::reducer::reduce::EventRow;
use crate::reducer::time::Micros;

/// Events per row at most, a *chunk*. What is appended starts a chunk of its own, so a row never changes.
pub(super) const CHUNK: usize = 32;

/// How many kinds are remembered at most; what is forgotten is looked up again.
const MAX_KINDS: usize = 10_000;

/// What a kind has beside its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Traits {
    named: bool,
    class: Class,
    level: Option<Level>,
    subject: Option<Subject>,
    verb: Option<Verb>,
    hidden: bool,
}

/// What the writer remembers of kinds, so that an event needs no look-up.
#[derive(Debug, Default)]
pub(super) struct Interner {
    kinds: FxHashMap<Box<str>, Vec<(Traits, i64)>>,
    kinds_held: usize,
}

/// How many events were written, and how many of them are hidden.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Written {
    pub(super) rows: u64,
    pub(super) hidden: u64,
}

impl Written {
    pub(super) fn plus(self, more: Written) -> Written {
        Written { rows: self.rows + more.rows, hidden: self.hidden + more.hidden }
    }
}

impl Interner {
    /// Forgets everything: after a transaction that was taken back, numbers may not be there.
    pub(super) fn forget(&mut self) {
        *self = Self::default();
    }

    /// Appends events to those of a run, of which so many are stored.
    ///
    /// A run has at most 2^32-1 of them; further ones are counted in its state alone.
    pub(super) fn append(
        &mut self,
        connection: &Connection,
        number: u32,
        stored: u64,
        rows: &[EventRow],
    ) -> rusqlite::Result<Written> {
        let room = usize::try_from(u64::from(u32::MAX).saturating_sub(stored)).unwrap_or(usize::MAX);
        let rows = &rows[..rows.len().min(room)];
        let mut ordinal = u32::try_from(stored).unwrap_or(u32::MAX);
        let mut json = Json::default();
        let (mut entries, mut spans) = (Vec::with_capacity(CHUNK), Vec::new());
        EVENTS.write(connection, Entry::New, rows.chunks(CHUNK), |statement, first, chunk| {
            let [start, ..] = chunk else { return Ok(()) };
            let (line, offset) = (int(start.line), int(start.offset));
            let time = chunk.iter().find_map(|row| row.time).map(|time| time.0);
            spans.clear();
            entries.clear();
            for (place, row) in chunk.iter().enumerate() {
                entries.push(Stored {
                    kind: self.kind(connection, row)?,
                    length: int(row.length),
                    offset: int(row.offset).wrapping_sub(offset),
                    time: row.time.map(|at| at.0.wrapping_sub(time.unwrap_or(0))),
                    span: row.span.as_deref().map(|span| said_in(&mut spans, span, place)),
                    shift: int(row.line).wrapping_sub(line).wrapping_sub(place as i64),
                });
            }
            statement.raw_bind_parameter(first + 1, key_of(number, ordinal + 1))?;
            statement.raw_bind_parameter(first + 2, line)?;
            statement.raw_bind_parameter(first + 3, offset)?;
            statement.raw_bind_parameter(first + 4, time)?;
            statement.raw_bind_parameter(first + 5, json.of(&entries))?;
            ordinal += u32::try_from(chunk.len()).unwrap_or(u32::MAX);
            Ok(())
        })?;
        Ok(Written { rows: rows.len() as u64, hidden: rows.iter().map(|row| u64::from(row.hidden)).sum() })
    }

    fn kind(&mut self, connection: &Connection, row: &EventRow) -> rusqlite::Result<i64> {
        let EventRow { class, level, subject, verb, hidden, .. } = *row;
        let traits = Traits { named: row.name.is_some(), class, level, subject, verb, hidden };
        let name = row.name.as_deref().unwrap_or_default();
        if let Some((_, id)) = self.kinds.get(name).and_then(|same| same.iter().find(|(other, _)| *other == traits)) {
            return Ok(*id);
        }
        let id = find_or_make_kind(connection, row)?;
        if self.kinds_held >= MAX_KINDS {
            self.kinds.clear();
            self.kinds_held = 0;
        }
        self.kinds.entry(name.into()).or_default().push((traits, id));
        self.kinds_held += 1;
        Ok(id)
    }
}

/// The span id of the event at a place in its chunk: the place of the first event that has the same one, else in full.
fn said_in<'r>(spans: &mut Vec<(u64, &'r str, usize)>, span: &'r str, place: usize) -> SpanId<'r> {
    let head = span.as_bytes().first_chunk().map_or(0, |head| u64::from_ne_bytes(*head));
    // Events in a row are often of one span.
    match spans.iter().rev().find(|(start, other, _)| *start == head && *other == span) {
        Some((.., first)) => SpanId::LikeThatOf(*first),
        None => {
            spans.push((head, span, place));
            SpanId::Full(span.into())
        }
    }
}

static EVENTS: LazyLock<Inserts> = LazyLock::new(|| Inserts::new("event", EVENT));

fn find_or_make_kind(connection: &Connection, row: &EventRow) -> rusqlite::Result<i64> {
    let class = row.class.as_str();
    let level = row.level.map(Level::as_str);
    let subject = row.subject.map(Subject::as_str);
    let verb = row.verb.map(Verb::as_str);
    let found = connection
        .prepare_cached(
            "SELECT id FROM kind WHERE name IS ? AND class = ? AND level IS ? AND subject IS ? AND verb IS ? AND (id < 0) = ?",
        )?
        .query_row(params![row.name.as_deref(), class, level, subject, verb, row.hidden], |found| found.get(0))
        .optional()?;
    if let Some(id) = found {
        return Ok(id);
    }
    let end = if row.hidden { "min(id), 0) - 1" } else { "max(id), 0) + 1" };
    let bound = if row.hidden { "id < 0" } else { "id > 0" };
    connection
        .prepare_cached(&format!(
            "INSERT INTO kind (id, class, level, name, subject, verb)
             VALUES ((SELECT ifnull({end} FROM kind WHERE {bound}), ?, ?, ?, ?, ?) RETURNING id"
        ))?
        .query_row(params![class, level, row.name.as_deref(), subject, verb], |made| made.get(0))
}

/// One event of a chunk, as it is written and read: an array without what is absent at its end.
#[derive(Debug, Deserialize)]
struct Stored<'r> {
    kind: i64,
    length: i64,
    /// Since that of the first event of the chunk.
    offset: i64,
    /// Since the first time of the chunk.
    #[serde(default)]
    time: Option<i64>,
    #[serde(default, borrow)]
    span: Option<SpanId<'r>>,
    /// The line since that of the first event of the chunk, less the place in it: most lines are one event.
    #[serde(default)]
    shift: i64,
}

impl Serialize for Stored<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self { kind, length, offset, time, span, shift } = self;
        match (time, span, shift) {
            (None, None, 0) => (kind, length, offset).serialize(serializer),
            (Some(time), None, 0) => (kind, length, offset, time).serialize(serializer),
            (time, Some(span), 0) => (kind, length, offset, time, span).serialize(serializer),
            (time, span, shift) => (kind, length, offset, time, span, shift).serialize(serializer),
        }
    }
}

/// The span id of an event.
#[derive(Debug)]
enum SpanId<'r> {
    Full(Cow<'r, str>),
    /// The event at this place of the chunk has it in full.
    LikeThatOf(usize),
}

impl Serialize for SpanId<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            SpanId::Full(text) => serializer.serialize_str(text),
            SpanId::LikeThatOf(place) => serializer.serialize_u64(*place as u64),
        }
    }
}

impl<'de: 'r, 'r> Deserialize<'de> for SpanId<'r> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either;
        impl<'de> Visitor<'de> for Either {
            type Value = SpanId<'de>;

            fn expecting(&self, text: &mut fmt::Formatter<'_>) -> fmt::Result {
                text.write_str("a span id or a place")
            }

            fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Self::Value, E> {
                Ok(SpanId::Full(Cow::Borrowed(text)))
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
                Ok(SpanId::Full(Cow::Owned(text.to_owned())))
            }

            fn visit_u64<E: Error>(self, place: u64) -> Result<Self::Value, E> {
                Ok(SpanId::LikeThatOf(usize::try_from(place).unwrap_or(usize::MAX)))
            }
        }
        deserializer.deserialize_any(Either)
    }
}

/// The columns that [`Chunk::read`] wants, in its order.
pub(super) const EVENT: &str = "key, line, offset, time, entries";

/// A chunk of events as it was read.
#[derive(Debug)]
pub(super) struct Chunk<'r> {
    /// The ordinal of its first event.
    pub(super) first: u64,
    line: i64,
    offset: i64,
    time: i64,
    entries: Vec<Stored<'r>>,
}

/// How the entry of an event of a kind begins.
pub(super) fn written_kind(kind: i64) -> String {
    format!("[{kind},")
}

/// How a span id stands in the first entry that has it.
pub(super) fn written_span(span: &str) -> String {
    serde_json::Value::from(span).to_string()
}

impl<'r> Chunk<'r> {
    /// The text of a chunk, not read yet.
    pub(super) fn text(row: &'r Row<'_>) -> rusqlite::Result<&'r str> {
        Ok(row.get_ref(4)?.as_str()?)
    }

    pub(super) fn read(row: &'r Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            first: count(row.get::<_, i64>(0)? & 0xffff_ffff),
            line: row.get(1)?,
            offset: row.get(2)?,
            time: row.get::<_, Option<i64>>(3)?.unwrap_or(0),
            entries: serde_json::from_str(Self::text(row)?).map_err(|error| unreadable(4, error))?,
        })
    }

    /// How many events it has.
    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    /// The kind of the event at a place; negative when it is hidden.
    pub(super) fn kind(&self, place: usize) -> i64 {
        self.entries[place].kind
    }

    /// The physical line of the event at a place.
    pub(super) fn line(&self, place: usize) -> u64 {
        count(self.line.wrapping_add(place as i64).wrapping_add(self.entries[place].shift))
    }

    /// The span id of the event at a place.
    pub(super) fn span(&self, place: usize) -> Option<&str> {
        match self.entries[place].span.as_ref()? {
            SpanId::Full(text) => Some(text),
            SpanId::LikeThatOf(first) => match self.entries.get(*first)?.span.as_ref()? {
                SpanId::Full(text) => Some(text),
                SpanId::LikeThatOf(_) => None,
            },
        }
    }
}

/// One row of the table `kind`.
#[derive(Debug)]
struct Kind {
    class: Class,
    level: Option<Level>,
    name: Option<CompactString>,
    subject: Option<Subject>,
    verb: Option<Verb>,
}

/// Makes events from chunks.
#[derive(Debug)]
pub(super) struct Decoder<'c> {
    connection: &'c Connection,
    kinds: FxHashMap<i64, Kind>,
}

impl<'c> Decoder<'c> {
    pub(super) fn new(connection: &'c Connection) -> Self {
        Self { connection, kinds: FxHashMap::default() }
    }

    /// The event at a place of a chunk.
    pub(super) fn event(&mut self, chunk: &Chunk<'_>, place: usize) -> rusqlite::Result<EventRow> {
        let stored = &chunk.entries[place];
        let kind = self.kind(stored.kind)?;
        Ok(EventRow {
            line: chunk.line(place),
            offset: count(chunk.offset.wrapping_add(stored.offset)),
            length: count(stored.length),
            class: kind.class,
            time: stored.time.map(|since| Micros(chunk.time.wrapping_add(since))),
            name: kind.name.clone(),
            subject: kind.subject,
            verb: kind.verb,
            level: kind.level,
            span: chunk.span(place).map(CompactString::from),
            hidden: stored.kind < 0,
        })
    }

    fn kind(&mut self, id: i64) -> rusqlite::Result<&Kind> {
        if !self.kinds.contains_key(&id) {
            if self.kinds.len() >= MAX_KINDS {
                self.kinds.clear();
            }
            let kind = self
                .connection
                .prepare_cached("SELECT class, level, name, subject, verb FROM kind WHERE id = ?")?
                .query_row([id], |row| {
                    Ok(Kind {
                        class: word(Class::from_word, row, 0)?,
                        level: optional_word(Level::from_word, row, 1)?,
                        name: row.get_ref(2)?.as_str_or_null()?.map(CompactString::from),
                        subject: optional_word(Subject::from_word, row, 3)?,
                        verb: optional_word(Verb::from_word, row, 4)?,
                    })
                })?;
            self.kinds.insert(id, kind);
        }
        self.kinds.get(&id).ok_or_else(|| unreadable(5, "a kind that is not in the table"))
    }
}

fn optional_word<T>(from: impl Fn(&str) -> Option<T>, row: &Row<'_>, column: usize) -> rusqlite::Result<Option<T>> {
    match row.get_ref(column)? {
        ValueRef::Null => Ok(None),
        _ => word(from, row, column).map(Some),
    }
}
