//! The cheap look at a line before any dialect reads it: what a line must have on its top level to be worth it.
//!
//! The keys of the generic vocabulary were met by the scanner anyway; another key is searched for in the text as it
//! would be written. It must never decide more than "certainly not".

use memchr::memmem::Finder;
use rustc_hash::FxHashMap;

use super::super::concept::{CONTAINER_KEYS, Concept, Key, Keys};
use super::super::record::Record;
use super::condition::Condition;
use super::language::{Expectation, KindWord, Literal};
use super::pointer::Pointer;
use crate::reducer::json::{Kind, Value};

/// What one way of recognising asks of the top level at least.
#[derive(Clone, Debug)]
pub(super) struct Gate {
    /// What turns most lines away.
    first: Sight,
    /// What else can be seen at once.
    rest: Vec<Sight>,
}

/// Something that can be seen of a line.
#[derive(Clone, Debug)]
enum Sight {
    /// A key of the vocabulary, with such a value.
    Known(Key, Shape),
    /// Another key: the bytes by which it is found.
    Written(Vec<u8>),
}

/// What can be seen of a value without reading it.
#[derive(Clone, Debug)]
enum Shape {
    /// One of these strings, as they are written in JSON.
    Text(Vec<String>),
    /// A kind of value.
    Of(KindWord),
    /// An object or an array, which a pointer leads into.
    Container,
    /// The same, or a string that holds JSON.
    Decoded,
    /// Anything.
    Any,
}

impl Gate {
    /// What the conditions ask; none when nothing must be there. `decode` are the strings that pointers go through.
    pub(super) fn of(conditions: &[(Pointer, Expectation)], decode: &[Pointer]) -> Option<Self> {
        let must = conditions.iter().filter(|(_, expected)| Condition::is_presence(expected));
        let mut sights: Vec<Sight> =
            must.filter_map(|(pointer, expected)| Sight::of(pointer, expected, decode)).collect();
        sights.sort_by_key(Sight::rank);
        let mut sights = sights.into_iter();
        Some(Self { first: sights.next()?, rest: sights.collect() })
    }
}

impl Sight {
    fn of(pointer: &Pointer, expected: &Expectation, decode: &[Pointer]) -> Option<Self> {
        let key = pointer.steps.first()?;
        let Some(known) = Key::at(key.as_bytes(), 0, key.len()) else {
            return Some(Sight::Written(serde_json::Value::from(key.as_str()).to_string().into_bytes()));
        };
        if pointer.steps.len() > 1 {
            let through = decode.iter().any(|decode| decode.steps.len() == 1 && decode.steps.first() == Some(key));
            return Some(Sight::Known(known, if through { Shape::Decoded } else { Shape::Container }));
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
        Some(Sight::Known(known, shape))
    }

    /// The sooner, the fewer lines show it. Times and containers are in every second line.
    fn rank(&self) -> u8 {
        let Sight::Known(key, shape) = self else { return 1 };
        let common = Concept::Time.keys().contains(key) || CONTAINER_KEYS.contains(key);
        match shape {
            Shape::Text(_) => 0,
            _ if common => 7,
            Shape::Container => 2,
            Shape::Of(KindWord::Object | KindWord::Array) => 3,
            Shape::Of(_) => 4,
            Shape::Decoded => 5,
            Shape::Any => 6,
        }
    }

    fn is_shown(&self, record: Record<'_, '_>) -> bool {
        match self {
            Sight::Known(key, shape) => record.on_top(*key).is_some_and(|value| shape.fits(value.kind, value.raw)),
            Sight::Written(_) => true,
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
            Shape::Container => matches!(kind, Kind::Object | Kind::Array),
            Shape::Decoded => matches!(kind, Kind::Object | Kind::Array | Kind::Plain | Kind::Escaped),
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
    known: Vec<(Key, Ways)>,
    /// The keys of those.
    keys: Keys,
    written: Vec<(Finder<'static>, Way)>,
}

/// The gates that begin with one key.
#[derive(Debug, Default)]
struct Ways {
    /// By the string that must stand there, as it is written.
    by_text: FxHashMap<String, Vec<Way>>,
    /// The length of the longest such string.
    longest: usize,
    others: Vec<(Shape, Way)>,
}

/// What is left of a gate behind its key, and whose it is.
#[derive(Clone, Debug)]
struct Way {
    rest: Vec<Sight>,
    dialect: usize,
}

impl Ways {
    fn add(&mut self, shape: &Shape, way: &Way) {
        let Shape::Text(texts) = shape else { return self.others.push((shape.clone(), way.clone())) };
        for text in texts {
            self.longest = self.longest.max(text.len());
            self.by_text.entry(text.clone()).or_default().push(way.clone());
        }
    }

    #[inline]
    fn look(&self, value: Value<'_>, record: Record<'_, '_>, candidates: &mut Candidates) {
        let mut add = |way: &Way| {
            if way.rest.iter().all(|sight| sight.is_shown(record)) {
                candidates.add(way.dialect);
            }
        };
        match value.kind {
            Kind::Plain if value.raw.len() <= self.longest => {
                self.by_text.get(value.raw).into_iter().flatten().for_each(&mut add);
            }
            // An escape may write the same text in another way.
            Kind::Escaped => self.by_text.values().flatten().for_each(&mut add),
            _ => {}
        }
        self.others.iter().filter(|(shape, _)| shape.fits(value.kind, value.raw)).for_each(|(_, way)| add(way));
    }
}

impl Gates {
    pub(super) fn add(&mut self, gate: &Gate, dialect: usize) {
        let way = Way { rest: gate.rest.clone(), dialect };
        match &gate.first {
            Sight::Known(key, shape) => {
                self.keys.add(key.number());
                if !self.known.iter().any(|(known, _)| known == key) {
                    self.known.push((*key, Ways::default()));
                }
                let ways = self.known.iter_mut().filter(|(known, _)| known == key);
                ways.for_each(|(_, ways)| ways.add(shape, &way));
            }
            Sight::Written(bytes) => self.written.push((Finder::new(bytes).into_owned(), way)),
        }
    }

    /// Whether any dialect may recognise a record.
    #[inline(always)]
    pub(super) fn may_open(&self, record: Record<'_, '_>) -> bool {
        record.may_have_on_top(&self.keys) || !self.written.is_empty()
    }

    /// The dialects that may recognise the record whose text this is.
    pub(super) fn candidates(&self, record: Record<'_, '_>, text: &str) -> Candidates {
        let mut candidates = Candidates::default();
        for (key, ways) in &self.known {
            if let Some(value) = record.on_top(*key) {
                ways.look(value, record, &mut candidates);
            }
        }
        if !self.written.is_empty() {
            self.search(record, text, &mut candidates);
        }
        candidates
    }

    /// Keys outside the vocabulary; one that is written with escapes may be any.
    fn search(&self, record: Record<'_, '_>, text: &str, candidates: &mut Candidates) {
        let escaped = || memchr::memmem::find(text.as_bytes(), b"\\u").is_some();
        for (finder, way) in self.written.iter().filter(|(_, way)| way.rest.iter().all(|sight| sight.is_shown(record)))
        {
            if !candidates.has(way.dialect) && (finder.find(text.as_bytes()).is_some() || escaped()) {
                candidates.add(way.dialect);
            }
        }
    }
}
