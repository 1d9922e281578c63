//! The cheap look at a line before any dialect reads it: what a line must have on its top level to be worth it.
//!
//! The keys of the generic vocabulary were met by the scanner anyway; another key is searched for in the text as it
//! would be written. It must never decide more than "certainly not".

use memchr::memmem::Finder;

use super::super::concept::Key;
use super::super::record::Record;
use super::condition::Condition;
use super::language::{Expectation, KindWord, Literal};
use super::pointer::Pointer;
use crate::reducer::json::Kind;

/// What one way of recognising asks of the top level at least.
#[derive(Clone, Debug)]
pub(super) enum Gate {
    /// A key of the vocabulary, with such a value.
    Known(Key, Shape),
    /// Another key: the bytes by which it is found.
    Written(Vec<u8>),
}

/// What can be seen of a value without reading it.
#[derive(Clone, Debug)]
pub(super) enum Shape {
    /// One of these strings, as they are written in JSON.
    Text(Vec<String>),
    /// A kind of value.
    Of(KindWord),
    /// Something that a pointer may lead into: no number and no flag.
    Container,
    /// Anything.
    Any,
}

impl Gate {
    /// The sharpest gate that the conditions allow; none when nothing must be there.
    pub(super) fn of(conditions: &[(Pointer, Expectation)]) -> Option<Self> {
        let must = conditions.iter().filter(|(_, expected)| Condition::is_presence(expected));
        must.filter_map(|(pointer, expected)| Self::of_one(pointer, expected)).min_by_key(Self::rank)
    }

    fn of_one(pointer: &Pointer, expected: &Expectation) -> Option<Self> {
        let key = pointer.steps.first()?;
        let Some(known) = Key::at(key.as_bytes(), 0, key.len()) else {
            return Some(Gate::Written(serde_json::Value::from(key.as_str()).to_string().into_bytes()));
        };
        if pointer.steps.len() > 1 {
            return Some(Gate::Known(known, Shape::Container));
        }
        let text = |literal: &Literal| match literal {
            Literal::Text(text) => Some(serde_json::Value::from(text.as_str()).to_string()),
            Literal::Flag(_) | Literal::Whole(_) | Literal::Number(_) => None,
        };
        let texts: Option<Vec<String>> = expected.one_of.iter().map(text).collect();
        let shape = match (texts, expected.kind) {
            (Some(texts), _) if !texts.is_empty() => Shape::Text(texts),
            (_, Some(kind)) => Shape::Of(kind),
            _ if !expected.like.is_empty() => Shape::Of(KindWord::String),
            _ => Shape::Any,
        };
        Some(Gate::Known(known, shape))
    }

    fn rank(&self) -> u8 {
        match self {
            Gate::Known(_, Shape::Text(_)) => 0,
            Gate::Written(_) => 1,
            Gate::Known(_, Shape::Of(KindWord::Object | KindWord::Array)) => 2,
            Gate::Known(_, Shape::Of(_)) => 3,
            Gate::Known(_, Shape::Container) => 4,
            Gate::Known(_, Shape::Any) => 5,
        }
    }
}

impl Shape {
    fn fits(&self, kind: Kind, raw: &str) -> bool {
        match self {
            // An escape may write the same text in another way.
            Shape::Text(texts) => {
                kind == Kind::Escaped || (kind == Kind::Plain && texts.iter().any(|text| text == raw))
            }
            Shape::Of(word) => word.fits(kind),
            Shape::Container => matches!(kind, Kind::Object | Kind::Array | Kind::Plain | Kind::Escaped),
            Shape::Any => true,
        }
    }
}

/// A set of dialects, by number; what is beyond the last bit shares it.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Candidates(u64);

impl Candidates {
    const LAST: usize = 63;

    fn add(&mut self, dialect: usize) {
        self.0 |= 1 << dialect.min(Self::LAST);
    }

    pub(super) fn is_empty(self) -> bool {
        self.0 == 0
    }

    pub(super) fn has(self, dialect: usize) -> bool {
        self.0 >> dialect.min(Self::LAST) & 1 == 1
    }
}

/// The gates of all dialects, by key.
#[derive(Debug, Default)]
pub(super) struct Gates {
    known: Vec<(Key, Vec<(Shape, usize)>)>,
    written: Vec<(Finder<'static>, usize)>,
}

impl Gates {
    pub(super) fn add(&mut self, gate: &Gate, dialect: usize) {
        match gate {
            Gate::Known(key, shape) => match self.known.iter_mut().find(|(known, _)| known == key) {
                Some((_, shapes)) => shapes.push((shape.clone(), dialect)),
                None => self.known.push((*key, vec![(shape.clone(), dialect)])),
            },
            Gate::Written(bytes) => self.written.push((Finder::new(bytes).into_owned(), dialect)),
        }
    }

    /// The dialects that may recognise the record whose text this is.
    #[inline]
    pub(super) fn candidates(&self, record: Record<'_, '_>, text: &str) -> Candidates {
        let mut candidates = Candidates::default();
        for (key, shapes) in &self.known {
            let Some(value) = record.on_top(*key) else { continue };
            for (shape, dialect) in shapes {
                if shape.fits(value.kind, value.raw) {
                    candidates.add(*dialect);
                }
            }
        }
        if !self.written.is_empty() {
            self.search(text, &mut candidates);
        }
        candidates
    }

    /// Keys outside the vocabulary; one that is written with escapes may be any.
    fn search(&self, text: &str, candidates: &mut Candidates) {
        let escaped = || memchr::memmem::find(text.as_bytes(), b"\\u").is_some();
        for (finder, dialect) in &self.written {
            if !candidates.has(*dialect) && (finder.find(text.as_bytes()).is_some() || escaped()) {
                candidates.add(*dialect);
            }
        }
    }
}
