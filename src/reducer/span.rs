//! [`Span`]: anything with a beginning and an end, and [`Artifact`] (spec 2.1).

use std::fmt;
use std::ops::Deref;

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
///
/// A long log has as many of them as a quarter of its lines, so that what few have stands apart.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct Span {
    pub kind: SpanKind,
    pub id: Option<CompactString>,
    pub parent: Option<CompactString>,
    pub name: Option<CompactString>,
    pub status: SpanStatus,
    pub attempt: Option<u64>,
    /// `Some(true)` for a cache hit.
    pub cache_hit: Option<bool>,
    pub started_at: Option<Micros>,
    pub ended_at: Option<Micros>,
    pub duration_ms: Option<i64>,
    pub input_line: Option<u64>,
    pub output_line: Option<u64>,
    /// The line that opened it; of a span without a start, the line of its end.
    pub opened_line: u64,
    pub closed_line: Option<u64>,
    /// What the fold needs to know of how it was opened and closed (rule 6, a second end).
    pub origin: Origin,
    pub more: Seldom,
}

/// What few spans have.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct More {
    pub skill: Option<CompactString>,
    pub agent: Option<CompactString>,
    pub model: Option<CompactString>,
    pub repo: Option<CompactString>,
    pub score: Option<f64>,
    pub error: Option<ErrorText>,
    pub tokens_in: Option<u64>,
    pub tokens_out: Option<u64>,
    pub cost_usd: Option<f64>,
    pub deadline: Option<Micros>,
    pub expected_ms: Option<i64>,
}

/// [`More`] that takes no room before something is put into it; until then it reads as if all were unknown.
#[derive(Clone, Default, Serialize, Deserialize)]
pub struct Seldom(Option<Box<More>>);

static NOTHING: More = More {
    skill: None,
    agent: None,
    model: None,
    repo: None,
    score: None,
    error: None,
    tokens_in: None,
    tokens_out: None,
    cost_usd: None,
    deadline: None,
    expected_ms: None,
};

impl Seldom {
    /// To put something into it.
    pub fn to_mut(&mut self) -> &mut More {
        self.0.get_or_insert_default()
    }

    /// Whether all of it is unknown.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        **self == NOTHING
    }
}

impl Deref for Seldom {
    type Target = More;

    fn deref(&self) -> &More {
        self.0.as_deref().unwrap_or(&NOTHING)
    }
}

impl fmt::Debug for Seldom {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

impl PartialEq for Seldom {
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}

impl From<More> for Seldom {
    fn from(more: More) -> Self {
        Self(Some(Box::new(more)))
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_without_what_few_have_stays_small() {
        assert!(size_of::<Span>() <= 208, "{} bytes", size_of::<Span>());
    }

    #[test]
    fn unknown_and_never_put_in_are_the_same() {
        let (never, mut seldom) = (Seldom::default(), Seldom::default());
        *seldom.to_mut() = More::default();
        assert!(seldom == never && seldom.is_empty() && seldom.skill.is_none());
        assert_eq!(format!("{seldom:?}"), format!("{never:?}"));
        seldom.to_mut().tokens_in = Some(0);
        assert!(seldom != never && !seldom.is_empty());
        assert_eq!((seldom.tokens_in, never.tokens_in), (Some(0), None));
    }
}
