//! What a person should look at, derived from the same verdicts (spec 2.6, "Attention").
//!
//! It must never know a clock, nor how a surface lists its entries.

use super::duration::duration;
use super::event::words;
use super::marker::{Marker, MarkerKind};
use super::run::{Run, Status, value};
use super::time::Micros;
use super::verdict::phrase::{approval, because, handoff, sentence};
use super::verdict::{Observed, Policy, Rule, Verdict, Word, why_it_ended};

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
    /// One sentence. It may quote the log, so every sink escapes it.
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
pub fn entries(observed: &Observed<'_>, verdict: &Verdict, retried: bool, policy: &Policy) -> Vec<Entry> {
    match verdict.rule {
        Rule::Abandoned => Vec::new(),
        Rule::Ended => ended(observed, verdict, retried, policy).into_iter().collect(),
        _ => of_run(observed, verdict).into_iter().chain(approvals(observed)).collect(),
    }
}

/// A run that failed or timed out, until it was retried or is `attention_days` old.
fn ended(observed: &Observed<'_>, verdict: &Verdict, retried: bool, policy: &Policy) -> Option<Entry> {
    let run = observed.run;
    let reason = match value(&run.status)? {
        Status::Failed => Reason::Failed,
        Status::TimedOut => Reason::TimedOut,
        Status::Queued | Status::Running | Status::NeedsHuman | Status::Completed | Status::Cancelled => return None,
    };
    let old = verdict.since.is_some_and(|at| observed.now > at.plus_millis(policy.attention_ms()));
    if retried || old {
        return None;
    }
    Some(Entry {
        reason,
        since: verdict.since,
        sentence: sentence(because(how_it_ended(reason, run), why_it_ended(run))),
        line: verdict.evidence.first().copied(),
        approval: None,
    })
}

fn how_it_ended(reason: Reason, run: &Run) -> String {
    let how = if reason == Reason::TimedOut { "Timed out" } else { "Failed" };
    let took = value(&run.ended_at).zip(value(&run.started_at)).and_then(|(end, start)| end.millis_since(*start));
    took.map_or_else(|| how.to_owned(), |took| format!("{how} after {}", duration(took)))
}

/// The worst run reason of an open run.
fn of_run(observed: &Observed<'_>, verdict: &Verdict) -> Option<Entry> {
    let run = observed.run;
    if value(&run.status) == Some(&Status::NeedsHuman) {
        let reason = value(&run.status_reason).map(String::as_str);
        return Some(Entry {
            reason: Reason::NeedsHuman,
            since: observed.needs_human_since(),
            sentence: sentence(because("Needs you", reason)),
            line: run.status.as_ref().map(|fact| fact.line),
            approval: None,
        });
    }
    let marker = |kind| observed.markers.iter().find(|marker| marker.kind == kind && marker.is_open());
    if let Some(asked) = marker(MarkerKind::Handoff) {
        return Some(of_marker(Reason::Handoff, asked, &capitalised(&handoff(value(&run.holder)))));
    }
    if let Some(asked) = marker(MarkerKind::Question) {
        return Some(of_marker(Reason::Question, asked, "It has a question"));
    }
    let reason = match verdict.word {
        Word::Stuck => Reason::Stuck,
        Word::Late => Reason::Late,
        Word::Ended | Word::Unknown | Word::Waiting | Word::Healthy => return None,
    };
    Some(Entry {
        reason,
        since: verdict.since,
        sentence: verdict.sentence.clone(),
        line: verdict.evidence.first().copied(),
        approval: None,
    })
}

fn approvals(observed: &Observed<'_>) -> impl Iterator<Item = Entry> {
    let now = observed.now;
    let open = observed.markers.iter().filter(|marker| marker.kind == MarkerKind::Approval && marker.is_open());
    open.filter(move |marker| !marker.is_expired(now)).map(|marker| Entry {
        approval: Some(marker.clone()),
        ..of_marker(Reason::Approval, marker, &capitalised(&approval(marker)))
    })
}

fn of_marker(reason: Reason, marker: &Marker, what: &str) -> Entry {
    Entry {
        reason,
        since: marker.opened_at,
        sentence: sentence(because(what, marker.reason.as_deref())),
        line: Some(marker.opened_line),
        approval: None,
    }
}

fn capitalised(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}

#[cfg(test)]
mod tests;
