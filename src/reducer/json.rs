//! A validating JSON scanner over text, made for log lines: it accepts what RFC 8259 accepts (and lone surrogate
//! escapes, spec 1.2), says where values begin and end, and copies nothing.
//!
//! `serde_json` is its oracle in tests. It must never know what a key means.

mod build;
mod number;
mod scan;
mod unescape;

use std::borrow::Cow;

pub use build::to_value;
pub(crate) use number::{is_number, number_end, short_number};
pub(crate) use scan::{Cursor, Torn, WIDE, plain_content, quoted_end, short_content};
pub(crate) use unescape::unescape;

/// The deepest nesting that is accepted; the object itself is 1 (spec 1.2).
pub const MAX_DEPTH: usize = 128;

/// What a value is, seen from outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub(crate) enum Kind {
    #[default]
    Null,
    True,
    False,
    Number,
    /// A string without an escape: its text is what stands between the quotes.
    Plain,
    /// A string with escapes.
    Escaped,
    Array,
    Object,
}

/// A value that the scanner accepted, as it stands in the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Value<'a> {
    pub(crate) kind: Kind,
    /// From its first to its last byte, quotes included.
    pub(crate) raw: &'a str,
}

impl<'a> Value<'a> {
    /// The text of a string, escapes resolved; `None` for everything else.
    #[inline]
    pub(crate) fn string(self) -> Option<Cow<'a, str>> {
        let inner = || self.raw.get(1..self.raw.len().saturating_sub(1));
        match self.kind {
            Kind::Plain => inner().map(Cow::Borrowed),
            Kind::Escaped => inner().map(|text| Cow::Owned(unescape(text))),
            Kind::Null | Kind::True | Kind::False | Kind::Number | Kind::Array | Kind::Object => None,
        }
    }

    /// Whether it is a string that is not blank.
    #[inline]
    pub(crate) fn is_text(self) -> bool {
        let begins_visibly = || self.raw.as_bytes().get(1).is_some_and(|byte| is_visible(*byte));
        match self.kind {
            Kind::Plain | Kind::Escaped => {
                begins_visibly() || self.string().is_some_and(|text| !text.trim().is_empty())
            }
            Kind::Null | Kind::True | Kind::False | Kind::Number | Kind::Array | Kind::Object => false,
        }
    }

    /// The value of an object's own key, the last of equal ones; `None` without it and for what is no object.
    pub(crate) fn member(self, name: &str) -> Option<Value<'a>> {
        let mut found = None;
        if self.kind == Kind::Object {
            self.walk(|key, value| {
                if key.is_some_and(|key| *key == *name) {
                    found = Some(value);
                }
            });
        }
        found
    }

    /// Every element of an array, in order; none of what is no array.
    pub(crate) fn elements(self, mut each: impl FnMut(Value<'a>)) {
        if self.kind == Kind::Array {
            self.walk(|_, value| each(value));
        }
    }

    /// Every value of a container with its key.
    fn walk(self, mut each: impl FnMut(Option<Cow<'a, str>>, Value<'a>)) {
        let mut cursor = Cursor::new(self.raw);
        // The text was accepted before, so this comes to its closing bracket.
        let _closed: Result<(), Torn> = cursor.walk(&mut |cursor, key| {
            let start = cursor.at();
            let kind = cursor.value(1)?;
            each(key, Value { kind, raw: cursor.slice(start, cursor.at()) });
            Ok(())
        });
    }
}

/// Whether a byte of a string is ASCII that can be seen, and begins no escape and is no quote.
#[inline(always)]
pub(crate) const fn is_visible(byte: u8) -> bool {
    matches!(byte, b'!' | b'#'..=b'[' | b']'..=b'~')
}

#[cfg(test)]
mod tests;
