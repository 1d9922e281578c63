//! One JSON object laid out for the look-up of concepts: which key of the vocabulary stands in which place (spec 1.3).
//!
//! Reading it walks over the object once, validates all of it and keeps where the wanted values are. It must never
//! know what a value means.

use super::concept::{CONCEPTS, Concept, Concepts, KEYS, Key, MOST_NAMES};
use super::shape::{MOST_VALUES, Shapes, Values};
use crate::reducer::json::{Cursor, Kind, Torn, Value};

/// Where values stand: the top level, then the containers in the order of spec 1.3, each before its `usage` object.
/// So the order of layers is the order of looking.
const LAYERS: usize = 22;
const TOP: usize = 0;
const ATTRIBUTES: usize = 8;
const BODY: usize = 18;
const BODY_PAYLOAD: usize = 20;
/// The containers on the top level.
const CONTAINERS: [(Key, usize); 9] = [
    (Key::named("data"), 2),
    (PAYLOAD, 4),
    (Key::named("attrs"), 6),
    (Key::named("attributes"), ATTRIBUTES),
    (Key::named("metadata"), 10),
    (Key::named("details"), 12),
    (Key::named("detail"), 14),
    (Key::named("fields"), 16),
    (Key::named("body"), BODY),
];
const PAYLOAD: Key = Key::named("payload");
const USAGE: Key = Key::named("usage");

/// What is looked for in each layer.
const LOOKED_FOR: [Concepts; LAYERS] = {
    use Concept as C;
    let usage = Concepts::of(&[C::TokensIn, C::TokensOut, C::Cost, C::TotalIn, C::TotalOut, C::TotalCost]);
    let attributes_only = Concepts::of(&[C::AttributeName]);
    let top_only = Concepts::of(&[C::EventName, C::Ledger, C::RunId]);
    let mut layers = [usage; LAYERS];
    let mut place = 0;
    while place < LAYERS {
        layers[place] = Concepts::ALL.without(attributes_only).without(top_only);
        place += 2;
    }
    layers[TOP] = Concepts::ALL.without(attributes_only);
    layers[ATTRIBUTES] = layers[ATTRIBUTES].or(attributes_only);
    layers
};

/// The layer that the members of a container belong to, by the layer and the key of the container.
const INSIDE: [[u8; KEYS]; LAYERS] = {
    let mut inside = [[NONE; KEYS]; LAYERS];
    let mut place = 0;
    while place < LAYERS {
        inside[place][USAGE.number()] = place as u8 + 1;
        place += 2;
    }
    let mut container = 0;
    while container < CONTAINERS.len() {
        let (key, layer) = CONTAINERS[container];
        inside[TOP][key.number()] = layer as u8;
        container += 1;
    }
    inside[BODY][PAYLOAD.number()] = BODY_PAYLOAD as u8;
    inside
};
/// No container.
const NONE: u8 = u8::MAX;

const WORDS: usize = KEYS / 64;

/// Where a value stands in its text.
#[derive(Clone, Copy, Debug, Default)]
struct Slot {
    start: u32,
    end: u32,
    kind: Kind,
}

/// The layer and the name by which a value is found: the smaller, the sooner.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
struct Rank(u16);

impl Rank {
    const fn new(layer: usize, name: u8) -> Self {
        Self((layer * MOST_NAMES) as u16 + name as u16)
    }

    const fn layer(self) -> usize {
        self.0 as usize / MOST_NAMES
    }

    const fn name(self) -> usize {
        self.0 as usize % MOST_NAMES
    }
}

/// The layout of one object after another; its tables are used again.
#[derive(Debug)]
pub(crate) struct Layout {
    /// Concepts of which a name was seen where it is looked for.
    concepts: Concepts,
    /// The first value of each concept; meaningful where `concepts` says so, and unless `forgot`.
    first: [(Rank, Slot); CONCEPTS],
    /// A bit per key that stands in the layer.
    present: [[u64; WORDS]; LAYERS],
    /// Layers with any key.
    used: u32,
    /// Each value by layer and key; meaningful where `present` says so.
    slots: Vec<Slot>,
    duplicate_keys: u32,
    /// A container stood twice, and what the earlier one held is gone.
    forgot: bool,
    shapes: Shapes,
    values: Values,
    /// By the number of a shape.
    known: Vec<Known>,
}

/// What an object of a shape holds.
#[derive(Debug)]
struct Known {
    concepts: Concepts,
    used: u32,
    present: Box<[(u8, [u64; WORDS])]>,
    members: Box<[Member]>,
    /// The first value of each concept, by the place of its member.
    first: Box<[(u8, Rank, u16)]>,
}

/// A value with a key of the vocabulary.
#[derive(Clone, Copy, Debug)]
struct Member {
    slot: u16,
    start: Bound,
    end: Bound,
    /// The value of the shape that it is; an object whose members are values of the shape is none.
    value: Option<u8>,
}

/// So many bytes behind the end of so many values.
#[derive(Clone, Copy, Debug)]
struct Bound {
    values: u8,
    bytes: u16,
}

/// Where each value of an object ends, behind where the object begins.
type Ends = [u32; MOST_VALUES + 1];

impl Bound {
    fn of(place: u32, ends: &[u32]) -> Option<Self> {
        let values = ends.partition_point(|end| *end <= place).checked_sub(1)?;
        let bytes = place - ends.get(values)?;
        Some(Self { values: u8::try_from(values).ok()?, bytes: u16::try_from(bytes).ok()? })
    }

    #[inline(always)]
    fn place(self, ends: &Ends) -> u32 {
        ends.get(usize::from(self.values)).copied().unwrap_or_default() + u32::from(self.bytes)
    }
}

/// Where the values end, and how many such places there are.
#[inline(always)]
fn ends(begin: usize, values: &Values) -> (Ends, usize) {
    let mut ends = [begin as u32; MOST_VALUES + 1];
    let mut count = 1;
    for (end, place) in ends.iter_mut().skip(1).zip(values.get()) {
        *end = place.end;
        count += 1;
    }
    (ends, count)
}

impl Default for Layout {
    fn default() -> Self {
        Self {
            shapes: Shapes::default(),
            values: Values::default(),
            known: Vec::new(),
            concepts: Concepts::default(),
            first: [(Rank::default(), Slot::default()); CONCEPTS],
            present: [[0; WORDS]; LAYERS],
            used: 0,
            slots: vec![Slot::default(); LAYERS * KEYS],
            duplicate_keys: 0,
            forgot: false,
        }
    }
}

impl Layout {
    /// Reads the object at the cursor and steps behind it.
    pub(crate) fn read(&mut self, cursor: &mut Cursor<'_>) -> Result<(), Torn> {
        self.forget(0..LAYERS);
        self.used = 0;
        self.concepts = Concepts::default();
        self.duplicate_keys = 0;
        self.forgot = false;
        // A byte below 0x20 may stand where it must not.
        if cursor.has_controls() {
            *cursor = self.members(cursor, TOP, 1)?;
            return Ok(());
        }
        let begin = cursor.at();
        if let Some(shape) = self.shapes.recognise(cursor, &mut self.values) {
            self.fill(begin, shape);
            return Ok(());
        }
        cursor.set_at(begin);
        let before = cursor.clone();
        *cursor = self.members(cursor, TOP, 1)?;
        if !self.forgot && self.duplicate_keys == 0 {
            self.learn(before);
        }
        Ok(())
    }

    /// Fills the tables as reading an object of that shape would.
    #[inline]
    fn fill(&mut self, begin: usize, shape: u32) {
        let Self { known, values, slots, first, present, .. } = self;
        let Some(known) = known.get(shape as usize) else { return };
        let (ends, _) = ends(begin, values);
        let values = values.get();
        for member in &known.members {
            let value = member.value.and_then(|value| values.get(usize::from(value)));
            let kind = value.map_or(Kind::Object, |place| place.kind);
            if let Some(slot) = slots.get_mut(usize::from(member.slot)) {
                *slot = Slot { start: member.start.place(&ends), end: member.end.place(&ends), kind };
            }
        }
        for (concept, rank, slot) in &known.first {
            if let (Some(first), Some(slot)) = (first.get_mut(usize::from(*concept)), slots.get(usize::from(*slot))) {
                *first = (*rank, *slot);
            }
        }
        for (layer, words) in &known.present {
            present[usize::from(*layer)] = *words;
        }
        self.concepts = known.concepts;
        self.used = known.used;
    }

    /// Remembers what the object holds that was just read from here.
    #[cold]
    fn learn(&mut self, before: Cursor<'_>) {
        let begin = before.at();
        let shape = self.shapes.learn(before, &mut self.values);
        // An object may be nested too deeply for its shape, which is known.
        if shape != Some(self.known.len() as u32) {
            return;
        }
        let (all, count) = ends(begin, &self.values);
        let ends = all.get(..count).unwrap_or_default();
        let values = self.values.get();
        let (used, present) = (self.used, &self.present);
        let layers = || (0..LAYERS).filter(|layer| used >> layer & 1 == 1);
        let slots = layers().flat_map(|layer| {
            let keys = (0..KEYS).filter(move |key| present[layer][key / 64] >> (key % 64) & 1 == 1);
            keys.map(move |key| layer * KEYS + key)
        });
        let members: Option<Box<[Member]>> = slots
            .map(|number| {
                let slot = self.slots.get(number)?;
                let value = values.iter().position(|place| (place.start, place.end) == (slot.start, slot.end));
                Some(Member {
                    slot: u16::try_from(number).ok()?,
                    start: Bound::of(slot.start, ends)?,
                    end: Bound::of(slot.end, ends)?,
                    value: value.and_then(|value| u8::try_from(value).ok()),
                })
            })
            .collect();
        let first = (0..CONCEPTS).filter(|concept| self.concepts.has_number(*concept)).filter_map(|concept| {
            let (rank, slot) = *self.first.get(concept)?;
            let named = members.as_ref()?.iter().find(|member| {
                let there = self.slots.get(usize::from(member.slot));
                there.is_some_and(|there| (there.start, there.end) == (slot.start, slot.end))
                    && usize::from(member.slot) / KEYS == rank.layer()
            })?;
            Some((u8::try_from(concept).ok()?, rank, named.slot))
        });
        let known = Known {
            concepts: self.concepts,
            used: self.used,
            present: layers().map(|layer| (layer as u8, self.present[layer])).collect(),
            first: first.collect(),
            members: members.unwrap_or_default(),
        };
        self.known.push(known);
    }

    /// How many keys of the vocabulary stood twice in one object.
    pub(crate) fn duplicate_keys(&self) -> u32 {
        self.duplicate_keys
    }

    fn forget(&mut self, layers: std::ops::Range<usize>) {
        for layer in layers {
            if self.used >> layer & 1 == 1 {
                self.present[layer] = [0; WORDS];
            }
        }
    }

    /// Of equal keys the last wins, with everything in it: what the earlier one held is forgotten.
    fn forget_inside(&mut self, layer: usize) {
        self.forgot = true;
        match layer {
            BODY => self.forget(BODY..LAYERS),
            _ if layer.is_multiple_of(2) => self.forget(layer..layer + 2),
            _ => self.forget(layer..layer + 1),
        }
    }

    /// The members of the object at the cursor, and the place behind it. Calls itself for containers, at most four
    /// deep.
    fn members<'a>(&mut self, before: &Cursor<'a>, layer: usize, depth: usize) -> Result<Cursor<'a>, Torn> {
        let mut cursor = before.clone();
        if !cursor.eat(b'{') {
            return Err(Torn);
        }
        cursor.space();
        if cursor.eat(b'}') {
            return Ok(cursor);
        }
        loop {
            let written = cursor.key()?;
            let key = if written.escaped {
                key_of(&cursor.name(written))
            } else {
                Key::at(cursor.bytes(), written.start, written.end)
            };
            match key {
                Some(key) => self.member(&mut cursor, layer, depth, key)?,
                None => _ = cursor.value(depth + 1)?,
            }
            cursor.space();
            if cursor.eat(b',') {
                cursor.space();
            } else if cursor.eat(b'}') {
                return Ok(cursor);
            } else {
                return Err(Torn);
            }
        }
    }

    /// The value of a key of the vocabulary.
    #[inline(always)]
    fn member(&mut self, cursor: &mut Cursor<'_>, layer: usize, depth: usize, key: Key) -> Result<(), Torn> {
        let inside = INSIDE[layer][key.number()];
        if self.has(layer, key) {
            self.duplicate_keys += 1;
            if inside != NONE {
                self.forget_inside(inside as usize);
            }
        }
        let start = cursor.at();
        let kind = if inside != NONE && cursor.peek() == Some(b'{') {
            *cursor = self.members(cursor, inside as usize, depth + 1)?;
            Kind::Object
        } else {
            cursor.value(depth + 1)?
        };
        // Lines of 4 GiB do not come here.
        let slot = Slot { start: start as u32, end: cursor.at() as u32, kind };
        if let Some(free) = self.slots.get_mut(layer * KEYS + key.number()) {
            *free = slot;
        }
        self.present[layer][key.number() / 64] |= 1 << (key.number() % 64);
        self.used |= 1 << layer;
        for role in key.roles() {
            let Some(role) = role else { break };
            if !LOOKED_FOR[layer].has(role.concept) {
                continue;
            }
            let rank = Rank::new(layer, role.rank);
            let first = &mut self.first[role.concept as usize];
            if !self.concepts.has(role.concept) || rank <= first.0 {
                *first = (rank, slot);
                self.concepts.add(role.concept);
            }
        }
        Ok(())
    }

    #[inline(always)]
    fn has(&self, layer: usize, key: Key) -> bool {
        self.present[layer][key.number() / 64] >> (key.number() % 64) & 1 == 1
    }
}

#[cold]
fn key_of(name: &str) -> Option<Key> {
    Key::at(name.as_bytes(), 0, name.len())
}

/// By which key a value was found, and whether on the top level.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Found {
    pub(crate) key: Key,
    pub(crate) on_top: bool,
}

/// An object that was read, with its text.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Record<'l, 'a> {
    layout: &'l Layout,
    text: &'a str,
}

impl<'l, 'a> Record<'l, 'a> {
    /// `text` is what the layout was read from.
    pub(crate) fn new(layout: &'l Layout, text: &'a str) -> Self {
        Self { layout, text }
    }

    /// Whether any of the concept's names stands anywhere it may.
    #[inline]
    pub(crate) fn may_have(self, concept: Concept) -> bool {
        self.layout.concepts.has(concept)
    }

    /// The first value of the concept that `read` makes something of: place by place, in each name by name, and for
    /// usage in the place's `usage` then.
    #[inline]
    pub(crate) fn find<T>(self, concept: Concept, mut read: impl FnMut(Found, Value<'a>) -> Option<T>) -> Option<T> {
        if !self.may_have(concept) {
            return None;
        }
        if self.layout.forgot {
            return self.find_from(None, concept, read);
        }
        let (rank, slot) = self.layout.first[concept as usize];
        let found = Found { key: concept.keys()[rank.name()], on_top: rank.layer() == TOP };
        let first = self.at(slot).and_then(|value| read(found, value));
        first.or_else(|| self.find_from(Some(rank), concept, read))
    }

    /// The same by looking everywhere behind a rank.
    #[cold]
    fn find_from<T>(
        self,
        behind: Option<Rank>,
        concept: Concept,
        mut read: impl FnMut(Found, Value<'a>) -> Option<T>,
    ) -> Option<T> {
        let first = behind.map_or(TOP, Rank::layer);
        let layers = (first..LAYERS).filter(|layer| LOOKED_FOR[*layer].has(concept));
        for layer in layers.filter(|layer| self.layout.used >> layer & 1 == 1) {
            for (name, &key) in (0..).zip(concept.keys()) {
                if behind.is_some_and(|behind| Rank::new(layer, name) <= behind) {
                    continue;
                }
                let found = Found { key, on_top: layer == TOP };
                if let Some(made) = self.value(layer, key).and_then(|value| read(found, value)) {
                    return Some(made);
                }
            }
        }
        None
    }

    /// The value of a key on the top level.
    pub(crate) fn on_top(self, key: Key) -> Option<Value<'a>> {
        self.value(TOP, key)
    }

    fn value(self, layer: usize, key: Key) -> Option<Value<'a>> {
        if !self.layout.has(layer, key) {
            return None;
        }
        self.at(*self.layout.slots.get(layer * KEYS + key.number())?)
    }

    #[inline]
    fn at(self, slot: Slot) -> Option<Value<'a>> {
        let raw = self.text.get(slot.start as usize..slot.end as usize)?;
        Some(Value { kind: slot.kind, raw })
    }
}

#[cfg(test)]
mod tests;
