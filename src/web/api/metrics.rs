//! `GET /metrics`: figures for Prometheus, in its text format.

use std::fmt::Write;
use std::sync::Arc;

use axum::extract::{Extension, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};

use crate::reducer::run::Status;
use crate::reducer::verdict::Word;
use crate::store::SourceStatus;
use crate::store::reader::{RunFilter, Totals};
use crate::web::error::ApiError;
use crate::web::stream::Hub;
use crate::web::{Web, now};

/// What the cache knows.
struct Counted {
    totals: Totals,
    statuses: Vec<(Status, u64)>,
    verdicts: Vec<(Word, u64)>,
    attention: usize,
}

/// Runs by status and verdict, attention, what was read and is behind, scans, stream clients (spec 4.2).
pub(super) async fn metrics(State(web): State<Web>, Extension(hub): Extension<Arc<Hub>>) -> Result<Response, ApiError> {
    let counted = web
        .ask(|web| {
            let now = now();
            let of_status = |status: &Status| {
                let filter = RunFilter { status: vec![*status], limit: 1, ..RunFilter::default() };
                Ok((*status, web.query.reader.runs(&filter)?.total))
            };
            Ok(Counted {
                totals: web.query.reader.totals()?,
                statuses: Status::ALL.iter().map(of_status).collect::<Result<_, crate::store::StoreError>>()?,
                verdicts: web.query.verdicts(now)?,
                attention: web.query.attention(now)?.len(),
            })
        })
        .await?;
    let text = text(&counted, &web.live.status(), hub.clients(), hub.dropped());
    Ok(([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], text).into_response())
}

fn text(counted: &Counted, status: &SourceStatus, clients: usize, dropped: u64) -> String {
    let mut out = Exposition(String::new());
    let statuses = counted.statuses.iter().map(|(status, count)| (status.as_str(), *count));
    out.family("runs", "gauge", "Runs by status.", "status", statuses);
    let verdicts = counted.verdicts.iter().map(|(word, count)| (word.as_str(), *count));
    out.family("run_verdicts", "gauge", "Runs by how they are going.", "verdict", verdicts);
    let totals = &counted.totals;
    // Gauges: what is read again after a truncation replaces what was read before.
    out.one("attention", "gauge", "What a person should look at: the one number.", counted.attention as u64);
    out.one("ingest_lines", "gauge", "Lines of all known logs that were read.", totals.lines);
    out.one("ingest_bytes", "gauge", "Bytes of all known logs that were read.", totals.bytes);
    out.one("ingest_malformed_lines", "gauge", "Lines that begin as a record and are none.", totals.malformed);
    out.one("ingest_backlog_bytes", "gauge", "Bytes of known logs that were not read yet.", status.backlog_bytes);
    out.one("ingest_unreadable_logs", "gauge", "Logs that cannot be read.", totals.problems);
    out.one("scans_total", "counter", "Full scans of the state directories.", status.scans);
    out.value(
        "scan_seconds",
        "gauge",
        "How long the last full scan took.",
        status.scan_ms.map(|ms| ms as f64 / 1000.0),
    );
    out.one("stream_clients", "gauge", "Clients of the stream of changes.", clients as u64);
    out.one("stream_clients_dropped_total", "counter", "Clients that were dropped because they did not read.", dropped);
    out.0
}

/// The text format: a help line, a type line and the samples of each family. No value comes from a log.
struct Exposition(String);

impl Exposition {
    fn head(&mut self, name: &str, kind: &str, help: &str) {
        let _ = write!(self.0, "# HELP wheelwatch_{name} {help}\n# TYPE wheelwatch_{name} {kind}\n");
    }

    fn one(&mut self, name: &str, kind: &str, help: &str, value: u64) {
        self.head(name, kind, help);
        let _ = writeln!(self.0, "wheelwatch_{name} {value}");
    }

    /// A value that may not be known yet; then there is no sample.
    fn value(&mut self, name: &str, kind: &str, help: &str, value: Option<f64>) {
        self.head(name, kind, help);
        if let Some(value) = value {
            let _ = writeln!(self.0, "wheelwatch_{name} {value}");
        }
    }

    fn family<'a>(
        &mut self,
        name: &str,
        kind: &str,
        help: &str,
        label: &str,
        samples: impl Iterator<Item = (&'a str, u64)>,
    ) {
        self.head(name, kind, help);
        for (word, count) in samples {
            let _ = writeln!(self.0, "wheelwatch_{name}{{{label}=\"{word}\"}} {count}");
        }
    }
}
