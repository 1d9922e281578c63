//! `GET /api/health`: how this process is doing. Answers while the process lives, whatever the cache does.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Extension, State};
use axum::response::Response;
use serde_json::{Value, json};

use crate::reducer::time::Micros;
use crate::store::{LogRow, SourceStatus, WatchMode};
use crate::web::Web;
use crate::web::stream::Hub;

/// How long the cache may take for its part; what it does not answer by then is `null` (spec I5: 200 within 1 s).
const PATIENCE: Duration = Duration::from_millis(500);

/// How many of the logs that cannot be read are named.
const PROBLEMS: u32 = 20;

/// All fields of spec 4.2, and how the source and the cache are.
pub(super) async fn health(State(web): State<Web>, Extension(hub): Extension<Arc<Hub>>) -> Response {
    let asked = web.ask(|web| {
        let reader = &web.query.reader;
        Ok((reader.totals()?, reader.problems(PROBLEMS)?, reader.sqlite_version()?))
    });
    let (totals, problems, sqlite_version) = match tokio::time::timeout(PATIENCE, asked).await {
        Ok(Ok((totals, problems, version))) => (Some(totals), Some(problems), Some(version)),
        Ok(Err(error)) => {
            tracing::warn!(%error, "the cache did not answer for the health page");
            (None, None, None)
        }
        Err(_) => (None, None, None),
    };
    let status = web.live.status();
    let (mode, reason) = watch_words(&status);
    let process = Process::look();
    super::json(&json!({
        "version": env!("CARGO_PKG_VERSION"),
        "pid": std::process::id(),
        "sqlite_version": sqlite_version,
        "schema": 1,
        "watch": { "mode": mode, "reason": reason },
        "last_full_scan": status.last_full_scan.map(Micros::to_rfc3339),
        "scans": status.scans,
        "overflows": status.overflows,
        "runs": totals.as_ref().map(|totals| totals.runs),
        "open_runs": totals.as_ref().map(|totals| totals.open),
        "lines": totals.as_ref().map(|totals| totals.lines),
        "malformed": totals.as_ref().map(|totals| totals.malformed),
        "problems": totals.as_ref().map(|totals| totals.problems),
        "problem_logs": problems.map(|logs| logs.iter().map(problem_log).collect::<Vec<_>>()),
        "state_dirs": status.roots.iter().map(|(path, problem)| json!({ "path": path, "problem": problem })).collect::<Vec<_>>(),
        "backlog_bytes": status.backlog_bytes,
        "settled": status.settled,
        "complete": status.complete,
        "cache_problem": status.cache_problem,
        "unconfined": status.unconfined,
        "rss_bytes": process.rss_bytes,
        "open_fds": process.open_fds,
        "wal_bytes": process.wal_bytes,
        "sse_clients": hub.clients(),
        "sse_dropped": hub.dropped(),
    }))
}

fn problem_log(log: &LogRow) -> Value {
    json!({ "key": log.key, "path": log.path, "problem": super::run::problem(log) })
}

fn watch_words(status: &SourceStatus) -> (&'static str, Option<&str>) {
    match &status.mode {
        WatchMode::Starting => ("starting", None),
        WatchMode::EventsAndScan => ("events and scan", None),
        WatchMode::ScanOnly(reason) => ("scan only", Some(reason)),
    }
}

/// What the kernel knows of this process; `None` where there is no `/proc`.
struct Process {
    rss_bytes: Option<u64>,
    open_fds: Option<u64>,
    /// Size of the write-ahead log of the cache: the open file whose name ends with `-wal`.
    wal_bytes: Option<u64>,
}

impl Process {
    fn look() -> Self {
        let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
        let rss_bytes = status
            .lines()
            .find_map(|line| line.strip_prefix("VmRSS:")?.trim().strip_suffix("kB")?.trim().parse::<u64>().ok())
            .map(|kibibytes| kibibytes * 1024);
        let Ok(entries) = std::fs::read_dir("/proc/self/fd") else {
            return Self { rss_bytes, open_fds: None, wal_bytes: None };
        };
        let (mut open_fds, mut wal_bytes) = (0, None);
        for entry in entries.flatten() {
            open_fds += 1;
            let target = std::fs::read_link(entry.path()).unwrap_or_default();
            if wal_bytes.is_none() && is_wal(&target) {
                wal_bytes = std::fs::metadata(entry.path()).ok().map(|wal| wal.len());
            }
        }
        Self { rss_bytes, open_fds: Some(open_fds), wal_bytes }
    }
}

fn is_wal(path: &Path) -> bool {
    path.as_os_str().as_encoded_bytes().ends_with(b"-wal")
}
