//! The cache: the only room that knows SQL. One at a time has the only write connection, readers are read-only.
//!
//! Everything here is derived from logs: another schema version is wiped, another application's file is refused
//! untouched, and deleting the file loses nothing (spec 4.3, 5.2). It must never know how a log is read or a page looks.

mod apply;
mod columns;
mod derived;
mod digest_rows;
mod event_rows;
mod history;
mod inserts;
mod lesson_rows;
pub mod live;
mod lock;
mod log_row;
mod open;
mod place;
mod queue;
pub mod reader;
mod refuge;
pub mod row;
mod run_row;
mod snapshot;
mod span_rows;
mod tally;
mod under_way;
pub mod writer;

pub use history::{Glimpse, Part, Snapshot};
pub use live::{Change, Live, SourceStatus, WatchMode};
pub use reader::Reader;
pub use row::{Batch, Cursor, LogRow, Problem, Provisional, Resolved, RunRecord};
pub use tally::{Outcome, Tallied};
pub use writer::Writer;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use self::lock::Note;
use self::open::Target;
use self::place::Owner;
use self::reader::Aim;

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
    /// Another process makes this cache, and it cannot be asked before that is done (exit 3).
    #[error("process {pid} is making the cache {path}; ask again when it has read everything")]
    Making {
        /// The cache file.
        path: PathBuf,
        /// The process that makes it.
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
    /// The cache was damaged and made anew: everything that was sent stands on what is lost.
    #[error("the cache was made anew")]
    Anew,
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

/// Makes the directory of a cache and gives it, for whoever must say beforehand where this process will write. `None` when it
/// cannot be made: [`open()`] then says what becomes of the cache.
///
/// # Errors
/// What [`open()`] refuses before anything is made.
pub fn directory(path: &Path, roots: &[PathBuf]) -> Result<Option<PathBuf>, StoreError> {
    let place = settle(path, roots)?;
    match open::prepare(&place) {
        Ok(_) => Ok(place.parent().map(Path::to_owned)),
        Err(StoreError::Io { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Where a cache is to be, when it may be there.
fn settle(path: &Path, roots: &[PathBuf]) -> Result<PathBuf, StoreError> {
    let place = place::resolve(path).map_err(|source| StoreError::Io { path: path.to_owned(), source })?;
    place::check_outside(&place, roots)?;
    Ok(place)
}

/// Opens or makes the cache, locks it for writing and starts the writer thread.
///
/// `made_for` says what is read and how, whatever its form: a cache that was made for something else is made again.
/// `roots` are the state directories, which the cache must not lie below, also not through a link or `..`.
///
/// # Errors
/// [`StoreError::InUse`], [`StoreError::Foreign`], [`StoreError::BelowStateDir`], [`StoreError::OldSqlite`]; a corrupt
/// cache is moved aside (one copy kept) and made again, and a directory that cannot be written leads to a cache in
/// memory, both said in [`SourceStatus`].
pub fn open(path: &Path, roots: &[PathBuf], made_for: &str) -> Result<Store, StoreError> {
    open_for(path, roots, made_for, false)
}

/// The same for one who asks nothing before [`writer::Write::Complete`] is committed. What is new is made whole or not at
/// all then: a file that was left half made is made anew by whoever opens it next. That writes every byte once instead
/// of twice.
///
/// # Errors
/// As [`open()`].
pub fn open_alone(path: &Path, roots: &[PathBuf], made_for: &str) -> Result<Store, StoreError> {
    open_for(path, roots, made_for, true)
}

fn open_for(path: &Path, roots: &[PathBuf], made_for: &str, alone: bool) -> Result<Store, StoreError> {
    open::check_sqlite()?;
    let place = settle(path, roots)?;
    let opened = open::open(&place, open::user_version(made_for), alone)?;
    let target = opened.target.clone();
    let path = match &target {
        Target::File(path) => Some(path.clone()),
        Target::Memory(_) => None,
    };
    let (aim, shared, live) = (Arc::new(Aim::new(target)), Arc::default(), Live::default());
    let writer = Writer::start(opened, Arc::clone(&aim), Arc::clone(&shared), live.clone())?;
    Ok(Store { writer, reader: Reader::new(aim, Some(shared)), live, path })
}

/// Opens the cache for reading only, beside a writer of another process or without one.
///
/// # Errors
/// As [`open()`], [`StoreError::Making`], and [`StoreError::Io`] when there is no such file, or when another version of
/// wheelwatch wrote it or one with other options.
pub fn open_reader(path: &Path, made_for: &str) -> Result<Reader, StoreError> {
    open::check_sqlite()?;
    let io = |source| StoreError::Io { path: path.to_owned(), source };
    let place = place::resolve(path).map_err(io)?;
    if let Note::Making(pid) = lock::note(&place) {
        return Err(StoreError::Making { path: path.to_owned(), pid });
    }
    match place::owner(&place, false).map_err(io)? {
        Owner::Ours(version) if open::is_usable(version, open::user_version(made_for)) => {}
        Owner::Ours(_) => {
            return Err(io(std::io::Error::other(
                "another version of wheelwatch wrote it, or one with other options or state directories",
            )));
        }
        Owner::Damaged => return Err(io(std::io::Error::other("it is damaged"))),
        Owner::Nobody => return Err(io(std::io::ErrorKind::NotFound.into())),
        Owner::Foreign => return Err(StoreError::Foreign { path: path.to_owned() }),
    }
    Ok(Reader::new(Arc::new(Aim::new(Target::File(place))), None))
}

#[cfg(test)]
mod tests;
