//! [`Case`]: a run with the clocks and limits that hold for it, as every row of the table looks at it.

use super::clocks::{Clocks, longer};
use super::phrase::last_line;
use super::{Limits, Observed, Policy, Rule, Verdict, Word};
use crate::reducer::marker::{Marker, MarkerKind};
use crate::reducer::run::{Known, Status, value};
use crate::reducer::span::{Span, SpanKind};
use crate::reducer::time::Micros;

/// A phase that was only ever quick is not late after a few seconds (spec 2.6).
const LEARNED_AT_LEAST_MS: i64 = 60_000;

/// What every row looks at.
pub(super) struct Case<'a> {
    pub(super) observed: &'a Observed<'a>,
    pub(super) clocks: Clocks,
    pub(super) limits: Limits,
    /// What a run that waits for a person may be silent before it counts as abandoned.
    pub(super) attention_ms: i64,
}

impl<'a> Case<'a> {
    pub(super) fn of(observed: &'a Observed<'a>, policy: &Policy) -> Self {
        let text = |known: &'a Known<String>| value(known).map(String::as_str);
        Self {
            observed,
            clocks: Clocks::of(observed),
            limits: policy.limits_for(text(&observed.run.workflow), text(&observed.run.phase)),
            attention_ms: policy.attention_ms(),
        }
    }

    pub(super) fn status(&self) -> Option<Status> {
        value(&self.observed.run.status).copied()
    }

    pub(super) fn is(&self, status: Status) -> bool {
        self.status() == Some(status)
    }

    pub(super) fn open_markers(&self) -> impl Iterator<Item = &'a Marker> {
        self.observed.markers.iter().filter(|marker| marker.is_open())
    }

    pub(super) fn open_spans(&self) -> impl Iterator<Item = &'a Span> {
        self.observed.spans.iter().filter(|span| span.is_open())
    }

    /// Open handoffs, questions and unexpired approvals.
    pub(super) fn waiting_markers(&self) -> impl Iterator<Item = &'a Marker> {
        let now = self.clocks.now;
        self.open_markers().filter(move |marker| match marker.kind {
            MarkerKind::Handoff | MarkerKind::Question => true,
            MarkerKind::Approval => !marker.is_expired(now),
            MarkerKind::Stuck | MarkerKind::Queue => false,
        })
    }

    pub(super) fn open_phase(&self) -> Option<&'a Span> {
        self.open_spans().filter(|span| span.kind == SpanKind::Phase).last()
    }

    /// 4 × the median interval where that is longer than the limit.
    pub(super) fn heartbeat_limit_ms(&self) -> i64 {
        let interval = value(&self.observed.run.heartbeat_interval_ms).copied().unwrap_or(0);
        self.limits.heartbeat_ms.max(interval.saturating_mul(4))
    }

    pub(super) fn silence_limit_ms(&self) -> i64 {
        self.limits.silence_ms.max(self.heartbeat_limit_ms())
    }

    pub(super) fn learned_ms(&self) -> Option<i64> {
        self.observed.learned.map(|learned| learned.p90_ms.max(LEARNED_AT_LEAST_MS))
    }

    /// Whether what was learned of the phase could change what this rule said without it: what lacks progress may have more
    /// time, and what seems healthy may be late once its phase is older than a few seconds.
    pub(super) fn hangs_on_learned(&self, rule: Rule) -> bool {
        match rule {
            Rule::NoProgress => true,
            Rule::Healthy => {
                let began =
                    self.open_phase().filter(|_| self.limits.phase_ms.is_none()).and_then(|span| span.started_at);
                began.is_some_and(|began| longer(began, self.clocks.log, LEARNED_AT_LEAST_MS))
            }
            _ => false,
        }
    }

    /// How long the run's phase may take: as configured, else as its own events said, else as learned.
    pub(super) fn phase_expectation_ms(&self) -> Option<i64> {
        self.limits.phase_ms.or_else(|| self.open_phase()?.more.expected_ms).or_else(|| self.learned_ms())
    }

    pub(super) fn progress_limit_ms(&self) -> i64 {
        self.limits.progress_ms.max(self.phase_expectation_ms().unwrap_or(0).saturating_mul(3))
    }

    /// `Last line 812 at 12:03:11 UTC.`
    pub(super) fn last_line(&self) -> String {
        last_line(self.observed.health.last_line, self.clocks.life, self.clocks.now)
    }

    /// A verdict whose sentence begins with the words of its badge.
    pub(super) fn verdict(&self, word: Word, rule: Rule, text: &str) -> Verdict {
        let (first, rest) = word.label(rule).split_at(1);
        let mut sentence = String::with_capacity(first.len() + rest.len() + 2 + text.len());
        sentence.extend(first.chars().flat_map(char::to_uppercase));
        for part in [rest, ": ", text] {
            sentence.push_str(part);
        }
        Verdict {
            word,
            rule,
            since: None,
            limit_ms: None,
            sentence,
            growing: Vec::new(),
            evidence: Vec::new(),
            clears: String::new(),
        }
    }
}

/// The most lines that prove a verdict: a log may leave any number of questions open.
const LINES: usize = 100;

impl Verdict {
    pub(super) fn since(mut self, since: Option<Micros>) -> Self {
        self.since = since;
        self
    }

    pub(super) fn limit(mut self, limit_ms: i64) -> Self {
        self.limit_ms = Some(limit_ms);
        self
    }

    pub(super) fn growing(mut self, ages_ms: impl IntoIterator<Item = i64>) -> Self {
        self.growing = ages_ms.into_iter().collect();
        self
    }

    /// Lines that are none (0) are left out; the others are sorted, each once, and the first [`LINES`] stay.
    pub(super) fn proved_by(mut self, lines: impl IntoIterator<Item = Option<u64>>) -> Self {
        self.evidence = lines.into_iter().flatten().filter(|line| *line > 0).collect();
        self.evidence.sort_unstable();
        self.evidence.dedup();
        self.evidence.truncate(LINES);
        self
    }

    pub(super) fn cleared_by(mut self, what: impl Into<String>) -> Self {
        self.clears = what.into();
        self
    }
}
