//! The generic dialect: the concept tables of spec 1.3 made into an [`Event`].
//!
//! Every concept is asked for through the record, so that a dialect's own pointers can be asked before the generic
//! names. It must never know the lines before.

use std::borrow::Cow;

use bumpalo::Bump;

use super::concept::{Concept, Concept as C, Concepts, Key};
use super::data::TimeForm;
use super::names::Memory;
use super::record::{Found, Record};
use super::types;
use crate::reducer::event::{ArtifactRef, ErrorText, Event, More, Outcome, Subject, Text};
use crate::reducer::json::{Kind, Value};
use crate::reducer::time::{Micros, NaiveTime};

/// Where a concept's values are looked for: a record by generic names, or what a dialect gives before them.
pub(super) trait LookUp<'a>: Copy {
    /// The concepts of which there may be any value.
    fn concepts(&self) -> Concepts;
    /// The first value that `read` makes something of.
    fn find<T>(&self, concept: Concept, read: impl FnMut(Found, Value<'a>) -> Option<T>) -> Option<T>;
    /// Gives the texts of [`super::concept::TEXTS`] that are as nearly all are, strings without escapes that begin
    /// visibly, and that nothing is asked before. The concepts of which there may be another value are left.
    fn texts(&self, each: impl FnMut(Concept, &'a str)) -> Concepts;
    /// The first value when it is a text as nearly all are, a string without escapes that begins visibly, and nothing is
    /// asked before it. None says nothing.
    fn visible(&self, concept: Concept) -> Option<(Found, &'a str)>;
    /// What stands on the top level where prose may stand instead of a name.
    fn prose(&self, key: Key) -> Option<Value<'a>>;
}

impl<'a> LookUp<'a> for Record<'_, 'a> {
    #[inline]
    fn concepts(&self) -> Concepts {
        Record::concepts(self)
    }

    #[inline(always)]
    fn find<T>(&self, concept: Concept, read: impl FnMut(Found, Value<'a>) -> Option<T>) -> Option<T> {
        Record::find(self, concept, read)
    }

    #[inline(always)]
    fn texts(&self, each: impl FnMut(Concept, &'a str)) -> Concepts {
        Record::texts(self, each)
    }

    #[inline(always)]
    fn visible(&self, concept: Concept) -> Option<(Found, &'a str)> {
        Record::visible(self, concept)
    }

    #[inline]
    fn prose(&self, key: Key) -> Option<Value<'a>> {
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
pub(crate) struct Spot {
    pub(crate) line: u64,
    pub(crate) offset: u64,
    pub(crate) length: u64,
}

/// What was passed over, for the log's health.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Notes {
    pub(super) bad_times: u32,
    pub(super) wrong_types: u32,
    pub(super) unread_elements: u32,
}

/// Fills a bare event with what a record says. An event is large: it is filled where it stands. Texts that do not stand
/// in the log as they are go to the arena.
#[inline(always)]
pub(super) fn fill<'a>(
    event: &mut Event<'a>,
    record: impl LookUp<'a>,
    clock: Clock,
    memory: &mut Memory,
    notes: &mut Notes,
    arena: &'a Bump,
) {
    Reader { record, clock, memory, notes, arena }.fill(event);
}

/// The name of a record alone; what is passed over on the way is not noted.
pub(super) fn name<'a>(record: impl LookUp<'a>) -> Option<Cow<'a, str>> {
    named(record, &mut Notes::default()).map(|(_, name)| name)
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
    memory: &'r mut Memory,
    notes: &'r mut Notes,
    arena: &'a Bump,
}

/// Where the text of a concept goes, of those of [`super::concept::TEXTS`].
#[inline(always)]
fn place_of<'e, 'a>(
    event: &'e mut Event<'a>,
    more: &'e mut Option<More<'a>>,
    concept: Concept,
) -> Option<&'e mut Option<&'a str>> {
    Some(match concept {
        C::Workflow => &mut begun(more).workflow,
        C::Title => &mut begun(more).title,
        C::Phase => &mut event.phase,
        C::Candidate => &mut event.candidate,
        C::Step => &mut event.step,
        C::Skill => &mut event.skill,
        C::StepName => &mut event.step_name,
        C::Span => &mut event.span,
        C::Parent => &mut event.parent,
        C::ToolName => &mut event.tool_name,
        C::Session => &mut event.session,
        C::ParentSession => &mut begun(more).parent_session,
        C::Agent => &mut event.agent,
        C::Model => &mut event.model,
        C::Repo => &mut begun(more).repo,
        C::Holder => &mut begun(more).holder,
        C::Status => &mut event.status,
        C::Reason => &mut event.reason,
        C::Stack => &mut begun(more).stack,
        C::MarkerId => &mut event.marker_id,
        C::Id => &mut event.id,
        C::Integration => &mut begun(more).integration,
        C::Risk => &mut begun(more).risk,
        C::RetryOf => &mut begun(more).retry_of,
        C::RunId => &mut event.run_id,
        _ => return None,
    })
}

/// What few events say, of an event that says something of it.
#[inline(never)]
fn begun<'e, 'a>(more: &'e mut Option<More<'a>>) -> &'e mut More<'a> {
    more.get_or_insert_default()
}

/// Puts a value where it belongs among what few events say.
#[inline(always)]
fn put<'a, T>(
    more: &mut Option<More<'a>>,
    value: Option<T>,
    place: impl for<'m> FnOnce(&'m mut More<'a>) -> &'m mut Option<T>,
) {
    if value.is_some() {
        *place(begun(more)) = value;
    }
}

/// What is read together, or beside other concepts.
const NAMED_BY: Concepts = Concepts::of(&[C::EventName, C::AttributeName]);
const ENDING: Concepts = Concepts::of(&[C::ExitCode, C::Success, C::IsError, C::OutcomeWord]);
const MADE: Concepts = Concepts::of(&[C::Artifact, C::ArtifactPath, C::ArtifactList]);
const CLAIMING: Concepts = Concepts::of(&[C::ClaimedBy, C::Host, C::Pid]);
const TOGETHER: Concepts =
    NAMED_BY.or(ENDING).or(MADE).or(CLAIMING).or(Concepts::of(&[C::Message, C::Error, C::MediaType, C::Action]));

const ACTION: Key = Key::named("action");
const CACHE: Key = Key::named("cache");
const EVENT: Key = Key::named("event");
const STEPS: Key = Key::named("steps");
const DURATION_S: Key = Key::named("duration_s");
const DURATION_SEC: Key = Key::named("duration_sec");
const EXPECTED_S: Key = Key::named("expected_s");

impl<'a, L: LookUp<'a>> Reader<'_, 'a, L> {
    /// Only what stands on the line is asked for: that is a small part of all there is.
    #[inline]
    fn fill(mut self, event: &mut Event<'a>) {
        let concepts = self.record.concepts();
        let name_key = if concepts.has_any(NAMED_BY) { self.named(event) } else { None };
        let mut more = None;
        let left = self.record.texts(|concept, text| {
            if let Some(place) = place_of(event, &mut more, concept) {
                *place = Some(text);
            }
        });
        for concept in left.without(TOGETHER) {
            self.field(event, &mut more, concept);
        }
        event.message = self.message();
        if concepts.has(C::Error) {
            event.error = self.error(more.as_ref().and_then(|more| more.stack)).map(Box::new);
        }
        if concepts.has_any(ENDING) {
            event.outcome = self.outcome();
        }
        if concepts.has_any(MADE) {
            event.artifacts = self.artifacts(event.meaning.subject);
        }
        if concepts.has(C::Action) {
            put(&mut more, self.action(name_key == Some(ACTION)), |more| &mut more.action);
        }
        if concepts.has_any(CLAIMING) {
            put(&mut more, self.claim(), |more| &mut more.claim);
        }
        if let Some(more) = more {
            event.more = Some(self.arena.alloc(more));
        }
    }

    /// What one concept alone says.
    #[inline(always)]
    fn field(&mut self, event: &mut Event<'a>, more: &mut Option<More<'a>>, concept: Concept) {
        match concept {
            C::Time => event.time = self.time(concept),
            C::Level => {
                let plain = self.record.visible(concept).and_then(|(_, word)| types::plain_level(word));
                event.level = plain.or_else(|| self.text_or(concept, types::level));
            }
            C::Attempt => event.attempt = self.other(concept, types::attempt),
            C::MaxAttempts => put(more, self.other(concept, types::attempt), |more| &mut more.max_attempts),
            C::Score => event.score = self.other(concept, types::number),
            C::PassThreshold => put(more, self.other(concept, types::number), |more| &mut more.pass_threshold),
            C::Duration => event.duration_ms = self.duration(concept),
            C::Cache => {
                event.cache_hit =
                    self.find(concept, Wanted::Other, |found, value| types::cache_hit(value, found.key == CACHE));
            }
            C::Input => event.input = self.any(concept),
            C::Output => event.has_output = self.any(concept).is_some(),
            C::Params => put(more, self.any(concept), |more| &mut more.params),
            C::ExpiresAt => put(more, self.time(concept), |more| &mut more.expires_at),
            C::TokensIn => put(more, self.other(concept, types::count), |more| &mut more.usage.tokens_in),
            C::TokensOut => put(more, self.other(concept, types::count), |more| &mut more.usage.tokens_out),
            C::Cost => put(more, self.other(concept, types::number), |more| &mut more.usage.cost_usd),
            C::TotalIn => put(more, self.other(concept, types::count), |more| &mut more.usage.total_in),
            C::TotalOut => put(more, self.other(concept, types::count), |more| &mut more.usage.total_out),
            C::TotalCost => put(more, self.other(concept, types::number), |more| &mut more.usage.total_cost),
            C::StepsTotal => put(more, self.steps_total(), |more| &mut more.steps_total),
            C::Deadline => put(more, self.time(concept), |more| &mut more.deadline),
            C::Expected => put(more, self.duration(concept), |more| &mut more.expected_ms),
            C::CancelRequestedAt => put(more, self.time(concept), |more| &mut more.cancel_requested_at),
            C::Ledger => {
                let is_any = |_: Found, value: Value<'a>| (value.kind != Kind::Null).then_some(());
                event.ledger = self.record.visible(concept).is_some() || self.record.find(concept, is_any).is_some();
            }
            C::Workflow
            | C::Title
            | C::Phase
            | C::StepName
            | C::ToolName
            | C::Status
            | C::Reason
            | C::Stack
            | C::Integration
            | C::Risk
            | C::RetryOf => self.text_to(event, more, concept, types::text),
            C::Candidate
            | C::Step
            | C::Skill
            | C::Span
            | C::Parent
            | C::Session
            | C::ParentSession
            | C::MarkerId
            | C::Id => self.text_to(event, more, concept, types::id),
            C::Agent | C::Model | C::Repo | C::Holder => self.text_to(event, more, concept, types::who),
            // Nothing is noted: it is no defect when a log calls its run otherwise.
            C::RunId => {
                let id = self.record.find(concept, |_, value| types::id(value));
                event.run_id = id.map(|id| self.kept(id));
            }
            C::EventName
            | C::AttributeName
            | C::Message
            | C::Error
            | C::ExitCode
            | C::Success
            | C::IsError
            | C::OutcomeWord
            | C::Artifact
            | C::ArtifactPath
            | C::ArtifactList
            | C::MediaType
            | C::Action
            | C::ClaimedBy
            | C::Host
            | C::Pid => {}
        }
    }

    /// The first value of a concept that `read` makes something of. What is passed over on the way is counted.
    #[inline(always)]
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

    /// A text for as long as the event.
    fn kept(&self, text: Cow<'a, str>) -> &'a str {
        match text {
            Cow::Borrowed(text) => text,
            Cow::Owned(text) => self.arena.alloc_str(&text),
        }
    }

    /// Puts a text that needs reading where it belongs.
    #[inline(never)]
    fn text_to(
        &mut self,
        event: &mut Event<'a>,
        more: &mut Option<More<'a>>,
        concept: Concept,
        read: fn(Value<'a>) -> Option<Cow<'a, str>>,
    ) {
        let Some(text) = self.text_or(concept, read) else { return };
        if let Some(place) = place_of(event, more, concept) {
            *place = Some(self.kept(text));
        }
    }

    fn text(&mut self, concept: Concept) -> Option<&'a str> {
        self.text_or(concept, types::text).map(|text| self.kept(text))
    }

    #[inline(never)]
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
        let Self { record, memory, notes, .. } = self;
        if let Some((_, text)) = record.visible(concept)
            && let Some(time) = memory.minute.same(text).filter(|_| own.is_none())
        {
            return Some(time);
        }
        record.find(concept, |_, value| {
            let time = match own {
                None => types::time(value, naive, &mut memory.minute),
                Some(form) => form.read(value, naive, &mut memory.minute),
            };
            if time.is_none() {
                notes.passed_over(Wanted::Time, value);
            }
            time
        })
    }

    /// Names in milliseconds and names in seconds, in the order of the table.
    fn duration(&mut self, concept: Concept) -> Option<i64> {
        self.find(concept, Wanted::Other, |found, value| {
            let seconds = matches!(found.key, DURATION_S | DURATION_SEC | EXPECTED_S);
            types::duration_ms(value, if seconds { 1000.0 } else { 1.0 })
        })
    }

    /// Gives the event its name and what that means, and says which top-level key it is from.
    #[inline(always)]
    fn named(&mut self, event: &mut Event<'a>) -> Option<Key> {
        // Nearly every name came before.
        if let Some((found, name)) = self.record.visible(C::EventName)
            && let Some(meaning) = self.memory.names.known(name)
        {
            (event.name, event.meaning) = (Some(name), meaning);
            return Some(found.key);
        }
        let (key, name) = named(self.record, self.notes)?;
        event.meaning = self.memory.names.meaning(&name);
        event.name = Some(self.kept(name));
        Some(key)
    }

    /// The message; an `event` string with spaces, which is no name, is the last name for it on the top level.
    fn message(&mut self) -> Option<Text<'a>> {
        let text = |found: Found, value: Value<'a>| Some((found.on_top, Text::of(value)?));
        let visible = self.record.visible(C::Message).map(|(found, message)| (found.on_top, Text::visible(message)));
        let named = visible.or_else(|| self.find(C::Message, Wanted::Text, text));
        if let Some((true, message)) = named {
            return Some(message);
        }
        let event = self.record.prose(EVENT).and_then(Text::of).filter(|text| text.decoded().contains(' '));
        event.or(named.map(|(_, message)| message))
    }

    /// What an approval is about; not the `action` that gave the event name.
    fn action(&mut self, named_by_action: bool) -> Option<&'a str> {
        let action = self.find(C::Action, Wanted::Text, |found, value| {
            let is_name = named_by_action && found == Found { key: ACTION, on_top: true };
            if is_name { None } else { types::text(value) }
        });
        action.map(|action| self.kept(action))
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
    fn claim(&mut self) -> Option<&'a str> {
        if let Some(claim) = self.text(C::ClaimedBy) {
            return Some(claim);
        }
        let concepts = self.record.concepts();
        if !concepts.has(C::Host) || !concepts.has(C::Pid) {
            return None;
        }
        let (host, pid) = (self.text(C::Host)?, self.text_or(C::Pid, types::id)?);
        Some(self.kept(Cow::Owned(format!("{host}:{pid}"))))
    }

    /// One path, then those of a list; all have the event's media type unless an entry says its own.
    fn artifacts(&mut self, subject: Option<Subject>) -> Vec<ArtifactRef<'a>> {
        let one = if subject == Some(Subject::Artifact) { C::ArtifactPath } else { C::Artifact };
        if !self.record.concepts().has_any(Concepts::of(&[one, C::ArtifactList])) {
            return Vec::new();
        }
        let media_type = self.text_or(C::MediaType, types::text);
        let path = self.text_or(one, types::text);
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
}

/// The event name and the top-level key that gave it; an object gives its own `type` or `kind`.
fn named<'a>(record: impl LookUp<'a>, notes: &mut Notes) -> Option<(Key, Cow<'a, str>)> {
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

/// The bytes of names.
static IN_NAMES: [bool; 256] = {
    let mut allowed = [false; 256];
    let mut byte = 0;
    while byte < allowed.len() {
        let own = byte as u8;
        allowed[byte] = own.is_ascii_alphanumeric() || matches!(own, b'_' | b'.' | b':' | b'/' | b'-');
        byte += 1;
    }
    allowed
};

/// A name: 1 to 120 of ASCII letters, digits and `_ . : / -`.
fn name_of(value: Value<'_>) -> Option<Cow<'_, str>> {
    let name = value.string()?;
    let fits = (1..=LONGEST_NAME).contains(&name.len());
    (fits && name.bytes().all(|byte| IN_NAMES[usize::from(byte)])).then_some(name)
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
