//! Where the cache goes while its file cannot be written (spec T84): into memory, and back when there is room again.
//!
//! Reading a full disk works, so nothing is lost: the file is copied, and what differs is written back in one
//! transaction.

use std::path::Path;

use rusqlite::Connection;

use super::open;
use super::place::beside;

/// A larger cache is not copied into memory: it waits until its file can be written.
const MOST: u64 = 512 * 1024 * 1024;

/// After a try to go back so many occasions are left out at most; each failed try doubles them.
const LAST_PAUSE: u32 = 16;

/// What is left behind of a file that cannot be written.
#[derive(Debug)]
pub(super) struct Refuge {
    /// The connection to the file; the cache in memory is attached to it as `copy`.
    disk: Connection,
    /// How many occasions were left out after the last try, and how many still are.
    pause: u32,
    left: u32,
}

/// Copies the cache of a connection into memory, attached to it as `copy`. Gives a connection to the memory and the name
/// of the cache there, or why that could not be done.
pub(super) fn copy(disk: &Connection, path: &Path) -> Result<(Connection, String), String> {
    let length = |suffix| std::fs::metadata(beside(path, suffix)).map_or(0, |meta| meta.len());
    if length("") + length("-wal") > MOST {
        return Err(String::from("it is too large to be held in memory"));
    }
    let copied = open::memory().and_then(|(memory, name)| {
        disk.execute("ATTACH ? AS copy", [&name])?;
        equalise(disk, "main", "copy").inspect_err(|_| detach(disk))?;
        Ok((memory, name))
    });
    copied.map_err(|error| error.to_string())
}

fn detach(disk: &Connection) {
    // The memory goes with its last connection.
    let _ = disk.execute_batch("DETACH copy");
}

impl Refuge {
    /// `disk` is what was copied.
    pub(super) fn new(disk: Connection) -> Self {
        Self { disk, pause: 0, left: 0 }
    }

    /// Whether this occasion is one to try to go back. Occasions come with each commit and each idle moment.
    pub(super) fn is_due(&mut self) -> bool {
        self.left = self.left.saturating_sub(1);
        self.left == 0
    }

    /// Writes to the file what the memory has: all of it or nothing. Says whether that could be done.
    pub(super) fn write_back(&mut self) -> bool {
        // A small write says soon whether a large one is worth a try.
        let probe = "UPDATE main.version_floor SET version = version + 1;
            UPDATE main.version_floor SET version = version - 1;";
        let tried = self.disk.execute_batch(probe).and_then(|()| equalise(&self.disk, "copy", "main"));
        if let Err(error) = &tried {
            tracing::debug!(%error, "the cache still cannot be written");
            self.pause = (self.pause * 2).clamp(2, LAST_PAUSE);
            self.left = self.pause;
        }
        tried.is_ok()
    }

    /// The connection to the file.
    pub(super) fn leave(self) -> Connection {
        detach(&self.disk);
        self.disk
    }
}

/// Makes all tables of one schema equal to those of another, in one transaction; rows that are equal are left alone.
fn equalise(connection: &Connection, from: &str, to: &str) -> rusqlite::Result<()> {
    let transaction = connection.unchecked_transaction()?;
    let tables = format!("SELECT name FROM {from}.sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite%'");
    let tables: Vec<String> =
        transaction.prepare(&tables)?.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?;
    for table in tables {
        let mut columns: Vec<(String, bool)> = transaction
            .prepare("SELECT name, pk > 0 FROM pragma_table_info(?1, ?2)")?
            .query_map([table.as_str(), from], |row| Ok((row.get(0)?, row.get(1)?)))?
            .collect::<Result<_, _>>()?;
        if columns.iter().all(|(_, is_key)| !is_key) {
            columns.push((String::from("rowid"), true));
        }
        let equal = |only_keys: bool| {
            let columns = columns.iter().filter(|(_, is_key)| *is_key || !only_keys);
            columns
                .map(|(name, is_key)| format!("ours.{name} {} theirs.{name}", if *is_key { "=" } else { "IS" }))
                .collect::<Vec<_>>()
                .join(" AND ")
        };
        let names = columns.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>().join(", ");
        let (same_row, same) = (equal(true), equal(false));
        transaction.execute_batch(&format!(
            "DELETE FROM {to}.{table} AS ours
               WHERE NOT EXISTS (SELECT 1 FROM {from}.{table} AS theirs WHERE {same_row});
             INSERT OR REPLACE INTO {to}.{table} ({names}) SELECT {names} FROM {from}.{table} AS theirs
               WHERE NOT EXISTS (SELECT 1 FROM {to}.{table} AS ours WHERE {same});"
        ))?;
    }
    transaction.commit()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::open::{self, Opened};
    use crate::store::tests::{Place, write_whole};

    const LOG: &str = "{\"ts\":1780000000,\"event\":\"run.started\"}\n{\"event\":\"step.started\",\"step\":\"s\"}\n";

    /// Every row of every table of a schema.
    fn rows(connection: &Connection, schema: &str) -> Vec<String> {
        let mut rows = Vec::new();
        for table in [
            "log",
            "run",
            "span",
            "digest",
            "marker",
            "event",
            "kind",
            "version_floor",
            "snapshot",
            "preimage",
            "trash",
        ] {
            let mut statement = connection.prepare(&format!("SELECT * FROM {schema}.{table}")).unwrap();
            let columns = statement.column_count();
            let mut found = statement.query([]).unwrap();
            while let Some(row) = found.next().unwrap() {
                rows.push(format!("{table} {:?}", (0..columns).map(|n| row.get_ref(n).unwrap()).collect::<Vec<_>>()));
            }
        }
        rows
    }

    #[test]
    fn memory_begins_as_the_file_was_and_the_file_ends_as_memory_is_or_stays_as_it_was() {
        let place = Place::new();
        let store = place.open();
        for key in ["a", "b", "c"] {
            write_whole(&store, key, 1, LOG);
        }
        drop(store);
        let Opened { connection, .. } = open::open(&place.cache(), open::user_version(""), false).unwrap();
        let before = rows(&connection, "main");
        // As a full disk does: the file takes no further page.
        connection.execute_batch("PRAGMA max_page_count = 1").unwrap();
        let (memory, _) = copy(&connection, &place.cache()).unwrap();
        let mut refuge = Refuge::new(connection);
        assert_eq!(rows(&memory, "main"), before);
        let change = "UPDATE run SET title = 'other' WHERE key = 'a'; DELETE FROM log WHERE key = 'b';
            DELETE FROM event WHERE key >> 32 = 2; UPDATE log SET number = 9 WHERE key = 'c';
            WITH RECURSIVE n(value) AS (VALUES (1) UNION ALL SELECT value + 1 FROM n WHERE value < 50)
              INSERT INTO kind (id, class, level, name) SELECT 100 + value, 'event', NULL, printf('%8000d', value) FROM n;";
        memory.execute_batch(change).unwrap();
        let after = rows(&memory, "main");
        assert!(!refuge.write_back(), "there is no room");
        assert_eq!(rows(&refuge.disk, "main"), before, "all or nothing");
        assert!(!refuge.is_due() && refuge.is_due());
        refuge.disk.execute_batch("PRAGMA main.max_page_count = 100000").unwrap();
        assert!(refuge.write_back(), "there is room");
        let disk = refuge.leave();
        assert_eq!(rows(&disk, "main"), after);
        let check: String = disk.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
        assert_eq!(check, "ok");
    }
}
