//! How is it going? One function decides, one word per run, and every surface shows that word (spec 2.6).
//!
//! It must never know a clock: `now` is an argument.

use std::collections::BTreeMap;

use super::event::words;
use super::marker::Marker;
use super::run::{Health, Run};
use super::span::Span;
use super::time::Micros;

/// The one word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[allow(missing_docs)]
pub enum Word {
    Ended,
    Unknown,
    Stuck,
    Waiting,
    Late,
    Healthy,
}

words!(Word {
    Ended = "ended", Unknown = "unknown", Stuck = "stuck", Waiting = "waiting", Late = "late", Healthy = "healthy",
});

/// The rule that gave the word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[allow(missing_docs)]
pub enum Rule {
    Ended,
    Abandoned,
    StuckMarker,
    Waiting,
    HeartbeatLost,
    NoSignal,
    Silent,
    NoProgress,
    Deadline,
    Expected,
    Queued,
    Phase,
    Healthy,
}

words!(Rule {
    Ended = "ended", Abandoned = "abandoned", StuckMarker = "marker", Waiting = "waiting",
    HeartbeatLost = "heartbeat_lost", NoSignal = "no_signal", Silent = "silent", NoProgress = "no_progress",
    Deadline = "deadline", Expected = "expected", Queued = "queued", Phase = "phase", Healthy = "healthy",
});

/// Limits in milliseconds (spec 2.6), as one workflow or phase may override them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct Limits {
    pub abandon_ms: i64,
    pub heartbeat_ms: i64,
    pub silence_ms: i64,
    pub progress_ms: i64,
    pub queue_ms: i64,
}

impl Default for Limits {
    fn default() -> Self {
        const MINUTE: i64 = 60_000;
        Self {
            abandon_ms: 24 * 60 * MINUTE,
            heartbeat_ms: 2 * MINUTE,
            silence_ms: 10 * MINUTE,
            progress_ms: 30 * MINUTE,
            queue_ms: 5 * MINUTE,
        }
    }
}

/// What the user configured: limits for all, per workflow and per phase, and how long ended runs need attention.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    /// For every run.
    pub limits: Limits,
    /// By workflow, whole sets already merged with the global ones.
    pub workflows: BTreeMap<String, Limits>,
    /// Configured longest time of a phase, by (workflow or empty for all, phase), in milliseconds.
    pub phases: BTreeMap<(String, String), i64>,
    /// Days that an ended run stays in the attention list (7).
    pub attention_days: i64,
}

impl Default for Policy {
    fn default() -> Self {
        Self { limits: Limits::default(), workflows: BTreeMap::new(), phases: BTreeMap::new(), attention_days: 7 }
    }
}

/// How long a phase took in earlier runs of the same workflow (spec 2.6: nearest rank, completed spans only).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct Learned {
    pub median_ms: i64,
    pub p90_ms: i64,
    /// How many completed spans this was learned from.
    pub spans: u64,
}

/// Everything the verdict is derived from.
#[derive(Clone, Copy, Debug)]
pub struct Observed<'a> {
    /// The values of the run.
    pub run: &'a Run,
    /// What the reading noticed (whether the last line had a time).
    pub health: &'a Health,
    /// At least the spans that are open, and whether there is any work span is `has_work`.
    pub spans: &'a [Span],
    /// At least the markers that are open.
    pub markers: &'a [Marker],
    /// Whether the run ever had a phase, candidate, attempt or step span.
    pub has_work: bool,
    /// Of the run's present phase, when anything was learned.
    pub learned: Option<Learned>,
    /// The log file's modification time.
    pub modified: Option<Micros>,
    /// The present.
    pub now: Micros,
}

/// How it is going, why, since when, and what would clear it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// The one word.
    pub word: Word,
    /// The rule that gave it.
    pub rule: Rule,
    /// When the condition began.
    pub since: Option<Micros>,
    /// The limit that was passed, in milliseconds.
    pub limit_ms: Option<i64>,
    /// One sentence for a person, with the figures.
    pub sentence: String,
    /// The lines that prove it.
    pub evidence: Vec<u64>,
    /// What would clear it, as a sentence; empty when nothing needs to.
    pub clears: String,
}

impl Word {
    /// The words shown to a person (spec 2.6).
    #[must_use]
    pub fn label(self, rule: Rule) -> &'static str {
        match (self, rule) {
            (Word::Ended, _) => "no longer active",
            (Word::Unknown, Rule::NoSignal) => "no signal",
            (Word::Unknown, _) => "no end seen",
            (Word::Stuck, _) => "likely stuck",
            (Word::Waiting, _) => "waiting for you",
            (Word::Late, _) => "past expectation",
            (Word::Healthy, _) => "on track",
        }
    }
}

/// The verdict (spec 2.6): the first row of the table that applies.
#[must_use]
pub fn judge(_observed: &Observed<'_>, _policy: &Policy) -> Verdict {
    todo!()
}

/// Nearest-rank percentiles of completed phase durations; `None` below five of them (spec 2.6).
#[must_use]
pub fn learn(_durations_ms: &mut [i64]) -> Option<Learned> {
    todo!()
}
