//! What changes while the program runs and is not in the cache: the feed of changed runs, and how the source is watched.

use std::sync::{Arc, RwLock};

use tokio::sync::broadcast;

use crate::reducer::time::Micros;

/// A run whose rows changed, or are just being changed: a reader of this process that asks now waits for that.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// The run's key.
    pub key: String,
    /// Its version after the change.
    pub version: u64,
}

/// How the source is watched (spec 5.1).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum WatchMode {
    /// Nothing was read yet.
    #[default]
    Starting,
    /// Notifications and the periodic scan.
    EventsAndScan,
    /// The scan alone, with the reason.
    ScanOnly(String),
}

/// What the page says about its source: what is watched, how far it is read, and what is wrong.
#[derive(Clone, Debug, Default, PartialEq)]
#[allow(missing_docs)]
pub struct SourceStatus {
    pub mode: WatchMode,
    /// One per state directory, as given, with what is wrong with it (missing, unreadable) if anything is.
    pub roots: Vec<(String, Option<String>)>,
    /// The pattern of log names.
    pub pattern: String,
    pub last_full_scan: Option<Micros>,
    pub scans: u64,
    /// How long the last full scan took, in milliseconds.
    pub scan_ms: Option<u64>,
    /// Rescans because the watcher lost events.
    pub overflows: u64,
    /// How many logs are known: during the first scan, how many were found so far.
    pub logs: u64,
    /// Bytes of known logs that are not reduced yet.
    pub backlog_bytes: u64,
    /// Bytes read per second during a first read; 0 otherwise.
    pub rate_bytes_per_s: u64,
    /// What is wrong with the cache (in memory, moved aside, read-only), if anything is.
    pub cache_problem: Option<String>,
    /// Why the kernel does not keep this process from writing elsewhere than beside the cache; `None` when it does.
    pub unconfined: Option<String>,
    /// Whether the first scan has ended.
    pub settled: bool,
    /// Whether what the first scan found was read and is in the cache, so that "no runs" is a fact and
    /// what is shown is no part for the whole.
    pub complete: bool,
}

/// The feed and the status, shared by everybody who shows them. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Live {
    changes: broadcast::Sender<Change>,
    status: Arc<RwLock<SourceStatus>>,
}

impl Default for Live {
    fn default() -> Self {
        Self { changes: broadcast::channel(1024).0, status: Arc::default() }
    }
}

impl Live {
    /// Tells everybody who listens. A listener that is too slow gets a lag error and must read everything again.
    pub fn announce(&self, change: Change) {
        // No listener is no error.
        let _ = self.changes.send(change);
    }

    /// Changes from now on.
    #[must_use]
    pub fn subscribe(&self) -> broadcast::Receiver<Change> {
        self.changes.subscribe()
    }

    /// A copy of the present status.
    #[must_use]
    pub fn status(&self) -> SourceStatus {
        self.status.read().unwrap_or_else(std::sync::PoisonError::into_inner).clone()
    }

    /// Changes the status.
    pub fn update(&self, change: impl FnOnce(&mut SourceStatus)) {
        change(&mut self.status.write().unwrap_or_else(std::sync::PoisonError::into_inner));
    }
}
