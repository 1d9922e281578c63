//! Event rows, in both directions: an event is its place in the log, its time, a kind that many share, and a span id
//! that stands in full only once per run.

use std::sync::LazyLock;

use compact_str::CompactString;
use rusqlite::types::ValueRef;
use rusqlite::{Connection, OptionalExtension, Row, params};
use rustc_hash::FxHashMap;

use super::columns::{count, int, key_of, since, unreadable, until, word};
use super::inserts::{Entry, Inserts};
use crate::reducer::event::{Class, Level, Subject, Verb};
use crate::reducer::reduce::EventRow;

/// How many kinds and span ids are remembered at most, and how long a remembered id may be; what is forgotten is looked
/// up again or written in full again.
const MAX_KINDS: usize = 10_000;
const MAX_SPANS: usize = 50_000;
const MAX_SPAN_LENGTH: usize = 128;

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

/// Where event rows go: whose they are, and how many there are already.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    pub(super) number: u32,
    pub(super) base: i64,
    pub(super) stored: u64,
}

/// What the writer remembers of kinds and span ids, so that a row needs no look-up.
#[derive(Debug, Default)]
pub(super) struct Interner {
    kinds: FxHashMap<Box<str>, Vec<(Traits, i64)>>,
    kinds_held: usize,
    /// By run: the ordinal of the event that has the id in full.
    spans: FxHashMap<u32, FxHashMap<Box<str>, u32>>,
    spans_held: usize,
}

/// How many rows were written, and how many of them are hidden.
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

    /// Appends rows to those of a run. `lasting` rows may be referred to by later ones; provisional ones go again.
    ///
    /// A run has at most 2^32-1 rows; further ones are counted in its state alone.
    pub(super) fn append(
        &mut self,
        connection: &Connection,
        place: Place,
        rows: &[EventRow],
        lasting: bool,
    ) -> rusqlite::Result<Written> {
        let room = usize::try_from(u64::from(u32::MAX).saturating_sub(place.stored)).unwrap_or(usize::MAX);
        let rows = &rows[..rows.len().min(room)];
        let mut hidden = 0;
        let mut ordinal = u32::try_from(place.stored).unwrap_or(u32::MAX);
        EVENTS.write(connection, Entry::New, rows.iter(), |statement, first, row| {
            hidden += u64::from(row.hidden);
            ordinal += 1;
            statement.raw_bind_parameter(first + 1, key_of(place.number, ordinal))?;
            statement.raw_bind_parameter(first + 2, int(row.line).wrapping_sub(i64::from(ordinal)))?;
            statement.raw_bind_parameter(first + 3, int(row.offset))?;
            statement.raw_bind_parameter(first + 4, int(row.length))?;
            statement.raw_bind_parameter(first + 5, since(row.time, place.base))?;
            statement.raw_bind_parameter(first + 6, self.kind(connection, row)?)?;
            let first_with = row.span.as_deref().and_then(|span| self.first_with(place.number, span, ordinal, lasting));
            match first_with {
                Some(first_with) => statement.raw_bind_parameter(first + 7, first_with),
                None => statement.raw_bind_parameter(first + 7, row.span.as_deref()),
            }
        })?;
        Ok(Written { rows: rows.len() as u64, hidden })
    }

    /// The event of this run that has the same span id in full; none when this one is to have it.
    fn first_with(&mut self, number: u32, span: &str, ordinal: u32, lasting: bool) -> Option<u32> {
        if let Some(first) = self.spans.get(&number).and_then(|spans| spans.get(span)) {
            return Some(*first);
        }
        if lasting && span.len() <= MAX_SPAN_LENGTH {
            if self.spans_held >= MAX_SPANS {
                self.spans.clear();
                self.spans_held = 0;
            }
            self.spans.entry(number).or_default().insert(span.into(), ordinal);
            self.spans_held += 1;
        }
        None
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

/// One row of the table `kind`.
#[derive(Debug)]
struct Kind {
    class: Class,
    level: Option<Level>,
    name: Option<CompactString>,
    subject: Option<Subject>,
    verb: Option<Verb>,
}

/// The columns that [`Decoder::row`] wants, in its order.
pub(super) const EVENT: &str = "key, line_shift, offset, length, time, kind, span";

/// Makes event rows from the rows of one run.
#[derive(Debug)]
pub(super) struct Decoder<'c> {
    connection: &'c Connection,
    base: i64,
    kinds: FxHashMap<i64, Kind>,
    spans: FxHashMap<i64, Option<CompactString>>,
}

impl<'c> Decoder<'c> {
    pub(super) fn new(connection: &'c Connection, base: i64) -> Self {
        Self { connection, base, kinds: FxHashMap::default(), spans: FxHashMap::default() }
    }

    /// Goes on with the rows of another run.
    pub(super) fn turn_to(&mut self, base: i64) {
        self.base = base;
        self.spans.clear();
    }

    /// The ordinal of a row and its event.
    pub(super) fn row(&mut self, row: &Row<'_>) -> rusqlite::Result<(u64, EventRow)> {
        let key: i64 = row.get(0)?;
        let span = match row.get_ref(6)? {
            ValueRef::Integer(first) => self.span(key & !0xffff_ffff | first)?,
            ValueRef::Null => None,
            text => Some(text.as_str()?.into()),
        };
        let (ordinal, mut event) = self.place_only(row)?;
        event.span = span;
        Ok((ordinal, event))
    }

    /// The same without the span id.
    pub(super) fn place_only(&mut self, row: &Row<'_>) -> rusqlite::Result<(u64, EventRow)> {
        let ordinal = row.get::<_, i64>(0)? & 0xffff_ffff;
        let kind_id = row.get(5)?;
        let base = self.base;
        let kind = self.kind(kind_id)?;
        let event = EventRow {
            line: count(row.get::<_, i64>(1)?.wrapping_add(ordinal)),
            offset: count(row.get(2)?),
            length: count(row.get(3)?),
            class: kind.class,
            time: until(row.get(4)?, base),
            name: kind.name.clone(),
            subject: kind.subject,
            verb: kind.verb,
            level: kind.level,
            span: None,
            hidden: kind_id < 0,
        };
        Ok((count(ordinal), event))
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

    /// The span id that an earlier event has in full.
    fn span(&mut self, key: i64) -> rusqlite::Result<Option<CompactString>> {
        if let Some(span) = self.spans.get(&key) {
            return Ok(span.clone());
        }
        let span = self.connection.prepare_cached("SELECT span FROM event WHERE key = ?")?.query_row([key], |row| {
            row.get_ref(0)?.as_str_or_null().map(|text| text.map(CompactString::from)).map_err(Into::into)
        })?;
        self.spans.insert(key, span.clone());
        Ok(span)
    }
}

fn optional_word<T>(from: impl Fn(&str) -> Option<T>, row: &Row<'_>, column: usize) -> rusqlite::Result<Option<T>> {
    match row.get_ref(column)? {
        ValueRef::Null => Ok(None),
        _ => word(from, row, column).map(Some),
    }
}
