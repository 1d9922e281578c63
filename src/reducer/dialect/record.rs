//! One JSON object laid out for the look-up of concepts: which key of the vocabulary stands in which place (spec 1.3).
//!
//! Reading it walks over the object once, validates all of it and keeps where the wanted values are. It must never
//! know what a value means.

use super::concept::{CONCEPTS, Concept, Concepts, KEYS, Key, Keys, MOST_NAMES, TEXTS};
use super::shape::{Place, Shapes, Values};
use crate::reducer::json::{Cursor, Kind, Torn, Value, is_visible};

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
/// No container, no member.
const NONE: u8 = u8::MAX;

const WORDS: usize = KEYS / 64;

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
    first: [(Rank, Place); CONCEPTS],
    /// A bit per key that stands in the layer.
    present: [[u64; WORDS]; LAYERS],
    /// Layers with any key.
    used: u32,
    /// Each value by layer and key; meaningful where `present` says so.
    slots: Vec<Place>,
    duplicate_keys: u32,
    /// A container stood twice, and what the earlier one held is gone.
    forgot: bool,
    /// The object is of this known shape and begins here: then the tables above say nothing of it.
    shape: Option<(usize, u32)>,
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
    members: Box<[Member]>,
    /// The number of the member of each key on the top level, or [`NONE`].
    on_top: Box<[u8; KEYS]>,
    /// The keys on the top level.
    tops: Keys,
    /// The first value of each concept; meaningful where `concepts` says so.
    first: Box<[First; CONCEPTS]>,
    /// The concepts that are just a text and whose first value is one of the shape's, each with the number of that value.
    texts: Box<[(Concept, u8)]>,
    /// The other concepts.
    others: Concepts,
}

/// The first value of a concept in an object of a shape.
#[derive(Clone, Copy, Debug)]
struct First {
    rank: Rank,
    found: Found,
    /// It is that value of the shape, or [`NONE`].
    value: u8,
    /// The number of its member.
    member: u16,
    /// No other value of the object may be one of the concept.
    alone: bool,
}

impl First {
    const NOWHERE: First = First {
        rank: Rank(0),
        found: Found { key: USAGE, on_top: false },
        value: NONE,
        member: u16::MAX,
        alone: false,
    };

    #[inline(always)]
    fn place(self, known: &Known, begin: u32, values: &[Place]) -> Option<Place> {
        match values.get(usize::from(self.value)) {
            Some(place) => Some(*place),
            None => known.members.get(usize::from(self.member))?.place(begin, values),
        }
    }
}

/// A value with a key of the vocabulary.
#[derive(Clone, Copy, Debug)]
struct Member {
    /// Its place in the table of slots.
    slot: u16,
    stands: Stands,
}

/// Where a member stands in an object of a shape.
#[derive(Clone, Copy, Debug)]
enum Stands {
    /// It is that value of the shape.
    Value(u8),
    /// It is an object whose members are values of the shape.
    Object { start: Bound, end: Bound },
}

/// So many bytes behind the end of so many values.
#[derive(Clone, Copy, Debug)]
struct Bound {
    values: u8,
    bytes: u16,
}

impl Bound {
    /// `begin` is where the object begins.
    fn of(place: u32, begin: u32, values: &[Place]) -> Option<Self> {
        let before = values.partition_point(|value| value.end <= place);
        let bytes = place.checked_sub(ended(before, begin, values)?)?;
        Some(Self { values: u8::try_from(before).ok()?, bytes: u16::try_from(bytes).ok()? })
    }

    fn place(self, begin: u32, values: &[Place]) -> Option<u32> {
        Some(ended(usize::from(self.values), begin, values)? + u32::from(self.bytes))
    }
}

/// Where so many values end.
fn ended(count: usize, begin: u32, values: &[Place]) -> Option<u32> {
    match count.checked_sub(1) {
        None => Some(begin),
        Some(last) => values.get(last).map(|value| value.end),
    }
}

impl Member {
    #[inline(always)]
    fn place(self, begin: u32, values: &[Place]) -> Option<Place> {
        match self.stands {
            Stands::Value(number) => values.get(usize::from(number)).copied(),
            Stands::Object { start, end } => {
                Some(Place { start: start.place(begin, values)?, end: end.place(begin, values)?, kind: Kind::Object })
            }
        }
    }
}

impl Default for Layout {
    fn default() -> Self {
        Self {
            shapes: Shapes::default(),
            values: Values::default(),
            known: Vec::new(),
            concepts: Concepts::default(),
            first: [(Rank::default(), Place::default()); CONCEPTS],
            present: [[0; WORDS]; LAYERS],
            used: 0,
            slots: vec![Place::default(); LAYERS * KEYS],
            duplicate_keys: 0,
            forgot: false,
            shape: None,
        }
    }
}

impl Layout {
    /// Reads the object at the cursor and steps behind it. `ahead` are the cursor's bytes and any behind them.
    pub(crate) fn read(&mut self, cursor: &mut Cursor<'_>, ahead: &[u8]) -> Result<(), Torn> {
        let begin = cursor.at();
        self.duplicate_keys = 0;
        self.forgot = false;
        // A byte below 0x20 may stand where it must not.
        let is_clean = !cursor.has_controls();
        if is_clean
            && let Some(shape) = self.shapes.recognise(cursor, ahead, &mut self.values)
            && let Some(known) = self.known.get(shape as usize)
        {
            self.concepts = known.concepts;
            self.shape = Some((shape as usize, begin as u32));
            return Ok(());
        }
        self.shape = None;
        self.forget(0..LAYERS);
        self.used = 0;
        self.concepts = Concepts::default();
        cursor.set_at(begin);
        let before = cursor.clone();
        *cursor = self.members(cursor, TOP, 1)?;
        if is_clean && !self.forgot && self.duplicate_keys == 0 {
            self.learn(before, cursor.at());
        }
        Ok(())
    }

    /// Remembers what the object holds that was just read from here to its end.
    #[cold]
    fn learn(&mut self, before: Cursor<'_>, end: usize) {
        let begin = before.at() as u32;
        let shape = self.shapes.learn(before, end, &mut self.values);
        // An object may be nested too deeply for its shape, which is known.
        if shape != Some(self.known.len() as u32) {
            return;
        }
        let values = self.values.get();
        let (used, present) = (self.used, &self.present);
        let layers = (0..LAYERS).filter(|layer| used >> layer & 1 == 1);
        let slots = layers.flat_map(|layer| {
            let keys = (0..KEYS).filter(move |key| present[layer][key / 64] >> (key % 64) & 1 == 1);
            keys.map(move |key| layer * KEYS + key)
        });
        let members: Option<Box<[Member]>> = slots
            .map(|number| {
                let slot = self.slots.get(number)?;
                let value = values.iter().position(|place| (place.start, place.end) == (slot.start, slot.end));
                let stands = match value {
                    Some(value) => Stands::Value(u8::try_from(value).ok()?),
                    None => Stands::Object {
                        start: Bound::of(slot.start, begin, values)?,
                        end: Bound::of(slot.end, begin, values)?,
                    },
                };
                Some(Member { slot: u16::try_from(number).ok()?, stands })
            })
            .collect();
        let members = members.unwrap_or_default();
        let mut first = Box::new([First::NOWHERE; CONCEPTS]);
        for (concept, free) in first.iter_mut().enumerate().filter(|(concept, _)| self.concepts.has_number(*concept)) {
            let (rank, slot) = self.first[concept];
            let named = members.iter().position(|member| {
                let there = self.slots.get(usize::from(member.slot));
                there.is_some_and(|there| (there.start, there.end) == (slot.start, slot.end))
                    && usize::from(member.slot) / KEYS == rank.layer()
            });
            let found = Found { key: Concept::keys_of(concept)[rank.name()], on_top: rank.layer() == TOP };
            let value = match named.map(|number| members[number].stands) {
                Some(Stands::Value(number)) => number,
                _ => NONE,
            };
            let may_be = |member: &&Member| {
                let (layer, key) = (usize::from(member.slot) / KEYS, usize::from(member.slot) % KEYS);
                let keys = Concept::keys_of(concept);
                LOOKED_FOR[layer].has_number(concept) && keys.iter().any(|named| named.number() == key)
            };
            let alone = members.iter().filter(may_be).count() == 1;
            // There are at most as many members as slots.
            *free = First { rank, found, value, member: named.unwrap_or(usize::from(u16::MAX)) as u16, alone };
        }
        let (mut on_top, mut tops) = (Box::new([NONE; KEYS]), Keys::default());
        for (number, member) in (0..NONE).zip(&members) {
            if let Some(free) = on_top.get_mut(usize::from(member.slot)) {
                *free = number;
                tops.add(usize::from(member.slot));
            }
        }
        let concepts = self.concepts;
        let value = |concept: Concept| (concept, first[concept as usize].value);
        let texts: Box<[_]> = concepts.only(TEXTS).map(value).filter(|(_, value)| *value != NONE).collect();
        let others = texts.iter().fold(concepts, |others, (concept, _)| others.without(Concepts::of(&[*concept])));
        self.known.push(Known { concepts, used: self.used, members, on_top, tops, first, texts, others });
    }

    /// The value of a key in a layer.
    fn place(&self, layer: usize, key: Key) -> Option<Place> {
        let number = layer * KEYS + key.number();
        let Some((shape, begin)) = self.shape else {
            return if self.has(layer, key) { self.slots.get(number).copied() } else { None };
        };
        let known = self.known.get(shape)?;
        let member = match layer {
            TOP => known.members.get(usize::from(known.on_top[key.number()])),
            _ => known.members.iter().find(|member| usize::from(member.slot) == number),
        };
        member?.place(begin, self.values.get())
    }

    /// The layers with any key, a bit each.
    fn layers(&self) -> u32 {
        self.shape.and_then(|(shape, _)| self.known.get(shape)).map_or(self.used, |known| known.used)
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
        let slot = Place { start: start as u32, end: cursor.at() as u32, kind };
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

/// By which key a value was found, and whether on the top level; what a dialect gives counts as found there.
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
    /// Of an object of a known shape: what it holds, where it begins, its values.
    known: Option<(&'l Known, u32, &'l [Place])>,
}

impl<'l, 'a> Record<'l, 'a> {
    /// `text` is what the layout was read from.
    pub(crate) fn new(layout: &'l Layout, text: &'a str) -> Self {
        let known =
            layout.shape.and_then(|(shape, begin)| Some((layout.known.get(shape)?, begin, layout.values.get())));
        Self { layout, text, known }
    }

    /// The concepts of which any name stands anywhere it may.
    #[inline]
    pub(crate) fn concepts(&self) -> Concepts {
        self.layout.concepts
    }

    /// The first value of the concept that `read` makes something of: place by place, in each name by name, and for
    /// usage in the place's `usage` then.
    #[inline(always)]
    pub(crate) fn find<T>(&self, concept: Concept, mut read: impl FnMut(Found, Value<'a>) -> Option<T>) -> Option<T> {
        if !self.layout.concepts.has(concept) {
            return None;
        }
        if self.layout.forgot {
            return self.find_from(None, concept, read);
        }
        let (rank, found, place, alone) = self.first(concept)?;
        let first = self.at(place).and_then(|value| read(found, value));
        if first.is_some() || alone { first } else { self.find_from(Some(rank), concept, read) }
    }

    /// The first value of a concept that stands anywhere, if the concept does, and whether no other may be one.
    #[inline(always)]
    fn first(&self, concept: Concept) -> Option<(Rank, Found, Place, bool)> {
        if let Some((known, begin, values)) = self.known {
            let first = known.first.get(concept as usize)?;
            return Some((first.rank, first.found, first.place(known, begin, values)?, first.alone));
        }
        let (rank, place) = *self.layout.first.get(concept as usize)?;
        Some((rank, Found { key: concept.keys()[rank.name()], on_top: rank.layer() == TOP }, place, false))
    }

    /// Gives, of an object of a known shape, the texts that need no reading: those of [`TEXTS`] whose first value is a
    /// string without escapes that begins visibly. The concepts of which there may be another value are left.
    #[inline(always)]
    pub(crate) fn texts(&self, mut each: impl FnMut(Concept, &'a str)) -> Concepts {
        let Some((known, ..)) = self.known else { return self.layout.concepts };
        let mut left = known.others;
        for (concept, value) in &known.texts {
            match self.visible_value(*value) {
                Some(text) => each(*concept, text),
                None => left.add(*concept),
            }
        }
        left
    }

    /// The first value, of an object of a known shape, when it is a string without escapes that begins visibly: what
    /// stands between its quotes.
    #[inline(always)]
    pub(crate) fn visible(&self, concept: Concept) -> Option<(Found, &'a str)> {
        let (known, ..) = self.known?;
        let first = known.first.get(concept as usize)?;
        // Of a concept that is not there no value is the first.
        Some((first.found, self.visible_value(first.value)?))
    }

    /// A value of an object of a known shape, when it is such a string.
    #[inline(always)]
    fn visible_value(&self, number: u8) -> Option<&'a str> {
        let (_, _, values) = self.known?;
        let place = values.get(usize::from(number)).filter(|place| place.kind == Kind::Plain)?;
        let text = self.text.get(place.start as usize + 1..(place.end as usize).wrapping_sub(1))?;
        text.as_bytes().first().is_some_and(|byte| is_visible(*byte)).then_some(text)
    }

    /// The same by looking everywhere behind a rank.
    #[cold]
    fn find_from<T>(
        &self,
        behind: Option<Rank>,
        concept: Concept,
        mut read: impl FnMut(Found, Value<'a>) -> Option<T>,
    ) -> Option<T> {
        let first = behind.map_or(TOP, Rank::layer);
        let layers = (first..LAYERS).filter(|layer| LOOKED_FOR[*layer].has(concept));
        let used = self.layout.layers();
        for layer in layers.filter(|layer| used >> layer & 1 == 1) {
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

    /// Whether any of some keys may stand on the top level.
    #[inline(always)]
    pub(crate) fn may_have_on_top(&self, keys: &Keys) -> bool {
        self.known.is_none_or(|(known, ..)| known.tops.has_any(keys))
    }

    /// The value of a key on the top level.
    #[inline]
    pub(crate) fn on_top(&self, key: Key) -> Option<Value<'a>> {
        match self.known {
            Some((known, ..)) if known.on_top[key.number()] == NONE => None,
            _ => self.value(TOP, key),
        }
    }

    fn value(&self, layer: usize, key: Key) -> Option<Value<'a>> {
        self.at(self.layout.place(layer, key)?)
    }

    #[inline]
    fn at(&self, slot: Place) -> Option<Value<'a>> {
        let raw = self.text.get(slot.start as usize..slot.end as usize)?;
        Some(Value { kind: slot.kind, raw })
    }
}

#[cfg(test)]
mod tests;
