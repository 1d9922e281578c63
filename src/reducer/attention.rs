//! What a person should look at, derived from the same verdicts (spec 2.6, "Attention").

use super::event::words;
use super::marker::Marker;
use super::run::Run;
use super::time::Micros;
use super::verdict::{Policy, Verdict};

/// Why a run is in the list, the worst first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[allow(missing_docs)]
pub enum Reason {
    Failed,
    TimedOut,
    NeedsHuman,
    Handoff,
    Question,
    Stuck,
    Late,
    Approval,
}

words!(Reason {
    Failed = "failed", TimedOut = "timed_out", NeedsHuman = "needs_human", Handoff = "handoff",
    Question = "question", Stuck = "stuck", Late = "late", Approval = "approval",
});

/// One thing to look at: a run for a run reason, or one open approval of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// Why.
    pub reason: Reason,
    /// When the condition began.
    pub since: Option<Micros>,
    /// One sentence.
    pub sentence: String,
    /// The line that proves it.
    pub line: Option<u64>,
    /// The approval, for [`Reason::Approval`].
    pub approval: Option<Marker>,
}

/// The entries of one run, given its verdict: at most one for the run and one per open unexpired approval.
///
/// `retried` says that a later run names this one in `retry_of`; ended runs then leave the list.
#[must_use]
pub fn entries(
    _run: &Run,
    _markers: &[Marker],
    _verdict: &Verdict,
    _retried: bool,
    _now: Micros,
    _policy: &Policy,
) -> Vec<Entry> {
    todo!()
}
