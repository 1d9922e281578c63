//! One JSON object laid out for the look-up of concepts: which key of the vocabulary stands in which place (spec 1.3).
//!
//! Reading it walks over the object once, validates all of it and keeps where the wanted values are. It must never
//! know what a concept is for.

use super::concept::{Concept, Concepts, KEYS, Key};
use crate::reducer::json::{Cursor, Kind, Torn, Value};

/// Where a concept is looked for: the top level, then the containers in the order of spec 1.3.
const PLACES: usize = 11;
const TOP: usize = 0;
/// Each with the place of its members; `body.payload` is the one container inside a container.
const CONTAINERS: [(Key, usize); 9] = [
    (Key::named("data"), 1),
    (PAYLOAD, 2),
    (Key::named("attrs"), 3),
    (Key::named("attributes"), ATTRIBUTES),
    (Key::named("metadata"), 5),
    (Key::named("details"), 6),
    (Key::named("detail"), 7),
    (Key::named("fields"), 8),
    (Key::named("body"), BODY),
];
const ATTRIBUTES: usize = 4;
const BODY: usize = 9;
const BODY_PAYLOAD: usize = 10;
const PAYLOAD: Key = Key::named("payload");
const USAGE: Key = Key::named("usage");
const EVENT_NAME: Key = Key::named("event.name");

/// Each place, and the `usage` object in it.
const LAYERS: usize = 2 * PLACES;
const WORDS: usize = KEYS / 64;

/// Where a value stands in its text.
#[derive(Clone, Copy, Debug, Default)]
struct Slot {
    start: u32,
    end: u32,
    kind: Kind,
}

/// The layout of one object after another; its tables are used again.
#[derive(Debug)]
pub(crate) struct Layout {
    /// A bit per key that stands in the layer.
    present: [[u64; WORDS]; LAYERS],
    /// Layers with any key.
    used: u32,
    concepts: Concepts,
    duplicate_keys: u32,
    /// Meaningful where `present` says so.
    slots: Vec<Slot>,
}

impl Layout {
    pub(crate) fn new() -> Self {
        Self {
            present: [[0; WORDS]; LAYERS],
            used: 0,
            concepts: Concepts::default(),
            duplicate_keys: 0,
            slots: vec![Slot::default(); LAYERS * KEYS],
        }
    }

    /// Reads the object at the cursor and steps behind it.
    pub(crate) fn read(&mut self, cursor: &mut Cursor<'_>) -> Result<(), Torn> {
        self.forget();
        self.members(cursor, TOP, 1)
    }

    /// How many keys of the vocabulary stood twice in one object.
    pub(crate) fn duplicate_keys(&self) -> u32 {
        self.duplicate_keys
    }

    fn forget(&mut self) {
        for layer in 0..LAYERS {
            self.forget_layer(layer);
        }
        self.used = 0;
        self.concepts = Concepts::default();
        self.duplicate_keys = 0;
    }

    fn forget_layer(&mut self, layer: usize) {
        if self.used >> layer & 1 == 1 {
            self.present[layer] = [0; WORDS];
        }
    }

    /// Forgets what an earlier, equal key held: of equal keys the last wins, with everything in it.
    fn forget_inside(&mut self, layer: usize) {
        self.forget_layer(layer);
        if layer < PLACES {
            self.forget_layer(layer + PLACES);
        }
        if layer == BODY {
            self.forget_layer(BODY_PAYLOAD);
            self.forget_layer(BODY_PAYLOAD + PLACES);
        }
    }

    /// The members of the object at the cursor. Calls itself for containers, at most four deep.
    fn members(&mut self, cursor: &mut Cursor<'_>, layer: usize, depth: usize) -> Result<(), Torn> {
        if !cursor.eat(b'{') {
            return Err(Torn);
        }
        cursor.space();
        if cursor.eat(b'}') {
            return Ok(());
        }
        loop {
            let written = cursor.key()?;
            let key = if written.escaped {
                let name = cursor.name(written);
                Key::of(name.as_bytes(), name.as_bytes())
            } else {
                Key::of(cursor.written(written), cursor.from(written))
            };
            match key {
                Some(key) => self.member(cursor, layer, depth, key)?,
                None => _ = cursor.value(depth + 1)?,
            }
            cursor.space();
            if cursor.eat(b',') {
                cursor.space();
            } else if cursor.eat(b'}') {
                return Ok(());
            } else {
                return Err(Torn);
            }
        }
    }

    /// The value of a wanted key.
    #[inline]
    fn member(&mut self, cursor: &mut Cursor<'_>, layer: usize, depth: usize, key: Key) -> Result<(), Torn> {
        let inside = if key.concepts().has(Concept::Container) { layer_inside(layer, key) } else { None };
        if self.has(layer, key) {
            self.duplicate_keys += 1;
            if let Some(inside) = inside {
                self.forget_inside(inside);
            }
        }
        let start = cursor.at();
        let kind = match inside {
            Some(inside) if cursor.peek() == Some(b'{') => {
                self.members(cursor, inside, depth + 1)?;
                Kind::Object
            }
            _ => cursor.value(depth + 1)?,
        };
        let place = |at: usize| u32::try_from(at).map_err(|_| Torn);
        let slot = Slot { start: place(start)?, end: place(cursor.at())?, kind };
        if let Some(free) = self.slots.get_mut(layer * KEYS + key.number()) {
            *free = slot;
        }
        self.present[layer][key.number() / 64] |= 1 << (key.number() % 64);
        self.used |= 1 << layer;
        self.concepts.add(key.concepts());
        Ok(())
    }

    #[inline]
    fn has(&self, layer: usize, key: Key) -> bool {
        self.present[layer][key.number() / 64] >> (key.number() % 64) & 1 == 1
    }
}

/// The layer that the members of a container belong to.
fn layer_inside(layer: usize, key: Key) -> Option<usize> {
    if key == USAGE {
        return (layer < PLACES).then_some(layer + PLACES);
    }
    match layer {
        TOP => CONTAINERS.iter().find(|(container, _)| *container == key).map(|(_, place)| *place),
        BODY if key == PAYLOAD => Some(BODY_PAYLOAD),
        _ => None,
    }
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

    /// The first value of the concept that `read` makes something of: place by place, in each name by name.
    pub(crate) fn find<T>(self, concept: Concept, mut read: impl FnMut(Found, Value<'a>) -> Option<T>) -> Option<T> {
        if !self.may_have(concept) {
            return None;
        }
        (0..PLACES).find_map(|place| self.find_in(place, concept, &mut read))
    }

    /// The same, with the place's `usage` object after each place.
    pub(crate) fn find_usage<T>(
        self,
        concept: Concept,
        mut read: impl FnMut(Found, Value<'a>) -> Option<T>,
    ) -> Option<T> {
        if !self.may_have(concept) {
            return None;
        }
        (0..PLACES).find_map(|place| {
            let beside = self.find_in(place, concept, &mut read);
            beside.or_else(|| self.find_in(place + PLACES, concept, &mut read))
        })
    }

    /// The same, on the top level only.
    pub(crate) fn find_on_top<T>(
        self,
        concept: Concept,
        mut read: impl FnMut(Found, Value<'a>) -> Option<T>,
    ) -> Option<T> {
        if !self.may_have(concept) {
            return None;
        }
        self.find_in(TOP, concept, &mut read)
    }

    /// The value of a key on the top level.
    pub(crate) fn on_top(self, key: Key) -> Option<Value<'a>> {
        self.value(TOP, key)
    }

    /// `attributes["event.name"]`.
    pub(crate) fn attribute_name(self) -> Option<Value<'a>> {
        self.value(ATTRIBUTES, EVENT_NAME)
    }

    #[inline]
    fn find_in<T>(
        self,
        layer: usize,
        concept: Concept,
        read: &mut impl FnMut(Found, Value<'a>) -> Option<T>,
    ) -> Option<T> {
        if self.layout.used >> layer & 1 == 0 {
            return None;
        }
        let found = |key| Found { key, on_top: layer == TOP };
        concept.keys().iter().find_map(|&key| self.value(layer, key).and_then(|value| read(found(key), value)))
    }

    #[inline]
    fn value(self, layer: usize, key: Key) -> Option<Value<'a>> {
        if !self.layout.has(layer, key) {
            return None;
        }
        let slot = self.layout.slots.get(layer * KEYS + key.number())?;
        let raw = self.text.get(slot.start as usize..slot.end as usize)?;
        Some(Value { kind: slot.kind, raw })
    }
}
