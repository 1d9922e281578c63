//! The TOML language of dialects, as it is written: what may stand in a file. `docs/dialects.md` teaches it.
//!
//! Everything that one value alone can get wrong is refused here, so that the error has the line of that value. It
//! must never know a record.

use std::collections::BTreeMap;
use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, Error as _, MapAccess, Visitor};
use toml::Spanned;

use super::field::Field;
use super::pattern::{Pattern, Stop};
use super::pointer::Pointer;
use crate::reducer::event::{Subject, Verb};

/// A whole file.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct File {
    pub(super) name: Spanned<Name>,
    #[serde(default)]
    pub(super) about: String,
    pub(super) recognise: Vec<Spanned<Alternative>>,
    #[serde(default)]
    pub(super) decode: Vec<Pointer>,
    pub(super) each: Option<Spanned<Pointer>>,
    #[serde(default)]
    pub(super) time: TimeForm,
    #[serde(default)]
    pub(super) before: BTreeMap<Field, Pointers>,
    #[serde(default)]
    pub(super) instead: BTreeMap<Field, Pointers>,
    #[serde(default)]
    pub(super) map: BTreeMap<MapOf, BTreeMap<String, Spanned<Literal>>>,
    #[serde(default)]
    pub(super) rule: Vec<Spanned<RulePart>>,
}

/// A dialect's name: 1 to 40 of lower-case letters, digits, `_` and `-`.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Name(pub(super) String);

impl<'de> Deserialize<'de> for Name {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = String::deserialize(deserializer)?;
        let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'_' | b'-');
        if !(1..=40).contains(&name.len()) || !name.bytes().all(allowed) {
            return Err(D::Error::custom(format!(
                "{name:?} is no name: 1 to 40 of lower-case letters, digits, \"_\" and \"-\""
            )));
        }
        if [super::super::GENERIC, super::super::PLAIN].contains(&name.as_str()) {
            return Err(D::Error::custom(format!("{name:?} is what lines are that no dialect recognises")));
        }
        Ok(Self(name))
    }
}

/// `[time]`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in super::super) struct TimeForm {
    #[serde(default)]
    pub(super) unit: Unit,
    pub(super) zone: Option<Zone>,
}

/// What a number means as a time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Unit {
    /// By its size (spec 1.4).
    #[default]
    Auto,
    S,
    Ms,
    Us,
    Ns,
}

/// What a time without an offset means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Zone {
    Utc,
    Local,
    /// So many minutes ahead of UTC.
    Ahead(i32),
}

impl<'de> Deserialize<'de> for Zone {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let offset = |text: &str| {
            let (sign, rest) = match text.split_at_checked(1)? {
                ("+", rest) => (1, rest),
                ("-", rest) => (-1, rest),
                _ => return None,
            };
            let (hours, minutes) = rest.split_once(':')?;
            let digits = |part: &str| part.len() == 2 && part.bytes().all(|byte| byte.is_ascii_digit());
            let (hours, minutes): (i32, i32) =
                (hours.parse().ok().filter(|_| digits(hours))?, minutes.parse().ok().filter(|_| digits(minutes))?);
            (hours < 24 && minutes < 60).then_some(sign * (hours * 60 + minutes))
        };
        match text.as_str() {
            "utc" => Ok(Zone::Utc),
            "local" => Ok(Zone::Local),
            _ => offset(&text)
                .map(Zone::Ahead)
                .ok_or_else(|| D::Error::custom(format!("{text:?} is none of \"utc\", \"local\" and \"+02:00\""))),
        }
    }
}

/// One pointer, or several of which the first that gives something wins.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Pointers(pub(super) Vec<Pointer>);

impl<'de> Deserialize<'de> for Pointers {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self(one_or_more(deserializer, "a JSON Pointer or a list of them", Pointer::parse)?))
    }
}

/// What a map is for: a field, or the verbs that patterns capture.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum MapOf {
    Field(Field),
    Verb,
}

impl<'de> Deserialize<'de> for MapOf {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let word = String::deserialize(deserializer)?;
        if word == "verb" {
            return Ok(MapOf::Verb);
        }
        Field::of(&word).map(MapOf::Field).ok_or_else(|| D::Error::custom(Field::unknown(&word)))
    }
}

/// A constant.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(untagged)]
pub(super) enum Literal {
    Flag(bool),
    Whole(i64),
    Number(f64),
    Text(String),
}

/// What a value must be. All that is said must hold.
#[derive(Clone, Debug, PartialEq, Default)]
pub(super) struct Expectation {
    /// Equal to one of these; empty: nothing said.
    pub(super) one_of: Vec<Literal>,
    pub(super) present: Option<bool>,
    pub(super) kind: Option<KindWord>,
    /// Matched by one of these; empty: nothing said.
    pub(super) like: Vec<Pattern>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum KindWord {
    Object,
    Array,
    String,
    Number,
    Bool,
}

/// `{ present = …, type = …, like = …, in = […] }`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ExpectationPart {
    present: Option<bool>,
    #[serde(rename = "type")]
    kind: Option<KindWord>,
    #[serde(default)]
    like: TextPatterns,
    #[serde(rename = "in", default)]
    one_of: Vec<Literal>,
}

#[derive(Default)]
struct TextPatterns(Vec<Pattern>);

impl<'de> Deserialize<'de> for TextPatterns {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let parse = |text: &str| Pattern::parse(text, Stop::LineEnd);
        Ok(Self(one_or_more(deserializer, "a pattern of a text or a list of them", parse)?))
    }
}

impl<'de> Deserialize<'de> for Expectation {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Any;
        impl<'de> Visitor<'de> for Any {
            type Value = Expectation;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a value, a list of values, or { present = …, type = …, like = …, in = […] }")
            }
            fn visit_bool<E>(self, flag: bool) -> Result<Expectation, E> {
                Ok(equals(vec![Literal::Flag(flag)]))
            }
            fn visit_i64<E>(self, whole: i64) -> Result<Expectation, E> {
                Ok(equals(vec![Literal::Whole(whole)]))
            }
            fn visit_f64<E>(self, number: f64) -> Result<Expectation, E> {
                Ok(equals(vec![Literal::Number(number)]))
            }
            fn visit_str<E>(self, text: &str) -> Result<Expectation, E> {
                Ok(equals(vec![Literal::Text(text.to_owned())]))
            }
            fn visit_seq<A: serde::de::SeqAccess<'de>>(self, mut list: A) -> Result<Expectation, A::Error> {
                let mut all = Vec::new();
                while let Some(literal) = list.next_element()? {
                    all.push(literal);
                }
                if all.is_empty() {
                    return Err(A::Error::custom("an empty list would never hold"));
                }
                Ok(equals(all))
            }
            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Expectation, A::Error> {
                let part = ExpectationPart::deserialize(serde::de::value::MapAccessDeserializer::new(map))?;
                let like = part.like.0;
                let said = Expectation { one_of: part.one_of, present: part.present, kind: part.kind, like };
                if said.one_of.is_empty() && said.present.is_none() && said.kind.is_none() && said.like.is_empty() {
                    return Err(A::Error::custom("nothing is asked of the value"));
                }
                Ok(said)
            }
        }
        deserializer.deserialize_any(Any)
    }
}

fn equals(one_of: Vec<Literal>) -> Expectation {
    Expectation { one_of, ..Expectation::default() }
}

/// Keys that stand above the first table of a file.
pub(super) const TOP: [&str; 4] = ["name", "about", "decode", "each"];

/// One way in which a line is recognised: all of it must hold.
#[derive(Clone, Debug, PartialEq, Default)]
pub(super) struct Alternative {
    /// Each under its pointer as written, so that a wrong one is refused at its line.
    pub(super) conditions: Vec<(Spanned<String>, Expectation)>,
    /// No other keys on the top level than these.
    pub(super) only: Option<Vec<String>>,
}

impl<'de> Deserialize<'de> for Alternative {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Any;
        impl<'de> Visitor<'de> for Any {
            type Value = Alternative;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a table of JSON Pointers with what must stand there")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Alternative, A::Error> {
                let mut alternative = Alternative::default();
                while let Some(key) = map.next_key::<Spanned<String>>()? {
                    if key.get_ref() == "only" {
                        alternative.only = Some(map.next_value()?);
                    } else if TOP.contains(&key.get_ref().as_str()) {
                        // Whatever it is, what is wrong is where it stands.
                        map.next_value::<serde::de::IgnoredAny>()?;
                        alternative.conditions.push((key, Expectation::default()));
                    } else {
                        alternative.conditions.push((key, map.next_value()?));
                    }
                }
                Ok(alternative)
            }
        }
        deserializer.deserialize_map(Any)
    }
}

/// `[[rule]]`.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RulePart {
    #[serde(default)]
    pub(super) name: NamePatterns,
    #[serde(default)]
    pub(super) when: BTreeMap<Pointer, Expectation>,
    pub(super) subject: Option<SubjectWord>,
    pub(super) verb: Option<VerbWord>,
    #[serde(default)]
    pub(super) needs_human: bool,
    #[serde(default)]
    pub(super) set: BTreeMap<Field, Literal>,
    #[serde(default)]
    pub(super) take: BTreeMap<Field, Pointers>,
    #[serde(default)]
    pub(super) ignore: bool,
    #[serde(default)]
    pub(super) hide: bool,
}

/// Patterns of event names; none matches every event, also one without a name.
#[derive(Clone, Debug, PartialEq, Default)]
pub(super) struct NamePatterns(pub(super) Vec<Pattern>);

impl<'de> Deserialize<'de> for NamePatterns {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let parse = |text: &str| Pattern::parse(text, Stop::Dot);
        Ok(Self(one_or_more(deserializer, "a pattern of event names or a list of them", parse)?))
    }
}

/// A subject, or `none`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct SubjectWord(pub(super) Option<Subject>);

impl<'de> Deserialize<'de> for SubjectWord {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let all = Subject::ALL.iter().map(|subject| subject.as_str());
        word_or_none(deserializer, "subject", all, Subject::from_word).map(Self)
    }
}

/// A verb, or `none`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct VerbWord(pub(super) Option<Verb>);

impl<'de> Deserialize<'de> for VerbWord {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let all = Verb::ALL.iter().map(|verb| verb.as_str());
        word_or_none(deserializer, "verb", all, Verb::from_word).map(Self)
    }
}

fn word_or_none<'de, D: Deserializer<'de>, T>(
    deserializer: D,
    what: &str,
    all: impl Iterator<Item = &'static str>,
    of: impl Fn(&str) -> Option<T>,
) -> Result<Option<T>, D::Error> {
    let word = String::deserialize(deserializer)?;
    if word == "none" {
        return Ok(None);
    }
    let wrong = || format!("{word:?} is no {what}; there are none, {}", all.collect::<Vec<_>>().join(", "));
    of(&word).map(Some).ok_or_else(|| D::Error::custom(wrong()))
}

/// A string or a list of strings, each made into something.
fn one_or_more<'de, D: Deserializer<'de>, T>(
    deserializer: D,
    what: &'static str,
    parse: impl Fn(&str) -> Result<T, String>,
) -> Result<Vec<T>, D::Error> {
    struct Texts(&'static str);
    impl<'de> Visitor<'de> for Texts {
        type Value = Vec<String>;
        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str(self.0)
        }
        fn visit_str<E>(self, text: &str) -> Result<Vec<String>, E> {
            Ok(vec![text.to_owned()])
        }
        fn visit_seq<A: serde::de::SeqAccess<'de>>(self, mut list: A) -> Result<Vec<String>, A::Error> {
            let mut all = Vec::new();
            while let Some(text) = list.next_element()? {
                all.push(text);
            }
            Ok(all)
        }
    }
    let texts = deserializer.deserialize_any(Texts(what))?;
    texts.iter().map(|text| parse(text).map_err(D::Error::custom)).collect()
}
