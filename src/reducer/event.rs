//! [`Event`]: one record of a log in the canonical words of spec 1.3, whatever its dialect called them.
//!
//! It must never know where the bytes came from, nor what the fold makes of it.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use super::json::{Kind, Value, unescape};
use super::time::Micros;

/// What a line is (spec 1.2). Blank lines are counted but are no event, so they have no class here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Class {
    /// One JSON object, or several glued together.
    Event,
    /// Everything that does not begin with `{`.
    Text,
    /// Begins with `{` and is no object: torn, spliced, not JSON.
    Malformed,
    /// Content over the line limit.
    Oversized,
}

/// Severity of an event, the least severe first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[allow(missing_docs)]
pub enum Level {
    Trace,
    Debug,
    Info,
    Warn,
    Error,
}

/// What an event is about (spec 1.3, the subject table).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[allow(missing_docs)]
pub enum Subject {
    Heartbeat,
    Usage,
    Approval,
    Question,
    Handoff,
    Stuck,
    Queue,
    Phase,
    Candidate,
    Attempt,
    Step,
    Session,
    Tool,
    Span,
    Artifact,
    Score,
    Run,
    Cancel,
    Error,
    Log,
}

/// What happened to the subject (spec 1.3, the verb table).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[allow(missing_docs)]
pub enum Verb {
    Queued,
    Started,
    Finished,
    Passed,
    Failed,
    Cancelled,
    Skipped,
    Retried,
    TimedOut,
    Raised,
    Granted,
    Denied,
    Expired,
    Cleared,
    Recorded,
}

/// Writes `as_str` (the word of the spec and of the JSON) and `ALL` for a unit enum.
macro_rules! words {
    ($t:ty { $($v:ident = $w:literal),+ $(,)? }) => {
        impl $t {
            /// Every value, in declaration order.
            pub const ALL: &'static [$t] = &[$(<$t>::$v),+];

            /// The word used in the dump, in JSON and on pages.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(<$t>::$v => $w),+ }
            }

            /// The value with that word.
            #[must_use]
            pub fn from_word(word: &str) -> Option<Self> {
                match word { $($w => Some(<$t>::$v),)+ _ => None }
            }
        }
        impl std::fmt::Display for $t {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }
    };
}
pub(crate) use words;

words!(Class { Event = "event", Text = "text", Malformed = "malformed", Oversized = "oversized" });
words!(Level { Trace = "trace", Debug = "debug", Info = "info", Warn = "warn", Error = "error" });
words!(Subject {
    Heartbeat = "heartbeat", Usage = "usage", Approval = "approval", Question = "question", Handoff = "handoff",
    Stuck = "stuck", Queue = "queue", Phase = "phase", Candidate = "candidate", Attempt = "attempt", Step = "step",
    Session = "session", Tool = "tool", Span = "span", Artifact = "artifact", Score = "score", Run = "run",
    Cancel = "cancel", Error = "error", Log = "log",
});
words!(Verb {
    Queued = "queued", Started = "started", Finished = "finished", Passed = "passed", Failed = "failed",
    Cancelled = "cancelled", Skipped = "skipped", Retried = "retried", TimedOut = "timed_out", Raised = "raised",
    Granted = "granted", Denied = "denied", Expired = "expired", Cleared = "cleared", Recorded = "recorded",
});

/// A string of a record, decoded only when it is asked for: most messages never are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Text<'a> {
    /// Between its quotes.
    written: &'a str,
    is_escaped: bool,
}

impl<'a> Text<'a> {
    /// `None` for what is no string, or a blank one.
    pub(crate) fn of(value: Value<'a>) -> Option<Self> {
        let written = value.raw.get(1..value.raw.len().saturating_sub(1)).filter(|_| value.is_text())?;
        Some(Self { written, is_escaped: value.kind == Kind::Escaped })
    }

    /// What stands between the quotes of a string without escapes that begins visibly.
    #[inline]
    pub(crate) fn visible(written: &'a str) -> Self {
        Self { written, is_escaped: false }
    }

    /// With its escapes resolved.
    #[must_use]
    pub fn decoded(self) -> Cow<'a, str> {
        if self.is_escaped { Cow::Owned(unescape(self.written)) } else { Cow::Borrowed(self.written) }
    }
}

impl std::fmt::Display for Text<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.decoded())
    }
}

/// What an event name means: subject, verb and the few properties of its spelling that rules ask for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Meaning {
    /// The subject by rank, none when no word of the name is one.
    pub subject: Option<Subject>,
    /// The verb after the subject, else before it.
    pub verb: Option<Verb>,
    /// The name holds `take_the_wheel`, `needs_human` or `human_needed` (subject is then handoff).
    pub needs_human: bool,
    /// The name is one word (a question or approval without verb raises only then, rule 7).
    pub one_word: bool,
    /// The name has the word status, state or result (rule 10).
    pub says_status: bool,
}

/// An error as the log gave it: text, or an object.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErrorText {
    /// What went wrong, when said.
    pub message: Option<String>,
    /// The exception type, when said.
    #[serde(rename = "type")]
    pub kind: Option<String>,
    /// The stack trace, when said.
    pub stack: Option<String>,
}

/// Amounts of spending on one event: increments are added, totals replace (spec 2.2 rule 4).
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Usage {
    /// Input tokens of this event.
    pub tokens_in: Option<u64>,
    /// Output tokens of this event.
    pub tokens_out: Option<u64>,
    /// Cost of this event in US dollars.
    pub cost_usd: Option<f64>,
    /// Input tokens so far.
    pub total_in: Option<u64>,
    /// Output tokens so far.
    pub total_out: Option<u64>,
    /// Cost so far in US dollars.
    pub total_cost: Option<f64>,
}

/// One artifact named by an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ArtifactRef<'a> {
    /// The path as written.
    pub path: Cow<'a, str>,
    /// The media type as written.
    pub media_type: Option<Cow<'a, str>>,
}

/// One record in canonical words. Absent, mistyped and empty values are `None`; ids given as integers are text here.
///
/// Every field is what spec 1.3's table of concepts gave, already typed and looked up place by place.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs)]
pub struct Event<'a> {
    /// Physical line number, from 1.
    pub line: u64,
    /// Byte offset of the record in its log.
    pub offset: u64,
    /// Byte length of the record.
    pub length: u64,
    pub class: Class,
    pub time: Option<Micros>,
    /// The event name as written.
    pub name: Option<&'a str>,
    pub meaning: Meaning,
    pub level: Option<Level>,
    /// A dialect rule keeps this event out of the default timeline (heartbeats are hidden by the fold's rule 2).
    pub hidden: bool,
    /// A dialect rule said what the event means, so that a name without subject is no riddle.
    pub understood: bool,
    pub message: Option<Text<'a>>,
    /// As written; the fold trims, lower-cases and maps it (rule 4).
    pub phase: Option<&'a str>,
    pub candidate: Option<&'a str>,
    pub attempt: Option<u64>,
    pub score: Option<f64>,
    pub step: Option<&'a str>,
    pub skill: Option<&'a str>,
    pub step_name: Option<&'a str>,
    pub span: Option<&'a str>,
    pub parent: Option<&'a str>,
    pub tool_name: Option<&'a str>,
    pub session: Option<&'a str>,
    pub agent: Option<&'a str>,
    pub model: Option<&'a str>,
    /// The `status` text as written; [`super::run::status_word`] says what it means.
    pub status: Option<&'a str>,
    /// A flag or exit code said failed, or `outcome`/`result` is an end word.
    pub outcome: Option<Outcome>,
    pub reason: Option<&'a str>,
    /// The error field: text, or an object that says something; its stack is the object's own, else [`More::stack`].
    pub error: Option<Box<ErrorText>>,
    /// Milliseconds, rounded, halves up.
    pub duration_ms: Option<i64>,
    /// `Some(true)` for a cache hit.
    pub cache_hit: Option<bool>,
    /// The raw JSON of `input`, as written.
    pub input: Option<&'a str>,
    /// Whether the event has an output.
    pub has_output: bool,
    pub artifacts: Vec<ArtifactRef<'a>>,
    /// The marker id (`item`, `approval_id`, … `id`).
    pub marker_id: Option<&'a str>,
    /// The bare `id` (a tool's own id, after the span id).
    pub id: Option<&'a str>,
    /// What the amounts that are no totals belong to, said by a dialect: said again for the same id they replace what
    /// was said before (a message that is repeated on several lines, always with its usage).
    pub usage_id: Option<&'a str>,
    /// The object has an `id`, `run_id`, `task`, `item`, … of its own on the top level (rule 10, spec 2.7).
    pub ledger: bool,
    /// What the log calls its run; its key is another thing (spec 5.4 T51).
    pub run_id: Option<&'a str>,
    /// What few events say; read through [`Event::more`].
    pub more: Option<&'a More<'a>>,
}

/// What few events say beyond the rest. An event is copied about, so that it must not be larger than it has to be.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs)]
pub struct More<'a> {
    pub workflow: Option<&'a str>,
    pub title: Option<&'a str>,
    pub max_attempts: Option<u64>,
    pub pass_threshold: Option<f64>,
    pub parent_session: Option<&'a str>,
    pub repo: Option<&'a str>,
    pub holder: Option<&'a str>,
    /// A stack trace beside the error: alone it makes no error, but belongs to one that rule 9 finds.
    pub stack: Option<&'a str>,
    pub integration: Option<&'a str>,
    pub action: Option<&'a str>,
    pub risk: Option<&'a str>,
    /// The raw JSON of `params`, as written.
    pub params: Option<&'a str>,
    pub expires_at: Option<Micros>,
    pub usage: Usage,
    pub claim: Option<&'a str>,
    pub steps_total: Option<u64>,
    pub deadline: Option<Micros>,
    pub expected_ms: Option<i64>,
    pub retry_of: Option<&'a str>,
    pub cancel_requested_at: Option<Micros>,
}

impl More<'_> {
    /// What most events say beyond the rest.
    const NOTHING: Self = Self {
        usage: Usage {
            tokens_in: None,
            tokens_out: None,
            cost_usd: None,
            total_in: None,
            total_out: None,
            total_cost: None,
        },
        max_attempts: None,
        pass_threshold: None,
        steps_total: None,
        deadline: None,
        expected_ms: None,
        cancel_requested_at: None,
        expires_at: None,
        retry_of: None,
        claim: None,
        risk: None,
        integration: None,
        action: None,
        params: None,
        repo: None,
        holder: None,
        parent_session: None,
        stack: None,
        title: None,
        workflow: None,
    };
}

impl Default for More<'_> {
    fn default() -> Self {
        Self::NOTHING
    }
}

/// What outcome fields say about an end (spec 1.3): a flag or exit code only ever says failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Outcome {
    Completed,
    Failed,
    Cancelled,
    TimedOut,
}

impl<'a> Event<'a> {
    /// An event with nothing but its place: what a text line is.
    #[must_use]
    #[inline(always)]
    pub fn bare(class: Class, line: u64, offset: u64, length: u64) -> Self {
        Self {
            line,
            offset,
            length,
            class,
            time: None,
            name: None,
            meaning: Meaning::default(),
            level: None,
            hidden: false,
            understood: false,
            message: None,
            phase: None,
            candidate: None,
            attempt: None,
            score: None,
            step: None,
            skill: None,
            step_name: None,
            span: None,
            parent: None,
            tool_name: None,
            session: None,
            agent: None,
            model: None,
            status: None,
            outcome: None,
            reason: None,
            error: None,
            duration_ms: None,
            cache_hit: None,
            input: None,
            has_output: false,
            artifacts: Vec::new(),
            marker_id: None,
            id: None,
            usage_id: None,
            ledger: false,
            run_id: None,
            more: None,
        }
    }

    /// What few events say; of most of them nothing.
    #[must_use]
    #[inline]
    pub fn more(&self) -> &More<'a> {
        self.more.unwrap_or(const { &More::NOTHING })
    }
}
