//! [`Judged`]: a run as the cache has it, with the one verdict; and [`Summary`], its short form.

use serde::Serialize;

use crate::reducer::attention::{Entry, entries};
use crate::reducer::marker::Marker;
use crate::reducer::run::{Holder, Known, Status, value};
use crate::reducer::time::Micros;
use crate::reducer::verdict::{self, Learned, Observed, Policy, Rule, Verdict, judge};
use crate::store::RunRecord;

/// A run and how it is going.
#[derive(Clone, Debug)]
#[allow(missing_docs)]
pub struct Judged {
    pub record: RunRecord,
    pub verdict: Verdict,
    /// The attention entries of this run; empty when it needs nobody.
    pub attention: Vec<Entry>,
}

/// What a verdict needs beyond the run's own record.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct LookUps {
    /// Of the run's present phase.
    pub(super) learned: Option<Learned>,
    /// The time of the line that set the status.
    pub(super) status_at: Option<Micros>,
}

/// The summary of a run, with the names of spec 4.2, in their order. Times are RFC 3339 UTC, durations in milliseconds.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[allow(missing_docs)]
pub struct Summary {
    pub attempt: Option<u64>,
    /// How many attention entries the run has.
    pub attention: usize,
    pub candidate: Option<String>,
    pub cost_usd: Option<f64>,
    /// See [`Judged::duration_ms`].
    pub duration_ms: Option<i64>,
    pub ended_at: Option<String>,
    pub holder: Option<String>,
    pub key: String,
    pub last_life_at: Option<String>,
    pub last_progress_at: Option<String>,
    pub max_attempts: Option<u64>,
    pub open_markers: usize,
    pub phase: Option<String>,
    pub queued_at: Option<String>,
    pub score: Option<f64>,
    pub source: String,
    pub started_at: Option<String>,
    pub status: Option<&'static str>,
    pub steps_done: u64,
    pub steps_total: Option<u64>,
    pub title: String,
    pub tokens_in: Option<u64>,
    pub tokens_out: Option<u64>,
    pub verdict: &'static str,
    pub version: u64,
    pub workflow: Option<String>,
}

impl Judged {
    /// Judges a record that has at least its open spans and markers, or has ended.
    pub(super) fn of(record: RunRecord, look_ups: LookUps, policy: &Policy, now: Micros) -> Self {
        let observed = observe(&record, look_ups, now);
        let verdict = judge(&observed, policy);
        let attention = entries(&observed, &verdict, record.retried_by.is_some(), policy);
        Self { record, verdict, attention }
    }

    /// Whether the verdict, which was given without what was learned of the run's phase, could be another one with it.
    pub(super) fn hangs_on_learned(&self, policy: &Policy, now: Micros) -> bool {
        verdict::hangs_on_learned(&self.verdict, &observe(&self.record, LookUps::default(), now), policy)
    }

    /// Whether the run has not ended and was not abandoned: what counts as active.
    #[must_use]
    pub fn is_active(&self) -> bool {
        !matches!(self.verdict.rule, Rule::Ended | Rule::Abandoned)
    }

    /// The title, else the workflow, else the key; of the key `.` the directory's own name (spec 1.1).
    #[must_use]
    pub fn title(&self) -> &str {
        let key = self.record.key.as_str();
        let is_root = key == "." || key.ends_with("/.");
        let directory = || self.record.log.path.rsplit('/').nth(1).filter(|name| !name.is_empty());
        self.record.state.run.title_or(is_root.then(directory).flatten().unwrap_or(key))
    }

    /// How long the run took or has been running, in milliseconds, never negative.
    ///
    /// Of a run that is active it is measured to what its log would call now (spec 2.6, skewed clocks), of one without
    /// an end to its last sign of life; `None` while it is queued or without times.
    #[must_use]
    pub fn duration_ms(&self, now: Micros) -> Option<i64> {
        let run = &self.record.state.run;
        let started = *value(&run.started_at)?;
        let end = match self.verdict.rule {
            Rule::Ended => *value(&run.ended_at)?,
            Rule::Abandoned => *value(&run.last_life_at)?,
            _ => observe(&self.record, LookUps::default(), now).log_now(),
        };
        Some(end.millis_since(started).unwrap_or(0))
    }

    /// The markers that are open; a run that ended has none.
    pub fn open_markers(&self) -> impl Iterator<Item = &Marker> {
        self.record.state.markers.iter().filter(|marker| marker.is_open())
    }

    /// Whether key, title, workflow, candidate, error or reason hold a text; `wanted` is in lower case.
    #[must_use]
    pub fn mentions(&self, wanted: &str) -> bool {
        let run = &self.record.state.run;
        let error = value(&run.error).and_then(|error| error.message.as_deref());
        let more = [value(&run.workflow), value(&run.candidate), value(&run.status_reason)];
        let all = [Some(self.record.key.as_str()), Some(self.title()), error];
        let mut texts = all.into_iter().chain(more.map(|text| text.map(String::as_str))).flatten();
        texts.any(|text| text.to_lowercase().contains(wanted))
    }

    /// The summary of spec 4.2. A running duration is measured to `now`.
    #[must_use]
    pub fn summary(&self, now: Micros) -> Summary {
        let RunRecord { key, version, state, log, .. } = &self.record;
        let run = &state.run;
        Summary {
            key: key.clone(),
            title: self.title().to_owned(),
            workflow: value(&run.workflow).cloned(),
            status: value(&run.status).map(|status| status.as_str()),
            verdict: self.verdict.word.as_str(),
            phase: value(&run.phase).cloned(),
            candidate: value(&run.candidate).cloned(),
            attempt: value(&run.attempt).copied(),
            max_attempts: value(&run.max_attempts).copied(),
            score: value(&run.score).copied(),
            holder: value(&run.holder).map(Holder::as_str).map(str::to_owned),
            steps_done: state.counters.steps_done,
            steps_total: value(&run.steps_total).copied(),
            queued_at: rfc3339(&run.queued_at),
            started_at: rfc3339(&run.started_at),
            ended_at: rfc3339(&run.ended_at),
            last_life_at: rfc3339(&run.last_life_at),
            last_progress_at: rfc3339(&run.last_progress_at),
            duration_ms: self.duration_ms(now),
            cost_usd: value(&run.cost_usd).copied(),
            tokens_in: value(&run.tokens_in).copied(),
            tokens_out: value(&run.tokens_out).copied(),
            attention: self.attention.len(),
            open_markers: self.open_markers().count(),
            source: log.source.clone(),
            version: *version,
        }
    }

    /// Active runs that started last come first; then those whose start has no time, and those still queued.
    pub(super) fn by_start(a: &Self, b: &Self) -> std::cmp::Ordering {
        let order = |judged: &Self| {
            let run = &judged.record.state.run;
            let queued = value(&run.status) == Some(&Status::Queued);
            (queued, std::cmp::Reverse(value(&run.started_at).copied()))
        };
        order(a).cmp(&order(b)).then_with(|| a.record.key.cmp(&b.record.key))
    }
}

fn rfc3339(time: &Known<Micros>) -> Option<String> {
    value(time).map(|at| at.to_rfc3339())
}

fn observe(record: &RunRecord, look_ups: LookUps, now: Micros) -> Observed<'_> {
    let state = &record.state;
    Observed {
        run: &state.run,
        health: &state.health,
        spans: &state.spans,
        markers: &state.markers,
        has_work: state.counters.work_spans > 0,
        learned: look_ups.learned,
        status_at: look_ups.status_at,
        modified: record.modified,
        now,
    }
}
