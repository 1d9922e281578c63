//! The row of a log: cursor and health, how far its event rows are, and what to go on from.

use std::sync::LazyLock;

use rusqlite::{Connection, OptionalExtension, Row, params};

use super::columns::{count, int};
use super::event_rows::Written;
use super::inserts::holes;
use super::row::{Cursor, LogRow, Problem};
use super::run_row::{STATUSES, status_order};
use super::tally::Counted;
use crate::reducer::run::{LineCounts, RunState, value};
use crate::reducer::time::Micros;

/// Columns that say what a [`LogRow`] says, for [`read`].
pub(super) const LOG: &str = "log.key, log.source, log.path, log.device, log.inode, log.generation, log.offset, \
    log.size, log.mtime_ns, log.ctime_ns, log.head_hash, log.head_length, log.before_hash, log.before_length, \
    log.prefix_hash, log.pending_bytes, log.provisional_bytes, log.gone, log.rotated, log.problem_code, \
    log.problem_text, log.events_offset, log.doubt";

/// How many columns [`LOG`] has.
pub(super) const LOG_COLUMNS: usize = 23;

/// The further columns of the table, apart from number and version.
const MORE: &str = "log.lines_event, log.lines_text, log.lines_malformed, log.lines_oversized, log.lines_blank, \
    log.events, log.hidden_events, log.provisional_events, log.base, log.resume";

static FIND: LazyLock<String> = LazyLock::new(|| format!("SELECT {LOG}, {MORE}, log.number FROM log WHERE key = ?"));

/// All columns in the order in which [`Stored::put`] binds them.
static COLUMNS: LazyLock<String> =
    LazyLock::new(|| format!("{LOG}, {MORE}, log.number, log.version").replace("log.", ""));

static INSERT: LazyLock<String> =
    LazyLock::new(|| format!("INSERT INTO log ({}) VALUES ({})", *COLUMNS, holes(LOG_COLUMNS + 12)));

/// Leaves the key alone, and with it the index over keys.
static UPDATE: LazyLock<String> = LazyLock::new(|| {
    let columns = COLUMNS.split(", ").enumerate().skip(1);
    let set: Vec<String> = columns.map(|(n, column)| format!("{column} = ?{}", n + 1)).collect();
    format!("UPDATE log SET {} WHERE number = ?{}", set.join(", "), LOG_COLUMNS + 11)
});

/// A log as the tables have it.
#[derive(Clone, Debug)]
pub(super) struct Stored {
    pub(super) number: u32,
    pub(super) log: LogRow,
    /// Lines as shown.
    pub(super) lines: LineCounts,
    /// Event rows up to the cursor.
    pub(super) rows: Written,
    /// Event rows of the provisional tail.
    pub(super) provisional_rows: u64,
    /// What the times of spans are counted from.
    pub(super) base: i64,
    /// [`super::snapshot::Resume`], while a provisional tail is shown.
    pub(super) resume: Option<Vec<u8>>,
    /// `None` while nothing was reduced from the log.
    pub(super) run: Option<StoredRun>,
}

/// What of a run's row decides how much is written anew.
#[derive(Clone, Debug)]
pub(super) struct StoredRun {
    pub(super) workflow: Option<String>,
    pub(super) first_event_at: Option<Micros>,
    pub(super) retry_of: Option<String>,
    pub(super) status_order: i64,
    pub(super) spans: u64,
    pub(super) markers: u64,
    pub(super) artifacts: u64,
    pub(super) counted: Option<Counted>,
}

impl StoredRun {
    fn find(connection: &Connection, number: u32) -> rusqlite::Result<Option<Self>> {
        connection
            .prepare_cached(
                "SELECT workflow, first_event_at, spans, markers, artifacts, open, status_order, duration_ms,
                     retry_of
                 FROM run WHERE number = ?",
            )?
            .query_row([number], |row| {
                let first_event_at = row.get::<_, Option<i64>>(1)?.map(Micros);
                let status_order = row.get(6)?;
                Ok(Self {
                    workflow: row.get(0)?,
                    first_event_at,
                    retry_of: row.get(8)?,
                    status_order,
                    spans: count(row.get(2)?),
                    markers: count(row.get(3)?),
                    artifacts: count(row.get(4)?),
                    counted: Counted::of(first_event_at, row.get(5)?, status_order, row.get(7)?),
                })
            })
            .optional()
    }

    /// The same of a state that is written.
    pub(super) fn of(state: &RunState) -> Self {
        Self {
            workflow: value(&state.run.workflow).cloned(),
            first_event_at: value(&state.run.first_event_at).copied(),
            retry_of: value(&state.run.retry_of).cloned(),
            status_order: status_order(value(&state.run.status).copied()),
            spans: state.spans.len() as u64,
            markers: state.markers.len() as u64,
            artifacts: state.artifacts.len() as u64,
            counted: Counted::of_state(state),
        }
    }
}

impl Stored {
    /// Where its run is counted.
    pub(super) fn counted(&self) -> Option<Counted> {
        self.run.as_ref().and_then(|run| run.counted)
    }

    /// Which run its run says that it retries, and when it began itself.
    pub(super) fn retries(&self) -> Option<(&str, Option<Micros>)> {
        let run = self.run.as_ref()?;
        Some((run.retry_of.as_deref()?, run.first_event_at))
    }

    /// Event rows reach the cursor.
    pub(super) fn is_complete(&self) -> bool {
        !self.log.lacks_rows()
    }

    pub(super) fn find(connection: &Connection, key: &str) -> rusqlite::Result<Option<Self>> {
        let found = connection.prepare_cached(&FIND)?.query_row([key], Self::read).optional()?;
        let Some(mut found) = found else { return Ok(None) };
        found.run = StoredRun::find(connection, found.number)?;
        Ok(Some(found))
    }

    fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        let n = LOG_COLUMNS;
        let whole = |column: usize| row.get::<_, i64>(n + column).map(count);
        Ok(Self {
            log: read(row, 0)?,
            lines: LineCounts {
                event: whole(0)?,
                text: whole(1)?,
                malformed: whole(2)?,
                oversized: whole(3)?,
                blank: whole(4)?,
            },
            rows: Written { rows: whole(5)?, hidden: whole(6)? },
            provisional_rows: whole(7)?,
            base: row.get(n + 8)?,
            resume: row.get(n + 9)?,
            number: row.get(n + 10)?,
            run: None,
        })
    }

    /// Writes the row: a new one, or that of the same number.
    pub(super) fn put(&self, connection: &Connection, is_new: bool, version: u64) -> rusqlite::Result<()> {
        let Self { log, lines, rows, .. } = self;
        let cursor = &log.cursor;
        let sql: &str = if is_new { &INSERT } else { &UPDATE };
        connection.prepare_cached(sql)?.execute(params![
            log.key,
            log.source,
            log.path,
            cursor.device.cast_signed(),
            cursor.inode.cast_signed(),
            int(cursor.generation),
            int(cursor.offset),
            int(cursor.size),
            cursor.mtime_ns,
            cursor.ctime_ns,
            cursor.head_hash.cast_signed(),
            int(cursor.head_length),
            cursor.before_hash.cast_signed(),
            int(cursor.before_length),
            cursor.prefix_hash.cast_signed(),
            int(log.pending_bytes),
            int(log.provisional_bytes),
            log.gone,
            log.rotated,
            log.problem.as_ref().map(|problem| &problem.code),
            log.problem.as_ref().map(|problem| &problem.text),
            int(log.events_offset),
            cursor.doubt,
            int(lines.event),
            int(lines.text),
            int(lines.malformed),
            int(lines.oversized),
            int(lines.blank),
            int(rows.rows),
            int(rows.hidden),
            int(self.provisional_rows),
            self.base,
            self.resume,
            self.number,
            int(version),
        ])?;
        Ok(())
    }

    /// Notes whether the log is to be compared once more. Nobody sees that: it is no new version.
    pub(super) fn put_doubt(&self, connection: &Connection) -> rusqlite::Result<()> {
        let mut statement = connection.prepare_cached("UPDATE log SET doubt = ? WHERE number = ?")?;
        statement.execute(params![self.log.cursor.doubt, self.number])?;
        Ok(())
    }
}

/// Reads the columns of [`LOG`], of which the first stands at `first`.
pub(super) fn read(row: &Row<'_>, first: usize) -> rusqlite::Result<LogRow> {
    let text = |n: usize| row.get::<_, String>(first + n);
    let whole = |n: usize| row.get::<_, i64>(first + n);
    let problem = match (row.get(first + 19)?, row.get(first + 20)?) {
        (Some(code), Some(text)) => Some(Problem { code, text }),
        _ => None,
    };
    Ok(LogRow {
        key: text(0)?,
        source: text(1)?,
        path: text(2)?,
        cursor: Cursor {
            device: whole(3)?.cast_unsigned(),
            inode: whole(4)?.cast_unsigned(),
            generation: count(whole(5)?),
            offset: count(whole(6)?),
            size: count(whole(7)?),
            mtime_ns: whole(8)?,
            ctime_ns: whole(9)?,
            head_hash: whole(10)?.cast_unsigned(),
            head_length: count(whole(11)?),
            before_hash: whole(12)?.cast_unsigned(),
            before_length: count(whole(13)?),
            prefix_hash: whole(14)?.cast_unsigned(),
            doubt: row.get(first + 22)?,
        },
        pending_bytes: count(whole(15)?),
        provisional_bytes: count(whole(16)?),
        gone: row.get(first + 17)?,
        rotated: row.get(first + 18)?,
        problem,
        events_offset: count(whole(21)?),
    })
}

/// Counts over all logs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Sums {
    /// Runs by their status, as [`status_order`] has it.
    statuses: [u64; STATUSES.len()],
    pub(super) lines: u64,
    pub(super) bytes: u64,
    pub(super) malformed: u64,
    /// Logs that have a problem and are not just gone.
    pub(super) problems: u64,
}

impl Sums {
    /// Counts over the whole table.
    pub(super) fn read(connection: &Connection) -> rusqlite::Result<Self> {
        let sql = "SELECT ifnull(sum(lines_event + lines_text + lines_malformed + lines_oversized + lines_blank), 0),
            ifnull(sum(size), 0), ifnull(sum(lines_malformed), 0),
            count(*) FILTER (WHERE problem_code NOT NULL AND NOT gone) FROM log";
        let mut sums = connection.query_row(sql, [], |row| {
            Ok(Self {
                statuses: [0; STATUSES.len()],
                lines: count(row.get(0)?),
                bytes: count(row.get(1)?),
                malformed: count(row.get(2)?),
                problems: count(row.get(3)?),
            })
        })?;
        let mut statement = connection.prepare("SELECT status_order, count(*) FROM run GROUP BY status_order")?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            if let Some(runs) = sums.of_status(row.get(0)?) {
                *runs = count(row.get(1)?);
            }
        }
        Ok(sums)
    }

    /// So many runs of each of some statuses.
    #[cfg(test)]
    pub(super) fn of_runs(runs: &[(i64, u64)]) -> Self {
        let mut sums = Self::default();
        for (status, count) in runs {
            *sums.of_status(*status).expect("a status") = *count;
        }
        sums
    }

    /// All runs.
    pub(super) fn runs(&self) -> u64 {
        self.statuses.iter().sum()
    }

    /// The runs of some statuses, each as [`status_order`] has it.
    pub(super) fn of_statuses(&self, wanted: &[i64]) -> u64 {
        let of = |status: &i64| usize::try_from(*status).ok().and_then(|status| self.statuses.get(status));
        wanted.iter().filter_map(of).sum()
    }

    fn of_status(&mut self, status: i64) -> Option<&mut u64> {
        usize::try_from(status).ok().and_then(|status| self.statuses.get_mut(status))
    }

    pub(super) fn add(&mut self, log: &Stored) {
        if let Some(runs) = log.run.as_ref().and_then(|run| self.of_status(run.status_order)) {
            *runs += 1;
        }
        self.lines = self.lines.saturating_add(log.lines.total());
        self.bytes = self.bytes.saturating_add(log.log.cursor.size);
        self.malformed = self.malformed.saturating_add(log.lines.malformed);
        self.problems += u64::from(log.log.has_problem());
    }

    pub(super) fn subtract(&mut self, log: &Stored) {
        if let Some(runs) = log.run.as_ref().and_then(|run| self.of_status(run.status_order)) {
            *runs = runs.saturating_sub(1);
        }
        self.lines = self.lines.saturating_sub(log.lines.total());
        self.bytes = self.bytes.saturating_sub(log.log.cursor.size);
        self.malformed = self.malformed.saturating_sub(log.lines.malformed);
        self.problems = self.problems.saturating_sub(u64::from(log.log.has_problem()));
    }
}
