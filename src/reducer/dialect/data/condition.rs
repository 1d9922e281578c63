//! What must stand at a place: the conditions of `[[recognise]]` and the guards of rules.

use std::ops::Range;

use super::language::{Expectation, KindWord, Literal};
use super::pattern::{LOOKED_AT, Pattern};
use super::pointer::Place;
use crate::reducer::json::{Kind, Value};

/// A place with what is expected there.
#[derive(Clone, Debug)]
pub(super) struct Condition {
    pub(super) place: Place,
    expected: Expectation,
}

/// Where a pattern's captures lie in a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Captured {
    /// Which of the condition's patterns matched.
    pub(super) pattern: usize,
    pub(super) text: String,
    pub(super) found: Vec<Range<usize>>,
}

impl Condition {
    pub(super) fn new(place: Place, expected: &Expectation) -> Self {
        Self { place, expected: expected.clone() }
    }

    /// Whether it can only hold when there is a value.
    pub(super) fn is_presence(expected: &Expectation) -> bool {
        expected.present == Some(true)
            || !expected.one_of.is_empty()
            || expected.kind.is_some()
            || !expected.like.is_empty()
    }

    /// Whether it holds for what stands at its place, and what its pattern captured there.
    pub(super) fn holds(&self, value: Option<Value<'_>>) -> Option<Option<Captured>> {
        let Expectation { one_of, present, kind, like } = &self.expected;
        let value = value.filter(|value| value.kind != Kind::Null);
        if present.is_some_and(|present| present != value.is_some()) {
            return None;
        }
        let Some(value) = value else { return (!Self::is_presence(&self.expected)).then_some(None) };
        if kind.is_some_and(|kind| !kind.fits(value.kind)) {
            return None;
        }
        if !one_of.is_empty() && !one_of.iter().any(|literal| equals(literal, value)) {
            return None;
        }
        if like.is_empty() { Some(None) } else { captured(like, value).map(Some) }
    }
}

impl KindWord {
    pub(super) fn fits(self, kind: Kind) -> bool {
        match kind {
            Kind::Null => false,
            Kind::True | Kind::False => self == KindWord::Bool,
            Kind::Number => self == KindWord::Number,
            Kind::Plain | Kind::Escaped => self == KindWord::String,
            Kind::Array => self == KindWord::Array,
            Kind::Object => self == KindWord::Object,
        }
    }
}

fn equals(literal: &Literal, value: Value<'_>) -> bool {
    match literal {
        Literal::Flag(flag) => value.kind == if *flag { Kind::True } else { Kind::False },
        Literal::Whole(whole) => number(value).is_some_and(|number| number == *whole as f64),
        Literal::Number(other) => number(value).is_some_and(|number| number == *other),
        Literal::Text(text) => value.string().is_some_and(|string| string == *text),
    }
}

fn number(value: Value<'_>) -> Option<f64> {
    if value.kind == Kind::Number { value.raw.parse().ok() } else { None }
}

/// The first pattern that matches a string, with its captures.
fn captured(patterns: &[Pattern], value: Value<'_>) -> Option<Captured> {
    let text = value.string()?;
    let (pattern, found) =
        patterns.iter().enumerate().find_map(|(number, pattern)| Some((number, pattern.find(&text)?)))?;
    let end = text.floor_char_boundary(LOOKED_AT.min(text.len()));
    Some(Captured { pattern, text: text.get(..end).unwrap_or_default().to_owned(), found })
}
