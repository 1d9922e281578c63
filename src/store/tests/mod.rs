//! The cache as a whole: what goes in comes out, in whatever pieces and over whatever restarts.

mod chunks;
mod digests;
mod events;
mod fields;
mod lessons;
mod lists;
mod opening;
mod pieces;
mod rescue;
mod writing;

use std::path::PathBuf;
use std::sync::Arc;

use tempfile::TempDir;

use super::*;
use crate::reducer::dialect::Reading;
use crate::reducer::reduce::{EventRow, Reducer};
use crate::reducer::run::RunState;
use crate::store::writer::Write;

/// A cache in a directory of its own.
pub(super) struct Place {
    directory: TempDir,
}

impl Place {
    pub(super) fn new() -> Self {
        Self { directory: tempfile::tempdir().unwrap() }
    }

    pub(super) fn cache(&self) -> PathBuf {
        self.directory.path().join("cache/runs.db")
    }

    pub(super) fn open(&self) -> Store {
        open(&self.cache(), &[], "").unwrap()
    }
}

/// The row of a log whose cursor stands at an offset.
pub(super) fn log(key: &str, generation: u64, offset: u64) -> LogRow {
    LogRow {
        key: key.to_owned(),
        path: format!("/state/{key}/run.log"),
        cursor: Cursor { generation, offset, size: offset, mtime_ns: 1_780_000_000_000_000_000, ..Cursor::default() },
        ..LogRow::default()
    }
}

/// A state and its event rows, reduced from text at once.
pub(super) fn reduce(text: &str) -> (RunState, Vec<EventRow>) {
    let mut reducer = Reducer::new(Reading::default());
    let mut rows = Vec::new();
    reducer.push(text.as_bytes(), &mut |event| rows.push(EventRow::of(event)));
    (reducer.state().clone(), rows)
}

/// A whole log as one batch.
pub(super) fn whole(key: &str, generation: u64, text: &str) -> Batch {
    let (mut state, events) = reduce(text);
    let changes = state.take_changes();
    Batch {
        log: log(key, generation, text.len() as u64),
        replace: generation > 1,
        state: Arc::new(state),
        changes,
        events: Some(events),
        provisional: None,
    }
}

/// Writes and waits for the commit.
pub(super) fn write(store: &Store, write: Write) {
    store.writer.send(write).unwrap();
    store.writer.flush().unwrap();
}

pub(super) fn write_whole(store: &Store, key: &str, generation: u64, text: &str) {
    write(store, Write::Batch(Box::new(whole(key, generation, text))));
}

/// The dump of a fresh cache that is given each log at once.
pub(super) fn dump_of(logs: &[(&str, &str)]) -> String {
    let place = Place::new();
    let store = place.open();
    for (key, text) in logs {
        write_whole(&store, key, 1, text);
    }
    store.reader.dump().unwrap().unwrap()
}

/// One value of the database, asked for over a connection of its own.
pub(super) fn ask<T: rusqlite::types::FromSql>(cache: &Path, sql: &str) -> T {
    rusqlite::Connection::open(cache).unwrap().query_row(sql, [], |row| row.get(0)).unwrap()
}
