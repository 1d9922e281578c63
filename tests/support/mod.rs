//! What the tests of the whole program share: the binary under test, a small HTTP client, waiting for a condition.

// Each test program uses its own part of this.
#![allow(dead_code, unreachable_pub)]

pub mod binary;
pub mod http;
pub mod model;

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// How long a condition may take to come true on a busy machine. Nobody waits that long when all is well.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// Waits until `look` gives something, and panics with `what` when that takes too long.
pub fn wait_for<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let began = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(began.elapsed() < PATIENCE, "waited {PATIENCE:?} in vain for {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// Appends to the log of a run, and makes its directory when it is not there.
pub fn append(state: &Path, run: &str, text: &str) -> PathBuf {
    let directory = state.join(run);
    fs::create_dir_all(&directory).expect("a run directory");
    let path = directory.join("run.log");
    let mut log = OpenOptions::new().create(true).append(true).open(&path).expect("a log");
    log.write_all(text.as_bytes()).expect("a write");
    path
}

/// Logs of real harnesses: beside the repository, or where `WHEELWATCH_REAL_LOGS` says. `None` with a word where there
/// are none; in CI they must be there.
pub fn real_logs() -> Option<PathBuf> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/real-logs");
    let logs = std::env::var_os("WHEELWATCH_REAL_LOGS").map_or(beside, PathBuf::from);
    if logs.is_dir() {
        return Some(logs);
    }
    assert!(std::env::var_os("CI").is_none(), "{} is missing, and CI must have it", logs.display());
    eprintln!("SKIPPED: {} is not there", logs.display());
    None
}
