//! What a dialect made of each line: plain data for `wheelwatch dialect try`.
//!
//! It must never know how it is shown.

use super::super::{Decoder, GENERIC, LineClass, Reading};
use super::{Dialect, Rule};
use crate::reducer::event::{ArtifactRef, ErrorText, Event};
use crate::reducer::line::Line;

/// A line with everything that became of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Explained {
    /// Physical line number, from 1.
    pub line: u64,
    /// What the line is; a blank one has no parts.
    pub class: LineClass,
    /// The dialect that recognised it.
    pub dialect: String,
    /// One per record and element, in order.
    pub parts: Vec<Part>,
    /// Elements that were too many to be events each.
    pub unread_elements: u32,
}

/// What became of a record or of an element of one.
#[derive(Clone, Debug, PartialEq)]
pub struct Part {
    /// Byte offset in the log and length in bytes.
    pub offset: u64,
    /// See `offset`.
    pub length: u64,
    /// The number of the rule that matched, from 1, and its line in the dialect's file; none when no rule did.
    pub rule: Option<(usize, usize)>,
    /// The event's fields by the words of dialects, with their values as text; none when a rule ignores it.
    pub fields: Option<Vec<(&'static str, String)>>,
    /// The event is kept out of the default timeline.
    pub hidden: bool,
}

/// Decodes lines and says what it did.
#[derive(Debug)]
pub struct Explainer {
    decoder: Decoder,
}

impl Explainer {
    /// With the dialects that the reading names and the built-in ones.
    #[must_use]
    pub fn new(reading: Reading) -> Self {
        Self { decoder: Decoder::new(reading) }
    }

    /// What becomes of a line.
    pub fn explain(&mut self, line: &Line<'_>) -> Explained {
        let mut parts = Vec::new();
        let mut rules = Vec::new();
        let decoded = self.decoder.decode_traced(line, &mut |event, trace| {
            rules.push(trace.dialect.zip(trace.rule));
            parts.push(Part {
                offset: trace.spot.offset,
                length: trace.spot.length,
                rule: None,
                fields: event.map(fields),
                hidden: event.is_some_and(|event| event.hidden),
            });
        });
        let mut explained = Explained {
            line: line.number,
            class: decoded.class,
            dialect: decoded.dialect.to_owned(),
            unread_elements: decoded.unread_elements,
            parts,
        };
        for (part, rule) in explained.parts.iter_mut().zip(rules) {
            let line = |(dialect, rule): (usize, usize)| Some((rule + 1, self.rule(dialect, rule)?.line));
            part.rule = rule.and_then(line);
        }
        explained
    }

    fn rule(&self, dialect: usize, rule: usize) -> Option<&Rule> {
        self.decoder.dialects.get(dialect)?.rules.get(rule)
    }
}

impl Explained {
    /// Whether some dialect, the built-in ones included, recognised the line.
    #[must_use]
    pub fn is_recognised(&self) -> bool {
        self.class == LineClass::Event && self.dialect != GENERIC
    }

    /// Whether this dialect recognised the line.
    #[must_use]
    pub fn is_by(&self, dialect: &Dialect) -> bool {
        self.dialect == dialect.name()
    }
}

/// What an event says, by the words of dialects, `subject` and `verb` first.
#[must_use]
pub fn fields(event: &Event<'_>) -> Vec<(&'static str, String)> {
    let mut said = Said(Vec::new());
    said.add("subject", event.meaning.subject);
    said.add("verb", event.meaning.verb);
    said.add("needs_human", event.meaning.needs_human.then_some(true));
    said.add("time", event.time.map(crate::reducer::time::Micros::to_rfc3339));
    said.add("level", event.level);
    said.texts(event);
    said.numbers(event);
    said.0
}

struct Said(Vec<(&'static str, String)>);

impl Said {
    fn add(&mut self, word: &'static str, value: Option<impl ToString>) {
        self.0.extend(value.map(|value| (word, value.to_string())));
    }

    fn texts(&mut self, event: &Event<'_>) {
        self.add("name", event.name);
        self.add("message", event.message);
        for (word, text) in [
            ("workflow", &event.more().workflow),
            ("title", &event.more().title),
            ("phase", &event.phase),
            ("candidate", &event.candidate),
            ("step", &event.step),
            ("skill", &event.skill),
            ("step_name", &event.step_name),
            ("span", &event.span),
            ("parent", &event.parent),
            ("tool_name", &event.tool_name),
            ("session", &event.session),
            ("parent_session", &event.more().parent_session),
            ("agent", &event.agent),
            ("model", &event.model),
            ("repo", &event.more().repo),
            ("holder", &event.more().holder),
            ("status", &event.status),
            ("reason", &event.reason),
            ("stack", &event.more().stack),
            ("marker", &event.marker_id),
            ("id", &event.id),
            ("integration", &event.more().integration),
            ("action", &event.more().action),
            ("risk", &event.more().risk),
            ("usage_id", &event.usage_id),
            ("claimed_by", &event.more().claim),
            ("retry_of", &event.more().retry_of),
        ] {
            self.add(word, text.as_deref());
        }
        self.add("error", event.error.as_deref().map(error_text));
        self.add("input", event.input);
        self.add("output", event.has_output.then_some("yes"));
        self.add("params", event.more().params);
        for ArtifactRef { path, .. } in &event.artifacts {
            self.add("artifact", Some(path));
        }
    }

    fn numbers(&mut self, event: &Event<'_>) {
        let usage = event.more().usage;
        self.add("outcome", event.outcome.map(|outcome| format!("{outcome:?}").to_lowercase()));
        self.add("attempt", event.attempt);
        self.add("max_attempts", event.more().max_attempts);
        self.add("score", event.score);
        self.add("pass_threshold", event.more().pass_threshold);
        self.add("duration_ms", event.duration_ms);
        self.add("cache_hit", event.cache_hit);
        self.add("tokens_in", usage.tokens_in);
        self.add("tokens_out", usage.tokens_out);
        self.add("cost_usd", usage.cost_usd);
        self.add("total_tokens_in", usage.total_in);
        self.add("total_tokens_out", usage.total_out);
        self.add("total_cost_usd", usage.total_cost);
        self.add("steps_total", event.more().steps_total);
        self.add("expected_ms", event.more().expected_ms);
        for (word, time) in [
            ("deadline", event.more().deadline),
            ("expires_at", event.more().expires_at),
            ("cancel_requested_at", event.more().cancel_requested_at),
        ] {
            self.add(word, time.map(crate::reducer::time::Micros::to_rfc3339));
        }
    }
}

fn error_text(error: &ErrorText) -> &str {
    error.message.as_deref().or(error.kind.as_deref()).unwrap_or("a stack trace")
}
