//! The cache: the only room that knows SQL. One writer thread owns the only write connection, readers are read-only.
//!
//! Everything here is derived from logs: another schema version is wiped, another application's file is refused
//! untouched, and deleting the file loses nothing (spec 4.3, 5.2). It must never know how a log is read or a page looks.

pub mod live;
pub mod reader;
pub mod row;
pub mod writer;

pub use live::{Change, Live, SourceStatus, WatchMode};
pub use reader::Reader;
pub use row::{Batch, Cursor, EventBatch, LogRow, Problem, Provisional, RunRecord};
pub use writer::Writer;

use std::path::PathBuf;

/// What can go wrong with the cache.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Another process writes this cache (exit 3).
    #[error("the cache {path} is in use by process {pid}; stop it, or choose another file with --cache")]
    InUse {
        /// The cache file.
        path: PathBuf,
        /// The process that holds it.
        pid: u32,
    },
    /// The file belongs to another application; it was left as it is.
    #[error("{path} is not a wheelwatch cache and was left untouched; choose another file with --cache")]
    Foreign {
        /// The file.
        path: PathBuf,
    },
    /// The cache would lie below a state directory (exit 2).
    #[error(
        "the cache {path} lies below the state directory {root}, which is never written to; choose another file with --cache"
    )]
    BelowStateDir {
        /// The cache file.
        path: PathBuf,
        /// The state directory.
        root: PathBuf,
    },
    /// The SQLite library is older than 3.51.3 (spec 4.3).
    #[error("SQLite {found} is too old: 3.51.3 or newer is needed")]
    OldSqlite {
        /// The version found.
        found: String,
    },
    /// SQLite said no.
    #[error("the cache could not be read or written: {0}")]
    Sql(#[from] rusqlite::Error),
    /// The file system said no.
    #[error("the cache {path} could not be opened: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The writer thread has stopped.
    #[error("the cache writer has stopped")]
    Stopped,
}

/// An open cache: its writer and a way to make readers.
#[derive(Debug)]
pub struct Store {
    /// The one writer.
    pub writer: Writer,
    /// Read-only access, cheap to clone.
    pub reader: Reader,
    /// Changes and the state of the source, for everybody who shows them.
    pub live: Live,
    /// Where the cache is; `None` when it is held in memory because no file could be used.
    pub path: Option<PathBuf>,
}

/// Opens or makes the cache, locks it for writing and starts the writer thread.
///
/// `roots` are the state directories, which the cache must not lie below, also not through a link or `..`.
///
/// # Errors
/// [`StoreError::InUse`], [`StoreError::Foreign`], [`StoreError::BelowStateDir`], [`StoreError::OldSqlite`]; a corrupt
/// cache is moved aside (one copy kept) and made again, and a directory that cannot be written leads to a cache in
/// memory, both said in [`SourceStatus`].
pub fn open(_path: &std::path::Path, _roots: &[PathBuf]) -> Result<Store, StoreError> {
    todo!()
}

/// Opens the cache for reading only, beside a writer of another process or without one.
///
/// # Errors
/// As [`open`], and [`StoreError::Io`] when there is no such file.
pub fn open_reader(_path: &std::path::Path) -> Result<Reader, StoreError> {
    todo!()
}
