//! The generic dialect: the concept tables of spec 1.3 made into an [`Event`].
//!
//! Every concept is asked for through the record, so that a dialect's own pointers can be asked before the generic
//! names. It must never know the lines before.

use std::borrow::Cow;
use std::marker::PhantomData;

use super::concept::{Concept, Concept as C, Key};
use super::data::TimeForm;
use super::names::Names;
use super::record::{Found, Record};
use super::types;
use crate::reducer::event::{ArtifactRef, Class, ErrorText, Event, Outcome, Subject, Text, Usage};
use crate::reducer::json::{Kind, Value};
use crate::reducer::time::{Micros, NaiveTime};

/// Where a concept's values are looked for: a record by generic names, or what a dialect gives before them.
pub(super) trait LookUp<'a>: Copy {
    /// Whether there may be any value of the concept.
    fn may_have(self, concept: Concept) -> bool;
    /// The first value that `read` makes something of.
    fn find<T>(self, concept: Concept, read: impl FnMut(Found, Value<'a>) -> Option<T>) -> Option<T>;
    /// What stands on the top level where prose may stand instead of a name.
    fn prose(self, key: Key) -> Option<Value<'a>>;
}

impl<'a> LookUp<'a> for Record<'_, 'a> {
    #[inline]
    fn may_have(self, concept: Concept) -> bool {
        Record::may_have(self, concept)
    }

    #[inline]
    fn find<T>(self, concept: Concept, read: impl FnMut(Found, Value<'a>) -> Option<T>) -> Option<T> {
        Record::find(self, concept, read)
    }

    #[inline]
    fn prose(self, key: Key) -> Option<Value<'a>> {
        self.on_top(key)
    }
}

/// How times are read: what one without an offset means, and what a dialect says of its own.
#[derive(Clone, Copy, Debug)]
pub(super) struct Clock {
    pub(super) naive: NaiveTime,
    pub(super) own: Option<TimeForm>,
}

/// Where a record stands in its log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Spot {
    pub(super) line: u64,
    pub(super) offset: u64,
    pub(super) length: u64,
}

/// What was passed over, for the log's health.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Notes {
    pub(super) bad_times: u32,
    pub(super) wrong_types: u32,
    pub(super) unread_elements: u32,
}

/// The event of a record.
pub(super) fn event<'a>(
    record: impl LookUp<'a>,
    spot: Spot,
    clock: Clock,
    names: &mut Names,
    notes: &mut Notes,
) -> Event<'a> {
    Reader { record, clock, notes, text: PhantomData }.event(spot, names)
}

/// The name of a record alone; what is passed over on the way is not noted.
pub(super) fn name<'a>(record: impl LookUp<'a>) -> Option<Cow<'a, str>> {
    let clock = Clock { naive: NaiveTime::Utc, own: None };
    let notes = &mut Notes::default();
    Reader { record, clock, notes, text: PhantomData }.name().map(|(_, name)| name)
}

/// What a concept's values should be: decides what is counted when a value is passed over.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Wanted {
    /// A text, an id or a who: an object or array there is no defect, and neither is a string that says nothing.
    Text,
    /// A number, a flag.
    Other,
    /// A list: one without an element is of the right type and says nothing.
    List,
    /// A point in time.
    Time,
    /// Anything but null.
    Any,
}

struct Reader<'r, 'a, L> {
    record: L,
    clock: Clock,
    notes: &'r mut Notes,
    text: PhantomData<&'a str>,
}

const ACTION: Key = Key::named("action");
const CACHE: Key = Key::named("cache");
const EVENT: Key = Key::named("event");
const STEPS: Key = Key::named("steps");
const DURATION_S: Key = Key::named("duration_s");
const DURATION_SEC: Key = Key::named("duration_sec");
const EXPECTED_S: Key = Key::named("expected_s");

impl<'a, L: LookUp<'a>> Reader<'_, 'a, L> {
    fn event(mut self, spot: Spot, names: &mut Names) -> Event<'a> {
        let (name_key, name) = self.name().unzip();
        let meaning = name.as_deref().map(|name| names.meaning(name)).unwrap_or_default();
        let stack = self.text(C::Stack);
        Event {
            line: spot.line,
            offset: spot.offset,
            length: spot.length,
            class: Class::Event,
            time: self.time(C::Time),
            name,
            meaning,
            level: self.text_or(C::Level, types::level),
            hidden: false,
            understood: false,
            message: self.message(),
            workflow: self.text(C::Workflow),
            title: self.text(C::Title),
            phase: self.text(C::Phase),
            candidate: self.id(C::Candidate),
            attempt: self.other(C::Attempt, types::attempt),
            max_attempts: self.other(C::MaxAttempts, types::attempt),
            score: self.other(C::Score, types::number),
            pass_threshold: self.other(C::PassThreshold, types::number),
            step: self.id(C::Step),
            skill: self.id(C::Skill),
            step_name: self.text(C::StepName),
            span: self.id(C::Span),
            parent: self.id(C::Parent),
            tool_name: self.text(C::ToolName),
            session: self.id(C::Session),
            parent_session: self.id(C::ParentSession),
            agent: self.text_or(C::Agent, types::who),
            model: self.text_or(C::Model, types::who),
            repo: self.text_or(C::Repo, types::who),
            holder: self.text_or(C::Holder, types::who),
            status: self.text(C::Status),
            outcome: self.outcome(),
            reason: self.text(C::Reason),
            error: self.error(stack.as_deref()),
            stack,
            duration_ms: self.duration(C::Duration),
            cache_hit: self.find(C::Cache, Wanted::Other, |found, value| types::cache_hit(value, found.key == CACHE)),
            input: self.any(C::Input),
            has_output: self.any(C::Output).is_some(),
            artifacts: self.artifacts(meaning.subject),
            marker_id: self.id(C::MarkerId),
            id: self.id(C::Id),
            integration: self.text(C::Integration),
            action: self.action(name_key == Some(ACTION)),
            risk: self.text(C::Risk),
            params: self.any(C::Params),
            expires_at: self.time(C::ExpiresAt),
            usage: self.usage(),
            usage_id: None,
            claim: self.claim(),
            steps_total: self.steps_total(),
            deadline: self.time(C::Deadline),
            expected_ms: self.duration(C::Expected),
            retry_of: self.text(C::RetryOf),
            cancel_requested_at: self.time(C::CancelRequestedAt),
            ledger: self.record.find(C::Ledger, |_, value| (value.kind != Kind::Null).then_some(())).is_some(),
            run_id: self.record.find(C::RunId, |_, value| types::id(value)),
        }
    }

    /// The first value of a concept that `read` makes something of. What is passed over on the way is counted.
    #[inline(always)]
    fn find<T>(
        &mut self,
        concept: Concept,
        wanted: Wanted,
        read: impl FnMut(Found, Value<'a>) -> Option<T>,
    ) -> Option<T> {
        // Most concepts are not on a line: that must cost next to nothing.
        if self.record.may_have(concept) { self.find_some(concept, wanted, read) } else { None }
    }

    fn find_some<T>(
        &mut self,
        concept: Concept,
        wanted: Wanted,
        mut read: impl FnMut(Found, Value<'a>) -> Option<T>,
    ) -> Option<T> {
        let Self { record, notes, .. } = self;
        record.find(concept, |found, value| {
            let made = read(found, value);
            if made.is_none() {
                notes.passed_over(wanted, value);
            }
            made
        })
    }

    #[inline(always)]
    fn text(&mut self, concept: Concept) -> Option<Cow<'a, str>> {
        self.text_or(concept, types::text)
    }

    #[inline(always)]
    fn id(&mut self, concept: Concept) -> Option<Cow<'a, str>> {
        self.text_or(concept, types::id)
    }

    #[inline(always)]
    fn text_or<T>(&mut self, concept: Concept, read: fn(Value<'a>) -> Option<T>) -> Option<T> {
        self.find(concept, Wanted::Text, |_, value| read(value))
    }

    #[inline(always)]
    fn other<T>(&mut self, concept: Concept, read: fn(Value<'a>) -> Option<T>) -> Option<T> {
        self.find(concept, Wanted::Other, |_, value| read(value))
    }

    /// The raw JSON of any value but null.
    fn any(&mut self, concept: Concept) -> Option<&'a str> {
        self.find(concept, Wanted::Any, |_, value| (value.kind != Kind::Null).then_some(value.raw))
    }

    fn time(&mut self, concept: Concept) -> Option<Micros> {
        let Clock { naive, own } = self.clock;
        self.find(concept, Wanted::Time, |_, value| match own {
            None => types::time(value, naive),
            Some(form) => form.read(value, naive),
        })
    }

    /// Names in milliseconds and names in seconds, in the order of the table.
    fn duration(&mut self, concept: Concept) -> Option<i64> {
        self.find(concept, Wanted::Other, |found, value| {
            let seconds = matches!(found.key, DURATION_S | DURATION_SEC | EXPECTED_S);
            types::duration_ms(value, if seconds { 1000.0 } else { 1.0 })
        })
    }

    /// The event name and the top-level key that gave it; an object gives its own `type` or `kind`.
    fn name(&mut self) -> Option<(Key, Cow<'a, str>)> {
        let Self { record, notes, .. } = self;
        let on_top = record.find(C::EventName, |found, value| {
            let own = |name| value.member(name).and_then(name_of);
            let name = match value.kind {
                Kind::Object => own("type").or_else(|| own("kind")),
                _ => name_of(value),
            };
            if name.is_none() {
                notes.passed_over(Wanted::Text, value);
            }
            name.map(|name| (found.key, name))
        });
        on_top.or_else(|| record.find(C::AttributeName, |found, value| Some((found.key, name_of(value)?))))
    }

    /// The message; an `event` string with spaces, which is no name, is the last name for it on the top level.
    fn message(&mut self) -> Option<Text<'a>> {
        let named = self.find(C::Message, Wanted::Text, |found, value| Some((found.on_top, Text::of(value)?)));
        if let Some((true, message)) = named {
            return Some(message);
        }
        let event = self.record.prose(EVENT).and_then(Text::of).filter(|text| text.decoded().contains(' '));
        event.or(named.map(|(_, message)| message))
    }

    /// What an approval is about; not the `action` that gave the event name.
    fn action(&mut self, named_by_action: bool) -> Option<Cow<'a, str>> {
        self.find(C::Action, Wanted::Text, |found, value| {
            let is_name = named_by_action && found == Found { key: ACTION, on_top: true };
            if is_name { None } else { types::text(value) }
        })
    }

    /// A count, or the length of the list `steps`.
    fn steps_total(&mut self) -> Option<u64> {
        self.find(C::StepsTotal, Wanted::Other, |found, value| match value.kind {
            _ if found.key != STEPS => types::count(value),
            Kind::Array => Some(length(value)),
            _ => None,
        })
    }

    /// A flag or exit code that says failed is enough, wherever it stands; else an end word decides.
    fn outcome(&mut self) -> Option<Outcome> {
        let failed = self.says_failed(C::ExitCode, types::is_failure_code)
            || self.says_failed(C::Success, |value| types::flag(value).map(|success| !success))
            || self.says_failed(C::IsError, types::flag);
        let word = self.text_or(C::OutcomeWord, types::end_word);
        if failed { Some(Outcome::Failed) } else { word }
    }

    /// Whether any of the concept's values says failed.
    fn says_failed(&mut self, concept: Concept, read: fn(Value<'a>) -> Option<bool>) -> bool {
        if !self.record.may_have(concept) {
            return false;
        }
        let Self { record, notes, .. } = self;
        let failed = record.find(concept, |_, value| {
            let read = read(value);
            if read.is_none() {
                notes.passed_over(Wanted::Other, value);
            }
            read.filter(|failed| *failed)
        });
        failed.is_some()
    }

    /// The error field; without a stack trace of its own it has the one beside it.
    fn error(&mut self, beside: Option<&str>) -> Option<ErrorText> {
        let said = self.text_or(C::Error, error_text)?;
        Some(ErrorText { stack: said.stack.or(beside.map(str::to_owned)), ..said })
    }

    /// `claimed_by`, else `host:pid`.
    fn claim(&mut self) -> Option<Cow<'a, str>> {
        if let Some(claim) = self.text(C::ClaimedBy) {
            return Some(claim);
        }
        if !self.record.may_have(C::Host) || !self.record.may_have(C::Pid) {
            return None;
        }
        let (host, pid) = (self.text(C::Host)?, self.id(C::Pid)?);
        Some(Cow::Owned(format!("{host}:{pid}")))
    }

    /// One path, then those of a list; all have the event's media type unless an entry says its own.
    fn artifacts(&mut self, subject: Option<Subject>) -> Vec<ArtifactRef<'a>> {
        let one = if subject == Some(Subject::Artifact) { C::ArtifactPath } else { C::Artifact };
        if !self.record.may_have(one) && !self.record.may_have(C::ArtifactList) {
            return Vec::new();
        }
        let media_type = self.text(C::MediaType);
        let path = self.text(one);
        let mut artifacts: Vec<_> =
            path.map(|path| ArtifactRef { path, media_type: media_type.clone() }).into_iter().collect();
        let listed = self.find(C::ArtifactList, Wanted::List, |_, value| {
            let mut listed = Vec::new();
            value.elements(|element| listed.extend(artifact(element)));
            (!listed.is_empty()).then_some(listed)
        });
        artifacts.extend(listed.into_iter().flatten().map(|artifact| ArtifactRef {
            media_type: artifact.media_type.or_else(|| media_type.clone()),
            ..artifact
        }));
        artifacts
    }

    fn usage(&mut self) -> Usage {
        Usage {
            tokens_in: self.other(C::TokensIn, types::count),
            tokens_out: self.other(C::TokensOut, types::count),
            cost_usd: self.other(C::Cost, types::number),
            total_in: self.other(C::TotalIn, types::count),
            total_out: self.other(C::TotalOut, types::count),
            total_cost: self.other(C::TotalCost, types::number),
        }
    }
}

impl Notes {
    /// Counts a value that was looked at and is of no use. Null and a blank string say "nothing" and are no defect.
    fn passed_over(&mut self, wanted: Wanted, value: Value<'_>) {
        let string = matches!(value.kind, Kind::Plain | Kind::Escaped);
        let is_blank = string && !value.is_text();
        let container = matches!(value.kind, Kind::Array | Kind::Object);
        match (wanted, value.kind) {
            (_, Kind::Null) | (Wanted::Any, _) => {}
            (Wanted::Text, _) if string || container => {}
            (Wanted::Time, _) if is_blank => {}
            (Wanted::Time, Kind::Number | Kind::Plain | Kind::Escaped) => self.bad_times += 1,
            (Wanted::Other | Wanted::List, _) if is_blank => {}
            (Wanted::List, Kind::Array) if length(value) == 0 => {}
            (Wanted::Text | Wanted::Other | Wanted::List | Wanted::Time, _) => self.wrong_types += 1,
        }
    }
}

/// The longest event name in bytes.
const LONGEST_NAME: usize = 120;

/// A name: 1 to 120 of ASCII letters, digits and `_ . : / -`.
fn name_of(value: Value<'_>) -> Option<Cow<'_, str>> {
    let name = value.string()?;
    let fits = (1..=LONGEST_NAME).contains(&name.len());
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b':' | b'/' | b'-');
    (fits && name.bytes().all(allowed)).then_some(name)
}

/// A text, or an object with at least one of `message`, `type`, `stack`.
fn error_text(value: Value<'_>) -> Option<ErrorText> {
    if value.kind != Kind::Object {
        let message = types::text(value)?.into_owned();
        return Some(ErrorText { message: Some(message), kind: None, stack: None });
    }
    let member = |name| value.member(name).and_then(types::text).map(Cow::into_owned);
    let error = ErrorText { message: member("message"), kind: member("type"), stack: member("stack") };
    (error != ErrorText::default()).then_some(error)
}

/// An entry of a list of artifacts: a path, or an object with one.
fn artifact(value: Value<'_>) -> Option<ArtifactRef<'_>> {
    if value.kind != Kind::Object {
        return Some(ArtifactRef { path: types::text(value)?, media_type: None });
    }
    let member = |name| value.member(name).and_then(types::text);
    Some(ArtifactRef { path: member("path")?, media_type: member("media_type").or_else(|| member("mime")) })
}

/// How many elements an array has.
fn length(value: Value<'_>) -> u64 {
    let mut length = 0;
    value.elements(|_| length += 1);
    length
}

#[cfg(test)]
mod tests;
