//! Read-only questions to the cache. Each method takes one consistent look and holds no transaction afterwards.

use super::StoreError;
use super::row::{LogRow, RunRecord};
use crate::reducer::reduce::EventRow;
use crate::reducer::run::RunState;
use crate::reducer::time::Micros;
use crate::reducer::verdict::Learned;

/// Read-only access, cheap to clone; connections are pooled.
#[derive(Clone, Debug)]
pub struct Reader {}

/// Which of a run's lists come with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lists {
    /// None of them.
    None,
    /// Open spans and open markers: enough for a verdict.
    Open,
    /// All.
    All,
}

/// What order a list of runs has; all but the last are newest or largest first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Sort {
    /// By first event.
    #[default]
    Started,
    LastLife,
    Duration,
    Cost,
    Status,
}

/// Which runs; empty fields ask for nothing.
#[derive(Clone, Debug, Default, PartialEq)]
#[allow(missing_docs)]
pub struct RunFilter {
    pub status: Vec<crate::reducer::run::Status>,
    /// Only open runs, only ended ones, or both.
    pub open: Option<bool>,
    pub workflow: Option<String>,
    pub phase: Option<String>,
    pub source: Option<String>,
    /// Plain text, looked for in key, title, workflow, candidate, error and reason; `%` is no wildcard.
    pub text: Option<String>,
    pub from: Option<Micros>,
    pub to: Option<Micros>,
    pub sort: Sort,
    /// The opaque key of the last row of the page before (keyset paging).
    pub after: Option<String>,
    /// At most so many rows.
    pub limit: u32,
}

/// One page of runs.
#[derive(Clone, Debug, Default, PartialEq)]
#[allow(missing_docs)]
pub struct RunPage {
    pub runs: Vec<RunRecord>,
    pub total: u64,
    /// To ask for the next page with; `None` on the last.
    pub next: Option<String>,
}

/// Which events of a run; empty fields ask for nothing.
#[derive(Clone, Debug, Default, PartialEq)]
#[allow(missing_docs)]
pub struct EventFilter {
    pub level: Option<crate::reducer::event::Level>,
    pub name: Option<String>,
    pub subject: Option<crate::reducer::event::Subject>,
    pub span: Option<String>,
    /// Also heartbeats and what dialects hide.
    pub hidden: bool,
    /// Events after this ordinal (from 0 upwards), ascending; else before that one; else the last ones.
    pub after: Option<u64>,
    pub before: Option<u64>,
    pub limit: u32,
}

/// One event with its ordinal among the events of the run, from 1.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct EventRecord {
    pub ordinal: u64,
    pub row: EventRow,
}

/// One page of events, ascending.
#[derive(Clone, Debug, Default, PartialEq)]
#[allow(missing_docs)]
pub struct EventPage {
    pub events: Vec<EventRecord>,
    /// Whether there are earlier or later ones that match.
    pub earlier: bool,
    pub later: bool,
    /// All events of the run, whatever the filter.
    pub total: u64,
    /// Hidden events of the run (heartbeats).
    pub hidden: u64,
    /// Event rows are not written up to the cursor yet.
    pub incomplete: bool,
}

/// Where a log stands, for ingest to go on from.
#[derive(Clone, Debug)]
#[allow(missing_docs)]
pub struct Known {
    pub number: u32,
    pub log: LogRow,
    /// How many event rows are written.
    pub events: u64,
}

/// Counts over all runs, kept by index and never by a scan of events.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct Totals {
    pub runs: u64,
    pub open: u64,
    pub lines: u64,
    pub bytes: u64,
    pub malformed: u64,
    pub newest_line_at: Option<Micros>,
}

impl Reader {
    /// All logs and their cursors, by key, for a start or a scan.
    pub fn known(&self) -> Result<Vec<Known>, StoreError> {
        todo!()
    }

    /// The state to go on from: at the cursor, without the provisional tail, with all lists.
    pub fn resume(&self, _key: &str) -> Result<Option<RunState>, StoreError> {
        todo!()
    }

    /// One run.
    pub fn run(&self, _key: &str, _lists: Lists) -> Result<Option<RunRecord>, StoreError> {
        todo!()
    }

    /// Every open run with its open spans and markers, most recently started first. Runs without a status are open.
    pub fn open_runs(&self) -> Result<Vec<RunRecord>, StoreError> {
        todo!()
    }

    /// Failed and timed out runs that ended (or, without times, were last written) at or after `since`.
    pub fn ended_badly(&self, _since: Micros) -> Result<Vec<RunRecord>, StoreError> {
        todo!()
    }

    /// The run that ended last.
    pub fn last_ended(&self) -> Result<Option<RunRecord>, StoreError> {
        todo!()
    }

    /// One page of the list.
    pub fn runs(&self, _filter: &RunFilter) -> Result<RunPage, StoreError> {
        todo!()
    }

    /// What was learned of a phase from runs of the same workflow that began before `before` (spec 2.6).
    pub fn learned(
        &self,
        _workflow: Option<&str>,
        _phase: &str,
        _before: Option<Micros>,
    ) -> Result<Option<Learned>, StoreError> {
        todo!()
    }

    /// One page of the events of a run.
    pub fn events(&self, _key: &str, _filter: &EventFilter) -> Result<EventPage, StoreError> {
        todo!()
    }

    /// Where a physical line lies: offset and length of its first event, and the class.
    pub fn line(&self, _key: &str, _line: u64) -> Result<Option<EventRow>, StoreError> {
        todo!()
    }

    /// All logs, for the health page.
    pub fn logs(&self) -> Result<Vec<LogRow>, StoreError> {
        todo!()
    }

    /// Counts over all runs.
    pub fn totals(&self) -> Result<Totals, StoreError> {
        todo!()
    }

    /// The canonical dump of everything in the cache (spec 4.2). `Ok(None)` while event rows are still being written.
    pub fn dump(&self) -> Result<Option<String>, StoreError> {
        todo!()
    }

    /// The version of the SQLite library.
    pub fn sqlite_version(&self) -> Result<String, StoreError> {
        todo!()
    }
}
