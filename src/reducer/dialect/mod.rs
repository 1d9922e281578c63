//! From a line to events: recognises the dialect of a line and decodes it into canonical [`Event`]s (spec 1.3, 1.5).
//!
//! It must never know the state of a run: the same line decodes to the same events wherever it stands.

mod concept;
pub mod data;
pub mod generic;
mod names;
mod record;
mod shape;
mod types;

use std::cell::Cell;
use std::ops::Range;

use bumpalo::Bump;
pub(crate) use data::Trace;
use data::{Dialect, DialectSet, Dialects};
pub(crate) use generic::Spot;
use generic::{Clock, Notes};
use names::Memory;
use record::{Layout, Record};

use super::event::{Class, Event};
use super::json::{Cursor, Kind};
use super::line::{Clean, Line, MAX_LINE};
use super::redact;
use super::time::NaiveTime;

/// The dialect of every line that is one JSON object or several.
pub const GENERIC: &str = "generic";
/// The dialect of every other line.
pub const PLAIN: &str = "plain";

/// What the user chose about reading lines.
#[derive(Clone, Debug)]
pub struct Reading {
    /// Longest line content in bytes (`--max-line`).
    pub max_line: usize,
    /// What a time without offset means (`--naive-time`).
    pub naive_time: NaiveTime,
    /// Credentials are masked (spec 5.3 rule 8; `--no-redact` turns it off).
    pub redact: bool,
    /// The user's own dialects, asked in this order before the built-in ones (spec 1.5).
    pub dialects: DialectSet,
}

impl Default for Reading {
    fn default() -> Self {
        Self { max_line: MAX_LINE, naive_time: NaiveTime::Utc, redact: true, dialects: DialectSet::default() }
    }
}

/// The class of a physical line, blank ones included (spec 1.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum LineClass {
    Event,
    Text,
    Malformed,
    Oversized,
    Blank,
}

/// What decoding noticed about one line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Decoded<'d> {
    /// The class of the line; a blank one gave no event.
    pub class: LineClass,
    /// Values that are no time where a time was looked for.
    pub bad_times: u32,
    /// Values of the wrong type, passed over (an object or array where text is expected is not counted).
    pub wrong_types: u32,
    /// Equal keys in one object.
    pub duplicate_keys: u32,
    /// Elements of an array that were too many to be events each.
    pub unread_elements: u32,
    /// The dialect that recognised the line; of several records the first that a dialect other than `generic` did.
    pub dialect: &'d str,
}

/// What was noticed about the records of a line.
#[derive(Clone, Copy, Debug, Default)]
struct Noticed {
    notes: Notes,
    duplicate_keys: u32,
    dialect: Option<usize>,
}

/// Decodes lines. What it gives does not depend on the lines before.
#[derive(Debug)]
pub struct Decoder {
    naive_time: NaiveTime,
    redact: bool,
    /// Bytes of the log without a marker of a credential.
    unsuspicious: Range<u64>,
    dialects: Dialects,
}

/// What decoders remember of names and shapes: it only saves work, and depends on no dialect.
#[derive(Debug, Default)]
struct Tables {
    memory: Memory,
    layout: Layout,
}

/// What takes the events of lines. Those that the generic dialect makes last as long as the line's text, so that they need
/// not be looked at before the next line is decoded.
pub(crate) trait Sink<'a> {
    /// A bare event, for the caller to fill.
    fn place(&mut self, class: Class, spot: Spot) -> &mut Event<'a>;
    /// It is filled.
    fn placed(&mut self);
    /// An event that is gone after the call, with what became of its record; no event where a rule ignores one.
    fn passing(&mut self, event: Option<&Event<'_>>, trace: Trace);
}

/// Gives each event at once.
struct AtOnce<'a, 'f> {
    placed: Option<(Event<'a>, Spot)>,
    each: &'f mut dyn FnMut(Option<&Event<'_>>, Trace),
}

impl<'a> Sink<'a> for AtOnce<'a, '_> {
    fn place(&mut self, class: Class, spot: Spot) -> &mut Event<'a> {
        &mut self.placed.insert((bare(class, spot), spot)).0
    }

    fn placed(&mut self) {
        if let Some((event, spot)) = self.placed.take() {
            (self.each)(Some(&event), Trace { dialect: None, rule: None, spot });
        }
    }

    fn passing(&mut self, event: Option<&Event<'_>>, trace: Trace) {
        (self.each)(event, trace);
    }
}

/// An event with nothing but its place.
#[inline(always)]
pub(crate) fn bare<'a>(class: Class, spot: Spot) -> Event<'a> {
    Event::bare(class, spot.line, spot.offset, spot.length)
}

/// What a line was read as.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Read {
    class: LineClass,
    noticed: Noticed,
}

impl Read {
    fn plain(class: LineClass) -> Self {
        Self { class, noticed: Noticed::default() }
    }

    /// The same for who asks later, unless a dialect other than the two that are always there recognised the line.
    pub(crate) fn without_dialect(self) -> Option<Decoded<'static>> {
        let name = if self.class == LineClass::Event { GENERIC } else { PLAIN };
        self.noticed.dialect.is_none().then(|| self.decoded(name))
    }

    fn decoded(self, dialect: &str) -> Decoded<'_> {
        let Noticed { notes, duplicate_keys, .. } = self.noticed;
        Decoded {
            class: self.class,
            bad_times: notes.bad_times,
            wrong_types: notes.wrong_types,
            duplicate_keys,
            unread_elements: notes.unread_elements,
            dialect,
        }
    }
}

thread_local! {
    /// Tables are large, and what they remember serves every log: all decoders of a thread use the same, one at a time.
    static TABLES: Cell<Option<Box<Tables>>> = const { Cell::new(None) };
}

impl Decoder {
    /// A decoder with the user's dialects and the built-in ones.
    #[must_use]
    pub fn new(reading: Reading) -> Self {
        Self {
            naive_time: reading.naive_time,
            redact: reading.redact,
            unsuspicious: 0..0,
            dialects: Dialects::new(reading.dialects),
        }
    }

    /// Gives the events of a line in order, none for a blank one and none for what a dialect's rule ignores. A text,
    /// malformed or oversized line gives one event with that class, no time and no name.
    pub fn decode(&mut self, line: &Line<'_>, each: &mut dyn FnMut(&Event<'_>)) -> Decoded<'_> {
        self.decode_traced(line, &mut |event, _| {
            if let Some(event) = event {
                each(event);
            }
        })
    }

    /// Looks for credentials in many lines at once, which costs less than in each. The bytes begin at `offset` in the log.
    pub fn look_over(&mut self, bytes: &[u8], offset: u64) {
        if self.redact {
            self.unsuspicious = offset..offset + redact::unsuspicious(bytes) as u64;
        }
    }

    /// The same, with what became of every record, also of those that are ignored.
    fn decode_traced(&mut self, line: &Line<'_>, each: &mut dyn FnMut(Option<&Event<'_>>, Trace)) -> Decoded<'_> {
        let read = self.read(line, &Bump::new(), &mut AtOnce { placed: None, each });
        self.decoded(read)
    }

    /// The same for a sink. Texts that do not stand in the line as they are go to the arena.
    #[inline]
    pub(crate) fn read<'a>(&mut self, line: &Line<'a>, arena: &'a Bump, sink: &mut impl Sink<'a>) -> Read {
        let end = line.offset + line.bytes.len() as u64;
        let is_clean = !self.redact || self.unsuspicious.start <= line.offset && end <= self.unsuspicious.end;
        match if is_clean { None } else { masked(line, arena) } {
            Some(masked) => self.read_masked(&masked, arena, sink),
            None => self.read_masked(line, arena, sink),
        }
    }

    fn read_masked<'a>(&mut self, line: &Line<'a>, arena: &'a Bump, sink: &mut impl Sink<'a>) -> Read {
        let class = if line.oversized || u32::try_from(line.bytes.len()).is_err() {
            Class::Oversized
        } else if begins_with_brace(line.bytes) {
            let mut tables = TABLES.take().unwrap_or_else(empty_tables);
            let noticed = self.objects(line, &mut tables, arena, sink);
            TABLES.set(Some(tables));
            match noticed {
                Some(noticed) => return Read { class: LineClass::Event, noticed },
                None => Class::Malformed,
            }
        } else if is_blank(line.bytes) {
            return Read::plain(LineClass::Blank);
        } else {
            Class::Text
        };
        sink.place(class, Spot { line: line.number, offset: line.offset, length: line.length });
        sink.placed();
        Read::plain(class.into())
    }

    /// The same with the name of the dialect.
    pub(crate) fn decoded(&self, read: Read) -> Decoded<'_> {
        if let Some(decoded) = read.without_dialect() {
            return decoded;
        }
        let dialect = read.noticed.dialect.and_then(|number| self.dialects.get(number));
        read.decoded(dialect.map_or(GENERIC, Dialect::name))
    }

    /// Whether an unterminated tail consists of whole objects, so that it may be taken provisionally (spec 1.2).
    #[must_use]
    pub fn is_whole(&self, tail: &Line<'_>) -> bool {
        if tail.oversized || !begins_with_brace(tail.bytes) {
            return false;
        }
        std::str::from_utf8(tail.bytes).is_ok_and(|text| {
            let mut cursor = Cursor::new(text);
            cursor.space();
            are_objects(&mut cursor)
        })
    }

    /// The events of a line that is one object, or several glued together; `None` when it is anything else, and then no
    /// event was given.
    fn objects<'a>(
        &mut self,
        line: &Line<'a>,
        tables: &mut Tables,
        arena: &'a Bump,
        sink: &mut impl Sink<'a>,
    ) -> Option<Noticed> {
        let (mut cursor, ahead) = match line.clean {
            Some(Clean { text, ahead }) => (Cursor::of_clean(text), ahead),
            None => (Cursor::new(simdutf8::basic::from_utf8(line.bytes).ok()?), line.bytes),
        };
        let text = cursor.text();
        cursor.space();
        let first = cursor.at();
        tables.layout.read(&mut cursor, ahead).ok()?;
        cursor.space();
        let mut noticed = Noticed::default();
        if cursor.peek().is_none() {
            let spot = Spot { line: line.number, offset: line.offset, length: line.length };
            self.object(tables, Object { text, start: first, base: line.offset, spot }, &mut noticed, arena, sink);
            return Some(noticed);
        }
        if !are_objects(&mut cursor) {
            return None;
        }
        cursor.set_at(first);
        while cursor.peek().is_some() {
            let start = cursor.at();
            tables.layout.read(&mut cursor, ahead).ok()?;
            let length = (cursor.at() - start) as u64;
            let spot = Spot { line: line.number, offset: line.offset + start as u64, length };
            self.object(tables, Object { text, start, base: line.offset, spot }, &mut noticed, arena, sink);
            cursor.space();
        }
        Some(noticed)
    }

    /// The events of the object that was just read: a dialect that recognises it is asked first.
    fn object<'a>(
        &mut self,
        tables: &mut Tables,
        object: Object<'a>,
        noticed: &mut Noticed,
        arena: &'a Bump,
        sink: &mut impl Sink<'a>,
    ) {
        let Self { naive_time, dialects, .. } = self;
        let Tables { memory, layout } = tables;
        let record = Record::new(layout, object.text);
        let mut dialect = None;
        if dialects.may_recognise(record) {
            dialect = dialects.read(object, record, *naive_time, memory, &mut noticed.notes, arena, sink);
        }
        if dialect.is_none() {
            let clock = Clock { naive: *naive_time, own: None };
            let event = sink.place(Class::Event, object.spot);
            generic::fill(event, record, clock, memory, &mut noticed.notes, arena);
            sink.placed();
        }
        noticed.dialect = noticed.dialect.or(dialect);
        noticed.duplicate_keys = noticed.duplicate_keys.saturating_add(layout.duplicate_keys());
    }
}

/// Where a record stands.
#[derive(Clone, Copy)]
struct Object<'a> {
    /// The text of the line.
    text: &'a str,
    /// Where in it the record begins.
    start: usize,
    spot: Spot,
    /// The offset of the text in the log.
    base: u64,
}

#[cold]
#[inline(never)]
fn empty_tables() -> Box<Tables> {
    Box::default()
}

/// The line without its credentials, if it has any.
#[cold]
fn masked<'a>(line: &Line<'a>, arena: &'a Bump) -> Option<Line<'a>> {
    let bytes = arena.alloc_slice_copy(&redact::mask(line.bytes)?);
    Some(Line { bytes, clean: None, ..*line })
}

impl From<Class> for LineClass {
    fn from(class: Class) -> Self {
        match class {
            Class::Event => LineClass::Event,
            Class::Text => LineClass::Text,
            Class::Malformed => LineClass::Malformed,
            Class::Oversized => LineClass::Oversized,
        }
    }
}

/// Whether the first byte that is no JSON white space is `{`.
fn begins_with_brace(bytes: &[u8]) -> bool {
    bytes.iter().find(|byte| !matches!(byte, b' ' | b'\t' | b'\r' | b'\n')) == Some(&b'{')
}

/// Only ASCII white space (tab, line feed, form feed, carriage return, space) or NUL.
fn is_blank(bytes: &[u8]) -> bool {
    bytes.iter().all(|byte| byte.is_ascii_whitespace() || *byte == 0)
}

/// Whether there is nothing but objects from here on, with white space between them.
fn are_objects(cursor: &mut Cursor<'_>) -> bool {
    while cursor.peek().is_some() {
        if cursor.value(1) != Ok(Kind::Object) {
            return false;
        }
        cursor.space();
    }
    true
}

#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
