//! From a line to events: recognises the dialect of a line and decodes it into canonical [`Event`]s (spec 1.3, 1.5).
//!
//! It must never know the state of a run: the same line decodes to the same events wherever it stands.

pub mod generic;

use super::event::Event;
use super::line::{Line, MAX_LINE};
use super::time::NaiveTime;

/// What the user chose about reading lines.
#[derive(Clone, Debug)]
pub struct Reading {
    /// Longest line content in bytes (`--max-line`).
    pub max_line: usize,
    /// What a time without offset means (`--naive-time`).
    pub naive_time: NaiveTime,
}

impl Default for Reading {
    fn default() -> Self {
        Self { max_line: MAX_LINE, naive_time: NaiveTime::Utc }
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
pub struct Decoded {
    /// The class of the line; a blank one gave no event.
    pub class: LineClass,
    /// Values that are no time where a time was looked for.
    pub bad_times: u32,
    /// Values of the wrong type, passed over (an object or array where text is expected is not counted).
    pub wrong_types: u32,
    /// Equal keys in one object.
    pub duplicate_keys: u32,
    /// The dialect that recognised the line.
    pub dialect: &'static str,
}

/// Decodes lines. Keeps caches of names only: what it gives does not depend on the lines before.
#[derive(Debug)]
pub struct Decoder {
    #[allow(dead_code)]
    reading: Reading,
}

impl Decoder {
    /// A decoder with the built-in dialects.
    #[must_use]
    pub fn new(reading: Reading) -> Self {
        Self { reading }
    }

    /// Gives the events of a line in order, none for a blank one. A text, malformed or oversized line gives one event
    /// with that class, no time and no name.
    pub fn decode(&mut self, _line: &Line<'_>, _each: &mut dyn FnMut(&Event<'_>)) -> Decoded {
        todo!()
    }

    /// Whether an unterminated tail consists of whole objects, so that it may be taken provisionally (spec 1.2).
    #[must_use]
    pub fn is_whole(&self, _tail: &Line<'_>) -> bool {
        todo!()
    }
}
