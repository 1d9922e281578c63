//! What a dialect gives for one event: the values that are asked before, or instead of, the generic names.
//!
//! It must never know what a value becomes: that is the generic dialect's work, the same for all.

use std::borrow::Cow;

use super::super::concept::{Concept, Concepts, Key};
use super::super::generic::LookUp;
use super::super::record::{Found, Record};
use super::Dialect;
use super::constant::Constant;
use super::field::{Field, Means};
use super::pointer::{Findings, Place};
use super::rule::{Capture, Caught, Rule};
use crate::reducer::json::{Kind, Value};

/// The longest text that is made of a list of texts, in bytes.
const LONGEST_LIST: usize = 4096;

/// One event's part of a record, as the dialect's pointers found it.
#[derive(Clone, Copy)]
pub(super) struct Scope<'s> {
    /// The text of the line and what was found in the record.
    pub(super) text: &'s str,
    pub(super) record: &'s Findings,
    /// The text of the element and what was found in it, when it is one's event.
    pub(super) element: Option<(&'s str, &'s Findings)>,
}

impl<'s> Scope<'s> {
    /// The value at a place. A place in the record is none in an element's findings, and the other way round.
    pub(super) fn at(&self, place: Place) -> Option<Value<'s>> {
        let in_element = self.element.and_then(|(text, element)| element.at(place, text));
        in_element.or_else(|| self.record.at(place, self.text))
    }
}

/// A value, as JSON.
#[derive(Clone, Debug)]
struct Entry<'a> {
    concept: Concept,
    key: Key,
    kind: Kind,
    raw: Cow<'a, str>,
}

/// Everything that a dialect gives for one event.
#[derive(Clone, Debug)]
pub(super) struct Given<'a> {
    dialect: &'a Dialect,
    values: Vec<Entry<'a>>,
    pub(super) usage_id: Option<Cow<'a, str>>,
}

impl<'a> Given<'a> {
    /// Only what the dialect says of every event.
    pub(super) fn new(dialect: &'a Dialect, scope: &Scope<'a>) -> Self {
        let mut given = Self { dialect, values: Vec::new(), usage_id: None };
        given.pointers(&dialect.fields, scope);
        given
    }

    /// With what a rule says: constants, then captures, then its pointers, then those of every event.
    pub(super) fn by_rule(dialect: &'a Dialect, rule: &'a Rule, caught: &Caught, scope: &Scope<'a>) -> Self {
        let mut given = Self { dialect, values: Vec::new(), usage_id: None };
        for (field, constant) in &rule.set {
            given.add(*field, constant.value());
        }
        for (capture, text) in caught {
            if let Capture::Field(field) = capture {
                given.add_owned(*field, text);
            }
        }
        given.pointers(&rule.take, scope);
        given.pointers(&dialect.fields, scope);
        given
    }

    fn pointers(&mut self, fields: &[(Field, Vec<Place>)], scope: &Scope<'a>) {
        for (field, places) in fields {
            for value in places.iter().filter_map(|place| scope.at(*place)) {
                match joined(*field, value) {
                    Some(text) => self.add_owned(*field, &text),
                    None => self.add(*field, value),
                }
            }
        }
    }

    fn add(&mut self, field: Field, value: Value<'a>) {
        match field.means() {
            Means::Concept(concept, key) => {
                let value = self.dialect.mapped(concept, value);
                self.values.push(Entry { concept, key, kind: value.kind, raw: Cow::Borrowed(value.raw) });
            }
            Means::UsageId => self.usage_id = self.usage_id.take().or(super::super::types::id(value)),
        }
    }

    fn add_owned(&mut self, field: Field, text: &str) {
        let constant = Constant::text(text);
        match field.means() {
            Means::Concept(concept, key) => {
                let value = self.dialect.mapped(concept, constant.value());
                let raw = Cow::Owned(value.raw.to_owned());
                self.values.push(Entry { concept, key, kind: value.kind, raw });
            }
            Means::UsageId => self.usage_id = self.usage_id.take().or(Some(Cow::Owned(text.to_owned()))),
        }
    }

    fn first<'s, T>(&'s self, concept: Concept, read: &mut impl FnMut(Found, Value<'s>) -> Option<T>) -> Option<T> {
        self.values.iter().filter(|given| given.concept == concept).find_map(|given| {
            let value = Value { kind: given.kind, raw: &given.raw };
            read(Found { key: given.key, on_top: true }, value)
        })
    }
}

/// A list of texts where one text is expected, as one.
fn joined(field: Field, value: Value<'_>) -> Option<String> {
    if value.kind != Kind::Array || !matches!(field.word(), "message" | "reason" | "error" | "title") {
        return None;
    }
    let mut text = String::new();
    value.elements(|element| {
        let part = element.string().or_else(|| element.member("text").and_then(Value::string));
        let Some(part) = part.filter(|part| text.len() + part.len() < LONGEST_LIST) else { return };
        if !text.is_empty() {
            text.push('\n');
        }
        text.push_str(&part);
    });
    (!text.is_empty()).then_some(text)
}

/// A record with what a dialect gives before it.
#[derive(Clone, Copy)]
pub(super) struct Overlaid<'l, 'a> {
    pub(super) record: Record<'l, 'a>,
    pub(super) given: &'a Given<'a>,
}

impl<'a> Overlaid<'_, 'a> {
    fn is_instead(self, concept: Concept) -> bool {
        self.given.dialect.instead.contains(&concept)
    }

    /// The dialect's values, then what `rest` finds by generic names.
    fn look<T, R: FnMut(Found, Value<'a>) -> Option<T>>(
        self,
        concept: Concept,
        mut read: R,
        rest: impl FnOnce(&mut dyn FnMut(Found, Value<'a>) -> Option<T>) -> Option<T>,
    ) -> Option<T> {
        if let Some(made) = self.given.first(concept, &mut read) {
            return Some(made);
        }
        if self.is_instead(concept) {
            return None;
        }
        rest(&mut |found, value| read(found, self.given.dialect.mapped(concept, value)))
    }
}

impl<'a> LookUp<'a> for Overlaid<'_, 'a> {
    fn concepts(&self) -> Concepts {
        let mut concepts = self.record.concepts().without(Concepts::of(&self.given.dialect.instead));
        self.given.values.iter().for_each(|given| concepts.add(given.concept));
        concepts
    }

    fn find<T>(&self, concept: Concept, read: impl FnMut(Found, Value<'a>) -> Option<T>) -> Option<T> {
        self.look(concept, read, |read| self.record.find(concept, read))
    }

    fn texts(&self, _: impl FnMut(Concept, &'a str)) -> Concepts {
        self.concepts()
    }

    fn visible(&self, _: Concept) -> Option<(Found, &'a str)> {
        None
    }

    fn prose(&self, key: Key) -> Option<Value<'a>> {
        if self.is_instead(Concept::Message) { None } else { self.record.on_top(key) }
    }
}
