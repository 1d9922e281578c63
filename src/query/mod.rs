//! Answers the questions of every surface: rows of the cache joined with the one verdict.
//!
//! Pages, JSON and command line all ask here, so that the same run has the same word everywhere (spec 2.6). It must
//! never know HTTP or HTML, and holds no rule of its own: `reducer::verdict` and `reducer::attention` decide.

use std::sync::Arc;

use serde::Serialize;

use crate::reducer::attention::Entry;
use crate::reducer::time::Micros;
use crate::reducer::verdict::{Policy, Verdict, Word};
use crate::store::reader::{Reader, RunFilter};
use crate::store::{RunRecord, StoreError};

/// Asks the cache, with a policy.
#[derive(Clone, Debug)]
pub struct Query {
    /// The cache.
    pub reader: Reader,
    /// The limits.
    pub policy: Arc<Policy>,
}

/// A run and how it is going.
#[derive(Clone, Debug)]
#[allow(missing_docs)]
pub struct Judged {
    pub record: RunRecord,
    pub verdict: Verdict,
    /// The attention entries of this run; empty when it needs nobody.
    pub attention: Vec<Entry>,
}

/// The summary of a run, with the names of spec 4.2. Times are RFC 3339 UTC, durations in milliseconds.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[allow(missing_docs)]
pub struct Summary {
    pub key: String,
    pub title: String,
    pub workflow: Option<String>,
    pub status: Option<&'static str>,
    pub verdict: &'static str,
    pub phase: Option<String>,
    pub candidate: Option<String>,
    pub attempt: Option<u64>,
    pub max_attempts: Option<u64>,
    pub score: Option<f64>,
    pub holder: Option<String>,
    pub steps_done: u64,
    pub steps_total: Option<u64>,
    pub queued_at: Option<String>,
    pub started_at: Option<String>,
    pub ended_at: Option<String>,
    pub last_life_at: Option<String>,
    pub last_progress_at: Option<String>,
    pub duration_ms: Option<i64>,
    pub cost_usd: Option<f64>,
    pub tokens_in: Option<u64>,
    pub tokens_out: Option<u64>,
    /// How many attention entries the run has.
    pub attention: usize,
    pub open_markers: usize,
    pub source: String,
    pub version: u64,
}

/// One page of judged runs.
#[derive(Clone, Debug, Default)]
#[allow(missing_docs)]
pub struct JudgedPage {
    pub runs: Vec<Judged>,
    pub total: u64,
    pub next: Option<String>,
}

/// One attention entry with its run.
#[derive(Clone, Debug)]
#[allow(missing_docs)]
pub struct Item {
    pub entry: Entry,
    pub run: Arc<Judged>,
}

/// What the pill shows (spec 3.1).
#[derive(Clone, Debug)]
pub enum Pill {
    /// The most recently started open run that is not abandoned, and how many further ones there are.
    Active(Box<Judged>, usize),
    /// No open run: the one that ended last.
    Idle(Option<Box<RunRecord>>),
}

impl Query {
    /// How one run is going, with all its lists.
    pub fn run(&self, _key: &str, _now: Micros) -> Result<Option<Judged>, StoreError> {
        todo!()
    }

    /// The verdict and attention of a record that is already at hand.
    pub fn judge(&self, _record: RunRecord, _now: Micros) -> Result<Judged, StoreError> {
        todo!()
    }

    /// One page of runs. A verdict filter is answered from the open runs (ended ones are `ended`).
    pub fn runs(&self, _filter: &RunFilter, _verdict: Option<Word>, _now: Micros) -> Result<JudgedPage, StoreError> {
        todo!()
    }

    /// The open runs that are not abandoned, most recently started first.
    pub fn active(&self, _now: Micros) -> Result<Vec<Judged>, StoreError> {
        todo!()
    }

    /// Everything a person should look at, newest first, then key; its length is the one number.
    pub fn attention(&self, _now: Micros) -> Result<Vec<Item>, StoreError> {
        todo!()
    }

    /// What the pill shows.
    pub fn pill(&self, _now: Micros) -> Result<Pill, StoreError> {
        todo!()
    }
}

impl Judged {
    /// The summary of spec 4.2. A running duration is measured to `now`.
    #[must_use]
    pub fn summary(&self, _now: Micros) -> Summary {
        todo!()
    }
}
