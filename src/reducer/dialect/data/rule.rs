//! Rules: which event they are for, and what they make of it.

use super::condition::Condition;
use super::constant::Constant;
use super::field::Field;
use super::given::Scope;
use super::pattern::Pattern;
use super::pointer::Place;
use crate::reducer::event::{Subject, Verb};

/// `[[rule]]`, ready to be tried.
#[derive(Clone, Debug)]
pub(super) struct Rule {
    /// Where it stands in its file.
    pub(super) line: usize,
    pub(super) names: Vec<(Pattern, Vec<Capture>)>,
    /// Each with the captures of its patterns.
    pub(super) when: Vec<(Condition, Vec<Vec<Capture>>)>,
    /// `Some(None)`: the event is about nothing.
    pub(super) subject: Option<Option<Subject>>,
    pub(super) verb: Option<Option<Verb>>,
    pub(super) needs_human: bool,
    pub(super) set: Vec<(Field, Constant)>,
    pub(super) take: Vec<(Field, Vec<Place>)>,
    pub(super) ignore: bool,
    pub(super) hide: bool,
}

/// What a capture gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Capture {
    Field(Field),
    Subject,
    Verb,
}

impl Capture {
    pub(super) fn of(word: &str) -> Option<Self> {
        match word {
            "subject" => Some(Capture::Subject),
            "verb" => Some(Capture::Verb),
            _ => Field::of(word).map(Capture::Field),
        }
    }

    pub(super) fn unknown(word: &str) -> String {
        format!(
            "<{word}> captures nothing that an event can say: subject, verb, or a field; write * for what does not matter"
        )
    }
}

/// The text that a capture took.
pub(super) type Caught = Vec<(Capture, String)>;

impl Rule {
    /// What the captures took, when the rule is for this event.
    pub(super) fn matches(&self, name: Option<&str>, scope: &Scope<'_>) -> Option<Caught> {
        let mut caught = Vec::new();
        if !self.names.is_empty() {
            let name = name?;
            let (captures, found) =
                self.names.iter().find_map(|(pattern, captures)| Some((captures, pattern.find(name)?)))?;
            take(&mut caught, captures, name, found);
        }
        for (condition, captures) in &self.when {
            if let Some(matched) = condition.holds(scope.at(condition.place))?
                && let Some(captures) = captures.get(matched.pattern)
            {
                take(&mut caught, captures, &matched.text, matched.found);
            }
        }
        Some(caught)
    }
}

fn take(caught: &mut Caught, captures: &[Capture], text: &str, found: Vec<std::ops::Range<usize>>) {
    let texts = found.into_iter().map(|range| text.get(range).unwrap_or_default().to_owned());
    caught.extend(captures.iter().copied().zip(texts));
}
