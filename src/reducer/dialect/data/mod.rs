//! Dialects as data (spec 1.5): TOML files that say how a line is recognised and what its keys mean.
//!
//! The built-in ones are written in the same language as a user's own. It must never know a harness by name outside
//! those files, nor the lines before.

mod builtin;
mod compile;
mod condition;
mod constant;
pub mod explain;
mod field;
mod gate;
mod given;
mod language;
mod pattern;
mod pointer;
mod rule;
mod time_form;

use std::sync::{Arc, LazyLock, OnceLock};

use bumpalo::Bump;

pub use builtin::builtin;
pub use compile::Written;

use super::concept::Concept;
use super::generic::{self, Notes, Spot};
use super::names::Memory;
use super::record::Record;
use super::{Object, Sink};
use crate::reducer::event::{Class, Event, Meaning, Verb};
use crate::reducer::json::{Cursor, Torn, Value};
use crate::reducer::name::meaning;
use crate::reducer::time::NaiveTime;
use condition::Condition;
use constant::Constant;
use field::Field;
use gate::{Gate, Gates};
use given::{Given, Overlaid, Scope};
pub(super) use language::TimeForm;
use pointer::{Findings, Place, Places, Root};
use rule::{Capture, Caught, Rule};

/// The most elements of a line's array that become events; the log's health counts the rest.
pub const MOST_ELEMENTS: u32 = 1000;

/// A dialect, ready to read lines.
#[derive(Clone, Debug)]
pub struct Dialect {
    name: String,
    about: String,
    /// The file's own text.
    text: String,
    places: Places,
    recognise: Vec<Recognition>,
    each: Option<Place>,
    time: TimeForm,
    /// What is looked for on every event, in this order.
    fields: Vec<(Field, Vec<Place>)>,
    /// Concepts whose generic names do not count.
    instead: Vec<Concept>,
    maps: Vec<(Concept, Vec<(String, Constant)>)>,
    verbs: Vec<(String, Verb)>,
    rules: Vec<Rule>,
}

/// One way in which a line is recognised.
#[derive(Clone, Debug)]
struct Recognition {
    gate: Gate,
    conditions: Vec<Condition>,
    only: Option<Vec<Place>>,
}

/// Why a dialect's file was refused (spec 1.5).
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{file}:{line}: {reason}")]
pub struct DialectError {
    /// The file as it was named.
    pub file: String,
    /// The line, from 1.
    pub line: usize,
    /// What is wrong, and what is allowed.
    pub reason: String,
}

/// Two dialects are the same when they were read from the same text under the same name.
impl PartialEq for Dialect {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name && self.text == other.text
    }
}

impl Dialect {
    /// Reads a dialect from the text of its file, which is only named in the error.
    ///
    /// # Errors
    /// [`DialectError`] with the line of the first mistake.
    pub fn parse(file: &str, text: &str) -> Result<Self, DialectError> {
        compile::parse(file, text)
    }

    /// Its name: what the log's health counts lines under.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What it says about itself; may be empty.
    #[must_use]
    pub fn about(&self) -> &str {
        &self.about
    }

    /// How many rules it has.
    #[must_use]
    pub fn rules(&self) -> usize {
        self.rules.len()
    }

    /// The line of its file where a rule begins; `number` is from 1.
    #[must_use]
    pub fn rule_line(&self, number: usize) -> Option<usize> {
        self.rules.get(number.checked_sub(1)?).map(|rule| rule.line)
    }

    /// The text it was read from: another text may read the same log in another way.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    fn recognises(&self, scope: &Scope<'_>) -> bool {
        self.recognise.iter().any(|way| {
            way.conditions.iter().all(|condition| condition.holds(scope.at(condition.place)).is_some())
                && way.only.as_ref().is_none_or(|only| scope.record.has_only(&self.places, only))
        })
    }

    /// The value that a map puts in a value's place, else the value itself.
    fn mapped<'a>(&'a self, concept: Concept, value: Value<'a>) -> Value<'a> {
        let Some((_, words)) = self.maps.iter().find(|(mapped, _)| *mapped == concept) else { return value };
        let word = value.string().map_or_else(|| value.raw.to_lowercase(), |text| text.trim().to_lowercase());
        words.iter().find(|(known, _)| *known == word).map_or(value, |(_, constant)| constant.value())
    }

    /// The verb that a captured word means.
    fn verb_of(&self, word: &str) -> Option<Verb> {
        let lower = word.to_lowercase();
        let own = self.verbs.iter().find(|(known, _)| *known == lower).map(|(_, verb)| *verb);
        own.or_else(|| meaning(word).verb)
    }

    /// What the event means: by its name, then by captured words, then by what the rule says.
    fn meaning(&self, by_name: Meaning, rule: &Rule, caught: &Caught) -> Meaning {
        let mut meaning_of = by_name;
        for (capture, word) in caught {
            match capture {
                Capture::Subject => meaning_of.subject = meaning(word).subject,
                Capture::Verb => meaning_of.verb = self.verb_of(word),
                Capture::Field(_) => continue,
            }
            meaning_of.needs_human = false;
        }
        if let Some(subject) = rule.subject {
            meaning_of.subject = subject;
            meaning_of.needs_human = false;
        }
        meaning_of.verb = rule.verb.unwrap_or(meaning_of.verb);
        meaning_of.needs_human |= rule.needs_human;
        meaning_of
    }
}

/// What became of a record, or of an element of one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Trace {
    /// The dialect's number, none for the generic one.
    pub(super) dialect: Option<usize>,
    /// The rule that matched, by its number.
    pub(super) rule: Option<usize>,
    pub(super) spot: Spot,
}

/// The user's own dialects and the built-in ones, asked in this order, with their gates. Cheap to clone.
#[derive(Clone, Debug)]
pub struct DialectSet(Arc<Set>);

#[derive(Debug)]
struct Set {
    own: Vec<Dialect>,
    /// Made for the first line: many commands read none.
    gates: OnceLock<Gates>,
}

impl Set {
    fn gates(&self) -> &Gates {
        self.gates.get_or_init(|| {
            let mut gates = Gates::default();
            for (number, dialect) in self.own.iter().chain(builtin()).enumerate() {
                dialect.recognise.iter().for_each(|way| gates.add(&way.gate, number));
            }
            gates
        })
    }
}

impl From<Vec<Dialect>> for DialectSet {
    fn from(own: Vec<Dialect>) -> Self {
        Self(Arc::new(Set { own, gates: OnceLock::new() }))
    }
}

/// The built-in ones.
impl Default for DialectSet {
    fn default() -> Self {
        static BUILTIN: LazyLock<DialectSet> = LazyLock::new(|| Vec::new().into());
        BUILTIN.clone()
    }
}

impl DialectSet {
    /// All of them, in the order in which they are asked.
    pub fn all(&self) -> impl Iterator<Item = &Dialect> {
        self.0.own.iter().chain(builtin())
    }

    /// The texts that they are read from, in the same order.
    pub fn texts(&self) -> impl Iterator<Item = &str> {
        self.0.own.iter().map(Dialect::text).chain(builtin::texts())
    }
}

/// All dialects of a decoder, and what they find.
#[derive(Debug)]
pub(super) struct Dialects {
    set: DialectSet,
    record: Findings,
    element: Findings,
}

impl Dialects {
    pub(super) fn new(set: DialectSet) -> Self {
        Self { set, record: Findings::default(), element: Findings::default() }
    }

    pub(super) fn get(&self, number: usize) -> Option<&Dialect> {
        self.set.all().nth(number)
    }

    /// Whether any of them may recognise a record; nearly none does.
    #[inline]
    pub(super) fn may_recognise(&self, record: Record<'_, '_>) -> bool {
        self.set.0.gates().may_open(record)
    }

    /// Gives the events of a record that a dialect recognises, and says which one it was.
    #[allow(clippy::too_many_arguments, reason = "what a decoder has")]
    #[inline(never)]
    pub(super) fn read(
        &mut self,
        object: Object<'_>,
        record: Record<'_, '_>,
        naive: NaiveTime,
        memory: &mut Memory,
        notes: &mut Notes,
        arena: &Bump,
        sink: &mut dyn Sink<'_>,
    ) -> Option<usize> {
        let text = object.text.get(object.start..).unwrap_or_default();
        let candidates = self.set.0.gates().candidates(record, text);
        if candidates.is_empty() {
            return None;
        }
        let Self { set, record: found, element } = self;
        for (number, dialect) in set.all().enumerate().filter(|(number, _)| candidates.has(*number)) {
            found.read(&dialect.places, Root::Record, object.text, object.start);
            let scope = Scope { text: object.text, record: found, element: None };
            if dialect.recognises(&scope) {
                let mut reading = Reading { dialect, number, object, record, naive, memory, notes, arena, sink };
                reading.event(scope, object.spot);
                reading.elements(found, element);
                return Some(number);
            }
        }
        None
    }
}

/// One record being read by the dialect that recognised it.
struct Reading<'r, 't, 'a> {
    dialect: &'r Dialect,
    number: usize,
    object: Object<'t>,
    record: Record<'r, 't>,
    naive: NaiveTime,
    memory: &'r mut Memory,
    notes: &'r mut Notes,
    arena: &'r Bump,
    sink: &'r mut dyn Sink<'a>,
}

impl<'r> Reading<'r, '_, '_> {
    /// An event per element of the array that `each` points to.
    fn elements(&mut self, record: &Findings, element: &mut Findings) {
        let object = self.object;
        let Some((start, end)) = self.dialect.each.and_then(|each| record.range(each)) else { return };
        let Some(raw) = object.text.get(start..end).filter(|raw| raw.starts_with('[')) else { return };
        let mut cursor = Cursor::new(raw);
        let mut seen = 0_u32;
        // The text was accepted before, so this comes to its closing bracket.
        let _whole: Result<(), Torn> = cursor.walk(&mut |cursor, _| {
            let at = cursor.at();
            cursor.value(1)?;
            seen = seen.saturating_add(1);
            if seen > MOST_ELEMENTS {
                return Ok(());
            }
            let own = cursor.slice(at, cursor.at());
            element.read(&self.dialect.places, Root::Element, own, 0);
            let spot = Spot { offset: object.base + (start + at) as u64, length: own.len() as u64, ..object.spot };
            let scope = Scope { text: object.text, record, element: Some((own, element)) };
            self.event(scope, spot);
            Ok(())
        });
        self.notes.unread_elements = self.notes.unread_elements.saturating_add(seen.saturating_sub(MOST_ELEMENTS));
    }

    /// The event of a record or of an element.
    fn event(&mut self, scope: Scope<'_>, spot: Spot) {
        let dialect = self.dialect;
        let plain = Given::new(dialect, &scope);
        let name = generic::name(Overlaid { record: self.record, given: &plain });
        let matched = dialect
            .rules
            .iter()
            .enumerate()
            .find_map(|(number, rule)| rule.matches(name.as_deref(), &scope).map(|caught| (number, rule, caught)));
        let trace = Trace { dialect: Some(self.number), rule: matched.as_ref().map(|(number, ..)| *number), spot };
        let Some((_, rule, caught)) = matched else {
            let event = self.made(Overlaid { record: self.record, given: &plain }, spot);
            return self.sink.passing(Some(&event), trace);
        };
        if rule.ignore {
            return self.sink.passing(None, trace);
        }
        let given = Given::by_rule(dialect, rule, &caught, &scope);
        let mut event = self.made(Overlaid { record: self.record, given: &given }, spot);
        event.meaning = dialect.meaning(event.meaning, rule, &caught);
        event.hidden = rule.hide;
        event.understood = true;
        self.sink.passing(Some(&event), trace);
    }

    fn made<'a>(&mut self, values: Overlaid<'_, 'a>, spot: Spot) -> Event<'a>
    where
        'r: 'a,
    {
        let clock = generic::Clock { naive: self.naive, own: Some(self.dialect.time) };
        let mut event = Event::bare(Class::Event, spot.line, spot.offset, spot.length);
        generic::fill(&mut event, values, clock, self.memory, self.notes, self.arena);
        event.usage_id = values.given.usage_id.as_deref();
        event
    }
}
