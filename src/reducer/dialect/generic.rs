//! The generic dialect: the concept tables of spec 1.3 made into an [`Event`].
//!
//! Every concept is asked for through [`Record`], so that a dialect's own pointers can be asked before the generic
//! names. It must never know the lines before.

use std::borrow::Cow;
use std::marker::PhantomData;

use super::concept::{Concept, Key};
use super::data::TimeForm;
use super::names::Names;
use super::record::{Found, Record};
use super::types;
use crate::reducer::event::{ArtifactRef, Class, ErrorText, Event, Outcome, Subject, Usage};
use crate::reducer::json::{Kind, Value};
use crate::reducer::time::{Micros, NaiveTime};

/// Where a concept's values are looked for: a record by generic names, or what a dialect gives before them.
pub(super) trait LookUp<'a>: Copy {
    /// Whether there may be any value of the concept.
    fn may_have(self, concept: Concept) -> bool;
    /// The first value that `read` makes something of.
    fn find<T>(self, concept: Concept, read: impl FnMut(Found, Value<'a>) -> Option<T>) -> Option<T>;
    /// The same, also in `usage` objects.
    fn find_usage<T>(self, concept: Concept, read: impl FnMut(Found, Value<'a>) -> Option<T>) -> Option<T>;
    /// The same, of generic names only on the top level.
    fn find_on_top<T>(self, concept: Concept, read: impl FnMut(Found, Value<'a>) -> Option<T>) -> Option<T>;
    /// The name that is the last resort.
    fn attribute_name(self) -> Option<Value<'a>>;
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
    fn find_usage<T>(self, concept: Concept, read: impl FnMut(Found, Value<'a>) -> Option<T>) -> Option<T> {
        Record::find_usage(self, concept, read)
    }

    #[inline]
    fn find_on_top<T>(self, concept: Concept, read: impl FnMut(Found, Value<'a>) -> Option<T>) -> Option<T> {
        Record::find_on_top(self, concept, read)
    }

    #[inline]
    fn attribute_name(self) -> Option<Value<'a>> {
        Record::attribute_name(self)
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
    /// A number, a flag, a list.
    Other,
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
        let mut event = Event::bare(Class::Event, spot.line, spot.offset, spot.length);
        let mut named_by_action = false;
        if let Some((key, name)) = self.name() {
            named_by_action = key == Some(ACTION);
            event.meaning = names.meaning(&name);
            event.name = Some(name);
        }
        event.time = self.time(Concept::Time);
        event.level = self.text_or(Concept::Level, types::level);
        event.message = self.message();
        self.run_fields(&mut event);
        self.span_fields(&mut event);
        self.outcome_fields(&mut event);
        self.marker_fields(&mut event, named_by_action);
        event.artifacts = self.artifacts(event.meaning.subject);
        event.usage = self.usage();
        event.ledger =
            self.record.find_on_top(Concept::Ledger, |_, value| (value.kind != Kind::Null).then_some(())).is_some();
        event
    }

    fn run_fields(&mut self, event: &mut Event<'a>) {
        event.workflow = self.text(Concept::Workflow);
        event.title = self.text(Concept::Title);
        event.phase = self.text(Concept::Phase);
        event.candidate = self.id(Concept::Candidate);
        event.attempt = self.other(Concept::Attempt, types::attempt);
        event.max_attempts = self.other(Concept::MaxAttempts, types::attempt);
        event.score = self.other(Concept::Score, types::number);
        event.pass_threshold = self.other(Concept::PassThreshold, types::number);
        event.repo = self.text_or(Concept::Repo, types::who);
        event.holder = self.text_or(Concept::Holder, types::who);
        event.status = self.text(Concept::Status);
        event.input = self.any(Concept::Input);
        event.has_output = self.any(Concept::Output).is_some();
        event.claim = self.claim();
        event.steps_total = self.find(Concept::StepsTotal, Wanted::Other, |found, value| match value.kind {
            _ if found.key != STEPS => types::count(value),
            Kind::Array => Some(length(value)),
            _ => None,
        });
        event.deadline = self.time(Concept::Deadline);
        event.expected_ms = self.duration(Concept::Expected);
        event.retry_of = self.text(Concept::RetryOf);
        event.cancel_requested_at = self.time(Concept::CancelRequestedAt);
    }

    fn span_fields(&mut self, event: &mut Event<'a>) {
        event.step = self.id(Concept::Step);
        event.skill = self.id(Concept::Skill);
        event.step_name = self.text(Concept::StepName);
        event.span = self.id(Concept::Span);
        event.parent = self.id(Concept::Parent);
        event.tool_name = self.text(Concept::ToolName);
        event.session = self.id(Concept::Session);
        event.parent_session = self.id(Concept::ParentSession);
        event.agent = self.text_or(Concept::Agent, types::who);
        event.model = self.text_or(Concept::Model, types::who);
        event.duration_ms = self.duration(Concept::Duration);
        event.cache_hit =
            self.find(Concept::Cache, Wanted::Other, |found, value| types::cache_hit(value, found.key == CACHE));
    }

    fn outcome_fields(&mut self, event: &mut Event<'a>) {
        event.outcome = self.outcome();
        event.reason = self.text(Concept::Reason);
        let stack = self.text(Concept::Stack);
        event.error = self.error(stack.as_deref());
        event.stack = stack;
    }

    fn marker_fields(&mut self, event: &mut Event<'a>, named_by_action: bool) {
        event.marker_id = self.id(Concept::MarkerId);
        event.id = self.id(Concept::Id);
        event.integration = self.text(Concept::Integration);
        event.action = self.find(Concept::Action, Wanted::Text, |found, value| {
            let is_name = named_by_action && found == Found { key: ACTION, on_top: true };
            if is_name { None } else { types::text(value) }
        });
        event.risk = self.text(Concept::Risk);
        event.params = self.any(Concept::Params);
        event.expires_at = self.time(Concept::ExpiresAt);
    }

    /// The first value of a concept that `read` makes something of. What is passed over on the way is counted.
    fn find<T>(
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

    fn text(&mut self, concept: Concept) -> Option<Cow<'a, str>> {
        self.text_or(concept, types::text)
    }

    fn id(&mut self, concept: Concept) -> Option<Cow<'a, str>> {
        self.text_or(concept, types::id)
    }

    fn text_or<T>(&mut self, concept: Concept, read: fn(Value<'a>) -> Option<T>) -> Option<T> {
        self.find(concept, Wanted::Text, |_, value| read(value))
    }

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
    fn name(&mut self) -> Option<(Option<Key>, Cow<'a, str>)> {
        let Self { record, notes, .. } = self;
        let on_top = record.find_on_top(Concept::EventName, |found, value| {
            let own = |name| value.member(name).and_then(name_of);
            let name = match value.kind {
                Kind::Object => own("type").or_else(|| own("kind")),
                _ => name_of(value),
            };
            if name.is_none() {
                notes.passed_over(Wanted::Text, value);
            }
            name.map(|name| (Some(found.key), name))
        });
        on_top.or_else(|| record.attribute_name().and_then(name_of).map(|name| (None, name)))
    }

    /// The message; else an `event` string with spaces, which is no name.
    fn message(&mut self) -> Option<Cow<'a, str>> {
        if let Some(message) = self.text(Concept::Message) {
            return Some(message);
        }
        self.record.prose(EVENT).and_then(types::text).filter(|text| text.contains(' '))
    }

    /// A flag or exit code that says failed is enough, wherever it stands; else an end word decides.
    fn outcome(&mut self) -> Option<Outcome> {
        let failed = self.says_failed(Concept::ExitCode, types::is_failure_code)
            || self.says_failed(Concept::Success, |value| types::flag(value).map(|success| !success))
            || self.says_failed(Concept::IsError, types::flag);
        let word = self.text_or(Concept::OutcomeWord, types::end_word);
        if failed { Some(Outcome::Failed) } else { word }
    }

    /// Whether any of the concept's values says failed.
    fn says_failed(&mut self, concept: Concept, read: fn(Value<'a>) -> Option<bool>) -> bool {
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
        let said = self.text_or(Concept::Error, error_text)?;
        Some(ErrorText { stack: said.stack.or(beside.map(str::to_owned)), ..said })
    }

    /// `claimed_by`, else `host:pid`.
    fn claim(&mut self) -> Option<Cow<'a, str>> {
        if let Some(claim) = self.text(Concept::ClaimedBy) {
            return Some(claim);
        }
        if !self.record.may_have(Concept::Host) || !self.record.may_have(Concept::Pid) {
            return None;
        }
        let (host, pid) = (self.text(Concept::Host)?, self.id(Concept::Pid)?);
        Some(Cow::Owned(format!("{host}:{pid}")))
    }

    /// One path, then those of a list; all have the event's media type unless an entry says its own.
    fn artifacts(&mut self, subject: Option<Subject>) -> Vec<ArtifactRef<'a>> {
        let one = if subject == Some(Subject::Artifact) { Concept::ArtifactPath } else { Concept::Artifact };
        if !self.record.may_have(one) && !self.record.may_have(Concept::ArtifactList) {
            return Vec::new();
        }
        let media_type = self.text(Concept::MediaType);
        let path = self.text(one);
        let mut artifacts: Vec<_> =
            path.map(|path| ArtifactRef { path, media_type: media_type.clone() }).into_iter().collect();
        let listed = self.find(Concept::ArtifactList, Wanted::Other, |_, value| {
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
            tokens_in: self.spent(Concept::TokensIn, types::count),
            tokens_out: self.spent(Concept::TokensOut, types::count),
            cost_usd: self.spent(Concept::Cost, types::number),
            total_in: self.spent(Concept::TotalIn, types::count),
            total_out: self.spent(Concept::TotalOut, types::count),
            total_cost: self.spent(Concept::TotalCost, types::number),
        }
    }

    /// An amount, in each place by name, then in that place's `usage`.
    fn spent<T>(&mut self, concept: Concept, read: fn(Value<'a>) -> Option<T>) -> Option<T> {
        let Self { record, notes, .. } = self;
        record.find_usage(concept, |_, value| {
            let made = read(value);
            if made.is_none() {
                notes.passed_over(Wanted::Other, value);
            }
            made
        })
    }
}

impl Notes {
    /// Counts a value that was looked at and is of no use. Null and a blank string say "nothing" and are no defect.
    fn passed_over(&mut self, wanted: Wanted, value: Value<'_>) {
        let string = matches!(value.kind, Kind::Plain | Kind::Escaped);
        let container = matches!(value.kind, Kind::Array | Kind::Object);
        let blank = || value.string().is_some_and(|text| types::is_blank(&text));
        match (wanted, value.kind) {
            (_, Kind::Null) | (Wanted::Any, _) => {}
            (Wanted::Text, _) if string || container => {}
            (Wanted::Time, _) if string && blank() => {}
            (Wanted::Time, Kind::Number | Kind::Plain | Kind::Escaped) => self.bad_times += 1,
            (Wanted::Other, _) if string && blank() => {}
            (Wanted::Text | Wanted::Other | Wanted::Time, _) => self.wrong_types += 1,
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
