//! [`Span`]: anything with a beginning and an end, and [`Artifact`] (spec 2.1).

use compact_str::CompactString;
use serde::{Deserialize, Serialize};

use super::event::{ErrorText, words};
use super::time::Micros;

/// What a span is a span of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[allow(missing_docs)]
pub enum SpanKind {
    Phase,
    Candidate,
    Attempt,
    Step,
    Session,
    Tool,
    Span,
}

words!(SpanKind {
    Phase = "phase", Candidate = "candidate", Attempt = "attempt", Step = "step", Session = "session",
    Tool = "tool", Span = "span",
});

/// How a span stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[allow(missing_docs)]
pub enum SpanStatus {
    Open,
    Completed,
    Failed,
    Skipped,
    Cancelled,
    TimedOut,
    Superseded,
    Unfinished,
}

words!(SpanStatus {
    Open = "open", Completed = "completed", Failed = "failed", Skipped = "skipped", Cancelled = "cancelled",
    TimedOut = "timed_out", Superseded = "superseded", Unfinished = "unfinished",
});

/// Anything with a beginning and an end. Input and output are not copied: their line is kept.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct Span {
    pub kind: SpanKind,
    pub id: Option<CompactString>,
    pub parent: Option<CompactString>,
    pub name: Option<CompactString>,
    pub skill: Option<CompactString>,
    pub status: SpanStatus,
    pub attempt: Option<u64>,
    /// `Some(true)` for a cache hit.
    pub cache_hit: Option<bool>,
    pub agent: Option<CompactString>,
    pub model: Option<CompactString>,
    pub repo: Option<CompactString>,
    pub started_at: Option<Micros>,
    pub ended_at: Option<Micros>,
    pub duration_ms: Option<i64>,
    pub score: Option<f64>,
    pub error: Option<ErrorText>,
    pub tokens_in: Option<u64>,
    pub tokens_out: Option<u64>,
    pub cost_usd: Option<f64>,
    pub deadline: Option<Micros>,
    pub expected_ms: Option<i64>,
    pub input_line: Option<u64>,
    pub output_line: Option<u64>,
    /// The line that opened it; of a span without a start, the line of its end.
    pub opened_line: u64,
    pub closed_line: Option<u64>,
    /// What the fold needs to know of how it was opened and closed (rule 6, a second end).
    pub origin: Origin,
}

/// How a span came to be and to an end, as far as later rules ask for it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Origin {
    /// The span was made by its end and had no start.
    pub startless: bool,
    /// The verb of the end that closed it; none while it is open, and when a later span, a retry or the end of the run
    /// closed it.
    pub closed_by: Option<super::event::Verb>,
}

impl Span {
    /// Whether it has not ended.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.status == SpanStatus::Open
    }
}

/// One artifact of a run. The same path again replaces its entry.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct Artifact {
    /// As written.
    pub path: String,
    pub media_type: Option<String>,
    pub attempt: Option<u64>,
    pub step: Option<String>,
    /// The newest line that named it.
    pub line: u64,
}
