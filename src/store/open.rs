//! Opens the cache file: makes it, checks it, moves it aside when it is damaged, and falls back to memory.

use std::fs::{DirBuilder, OpenOptions, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, ErrorCode, OpenFlags};

use super::StoreError;
use super::apply::Ledger;
use super::lock::{self, Lock, Note};
use super::place::{self, APPLICATION_ID, Owner, beside};

const SCHEMA: &str = include_str!("schema.sql");

/// To be raised with every change of what the blobs hold or what the reduction means; a change of the tables or of the
/// crate's version is noticed without it.
const FORMAT: u32 = 12;

/// Earlier SQLite libraries can lose committed data of a write-ahead log (spec 4.3).
const OLDEST_SQLITE: i32 = 3_051_003;

/// What the write-ahead log is cut to when it begins anew; the writer's checkpoints see to it that it does.
const CUT_WAL: u64 = 4 * 1024 * 1024;

/// How long a statement waits for another connection's lock. The writer tries again by itself.
const READER_WAITS: Duration = Duration::from_secs(5);
const WRITER_WAITS: Duration = Duration::from_secs(1);

/// Where connections of this cache go to.
#[derive(Clone, Debug)]
pub(super) enum Target {
    File(PathBuf),
    /// A name that all connections of this process share; gone with the last of them.
    Memory(String),
}

/// A cache that is open for writing.
#[derive(Debug)]
pub(super) struct Opened {
    pub(super) connection: Connection,
    pub(super) target: Target,
    /// Held as long as the cache is written; none in memory.
    pub(super) lock: Option<Lock>,
    /// Its `user_version`.
    pub(super) version: i32,
    /// What the tables hold.
    pub(super) ledger: Ledger,
    /// What a person should know about the cache.
    pub(super) problem: Option<String>,
    /// It is new and is written without a write-ahead log until it is whole.
    pub(super) making: bool,
    /// What is in it may not be on the disk: its version is [`since_start`].
    pub(super) unsettled: bool,
}

/// Why a file cannot be used as it is.
enum Fault {
    /// Another version of ours wrote it.
    Outdated,
    /// It is not what we wrote.
    Damaged(String),
    Store(StoreError),
}

impl From<rusqlite::Error> for Fault {
    fn from(error: rusqlite::Error) -> Self {
        if is_damage(&error) { Fault::Damaged(error.to_string()) } else { Fault::Store(error.into()) }
    }
}

/// Whether what is in the file is not what was written to it.
pub(super) fn is_damage(error: &rusqlite::Error) -> bool {
    matches!(error.sqlite_error_code(), Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase))
}

/// The `user_version` of caches that this program can go on with. `made_for` says what is read and how: what was read in
/// another way is of no use.
pub(super) fn user_version(made_for: &str) -> i32 {
    hashed(FORMAT, SCHEMA.bytes().chain(env!("CARGO_PKG_VERSION").bytes()).chain(made_for.bytes()))
}

/// The `user_version` of such a cache that was made without waiting for the disk. It changes with every start of the
/// machine: until then what is not on the disk is in the kernel's memory, and afterwards nobody takes the file for whole.
/// `None` where the kernel does not tell its starts apart; then the disk is waited for.
pub(super) fn since_start(version: i32) -> Option<i32> {
    let start = std::fs::read("/proc/sys/kernel/random/boot_id").ok().filter(|start| !start.is_empty())?;
    Some(hashed(version.unsigned_abs(), start.into_iter()))
}

/// A hash (FNV-1a) that is a version and not 0.
fn hashed(seed: u32, bytes: impl Iterator<Item = u8>) -> i32 {
    let hash = bytes.fold(0x811c_9dc5 ^ seed, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193));
    i32::from_be_bytes((hash & 0x7fff_ffff | 1).to_be_bytes())
}

/// Whether this program can go on with a cache of a `user_version`.
pub(super) fn is_usable(found: i32, wanted: i32) -> bool {
    found == wanted || since_start(wanted) == Some(found)
}

pub(super) fn check_sqlite() -> Result<(), StoreError> {
    if rusqlite::version_number() < OLDEST_SQLITE {
        return Err(StoreError::OldSqlite { found: rusqlite::version().to_owned() });
    }
    Ok(())
}

/// Opens a resolved path for writing, or memory when the file system does not let us (spec T86).
///
/// `alone` says that nobody asks it before it is whole.
pub(super) fn open(path: &Path, version: i32, alone: bool) -> Result<Opened, StoreError> {
    match open_file(path, version, alone) {
        Ok(opened) => Ok(opened),
        Err(error @ (StoreError::Io { .. } | StoreError::Sql(_))) => open_memory(format!(
            "the cache is only held in memory, and everything is read again at the next start: {error}"
        )),
        Err(error) => Err(error),
    }
}

/// Makes the directory of a cache, unless another application's file stands there. Says whether there is a lock file of
/// ours.
pub(super) fn prepare(path: &Path) -> Result<bool, StoreError> {
    let io = |source| StoreError::Io { path: path.to_owned(), source };
    let marked = lock::note(path) != Note::None;
    // Before anything is made beside another application's file.
    if place::owner(path, marked).map_err(io)? == Owner::Foreign {
        return Err(StoreError::Foreign { path: path.to_owned() });
    }
    make_directory(path).map_err(io)?;
    Ok(marked)
}

fn open_file(path: &Path, wanted: i32, alone: bool) -> Result<Opened, StoreError> {
    let io = |source| StoreError::Io { path: path.to_owned(), source };
    let marked = prepare(path)?;
    let (mut lock, note) = Lock::take(path)?;
    let untouched = note.is_untouched(path);
    let mut fault = match place::owner(path, marked).map_err(io)? {
        Owner::Foreign => return Err(StoreError::Foreign { path: path.to_owned() }),
        // It may look damaged, and nothing was lost.
        Owner::Damaged | Owner::Ours(_) if matches!(note, Note::Making(_)) => Some(Fault::Outdated),
        Owner::Damaged => Some(Fault::Damaged(String::from("its first bytes were overwritten"))),
        Owner::Ours(version) if !is_usable(version, wanted) => Some(Fault::Outdated),
        Owner::Ours(_) if matches!(note, Note::Closed(..)) && !untouched => {
            Some(Fault::Damaged(String::from("another program changed it after it was closed")))
        }
        Owner::Ours(_) | Owner::Nobody => None,
    };
    let mut problem = None;
    for _ in 0..3 {
        match fault.take() {
            Some(Fault::Store(error)) => return Err(error),
            Some(Fault::Outdated) => remove(path).map_err(io)?,
            Some(Fault::Damaged(why)) => {
                let aside = move_aside(path).map_err(io)?;
                problem = Some(rebuilt(&why, &aside));
            }
            None => {}
        }
        let version = if alone { since_start(wanted) } else { None }.unwrap_or(wanted);
        match connect(path, untouched, wanted, version) {
            Ok((connection, ledger, is_new)) => {
                let making = alone && is_new;
                let unsettled = version_of(&connection)? != wanted;
                if making {
                    lock.note_making().map_err(io)?;
                    without_log(&connection)?;
                } else {
                    with_log(&connection)?;
                    lock.note_whole().map_err(io)?;
                }
                let target = Target::File(path.to_owned());
                return Ok(Opened {
                    connection,
                    target,
                    lock: Some(lock),
                    version: wanted,
                    ledger,
                    problem,
                    making,
                    unsettled,
                });
            }
            Err(next) => fault = Some(next),
        }
    }
    Err(io(io::Error::other("it stays damaged however often it is made again")))
}

fn open_memory(problem: String) -> Result<Opened, StoreError> {
    let (connection, name) = memory()?;
    let ledger = Ledger::read(&connection)?;
    let target = Target::Memory(name);
    let problem = Some(problem);
    Ok(Opened { connection, target, lock: None, version: 0, ledger, problem, making: false, unsettled: false })
}

/// Moves a damaged file that is in use out of the way and makes a new one; memory when that cannot be.
pub(super) fn make_anew(path: &Path, version: i32, why: &str) -> Result<(Connection, Target, String), StoreError> {
    let made = move_aside(path).map_err(|source| Fault::Store(StoreError::Io { path: path.to_owned(), source }));
    let made = made.and_then(|aside| {
        let (connection, ..) = connect(path, false, version, version)?;
        with_log(&connection)?;
        Ok((connection, aside))
    });
    if let Ok((connection, aside)) = made {
        return Ok((connection, Target::File(path.to_owned()), rebuilt(why, &aside)));
    }
    let (connection, name) = memory()?;
    Ok((connection, Target::Memory(name), lost(why)))
}

/// What is said of a damaged cache that is not made again in its file.
pub(super) fn lost(why: &str) -> String {
    format!(
        "the cache was damaged ({why}) and is not made again in its file: it is only held in memory, and everything is \
         read again at the next start"
    )
}

fn rebuilt(why: &str, aside: &Path) -> String {
    format!(
        "the cache was damaged ({why}) and is made again from the logs; the damaged file is kept as {}",
        aside.display()
    )
}

/// An empty cache in memory, and the name by which other connections of this process reach it.
pub(super) fn memory() -> Result<(Connection, String), rusqlite::Error> {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let name = format!("file:/wheelwatch-{}?vfs=memdb", COUNT.fetch_add(1, Ordering::Relaxed));
    let connection = Connection::open_with_flags(
        &name,
        OpenFlags::SQLITE_OPEN_READ_WRITE
            | OpenFlags::SQLITE_OPEN_CREATE
            | OpenFlags::SQLITE_OPEN_URI
            | OpenFlags::SQLITE_OPEN_NO_MUTEX,
    )?;
    configure(&connection)?;
    // Nobody opens it again.
    create(&connection, 0)?;
    remember_pages(&connection)?;
    Ok((connection, name))
}

/// Opens a connection that can only read.
pub(super) fn connect_reader(target: &Target) -> Result<Connection, rusqlite::Error> {
    let read = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = match target {
        Target::File(path) => Connection::open_with_flags(path, read)?,
        Target::Memory(name) => Connection::open_with_flags(name, read | OpenFlags::SQLITE_OPEN_URI)?,
    };
    connection.busy_timeout(READER_WAITS)?;
    keep_statements(&connection)?;
    connection.execute_batch(
        "PRAGMA query_only = ON; PRAGMA trusted_schema = OFF; PRAGMA cache_size = -1000;
         PRAGMA temp_store = MEMORY;",
    )?;
    Ok(connection)
}

/// Opens the file for writing; makes it, with a version, when it is missing or empty, else checks it. Says whether it made
/// it.
fn connect(path: &Path, untouched: bool, wanted: i32, version: i32) -> Result<(Connection, Ledger, bool), Fault> {
    let io = |source| Fault::Store(StoreError::Io { path: path.to_owned(), source });
    protect(path).map_err(io)?;
    // Names of caches in memory are URIs; one is attached when the file cannot be written.
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX | OpenFlags::SQLITE_OPEN_URI;
    let connection = Connection::open_with_flags(path, flags)?;
    configure(&connection)?;
    let tables: i64 = connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    if tables == 0 {
        // Nothing in it is worth waiting for the disk; what a power failure leaves of it is noticed at the next start.
        connection.pragma_update(None, "synchronous", "OFF")?;
        create(&connection, version)?;
    } else {
        check(&connection, untouched, wanted)?;
    }
    let ledger = Ledger::read(&connection)?;
    // That looked at every log once.
    forget_pages(&connection)?;
    remember_pages(&connection)?;
    Ok((connection, ledger, tables == 0))
}

/// From now on a commit can be read at once, and survives the process.
pub(super) fn with_log(connection: &Connection) -> Result<(), rusqlite::Error> {
    connection.query_row("PRAGMA journal_mode = WAL", [], |_| Ok(()))?;
    connection.pragma_update(None, "synchronous", "NORMAL")
}

/// From now on every byte is written once, and the file is of no use to others and after this process.
fn without_log(connection: &Connection) -> Result<(), rusqlite::Error> {
    connection.query_row("PRAGMA journal_mode = MEMORY", [], |_| Ok(()))?;
    connection.pragma_update(None, "synchronous", "OFF")
}

/// What was made that way has its log, and is on the disk unless it is `unsettled`.
pub(super) fn complete(connection: &Connection, unsettled: bool) -> Result<(), rusqlite::Error> {
    if !unsettled {
        // So that the change of the mode waits for the disk.
        connection.pragma_update(None, "synchronous", "NORMAL")?;
    }
    with_log(connection)
}

/// Waits until everything is on the disk, and says so in the file. No when somebody reads at the moment.
///
/// SQLite alone can do that: to close the file elsewhere drops the locks that this process has on it.
pub(super) fn settle(connection: &Connection, version: i32) -> Result<bool, rusqlite::Error> {
    // Each copies a page back, which ends with waiting for the whole file; the second must not come before the first.
    for version in [version_of(connection)?, version] {
        connection.pragma_update(None, "user_version", version)?;
        let (busy, pages, copied): (bool, i64, i64) =
            connection.query_row("PRAGMA wal_checkpoint(FULL)", [], |row| row.try_into())?;
        if busy || pages != copied {
            return Ok(false);
        }
    }
    Ok(true)
}

fn version_of(connection: &Connection) -> Result<i32, rusqlite::Error> {
    connection.query_row("PRAGMA user_version", [], |row| row.get(0))
}

/// Gives a writer's connection room for the pages that it works on, in KiB.
fn remember_pages(connection: &Connection) -> Result<(), rusqlite::Error> {
    connection.pragma_update(None, "cache_size", -4_000)
}

/// Gives back the memory of pages that are not needed at the moment.
pub(super) fn forget_pages(connection: &Connection) -> Result<(), rusqlite::Error> {
    connection.execute_batch("PRAGMA shrink_memory")
}

/// Statements are compiled once. Without the stability guarantee SQLite compiles many of them again for every value that
/// is bound, to look whether another plan were better (<https://sqlite.org/c3ref/c_dbconfig_defensive.html>).
fn keep_statements(connection: &Connection) -> Result<(), rusqlite::Error> {
    connection.set_prepared_statement_cache_capacity(64);
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    Ok(())
}

fn configure(connection: &Connection) -> Result<(), rusqlite::Error> {
    connection.busy_timeout(WRITER_WAITS)?;
    keep_statements(connection)?;
    connection.execute_batch(&format!(
        "PRAGMA page_size = 8192; PRAGMA synchronous = NORMAL; PRAGMA trusted_schema = OFF;
         PRAGMA wal_autocheckpoint = 0; PRAGMA journal_size_limit = {CUT_WAL}; PRAGMA temp_store = MEMORY;"
    ))
}

/// Tables and both marks in one transaction, before the write-ahead log: the file is either empty or whole.
fn create(connection: &Connection, version: i32) -> Result<(), rusqlite::Error> {
    connection.execute_batch(&format!(
        "BEGIN IMMEDIATE; PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = {version}; {SCHEMA} COMMIT;",
    ))
}

/// Whether an existing file is what we wrote. One that was closed properly and not changed since needs no long look.
fn check(connection: &Connection, untouched: bool, wanted: i32) -> Result<(), Fault> {
    if !is_usable(version_of(connection)?, wanted) {
        return Err(Fault::Outdated);
    }
    for table in [
        "log",
        "run",
        "span",
        "digest",
        "lesson",
        "marker",
        "artifact",
        "event",
        "snapshot",
        "preimage",
        "kind",
        "trash",
        "version_floor",
    ] {
        // A table that is missing is an ordinary error to SQLite.
        connection
            .execute_batch(&format!("SELECT * FROM {table} LIMIT 1"))
            .map_err(|error| Fault::Damaged(error.to_string()))?;
    }
    if untouched {
        return Ok(());
    }
    let found: String = connection.query_row("PRAGMA quick_check(1)", [], |row| row.get(0))?;
    if found != "ok" {
        return Err(Fault::Damaged(found));
    }
    Ok(())
}

/// Makes the directory of the cache, for its owner alone. One that was there is closed to others only when it holds
/// nothing but this cache.
fn make_directory(path: &Path) -> io::Result<()> {
    let Some(directory) = path.parent() else { return Ok(()) };
    DirBuilder::new().recursive(true).mode(0o700).create(directory)?;
    let mode = std::fs::metadata(directory)?.permissions().mode();
    // A sticky directory such as /tmp is everybody's on purpose.
    if mode & 0o077 == 0 || mode & 0o7000 != 0 {
        return Ok(());
    }
    let name = path.file_name().unwrap_or_default().as_encoded_bytes();
    for entry in std::fs::read_dir(directory)? {
        if !entry?.file_name().as_encoded_bytes().starts_with(name) {
            return Ok(());
        }
    }
    std::fs::set_permissions(directory, Permissions::from_mode(0o700))
}

/// Makes the file when it is missing, and closes it and what is beside it to others. SQLite gives its further files the
/// mode of the first.
fn protect(path: &Path) -> io::Result<()> {
    OpenOptions::new().append(true).create(true).mode(0o600).open(path)?;
    for suffix in ["", "-wal", "-shm"] {
        let file = beside(path, suffix);
        match std::fs::symlink_metadata(&file) {
            Ok(meta) if meta.is_file() && meta.permissions().mode() & 0o777 != 0o600 => {
                std::fs::set_permissions(&file, Permissions::from_mode(0o600))?;
            }
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

fn remove(path: &Path) -> io::Result<()> {
    // The database last, so that no other one is ever found with its log.
    for suffix in ["-wal", "-shm", "-journal", ""] {
        match std::fs::remove_file(beside(path, suffix)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    Ok(())
}

/// Keeps one copy of a damaged cache; an older copy goes.
fn move_aside(path: &Path) -> io::Result<PathBuf> {
    let aside = beside(path, ".corrupt");
    std::fs::rename(path, &aside)?;
    remove(path)?;
    Ok(aside)
}
