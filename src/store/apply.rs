//! What one write does to the tables. It runs inside the transaction of its caller, who takes it back as a whole or not
//! at all.

use rusqlite::{Connection, OptionalExtension, params};

use super::columns::{self, count, int, key_of};
use super::digest_rows;
use super::event_rows::{Interner, Written};
use super::history;
use super::inserts::Entry;
use super::lesson_rows;
use super::live::Change;
use super::log_row::{Stored, StoredRun, Sums};
use super::row::{Batch, LogRow};
use super::run_row;
use super::snapshot::{self, Resume};
use super::span_rows;
use super::tally::Tally;
use super::writer::Write;
use crate::reducer::run::{Changes, LineCounts, RunState, value};

/// What the writer knows of the tables without asking them. A copy is kept until the commit.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Ledger {
    /// The number of the next new log.
    pub(super) next_number: u32,
    /// The last version that was given out.
    pub(super) version: u64,
    /// Counts over all logs.
    pub(super) sums: Sums,
    /// What the table of counts lacks; written with the transaction.
    pub(super) tally: Tally,
    /// Grows when spans that expectations are learned from changed.
    pub(super) lessons: u64,
    /// Grows when a run that says which one it retries came, changed in that, or went.
    pub(super) retries: u64,
    /// There are rows of logs that were replaced or removed.
    pub(super) trash: bool,
}

impl Ledger {
    /// Reads the tables once, at the start.
    pub(super) fn read(connection: &Connection) -> rusqlite::Result<Self> {
        let number = |sql| connection.query_row(sql, [], |row| row.get::<_, Option<u32>>(0));
        let last = number("SELECT max(number) FROM log")?.max(number("SELECT max(number) FROM trash")?);
        let floor: i64 = connection.query_row("SELECT max(version) FROM version_floor", [], |row| row.get(0))?;
        let newest: i64 = connection.query_row("SELECT ifnull(max(version), 0) FROM log", [], |row| row.get(0))?;
        Ok(Self {
            next_number: last.unwrap_or(0) + 1,
            version: count(floor.max(newest)),
            sums: Sums::read(connection)?,
            tally: Tally::default(),
            lessons: 0,
            retries: 0,
            trash: number("SELECT max(number) FROM trash")?.is_some(),
        })
    }

    /// Does one write. Gives what to announce, if a run that somebody may look at changed.
    pub(super) fn apply(
        &mut self,
        connection: &Connection,
        interner: &mut Interner,
        write: &Write,
    ) -> rusqlite::Result<Option<Change>> {
        match write {
            Write::Batch(batch) => self.batch(connection, interner, batch).map(Some),
            Write::Log(log) => self.log(connection, log),
            Write::Remove(key) => self.remove(connection, key),
            Write::Complete => Ok(None),
        }
    }

    fn batch(&mut self, connection: &Connection, interner: &mut Interner, batch: &Batch) -> rusqlite::Result<Change> {
        let cursor = &batch.log.cursor;
        let mut old = Stored::find(connection, &batch.log.key)?;
        // Old and new never mix (spec 2.3, 5): rows of another generation go, whatever the sender says.
        let other = old.as_ref().is_some_and(|old| old.run.is_some() && old.log.cursor.generation != cursor.generation);
        if let Some(old) = old.take_if(|_| batch.replace || other) {
            self.discard(connection, &old)?;
        }
        let number = match &old {
            Some(old) => old.number,
            None => self.new_number()?,
        };
        let stored = &*batch.state;
        let shown = batch.provisional.as_ref().map_or(stored, |provisional| &provisional.state);
        let base = match &old {
            Some(old) if old.run.as_ref().is_some_and(|run| run.spans > 0) => old.base,
            _ => value(&shown.run.first_event_at).map_or(0, |at| at.0),
        };
        if let Some(old) = &old {
            history::keep(connection, old, &batch.changes)?;
        }
        self.lists(connection, number, base, old.as_ref(), batch, shown)?;
        history::note(connection, number, old.as_ref(), &batch.log.cursor, stored)?;

        // Event rows: those up to the cursor when there is no gap before them, then those of the provisional tail.
        let gapless = old.as_ref().is_none_or(Stored::is_complete);
        let mut rows = old.as_ref().map_or(Written::default(), |old| old.rows);
        let mut events_offset = old.as_ref().map_or(0, |old| old.log.events_offset);
        if old.as_ref().is_some_and(|old| old.provisional_rows > 0) {
            delete_after(connection, "event", number, rows.rows.saturating_add(1))?;
        }
        if let (true, Some(events)) = (gapless, &batch.events) {
            rows = rows.plus(interner.append(connection, number, rows.rows, events)?);
            events_offset = cursor.offset;
        }
        let mut provisional_rows = Written::default();
        let mut resume = None;
        if let Some(provisional) = &batch.provisional {
            if events_offset == cursor.offset {
                provisional_rows = interner.append(connection, number, rows.rows, &provisional.events)?;
            }
            resume = Some(Resume::of(stored, &provisional.changes).encode());
        }

        let log = LogRow { events_offset, ..batch.log.clone() };
        let lines = shown.counters.lines;
        let provisional_rows = provisional_rows.rows;
        let run = Some(StoredRun::of(shown));
        let new = Stored { number, log, lines, rows, provisional_rows, base, resume, run };
        run_row::write(connection, entry_of(old.as_ref()), number, &new.log, shown, &snapshot::encode(shown))?;
        self.put(connection, old.as_ref(), &new)
    }

    /// Writes the entries of the lists that changed, and takes away what a provisional tail had added.
    fn lists(
        &mut self,
        connection: &Connection,
        number: u32,
        base: i64,
        old: Option<&Stored>,
        batch: &Batch,
        shown: &RunState,
    ) -> rusqlite::Result<()> {
        let old_run = old.and_then(|old| old.run.as_ref());
        let provisional = batch.provisional.as_ref().map(|provisional| &provisional.changes);
        let undone = match old.and_then(|old| old.resume.as_deref()) {
            Some(bytes) => Resume::decode(bytes).map_err(|error| columns::unreadable(0, error))?.changes(),
            None => Changes::default(),
        };
        // Without a row everything is new, whatever the sender says.
        let numbers = |list: fn(&Changes) -> &Vec<u32>, length: usize| -> Vec<u32> {
            if old_run.is_none() {
                return (0..u32::try_from(length).unwrap_or(u32::MAX)).collect();
            }
            let all = [Some(&batch.changes), Some(&undone), provisional];
            let mut numbers: Vec<u32> = all.into_iter().flatten().flat_map(list).copied().collect();
            numbers.sort_unstable();
            numbers.dedup();
            numbers
        };

        let entry = entry_of(old);
        let changed = numbers(|changes| &changes.spans, shown.spans.len());
        let before = old_run.map_or(0, |run| run.spans);
        span_rows::write(connection, entry, (number, base), &changed, before, &shown.spans)?;
        digest_rows::write(connection, entry, number, &changed, before, &shown.spans)?;
        self.lessons += u64::from(lesson_rows::write(connection, number, old_run, &changed, shown)?);
        let changed = numbers(|changes| &changes.markers, shown.markers.len());
        columns::write_markers(connection, entry, number, entries(&changed, &shown.markers))?;
        let changed = numbers(|changes| &changes.artifacts, shown.artifacts.len());
        columns::write_artifacts(connection, entry, number, entries(&changed, &shown.artifacts))?;

        if let Some(run) = old_run {
            for (table, before, now) in [
                ("span", span_rows::chunks(run.spans), span_rows::chunks(shown.spans.len() as u64)),
                ("digest", digest_rows::stretches(run.spans), digest_rows::stretches(shown.spans.len() as u64)),
                ("marker", run.markers, shown.markers.len() as u64),
                ("artifact", run.artifacts, shown.artifacts.len() as u64),
            ] {
                if before > now {
                    delete_after(connection, table, number, now)?;
                }
            }
        }
        Ok(())
    }

    /// A log without a state to write. Its cursor is only taken over while it stands where the stored state does.
    fn log(&mut self, connection: &Connection, log: &LogRow) -> rusqlite::Result<Option<Change>> {
        let Some(old) = Stored::find(connection, &log.key)? else {
            let number = self.new_number()?;
            let (lines, rows) = (LineCounts::default(), Written::default());
            let log = LogRow { events_offset: 0, ..log.clone() };
            let new = Stored { number, log, lines, rows, provisional_rows: 0, base: 0, resume: None, run: None };
            return self.put(connection, None, &new).map(Some);
        };
        let mut new = Stored { log: LogRow { events_offset: old.log.events_offset, ..log.clone() }, ..old.clone() };
        let stays = (old.log.cursor.generation, old.log.cursor.offset) == (log.cursor.generation, log.cursor.offset);
        if old.run.is_some() && !stays {
            new.log.cursor = old.log.cursor.clone();
        }
        if new.log.is_shown_like(&old.log) {
            new.put_doubt(connection)?;
            return Ok(None);
        }
        if old.run.is_some() && new.log.modified() != old.log.modified() {
            connection
                .prepare_cached("UPDATE run SET modified = ? WHERE number = ?")?
                .execute(params![new.log.modified().map(|at| at.0), old.number])?;
        }
        self.put(connection, Some(&old), &new).map(Some)
    }

    fn remove(&mut self, connection: &Connection, key: &str) -> rusqlite::Result<Option<Change>> {
        let Some(old) = Stored::find(connection, key)? else { return Ok(None) };
        self.discard(connection, &old)?;
        self.version += 1;
        connection.prepare_cached("UPDATE version_floor SET version = ?")?.execute([int(self.version)])?;
        Ok(Some(Change { key: key.to_owned(), version: self.version }))
    }

    /// Takes a log and its run out of sight; the many rows that hang on them are deleted bit by bit ([`sweep`]).
    fn discard(&mut self, connection: &Connection, old: &Stored) -> rusqlite::Result<()> {
        self.sums.subtract(old);
        self.tally.subtract(old.counted());
        connection.prepare_cached("DELETE FROM log WHERE number = ?")?.execute([old.number])?;
        if old.run.is_none() {
            return Ok(());
        }
        self.retries += u64::from(old.retries().is_some());
        connection.prepare_cached("DELETE FROM run WHERE number = ?")?.execute([old.number])?;
        connection.prepare_cached("INSERT INTO trash (number) VALUES (?)")?.execute([old.number])?;
        self.trash = true;
        self.lessons += u64::from(lesson_rows::forget(connection, old.number)?);
        Ok(())
    }

    fn new_number(&mut self) -> rusqlite::Result<u32> {
        let number = self.next_number;
        // The upper half of a key must stay positive.
        if number > i32::MAX.unsigned_abs() {
            return Err(rusqlite::Error::IntegralValueOutOfRange(0, i64::from(number)));
        }
        self.next_number += 1;
        Ok(number)
    }

    fn put(&mut self, connection: &Connection, old: Option<&Stored>, new: &Stored) -> rusqlite::Result<Change> {
        self.version += 1;
        self.retries += u64::from(new.retries() != old.and_then(Stored::retries));
        if let Some(old) = old {
            self.sums.subtract(old);
            self.tally.subtract(old.counted());
        }
        self.sums.add(new);
        self.tally.add(new.counted());
        new.put(connection, old.is_none(), self.version)?;
        Ok(Change { key: new.log.key.clone(), version: self.version })
    }
}

/// Deletes some rows of logs that were replaced or removed; says whether there are more.
pub(super) fn sweep(connection: &Connection, rows: u32) -> rusqlite::Result<bool> {
    let next = "SELECT number FROM trash LIMIT 1";
    let Some(number) = connection.prepare_cached(next)?.query_row([], |row| row.get::<_, u32>(0)).optional()? else {
        return Ok(false);
    };
    for table in ["span", "digest", "marker", "artifact", "event", "preimage", "snapshot"] {
        let sql = format!(
            "DELETE FROM {table} WHERE key IN (SELECT key FROM {table} WHERE key BETWEEN ? AND ? LIMIT {rows})"
        );
        if connection.prepare_cached(&sql)?.execute([key_of(number, 0), key_of(number, u32::MAX)])? > 0 {
            return Ok(true);
        }
    }
    connection.prepare_cached("DELETE FROM trash WHERE number = ?")?.execute([number])?;
    Ok(true)
}

/// Whether a log's run has rows already.
fn entry_of(old: Option<&Stored>) -> Entry {
    if old.is_some_and(|old| old.run.is_some()) { Entry::Known } else { Entry::New }
}

/// The entries of a list at some places.
fn entries<'l, T>(places: &[u32], list: &'l [T]) -> Vec<(u32, &'l T)> {
    places.iter().filter_map(|place| Some((*place, list.get(*place as usize)?))).collect()
}

/// Deletes the rows of a run from a place on.
fn delete_after(connection: &Connection, table: &str, number: u32, from: u64) -> rusqlite::Result<()> {
    let Ok(from) = u32::try_from(from) else { return Ok(()) };
    connection
        .prepare_cached(&format!("DELETE FROM {table} WHERE key BETWEEN ? AND ?"))?
        .execute([key_of(number, from), key_of(number, u32::MAX)])?;
    Ok(())
}
