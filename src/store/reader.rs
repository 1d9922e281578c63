//! Read-only questions to the cache. Each method takes one consistent look and holds no transaction afterwards.

mod entries;
mod events;
mod keyset;
mod learned;
mod list;
mod past;
mod pool;
mod remembered;
mod runs;
mod shown;
#[cfg(test)]
mod trial;

use std::sync::Arc;

use rusqlite::OptionalExtension;
use rusqlite::types::Value;
use rustc_hash::FxHashSet;

pub use self::entries::{Cut, Cuts, Entries, Few};
use self::pool::Pool;
pub(super) use self::pool::{Aim, Shared};
pub use self::shown::Shown;
use super::StoreError;
use super::columns::{self, count, unreadable};
use super::derived;
use super::event_rows::Decoder;
use super::history::{self, Glimpse, Part, Snapshot};
use super::log_row::{self, LOG, LOG_COLUMNS, Sums};
use super::open::forget_pages;
use super::row::{LogRow, Resolved, RunRecord};
use super::snapshot::{self, Resume};
use super::span_rows;
use super::tally::{self, Tallied};
use crate::reducer::compare::Mismatch;
use crate::reducer::dump;
use crate::reducer::excerpt::Asked;
use crate::reducer::fold::Wanted;
use crate::reducer::reduce::EventRow;
use crate::reducer::run::RunState;
use crate::reducer::span::Artifact;
use crate::reducer::time::Micros;
use crate::reducer::verdict::Learned;

/// A page of a list ends early when what its entries quote from logs is together so many bytes long.
pub(crate) const PAGE_BYTES: usize = 2 << 20;

/// Read-only access, cheap to clone; connections are pooled.
#[derive(Clone, Debug)]
pub struct Reader {
    pool: Arc<Pool>,
}

/// Which of a run's lists come with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lists {
    /// None of them.
    None,
    /// Open spans and open markers: enough for a verdict.
    Open,
    /// The same, and all phases: enough for a card.
    Phases,
    /// Open spans, and all markers: enough for what changed.
    Markers,
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
    /// At most so many rows; fewer when they are very long.
    pub limit: u32,
}

/// Where a list that goes back in time goes on: what is before this time, or at it with a smaller number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct Upto {
    /// Microseconds since 1970; -1 for what has no time.
    pub at: i64,
    pub key: i64,
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
    /// The run was reduced without event rows, or there are none up to the cursor yet.
    pub incomplete: bool,
}

/// Where a log stands, for ingest to go on from.
#[derive(Clone, Debug)]
pub struct Known {
    /// Its row.
    pub log: LogRow,
    /// The number of that.
    pub number: u32,
    /// Its run ended, as far as it was read.
    pub ended: bool,
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
    /// Logs that are there and cannot be read, or are no files.
    pub problems: u64,
    pub newest_line_at: Option<Micros>,
}

impl Reader {
    pub(super) fn new(aim: Arc<Aim>, shared: Option<Arc<Shared>>) -> Self {
        Self { pool: Arc::new(Pool::new(aim, shared)) }
    }

    /// All logs and their cursors, by key.
    pub fn known(&self) -> Result<Vec<Known>, StoreError> {
        let mut known = Vec::new();
        self.each_known(&mut |one| known.push(one))?;
        known.sort_unstable_by(|a, b| a.log.key.cmp(&b.log.key));
        Ok(known)
    }

    /// Gives every log and its cursor, by number: for a start, which keeps less of each than is given here.
    pub fn each_known(&self, each: &mut dyn FnMut(Known)) -> Result<(), StoreError> {
        self.pool.look(|connection| {
            let mut open: FxHashSet<u32> = FxHashSet::default();
            let mut statement = connection.prepare_cached("SELECT number FROM run WHERE open = 1")?;
            let mut rows = statement.query([])?;
            while let Some(row) = rows.next()? {
                open.insert(row.get(0)?);
            }
            let sql = format!("SELECT {LOG}, number FROM log ORDER BY number");
            let mut statement = connection.prepare_cached(&sql)?;
            let mut rows = statement.query([])?;
            while let Some(row) = rows.next()? {
                let (log, number) = (log_row::read(row, 0)?, row.get(LOG_COLUMNS)?);
                let ended = log.cursor.generation > 0 && !open.contains(&number);
                each(Known { log, number, ended });
            }
            forget_pages(connection)
        })
    }

    /// The log of a number.
    pub fn known_at(&self, number: u32) -> Result<Option<Known>, StoreError> {
        self.pool.look(|connection| {
            let sql = format!(
                "SELECT {LOG}, run.open FROM log LEFT JOIN run ON run.number = log.number WHERE log.number = ?"
            );
            let known = |row: &rusqlite::Row<'_>| {
                let (log, open) = (log_row::read(row, 0)?, row.get::<_, Option<bool>>(LOG_COLUMNS)?);
                let ended = log.cursor.generation > 0 && open != Some(true);
                Ok(Known { log, number, ended })
            };
            connection.prepare_cached(&sql)?.query_row([number], known).optional()
        })
    }

    /// Gives the key of every log with its number, in no order.
    pub fn each_key(&self, each: &mut dyn FnMut(&str, u32)) -> Result<(), StoreError> {
        self.pool.look(|connection| {
            let mut statement = connection.prepare_cached("SELECT key, number FROM log")?;
            let mut rows = statement.query([])?;
            while let Some(row) = rows.next()? {
                each(row.get_ref(0)?.as_str()?, row.get(1)?);
            }
            forget_pages(connection)
        })
    }

    /// The state to go on from: at the cursor, without the provisional tail, with all lists.
    pub fn resume(&self, key: &str) -> Result<Option<RunState>, StoreError> {
        self.pool.look(|connection| {
            let mut statement = connection.prepare_cached(
                "SELECT run.number, base, resume, state FROM log JOIN run ON run.number = log.number WHERE log.key = ?",
            )?;
            let mut rows = statement.query([key])?;
            let Some(row) = rows.next()? else { return Ok(None) };
            let (number, base) = (row.get(0)?, row.get(1)?);
            let spans = span_rows::read(connection, number, base, true)?;
            let markers = columns::read_markers(connection, number, true)?;
            let artifacts = columns::read_artifacts(connection, number)?;
            let state = match row.get_ref(2)?.as_blob_or_null()? {
                Some(bytes) => Resume::decode(bytes).and_then(|resume| resume.state(spans, markers, artifacts)),
                None => snapshot::decode(row.get_ref(3)?.as_blob()?)
                    .map(|core| RunState::restore(core, spans, markers, artifacts)),
            };
            state.map(Some).map_err(|error| unreadable(2, error))
        })
    }

    /// The newest snapshot of a run that has seen at most so many lines (spec 2.4).
    pub fn snapshot(&self, key: &str, line: u64) -> Result<Option<Snapshot>, StoreError> {
        self.pool.look(|connection| history::newest(connection, key, line))
    }

    /// The same with few of its spans and markers: those that what comes behind it is likely to ask for, and the wanted ones.
    /// `None` where there is no snapshot, or it cannot be had so.
    pub fn glimpse(&self, key: &str, line: u64, wanted: &Wanted) -> Result<Option<Glimpse>, StoreError> {
        self.pool.look(|connection| history::glimpse(connection, key, line, wanted))
    }

    /// The lines at which a run has snapshots, ascending.
    pub fn snapshot_lines(&self, key: &str) -> Result<Vec<u64>, StoreError> {
        self.pool.look(|connection| history::lines(connection, key))
    }

    /// What the columns of a run and its log say differently from its state as shown: they are written beside it, for
    /// whoever filters by them.
    pub fn derived(&self, log: &LogRow, shown: &RunState) -> Result<Vec<Mismatch>, StoreError> {
        self.pool.look(|connection| derived::mismatches(connection, log, shown))
    }

    /// One run.
    pub fn run(&self, key: &str, lists: Lists) -> Result<Option<RunRecord>, StoreError> {
        let key = Value::Text(key.to_owned());
        Ok(self.records("WHERE log.key = ?", &[key], lists)?.pop())
    }

    /// One run and some entries of its lists, as they were at one moment.
    pub fn entries(&self, key: &str, lists: Lists, cuts: &Cuts) -> Result<Option<(RunRecord, Entries)>, StoreError> {
        let key = [Value::Text(key.to_owned())];
        self.pool.look_again(|connection, remembered| {
            let record = runs::records(connection, "WHERE log.key = ?", &key, lists, remembered)?.pop();
            let Some(record) = record else { return Ok(None) };
            let entries = entries::read(connection, record.number, cuts)?;
            Ok(Some((record, entries)))
        })
    }

    /// The same of a state of the past, that has all markers and artifacts, and all spans or a part of them.
    pub fn entries_then(
        &self,
        key: &str,
        state: &RunState,
        part: Option<&Part>,
        cuts: &Cuts,
    ) -> Result<Entries, StoreError> {
        let read = |part| self.pool.look(|connection| entries::read_then(connection, key, state, part, cuts));
        Ok(part.map(read).transpose()?.flatten().unwrap_or_else(|| Entries::of(state, cuts)))
    }

    /// The lists of a run as a page shows them; `None` when it is gone or was replaced since its record was read.
    pub fn shown(&self, record: &RunRecord, asked: &Asked) -> Result<Option<Shown>, StoreError> {
        self.pool.look(|connection| shown::read(connection, record.number, asked))
    }

    /// The same of a state of the past that has few of its spans and markers.
    pub fn shown_then(&self, record: &RunRecord, part: &Part, asked: &Asked) -> Result<Option<Shown>, StoreError> {
        self.pool.look(|connection| shown::read_then(connection, record, part, asked))
    }

    /// Every open run with its open spans and markers, most recently started first. Runs without a status are open.
    pub fn open_runs(&self) -> Result<Vec<RunRecord>, StoreError> {
        let order = "ORDER BY ifnull(run.first_event_at, -1) DESC, run.number DESC";
        self.records(&format!("WHERE run.open = 1 {order}"), &[], Lists::Open)
    }

    /// Failed and timed out runs that ended (or, without times, were last written) at or after `since`, the last first.
    pub fn ended_badly(&self, since: Micros) -> Result<Vec<RunRecord>, StoreError> {
        self.records(
            "WHERE run.status IN ('failed', 'timed_out') AND ifnull(run.ended_at, run.modified) >= ?
             ORDER BY ifnull(run.ended_at, run.modified) DESC, run.number DESC",
            &[Value::Integer(since.0)],
            Lists::Open,
        )
    }

    /// Closed markers that have a text, if one is asked for, the one that closed last first.
    pub fn closed_markers(&self, upto: Upto, text: Option<&str>, limit: u32) -> Result<Vec<Resolved>, StoreError> {
        self.pool.look(|connection| past::markers(connection, upto, text, limit))
    }

    /// Failed and timed out runs that have a text, if one is asked for, the one that ended last first.
    pub fn bad_ends(&self, upto: Upto, text: Option<&str>, limit: u32) -> Result<Vec<RunRecord>, StoreError> {
        self.pool.look_again(|connection, remembered| past::bad_ends(connection, upto, text, limit, remembered))
    }

    /// The run that ended last.
    pub fn last_ended(&self) -> Result<Option<RunRecord>, StoreError> {
        let order = "ORDER BY ifnull(run.ended_at, run.modified) DESC, run.number DESC";
        Ok(self.records(&format!("WHERE run.open = 0 {order} LIMIT 1"), &[], Lists::Open)?.pop())
    }

    /// One page of the list, each run with its open spans and markers. What is no key of a row in `after` asks for the
    /// first page.
    pub fn runs(&self, filter: &RunFilter) -> Result<RunPage, StoreError> {
        let sums = self.pool.shared.as_ref().map(|shared| shared.sums());
        self.pool.look_again(|connection, remembered| list::page(connection, filter, sums, remembered))
    }

    /// The newest runs of a workflow, or without any, that hold a text, at most so many, with their open spans and markers.
    /// How many there are is not counted.
    pub fn of_workflow(
        &self,
        workflow: Option<&str>,
        text: Option<&str>,
        limit: u32,
    ) -> Result<Vec<RunRecord>, StoreError> {
        let mut values = vec![workflow.map_or(Value::Null, |workflow| Value::Text(workflow.to_owned()))];
        let holding = text.map(|text| format!("AND {}", runs::mentions(&runs::SEARCHED, text, &mut values)));
        values.push(Value::Integer(i64::from(limit)));
        let rest = format!(
            "WHERE run.workflow IS ? {} ORDER BY ifnull(run.first_event_at, -1) DESC, run.number DESC LIMIT ?",
            holding.unwrap_or_default()
        );
        self.records(&rest, &values, Lists::Open)
    }

    /// The artifact at a place of a run's list, from 1.
    pub fn artifact(&self, key: &str, place: u64) -> Result<Option<Artifact>, StoreError> {
        let Some(place) = place.checked_sub(1).and_then(|place| u32::try_from(place).ok()) else { return Ok(None) };
        self.pool.look(|connection| {
            let sql = "SELECT number FROM log WHERE key = ?";
            let number = connection.prepare_cached(sql)?.query_row([key], |row| row.get(0)).optional()?;
            let Some(number) = number else { return Ok(None) };
            Ok(columns::artifacts_in(connection, number, place..=place)?.pop())
        })
    }

    /// What was learned of a phase from the newest runs of the same workflow that began before `before` (spec 2.6). No run
    /// is earlier than one without a time.
    pub fn learned(
        &self,
        workflow: Option<&str>,
        phase: &str,
        before: Option<Micros>,
    ) -> Result<Option<Learned>, StoreError> {
        let Some(before) = before else { return Ok(None) };
        let question = (workflow.map(str::to_owned), phase.to_owned(), before);
        let lessons = self.pool.shared.as_ref().map(|shared| shared.lessons());
        if let Some(answer) = lessons.and_then(|lessons| self.pool.memo.get(&question, lessons)) {
            return Ok(answer);
        }
        let answer = self.pool.look(|connection| learned::learn(connection, &question))?;
        if let Some(lessons) = lessons {
            self.pool.memo.put(question, lessons, answer);
        }
        Ok(answer)
    }

    /// One page of the events of a run; an empty one when there is no such run.
    pub fn events(&self, key: &str, filter: &EventFilter) -> Result<EventPage, StoreError> {
        self.pool.look(|connection| events::page(connection, key, filter))
    }

    /// Where a physical line lies: offset and length of its first event, and the class. None of blank lines, and of lines
    /// whose event rows are not written yet.
    pub fn line(&self, key: &str, line: u64) -> Result<Option<EventRow>, StoreError> {
        self.pool.look(|connection| events::line(connection, key, line))
    }

    /// One log, also one of which nothing was ever read: then there is no run.
    pub fn log(&self, key: &str) -> Result<Option<LogRow>, StoreError> {
        self.pool.look(|connection| {
            let sql = format!("SELECT {LOG} FROM log WHERE key = ?");
            connection.prepare_cached(&sql)?.query_row([key], |row| log_row::read(row, 0)).optional()
        })
    }

    /// The first logs that have a problem and are not just gone, by key; how many there are is in [`Reader::totals`].
    pub fn problems(&self, limit: u32) -> Result<Vec<LogRow>, StoreError> {
        self.pool.look(|connection| {
            let sql = format!("SELECT {LOG} FROM log WHERE problem_code NOT NULL AND NOT gone ORDER BY key LIMIT ?");
            connection.prepare_cached(&sql)?.query_map([limit], |row| log_row::read(row, 0))?.collect()
        })
    }

    /// All logs, for the health page, by key.
    pub fn logs(&self) -> Result<Vec<LogRow>, StoreError> {
        Ok(self.known()?.into_iter().map(|known| known.log).collect())
    }

    /// Counts over all runs.
    pub fn totals(&self) -> Result<Totals, StoreError> {
        let known = self.pool.shared.as_ref().map(|shared| shared.sums());
        self.pool.look(|connection| {
            let sums = known.map_or_else(|| Sums::read(connection), Ok)?;
            let mut statement = connection.prepare_cached(
                "SELECT (SELECT count(*) FROM run WHERE open = 1), max(ifnull(last_life_at, -1)) FROM run",
            )?;
            let (open, newest): (i64, Option<i64>) = statement.query_row([], |row| Ok((row.get(0)?, row.get(1)?)))?;
            Ok(Totals {
                runs: sums.runs(),
                open: count(open),
                lines: sums.lines,
                bytes: sums.bytes,
                malformed: sums.malformed,
                problems: sums.problems,
                newest_line_at: newest.filter(|at| *at >= 0).map(Micros),
            })
        })
    }

    /// How many runs began on the days from `from` to `to`, by day, outcome and duration. What it costs does not depend
    /// on how many there are.
    pub fn tallies(&self, from: Micros, to: Micros) -> Result<Vec<Tallied>, StoreError> {
        self.pool.look(|connection| tally::read(connection, from, to))
    }

    /// The canonical dump of everything in the cache (spec 4.2). `Ok(None)` while there is a run without its event rows.
    pub fn dump(&self) -> Result<Option<String>, StoreError> {
        self.pool.look_again(|connection, remembered| {
            // The rows of a log that is gone are those that were written while it was there.
            let behind = "SELECT EXISTS (SELECT 1 FROM log JOIN run USING (number) \
                          WHERE events_offset <> offset AND NOT gone)";
            if connection.query_row(behind, [], |row| row.get(0))? {
                return Ok(None);
            }
            let mut statement = connection
                .prepare_cached("SELECT run.number FROM log JOIN run ON run.number = log.number ORDER BY log.key")?;
            let mut rows = statement.query([])?;
            let mut decoder = Decoder::new(connection);
            let mut document = dump::Document::default();
            while let Some(row) = rows.next()? {
                let number = row.get(0)?;
                let (events, sha256) = events::hash(connection, &mut decoder, number)?;
                let number = [Value::Integer(i64::from(number))];
                for found in runs::records(connection, "WHERE run.number = ?", &number, Lists::All, remembered)? {
                    let (state, log) = (&found.state, &found.log);
                    let title = log.fallback_title();
                    document.push(&dump::run(&found.key, title, state, log.pending_bytes, events, &sha256));
                }
            }
            Ok(Some(document.finish()))
        })
    }

    /// How many events all runs have together. Looks at every run.
    pub fn events_of_all(&self) -> Result<u64, StoreError> {
        let sql = "SELECT ifnull(sum(events), 0) FROM run";
        self.pool.look(|connection| connection.query_row(sql, [], |row| row.get(0)).map(count))
    }

    /// The version of the SQLite library.
    pub fn sqlite_version(&self) -> Result<String, StoreError> {
        Ok(rusqlite::version().to_owned())
    }

    fn records(&self, rest: &str, values: &[Value], lists: Lists) -> Result<Vec<RunRecord>, StoreError> {
        self.pool.look_again(|connection, remembered| runs::records(connection, rest, values, lists, remembered))
    }
}
