//! Finds, tails and watches logs: the only code that opens one. It must never know SQL, HTTP or HTML.
//!
//! The watcher is a latency hint, the periodic scan is the truth (spec 5.1). Logs are opened beneath a handle of the
//! state root, read-only, non-blocking, no-follow; no handle is kept per run; nothing is ever mapped or written.
//!
//! | file | what it is for |
//! |---|---|
//! | `place` | a state directory held by a handle, and every look and opening beneath it |
//! | `listing` | directories as they were listed last |
//! | `key` | which names are logs, and what their runs are called |
//! | `discover` | walks a state directory |
//! | `elsewhere` | what else in it may be logs, by other names |
//! | `cursor` | whether a log is still the one that was read: the decision and the hashes |
//! | `tail` | one turn of one log, from opening it to what is to be written |
//! | `problem` | what is wrong with a log, in a sentence |
//! | `watch` | hints of the system |
//! | `pool` | the two threads that read |
//! | `engine` | decides what is done next, and writes |
//! | `access` | reads pieces of logs for pages |

pub mod access;
mod cursor;
mod discover;
pub mod elsewhere;
pub mod engine;
mod key;
mod listing;
mod place;
mod pool;
mod problem;
pub mod replay;
mod rush;
mod tail;
pub mod verify;
mod watch;

pub use access::LogAccess;
pub use engine::{Built, Ingest, build, start};
pub use key::default_depth;

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use crate::reducer::dialect::Reading;

/// One state directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Root {
    /// Goes before the keys when there are several; empty with only one.
    pub label: String,
    /// As given.
    pub path: PathBuf,
}

/// What to read and how.
#[derive(Clone, Debug)]
pub struct Source {
    /// The state directories.
    pub roots: Vec<Root>,
    /// A file name or a glob (`--log-name`).
    pub log_name: String,
    /// How many directories deep a log may lie; see [`default_depth`].
    pub depth: usize,
    /// How lines are read.
    pub reading: Reading,
    /// No watcher, only the scan (`--poll`).
    pub poll: bool,
}

impl Source {
    /// The state directories as given.
    #[must_use]
    pub fn directories(&self) -> Vec<PathBuf> {
        self.roots.iter().map(|root| root.path.clone()).collect()
    }

    /// Sixteen hexadecimal digits that are others for other state directories and for another way of reading them. How
    /// they are watched does not count.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        let mut roots: Vec<_> = self.roots.iter().map(|root| (canonical(&root.path), root.label.as_str())).collect();
        roots.sort();
        let mut hash = Sha256::new();
        for (path, label) in &roots {
            for part in [path.as_os_str().as_encoded_bytes(), label.as_bytes()] {
                hash.update(part);
                hash.update([0]);
            }
        }
        let Reading { max_line, naive_time, redact, dialects } = &self.reading;
        hash.update(format!("{}\0{}\0{max_line}\0{naive_time:?}\0{redact}", self.log_name, self.depth));
        for text in dialects.texts() {
            hash.update([0]);
            hash.update(text);
        }
        hash.finalize().iter().take(8).fold(String::new(), |mut digits, byte| {
            let _ = write!(digits, "{byte:02x}");
            digits
        })
    }
}

/// The real path; of a directory that is not there yet the absolute one.
#[must_use]
pub fn canonical(path: &Path) -> PathBuf {
    path.canonicalize().or_else(|_| std::path::absolute(path)).unwrap_or_else(|_| path.to_owned())
}

/// What can go wrong with the source as a whole; what is wrong with one log is data.
#[derive(Debug, thiserror::Error)]
pub enum IngestError {
    /// The log name is no pattern.
    #[error("--log-name {pattern:?} is not a file name or glob: {reason}")]
    Pattern {
        /// As given.
        pattern: String,
        /// Why not.
        reason: String,
    },
    /// The cache said no.
    #[error(transparent)]
    Store(#[from] crate::store::StoreError),
    /// A log could not be read for a page.
    #[error("{path} could not be read: {source}")]
    Read {
        /// The log.
        path: String,
        /// What the system said.
        source: std::io::Error,
    },
    /// The system has no more threads.
    #[error("the threads that read logs could not be started: {0}")]
    Threads(std::io::Error),
    /// No run has this key.
    #[error("there is no run {0}")]
    UnknownRun(String),
}
