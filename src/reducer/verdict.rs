//! How is it going? One function decides, one word per run, and every surface shows that word (spec 2.6).
//!
//! `rows` is the table, one function per row that looks at a `case`; `clocks` says what *life* is and what time the log thinks it is; `policy`
//! has the limits; `phrase` the small parts of sentences; `moments` when a verdict may change by itself. It must never know a clock: `now` is an argument.

use super::event::words;
use super::marker::Marker;
use super::run::{Health, Run, Status, value};
use super::span::Span;
use super::time::Micros;

mod case;
mod clocks;
mod moments;
pub(super) mod phrase;
mod policy;
mod rows;
#[cfg(test)]
mod tests;
#[cfg(test)]
pub(crate) mod world;

pub use moments::moments;
pub use policy::{Limits, Override, Policy};

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

/// How long a phase took in earlier runs of the same workflow (spec 2.6: nearest rank, completed spans only; the newest, when
/// they are very many).
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
    /// The time of the line that set the status. Only asked for of a run that needs a human (spec 2.7, *since*), and
    /// only where [`Observed::status_time_in_state`] does not know it.
    pub status_at: Option<Micros>,
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
    /// When the condition began (spec 2.7): of a deadline, an expectation, a queue or a phase the moment the limit was
    /// passed, in the log's own times, which a skewed clock may put after `now`.
    pub since: Option<Micros>,
    /// The limit that was passed, in milliseconds. A deadline has none.
    pub limit_ms: Option<i64>,
    /// One or two sentences for a person, with the figures, beginning with the words of the badge. Times in it are UTC
    /// and say so. It may quote the log, so every sink escapes it.
    pub sentence: String,
    /// The ages in the sentence, in milliseconds and in their order: what grows while nothing happens.
    pub growing: Vec<i64>,
    /// The lines that prove it, ascending, each once.
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

impl Observed<'_> {
    /// The time of the line that set the status, where a marker or the progress clock kept it.
    #[must_use]
    pub fn status_time_in_state(&self) -> Option<Micros> {
        let line = self.run.status.as_ref()?.line;
        let marker = self.markers.iter().find(|marker| marker.opened_line == line).and_then(|marker| marker.opened_at);
        // A change of status is progress, so the two facts often come from one line.
        let progress = self.run.last_progress_at.as_ref().filter(|fact| fact.line == line);
        marker.or(progress.map(|fact| fact.value))
    }

    /// Since when the run needs a human: the time of the line that set that status (spec 2.7).
    pub(super) fn needs_human_since(&self) -> Option<Micros> {
        (value(&self.run.status) == Some(&Status::NeedsHuman))
            .then(|| self.status_time_in_state().or(self.status_at))
            .flatten()
    }

    /// What the log's writer would call now: durations of what is still open end here (spec 2.6).
    #[must_use]
    pub fn log_now(&self) -> Micros {
        clocks::Clocks::of(self).log
    }
}

/// Why a run failed: the message of its error, else the error's type, else the reason of its status.
pub(super) fn why_it_ended(run: &Run) -> Option<&str> {
    let error = value(&run.error).and_then(|error| error.message.as_deref().or(error.kind.as_deref()));
    error.or(value(&run.status_reason).map(String::as_str))
}

/// The verdict (spec 2.6): the first row of the table that applies.
#[must_use]
pub fn judge(observed: &Observed<'_>, policy: &Policy) -> Verdict {
    let case = case::Case::of(observed, policy);
    rows::ROWS.iter().find_map(|row| row(&case)).unwrap_or_else(|| rows::healthy(&case))
}

/// Whether a verdict that was given without [`Observed::learned`] could be another one with it, so that it need not be
/// looked up for every run.
#[must_use]
pub fn hangs_on_learned(verdict: &Verdict, observed: &Observed<'_>, policy: &Policy) -> bool {
    case::Case::of(observed, policy).hangs_on_learned(verdict.rule)
}

/// Nearest-rank percentiles of completed phase durations; `None` below five of them (spec 2.6). Sorts them.
#[must_use]
pub fn learn(durations_ms: &mut [i64]) -> Option<Learned> {
    durations_ms.sort_unstable();
    if durations_ms.len() < 5 {
        return None;
    }
    Some(Learned {
        median_ms: percentile(durations_ms, 50)?,
        p90_ms: percentile(durations_ms, 90)?,
        spans: durations_ms.len() as u64,
    })
}

/// The nearest-rank percentile of sorted values: the smallest that at least `percent` of them do not exceed. `None`
/// without values.
#[must_use]
pub fn percentile(sorted: &[i64], percent: usize) -> Option<i64> {
    let rank = sorted.len().saturating_mul(percent).div_ceil(100).max(1);
    sorted.get(rank - 1).copied()
}
