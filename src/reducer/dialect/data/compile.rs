//! From the language to a [`Dialect`] that is ready to read: every pointer in one tree, every check that needs more
//! than one value.
//!
//! It must never know a record.

use std::collections::BTreeMap;
use std::ops::Range;

use toml::Spanned;

use super::condition::Condition;
use super::constant::Constant;
use super::field::{Field, Means};
use super::language::{Alternative, Expectation, File, Literal, MapOf, RulePart, TOP};
use super::pattern::Pattern;
use super::pointer::{Places, Pointer, Root};
use super::rule::{Capture, Rule};
use super::{Dialect, DialectError, Recognition};
use crate::reducer::event::Verb;

/// The most rules of a dialect, and the most ways to recognise a line: both are tried one after the other.
const MOST: usize = 500;

/// What is wrong, and where in the text.
struct Wrong(Range<usize>, String);

/// A dialect that stands in a larger TOML document: read with it, checked by [`Written::into_dialect`].
#[derive(Clone, Debug, PartialEq, serde::Deserialize)]
#[serde(transparent)]
pub struct Written(File);

impl Written {
    /// The dialect; `file` is only named in the error, `text` is the whole document.
    ///
    /// # Errors
    /// [`DialectError`] with the line of the first mistake.
    pub fn into_dialect(self, file: &str, text: &str) -> Result<Dialect, DialectError> {
        compile(self.0, text).map_err(|Wrong(span, reason)| error(file, text, &span, reason))
    }
}

/// Reads the text of a file.
pub(super) fn parse(file: &str, text: &str) -> Result<Dialect, DialectError> {
    let written: Written = toml::from_str(text).map_err(|wrong| {
        error(file, text, &wrong.span().unwrap_or(0..0), wrong.message().trim_end().replace('\n', "; "))
    })?;
    written.into_dialect(file, text)
}

fn error(file: &str, text: &str, span: &Range<usize>, reason: String) -> DialectError {
    DialectError { file: file.to_owned(), line: line_of(text, span.start), reason }
}

fn line_of(text: &str, offset: usize) -> usize {
    1 + text.bytes().take(offset).filter(|byte| *byte == b'\n').count()
}

fn compile(file: File, text: &str) -> Result<Dialect, Wrong> {
    let whole = file.name.span();
    if file.recognise.is_empty() || file.recognise.len() > MOST || file.rule.len() > MOST {
        return Err(Wrong(whole, format!("a dialect has 1 to {MOST} [[recognise]] and up to {MOST} [[rule]]")));
    }
    let mut places = Places::default();
    for pointer in &file.decode {
        if pointer.root() == Root::Element {
            // Elements are read one by one, so what they hold can be decoded just as well.
            places.decode(pointer);
            continue;
        }
        if let Some(each) = file.each.as_ref().filter(|each| each.get_ref().is_below(pointer)) {
            let why = "`each` cannot lie in a decoded string: its elements have no place in the log";
            return Err(Wrong(each.span(), why.into()));
        }
        places.decode(pointer);
    }
    let each = match &file.each {
        Some(each) if each.get_ref().root() == Root::Element => {
            return Err(Wrong(each.span(), "`each` is a pointer into the record, not into an element".into()));
        }
        Some(each) => Some(places.of(each.get_ref())),
        None => None,
    };
    let recognise: Vec<Recognition> =
        file.recognise.into_iter().map(|one| recognition(one, &file.decode, &mut places)).collect::<Result<_, _>>()?;
    let mut dialect = Dialect {
        name: file.name.into_inner().0,
        about: file.about,
        text: text.to_owned(),
        places: Places::default(),
        recognise,
        each,
        time: file.time,
        fields: Vec::new(),
        instead: file.instead.keys().filter_map(|field| field.concept()).collect(),
        maps: Vec::new(),
        verbs: Vec::new(),
        rules: Vec::new(),
    };
    for (field, pointers) in file.before.into_iter().chain(file.instead) {
        let all = pointers.0.iter().map(|pointer| places.of(pointer)).collect();
        dialect.fields.push((field, all));
    }
    for (of, words) in file.map {
        match of {
            MapOf::Verb => dialect.verbs = verbs(words)?,
            MapOf::Field(field) => {
                let Means::Concept(concept, _) = field.means() else {
                    return Err(Wrong(whole, format!("{} has no words to map", field.word())));
                };
                let words = words.into_iter().map(|(word, to)| (word.to_lowercase(), Constant::of(to.get_ref())));
                dialect.maps.push((concept, words.collect()));
            }
        }
    }
    dialect.rules = file.rule.into_iter().map(|one| rule(one, text, &mut places)).collect::<Result<_, _>>()?;
    dialect.places = places;
    Ok(dialect)
}

fn recognition(written: Spanned<Alternative>, decode: &[Pointer], places: &mut Places) -> Result<Recognition, Wrong> {
    let span = written.span();
    let Alternative { conditions: keyed, only } = written.into_inner();
    let conditions: Vec<(Pointer, Expectation)> =
        keyed.into_iter().map(|(key, expected)| Ok((pointer(&key)?, expected))).collect::<Result<_, _>>()?;
    let wrong = |why: &str| Wrong(span.clone(), why.to_owned());
    if conditions.iter().any(|(pointer, _)| pointer.root() == Root::Element) {
        return Err(wrong("a line is recognised as a whole: \"@\" is an element of it"));
    }
    let key = conditions.iter().find(|(_, expected)| Condition::is_presence(expected));
    let Some(gate) = key.and_then(|_| super::gate::Gate::of(&conditions, decode)) else {
        return Err(wrong("nothing here must be in the line: any line would be recognised"));
    };
    let only = only.map(|keys| {
        let step = |key: &String| Pointer::parse(&format!("/{}", key.replace('~', "~0").replace('/', "~1")));
        keys.iter().filter_map(|key| step(key).ok()).map(|pointer| places.of(&pointer)).collect()
    });
    let conditions = conditions.into_iter().map(|(pointer, expected)| Condition::new(places.of(&pointer), &expected));
    Ok(Recognition { gate, conditions: conditions.collect(), only })
}

/// The pointer that a key is.
fn pointer(key: &Spanned<String>) -> Result<Pointer, Wrong> {
    let text = key.get_ref();
    if TOP.contains(&text.as_str()) {
        let why = format!("`{text}` stands above the first table: below [[recognise]] it belongs to that");
        return Err(Wrong(key.span(), why));
    }
    Pointer::parse(text).map_err(|why| Wrong(key.span(), why))
}

fn verbs(words: BTreeMap<String, Spanned<Literal>>) -> Result<Vec<(String, Verb)>, Wrong> {
    let verb = |(word, to): (String, Spanned<Literal>)| {
        let verb = match to.get_ref() {
            Literal::Text(text) => Verb::from_word(text),
            Literal::Flag(_) | Literal::Whole(_) | Literal::Number(_) => None,
        };
        let all = || Verb::ALL.iter().map(|verb| verb.as_str()).collect::<Vec<_>>().join(", ");
        let wrong = || Wrong(to.span(), format!("[map.verb] leads to verbs: {}", all()));
        verb.map(|verb| (word.to_lowercase(), verb)).ok_or_else(wrong)
    };
    words.into_iter().map(verb).collect()
}

fn rule(written: Spanned<RulePart>, text: &str, places: &mut Places) -> Result<Rule, Wrong> {
    let span = written.span();
    let part = written.into_inner();
    let wrong = |why: String| Wrong(span.clone(), why);
    if part.ignore && part.hide {
        return Err(wrong("a rule ignores an event or hides it, not both".into()));
    }
    let captures = |pattern: &Pattern| -> Result<Vec<Capture>, Wrong> {
        pattern.captures.iter().map(|word| Capture::of(word).ok_or_else(|| wrong(Capture::unknown(word)))).collect()
    };
    let mut names = Vec::new();
    for pattern in part.name.0 {
        let captures = captures(&pattern)?;
        names.push((pattern, captures));
    }
    let mut when = Vec::new();
    for (pointer, expected) in part.when {
        let captures = expected.like.iter().map(captures).collect::<Result<_, _>>()?;
        when.push((Condition::new(places.of(&pointer), &expected), captures));
    }
    let take = part.take.into_iter().map(|(field, pointers)| {
        let places = pointers.0.iter().map(|pointer| places.of(pointer)).collect();
        (field, places)
    });
    Ok(Rule {
        line: line_of(text, span.start),
        names,
        take: take.collect::<Vec<(Field, Vec<_>)>>(),
        when,
        subject: part.subject.map(|word| word.0),
        verb: part.verb.map(|word| word.0),
        needs_human: part.needs_human,
        set: part.set.into_iter().map(|(field, literal)| (field, Constant::of(&literal))).collect(),
        ignore: part.ignore,
        hide: part.hide,
    })
}
