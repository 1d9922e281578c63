//! JSON Pointers (RFC 6901) into a record, all of a dialect's found in one walk over its text.
//!
//! `/a/b` goes into the record; `@/a` into the element of an array that `each` stands at. A pointer goes through a
//! string that `decode` names as if the JSON in it stood there. It must never know what a value is for.

use serde::Deserialize;
use serde::de::{Deserializer, Error as _};

use crate::reducer::json::{Cursor, Kind, Torn, Value};

/// The most steps of a pointer, so that every recursion here is shallow.
const MOST_STEPS: usize = 16;

/// Where a pointer begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Root {
    /// The record: `/…`.
    Record,
    /// The element that `each` stands at: `@/…`.
    Element,
}

/// A pointer as it was written, checked.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Pointer {
    element: bool,
    pub(super) steps: Vec<String>,
}

impl Pointer {
    /// # Errors
    /// A sentence that says what a pointer is.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let wrong = |why: &str| Err(format!("{text:?} is not a JSON Pointer such as \"/a/b\" or \"@/a\": {why}"));
        let (element, path) = match text.strip_prefix('@') {
            Some(path) => (true, path),
            None => (false, text),
        };
        if path.is_empty() && element {
            return Ok(Self { element, steps: Vec::new() });
        }
        let Some(path) = path.strip_prefix('/') else { return wrong("it begins with \"/\" or \"@\"") };
        let mut steps = Vec::new();
        for step in path.split('/') {
            let rest = step.replace("~0", "").replace("~1", "");
            if rest.contains('~') {
                return wrong("\"~\" is written \"~0\" and \"/\" is written \"~1\"");
            }
            steps.push(step.replace("~1", "/").replace("~0", "~"));
        }
        if steps.len() > MOST_STEPS {
            return wrong(&format!("it has more than {MOST_STEPS} steps"));
        }
        Ok(Self { element, steps })
    }

    pub(super) fn root(&self) -> Root {
        if self.element { Root::Element } else { Root::Record }
    }

    /// Whether this leads to the other pointer's place or beyond it.
    pub(super) fn is_below(&self, other: &Pointer) -> bool {
        self.element == other.element && self.steps.starts_with(&other.steps)
    }
}

impl<'de> Deserialize<'de> for Pointer {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Pointer::parse(&String::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}

/// The place of a pointer among all of a dialect's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Place(usize);

const RECORD: Place = Place(0);
const ELEMENT: Place = Place(1);

#[derive(Clone, Debug, Default)]
struct Node {
    children: Vec<(String, Place)>,
    /// The children whose step is an index.
    elements: Vec<(usize, Place)>,
    decode: bool,
}

/// All pointers of a dialect, as a tree over their steps.
#[derive(Clone, Debug)]
pub(super) struct Places {
    nodes: Vec<Node>,
}

impl Default for Places {
    fn default() -> Self {
        Self { nodes: vec![Node::default(), Node::default()] }
    }
}

impl Places {
    /// The place of a pointer, a new one if it has none.
    pub(super) fn of(&mut self, pointer: &Pointer) -> Place {
        let mut at = match pointer.root() {
            Root::Record => RECORD,
            Root::Element => ELEMENT,
        };
        for step in &pointer.steps {
            let known = self.nodes[at.0].children.iter().find(|(name, _)| name == step).map(|(_, place)| *place);
            at = known.unwrap_or_else(|| {
                let new = Place(self.nodes.len());
                self.nodes.push(Node::default());
                let node = &mut self.nodes[at.0];
                node.children.push((step.clone(), new));
                if let Some(index) = index(step) {
                    node.elements.push((index, new));
                }
                new
            });
        }
        at
    }

    /// What stands there is a string that holds JSON.
    pub(super) fn decode(&mut self, pointer: &Pointer) {
        let place = self.of(pointer);
        self.nodes[place.0].decode = true;
    }
}

/// An array index by RFC 6901: digits without a leading zero.
fn index(step: &str) -> Option<usize> {
    let plain = step == "0" || (!step.starts_with('0') && step.bytes().all(|byte| byte.is_ascii_digit()));
    step.parse().ok().filter(|_| plain)
}

/// Where a value was found.
#[derive(Clone, Copy, Debug)]
struct Slot {
    /// 0 for the record's own text, else the decoded text of that number.
    text: usize,
    start: usize,
    end: usize,
    kind: Kind,
}

/// What the pointers of a dialect found in one record, or in one element.
#[derive(Clone, Debug, Default)]
pub(super) struct Findings {
    slots: Vec<Option<Slot>>,
    /// Strings that held JSON.
    decoded: Vec<String>,
    /// A key of the outermost object that no pointer begins with.
    strangers: bool,
}

impl Findings {
    /// Looks for everything below a root in the value that begins at `start` of an accepted text.
    pub(super) fn read(&mut self, places: &Places, root: Root, text: &str, start: usize) {
        self.slots.clear();
        self.slots.resize(places.nodes.len(), None);
        self.decoded.clear();
        self.strangers = false;
        let place = match root {
            Root::Record => RECORD,
            Root::Element => ELEMENT,
        };
        let mut cursor = Cursor::new(text);
        cursor.set_at(start);
        // The text was accepted before, so this comes to its end.
        let _whole: Result<(), Torn> = self.value(places, &mut cursor, place, 0);
    }

    /// The value at a place; `text` is what was read.
    pub(super) fn at<'s>(&'s self, place: Place, text: &'s str) -> Option<Value<'s>> {
        let slot = self.slots.get(place.0).copied().flatten()?;
        let text = match slot.text {
            0 => text,
            number => self.decoded.get(number - 1)?,
        };
        Some(Value { kind: slot.kind, raw: text.get(slot.start..slot.end)? })
    }

    /// Where in the record's own text the value at a place stands.
    pub(super) fn range(&self, place: Place) -> Option<(usize, usize)> {
        let slot = self.slots.get(place.0).copied().flatten()?;
        (slot.text == 0).then_some((slot.start, slot.end))
    }

    /// Whether the outermost object has no key but these, each the place of a one-step pointer.
    pub(super) fn has_only(&self, places: &Places, allowed: &[Place]) -> bool {
        let present = |place: &Place| self.slots.get(place.0).is_some_and(Option::is_some);
        let known = places.nodes[RECORD.0].children.iter().map(|(_, place)| place);
        !self.strangers && known.filter(|place| present(place)).all(|place| allowed.contains(place))
    }

    /// Steps over a value and keeps where it, and what is wanted of it, stands. Calls itself once per step of a
    /// pointer, at most [`MOST_STEPS`] deep.
    fn value(&mut self, places: &Places, cursor: &mut Cursor<'_>, place: Place, text: usize) -> Result<(), Torn> {
        let node = &places.nodes[place.0];
        let start = cursor.at();
        let kind = match cursor.peek() {
            Some(b'{') if !node.children.is_empty() => {
                self.members(places, cursor, place, text)?;
                Kind::Object
            }
            Some(b'[') if !node.elements.is_empty() => {
                self.members(places, cursor, place, text)?;
                Kind::Array
            }
            _ => cursor.value(1)?,
        };
        self.slots[place.0] = Some(Slot { text, start, end: cursor.at(), kind });
        if node.decode && !node.children.is_empty() {
            self.decode(places, Value { kind, raw: cursor.slice(start, cursor.at()) }, place)?;
        }
        Ok(())
    }

    /// The members of the object or array here.
    fn members(&mut self, places: &Places, cursor: &mut Cursor<'_>, place: Place, text: usize) -> Result<(), Torn> {
        let node = &places.nodes[place.0];
        let mut number = 0;
        cursor.walk(&mut |cursor, key| {
            let child = match &key {
                Some(key) => node.children.iter().find(|(name, _)| name == key).map(|(_, child)| *child),
                None => node.elements.iter().find(|(index, _)| *index == number).map(|(_, child)| *child),
            };
            number += 1;
            let Some(child) = child else {
                self.strangers |= place == RECORD;
                return cursor.value(1).map(|_| ());
            };
            self.forget(places, child);
            self.value(places, cursor, child, text)
        })
    }

    /// Of equal keys the last wins, with everything in it.
    fn forget(&mut self, places: &Places, place: Place) {
        if self.slots[place.0].take().is_some() {
            places.nodes[place.0].children.iter().for_each(|(_, child)| self.forget(places, *child));
        }
    }

    /// Goes on in the JSON that a string holds. The string itself stays what stands at its place.
    fn decode(&mut self, places: &Places, written: Value<'_>, place: Place) -> Result<(), Torn> {
        let Some(text) = written.string() else { return Ok(()) };
        let mut cursor = Cursor::new(&text);
        cursor.space();
        let start = cursor.at();
        let is_container = matches!(cursor.peek(), Some(b'{' | b'['));
        if !is_container || cursor.value(1).is_err() {
            return Ok(());
        }
        cursor.space();
        if cursor.peek().is_some() {
            return Ok(());
        }
        cursor.set_at(start);
        self.decoded.push(String::new());
        let number = self.decoded.len();
        self.members(places, &mut cursor, place, number)?;
        self.decoded[number - 1] = text.into_owned();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str, pointer: &str, decode: &[&str]) -> Option<String> {
        let mut places = Places::default();
        let place = places.of(&Pointer::parse(pointer).expect("a right pointer"));
        decode.iter().for_each(|pointer| places.decode(&Pointer::parse(pointer).expect("a right pointer")));
        let mut findings = Findings::default();
        findings.read(&places, Root::Record, text, 0);
        findings.at(place, text).map(|value| value.raw.to_owned())
    }

    #[test]
    fn a_pointer_leads_where_rfc_6901_says() {
        let text = r#"{"a":{"b.c":[10,{"d":"x"}],"":1,"m~n":2,"x/y":3},"0":true,"\u0061x":4}"#;
        let cases = [
            ("/a/b.c/0", Some("10")),
            ("/a/b.c/1/d", Some("\"x\"")),
            ("/a/b.c/2", None),
            ("/a/b.c/00", None),
            ("/a/b.c/-", None),
            ("/a/", Some("1")),
            ("/a/m~0n", Some("2")),
            ("/a/x~1y", Some("3")),
            ("/0", Some("true")),
            ("/ax", Some("4")),
            ("/a/b", None),
        ];
        for (pointer, expected) in cases {
            assert_eq!(found(text, pointer, &[]).as_deref(), expected, "{pointer}");
        }
    }

    #[test]
    fn of_equal_keys_the_last_wins_with_everything_in_it() {
        assert_eq!(found(r#"{"a":{"b":1,"c":2},"a":{"b":3}}"#, "/a/b", &[]).as_deref(), Some("3"));
        assert_eq!(found(r#"{"a":{"b":1},"a":7}"#, "/a/b", &[]), None);
    }

    #[test]
    fn a_pointer_goes_through_a_string_that_holds_json() {
        let text = r#"{"p":"{\"s\":\"on\",\"q\":\"[1,[2]]\"}","t":"{\"s\":1} and more"}"#;
        assert_eq!(found(text, "/p/s", &["/p"]).as_deref(), Some("\"on\""));
        assert_eq!(found(text, "/p/s", &[]), None);
        assert_eq!(found(text, "/p/q/1/0", &["/p", "/p/q"]).as_deref(), Some("2"));
        assert_eq!(found(text, "/t/s", &["/t"]), None, "JSON and something else is a text");
        assert_eq!(found(text, "/p", &["/p"]).as_deref(), Some(r#""{\"s\":\"on\",\"q\":\"[1,[2]]\"}""#));
    }

    #[test]
    fn a_wrong_pointer_says_why() {
        let deep = "/a".repeat(MOST_STEPS + 1);
        for (text, part) in [("a", "begins with"), ("", "begins with"), ("/a~2", "~0"), (deep.as_str(), "steps")] {
            assert!(Pointer::parse(text).unwrap_err().contains(part), "{text}");
        }
    }
}
