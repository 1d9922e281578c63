//! What the writer does when its file cannot be used any more: into memory and back, or made anew (spec 5.2, 5.4.4).

use std::os::unix::fs::MetadataExt;
use std::path::Path;

use rusqlite::{Connection, ErrorCode};

use super::Desk;
use crate::store::StoreError;
use crate::store::apply::Ledger;
use crate::store::columns::int;
use crate::store::event_rows::Interner;
use crate::store::open::{self, Target};
use crate::store::queue::Queue;
use crate::store::refuge::{self, Refuge};

/// A file is made anew so many times; a disk that damages it again and again is left alone then.
const RENEWALS: u32 = 3;

impl Desk {
    /// Goes on in memory while the file cannot be written; says whether that could be done.
    pub(super) fn go_to_memory(&mut self, why: &str) -> bool {
        let (Some(path), None) = (&self.path, &self.refuge) else { return false };
        match refuge::copy(&self.connection, path) {
            Ok((memory, name)) => {
                self.refuge = Some(Refuge::new(std::mem::replace(&mut self.connection, memory)));
                self.aim.set(Target::Memory(name));
                self.unsaved = false;
                tracing::warn!(why, "the cache goes on in memory");
                self.problem = Some(format!(
                    "the cache file cannot be written ({why}): what is read is only held in memory, and written as soon \
                     as it can be; make room on its disk"
                ));
                self.say(None);
                true
            }
            Err(why_not) => {
                tracing::warn!(why, why_not, "the cache cannot go on in memory");
                false
            }
        }
    }

    /// Goes back to the file when it can be written again, and leaves one that is not ours any more.
    pub(super) fn mind_the_file(&mut self) {
        let Some(path) = self.path.clone() else { return };
        let is_ours = identity(&path) == self.file;
        match self.refuge.take() {
            None if is_ours => {}
            None => {
                if self.go_to_memory("it was taken away or replaced") {
                    // There is no way back: whatever is at that place now, it is not this cache.
                    self.path = None;
                    self.problem = Some(String::from(
                        "the cache file was taken away or replaced while it was in use: the cache is only held in memory, \
                         and everything is read again at the next start",
                    ));
                } else {
                    self.file = identity(&path);
                    self.problem = Some(String::from(
                        "the cache file was taken away or replaced while it was in use; start again",
                    ));
                }
                if let Some(lock) = &mut self.lock {
                    lock.distrust();
                }
                self.say(None);
            }
            Some(mut refuge) if is_ours => {
                if !refuge.is_due() || !refuge.write_back() {
                    self.refuge = Some(refuge);
                    return;
                }
                self.connection = refuge.leave();
                self.aim.set(Target::File(path));
                self.unsaved = true;
                self.problem = None;
                self.say(None);
                tracing::info!("the cache can be written again");
            }
            refuge => self.refuge = refuge,
        }
    }

    /// What is in the cache is not what was written: it is moved aside, and everything is read again.
    pub(super) fn make_anew(&mut self, queue: &Queue, why: &str) {
        tracing::error!(why, "the cache is damaged and is made anew");
        if let Ok(nowhere) = Connection::open_in_memory() {
            // Closed before its file is moved, or it would tidy up after the new one.
            drop(std::mem::replace(&mut self.connection, nowhere));
        }
        self.refuge = None;
        (self.making, self.unsettled) = (false, false);
        self.renewals += 1;
        self.live.update(|status| status.complete = false);
        let made = match &self.path {
            Some(path) if self.renewals <= RENEWALS => open::make_anew(path, self.version, why),
            Some(_) | None => open::memory()
                .map_err(StoreError::from)
                .map(|(connection, name)| (connection, Target::Memory(name), open::lost(why))),
        };
        let version = self.ledger.version;
        let made = made.and_then(|(connection, target, problem)| {
            // Versions never go back, or nobody would see what is new.
            connection.execute("UPDATE version_floor SET version = ?", [int(version)])?;
            let ledger = Ledger::read(&connection)?;
            Ok((connection, target, problem, ledger))
        });
        match made {
            Ok((connection, target, problem, ledger)) => {
                self.connection = connection;
                if matches!(target, Target::Memory(_)) {
                    self.path = None;
                }
                self.file = self.path.as_deref().and_then(identity);
                self.aim.set(target);
                self.ledger = ledger;
                self.problem = Some(problem);
            }
            Err(error) => self.problem = Some(format!("the cache is damaged and cannot be made again: {error}")),
        }
        // Without the note of a proper end the next start looks closely.
        if let Some(lock) = &mut self.lock {
            lock.distrust();
            // A note that stays as it was costs the next start a look.
            let _ = lock.note_whole();
        }
        self.interner = Interner::default();
        self.broken.clear();
        self.unsaved = false;
        self.shared.set(&self.ledger);
        self.say(None);
        queue.renewed();
    }
}

/// Whether the same write may succeed later.
pub(super) fn is_passing(error: &rusqlite::Error) -> bool {
    matches!(
        error.sqlite_error_code(),
        Some(
            ErrorCode::DatabaseBusy
                | ErrorCode::DatabaseLocked
                | ErrorCode::OutOfMemory
                | ErrorCode::ReadOnly
                | ErrorCode::SystemIoFailure
                | ErrorCode::DiskFull
                | ErrorCode::CannotOpen
                | ErrorCode::FileLockingProtocolFailed
                | ErrorCode::OperationInterrupted
        )
    )
}

/// Whether the file cannot be written, but may well be read.
pub(super) fn is_unwritable(error: &rusqlite::Error) -> bool {
    matches!(
        error.sqlite_error_code(),
        Some(ErrorCode::DiskFull | ErrorCode::SystemIoFailure | ErrorCode::ReadOnly | ErrorCode::CannotOpen)
    )
}

/// Device and inode of a file that is there.
pub(super) fn identity(path: &Path) -> Option<(u64, u64)> {
    std::fs::metadata(path).ok().map(|meta| (meta.dev(), meta.ino()))
}
