//! The canonical dump (spec 4.2): by it two reducers, and a cache and a fresh reading, are compared.

use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use super::event::ErrorText;
use super::json::to_value;
use super::marker::Marker;
use super::reduce::EventRow;
use super::run::{Known, Run, RunState};
use super::span::{Artifact, Span};
use super::time::Micros;

/// The hash over the event rows, fed in order.
#[derive(Clone, Debug, Default)]
pub struct EventsHash {
    hash: Sha256,
    events: u64,
    row: Vec<u8>,
}

impl EventsHash {
    /// Adds the next event: `[line,offset,length,class,time in µs or null,name,subject,verb,level]` and `\n`.
    pub fn push(&mut self, row: &EventRow) {
        let fields = (
            row.line,
            row.offset,
            row.length,
            row.class.as_str(),
            row.time.map(|time| time.0),
            row.name.as_deref(),
            row.subject.map(|subject| subject.as_str()),
            row.verb.map(|verb| verb.as_str()),
            row.level.map(|level| level.as_str()),
        );
        self.row.clear();
        serde_json::to_writer(&mut self.row, &fields).expect("numbers and strings always serialise into memory");
        self.row.push(b'\n');
        self.hash.update(&self.row);
        self.events += 1;
    }

    /// How many events were added, and the hash in lower-case hexadecimal.
    #[must_use]
    pub fn finish(self) -> (u64, String) {
        let digest = self.hash.finalize();
        (self.events, digest.iter().map(|byte| format!("{byte:02x}")).collect())
    }
}

/// One run of the dump; keys sort themselves (`serde_json::Map` is ordered). `fallback` is the title of a run without
/// title and workflow: its key, or the directory's name for the key `.` (spec 1.1).
#[must_use]
pub fn run(key: &str, fallback: &str, state: &RunState, pending_bytes: u64, events: u64, events_sha256: &str) -> Value {
    let RunState { run, counters, spans, markers, artifacts, .. } = state;
    let mut artifacts: Vec<&Artifact> = artifacts.iter().collect();
    artifacts.sort_by_key(|artifact| artifact.line);
    json!({
        "key": key,
        "lines": {
            "blank": counters.lines.blank,
            "event": counters.lines.event,
            "malformed": counters.lines.malformed,
            "oversized": counters.lines.oversized,
            "text": counters.lines.text,
        },
        "pending_bytes": pending_bytes,
        "run": values(key, fallback, run, counters.steps_done),
        "levels": counters.levels.iter().map(|(level, n)| (level.as_str().to_owned(), json!(n))).collect::<Map<_, _>>(),
        "names": counters.names,
        "spans": spans.iter().map(span).collect::<Vec<_>>(),
        "markers": markers.iter().map(marker).collect::<Vec<_>>(),
        "artifacts": artifacts.into_iter().map(artifact).collect::<Vec<_>>(),
        "events": events,
        "events_sha256": events_sha256,
    })
}

/// The whole document from its runs, which must come in the order of their keys.
#[must_use]
pub fn document(runs: Vec<Value>) -> String {
    json!({ "schema": 1, "runs": runs }).to_string()
}

/// The values of a run and, under `evidence`, the line of each.
#[must_use]
pub fn values(key: &str, fallback: &str, run: &Run, steps_done: u64) -> Value {
    let mut out = Values::default();
    out.plain("key", json!(key));
    out.plain("steps_done", json!(steps_done));
    out.fact("title", &run.title, |title| json!(title));
    if run.title.is_none() {
        out.plain("title", json!(run.title_or(fallback)));
    }
    out.fact("workflow", &run.workflow, |text| json!(text));
    out.fact("status", &run.status, |status| json!(status.as_str()));
    out.fact("status_reason", &run.status_reason, |text| json!(text));
    out.fact("error", &run.error, error);
    out.fact("phase", &run.phase, |text| json!(text));
    out.fact("candidate", &run.candidate, |text| json!(text));
    out.fact("attempt", &run.attempt, |n| json!(n));
    out.fact("max_attempts", &run.max_attempts, |n| json!(n));
    out.fact("score", &run.score, |n| json!(n));
    out.fact("pass_threshold", &run.pass_threshold, |n| json!(n));
    out.fact("inputs", &run.inputs, |raw| to_value(raw));
    out.fact("steps_total", &run.steps_total, |n| json!(n));
    out.fact("retry_of", &run.retry_of, |text| json!(text));
    out.fact("claimed_by", &run.claimed_by, |text| json!(text));
    out.fact("cancel_requested_at", &run.cancel_requested_at, time);
    out.fact("deadline", &run.deadline, time);
    out.fact("expected_ms", &run.expected_ms, |n| json!(n));
    out.fact("queued_at", &run.queued_at, time);
    out.fact("started_at", &run.started_at, time);
    out.fact("ended_at", &run.ended_at, time);
    out.fact("first_event_at", &run.first_event_at, time);
    out.fact("last_life_at", &run.last_life_at, time);
    out.fact("last_progress_at", &run.last_progress_at, time);
    out.fact("last_heartbeat_at", &run.last_heartbeat_at, time);
    out.fact("heartbeats", &run.heartbeats, |n| json!(n));
    if run.heartbeats.is_none() {
        out.plain("heartbeats", json!(0));
    }
    out.fact("heartbeat_interval_ms", &run.heartbeat_interval_ms, |n| json!(n));
    out.fact("tokens_in", &run.tokens_in, |n| json!(n));
    out.fact("tokens_out", &run.tokens_out, |n| json!(n));
    out.fact("cost_usd", &run.cost_usd, |n| json!(n));
    out.fact("holder", &run.holder, |holder| json!(holder.as_str()));
    out.values.insert("evidence".to_owned(), Value::Object(out.evidence));
    Value::Object(out.values)
}

/// The values of a run while they are written down.
#[derive(Default)]
struct Values {
    values: Map<String, Value>,
    evidence: Map<String, Value>,
}

impl Values {
    fn plain(&mut self, name: &str, value: Value) {
        self.values.insert(name.to_owned(), value);
    }

    fn fact<T>(&mut self, name: &str, known: &Known<T>, write: impl Fn(&T) -> Value) {
        let value = known.as_ref().map_or(Value::Null, |fact| write(&fact.value));
        if let Some(fact) = known {
            self.evidence.insert(name.to_owned(), json!(fact.line));
        }
        self.plain(name, value);
    }
}

fn time(at: &Micros) -> Value {
    json!(at.to_rfc3339())
}

fn time_or_null(at: Option<Micros>) -> Value {
    at.as_ref().map_or(Value::Null, time)
}

fn error(error: &ErrorText) -> Value {
    json!({ "message": error.message, "type": error.kind, "stack": error.stack })
}

/// One span of the dump.
#[must_use]
pub fn span(span: &Span) -> Value {
    json!({
        "kind": span.kind.as_str(),
        "id": span.id,
        "parent": span.parent,
        "name": span.name,
        "skill": span.skill,
        "status": span.status.as_str(),
        "attempt": span.attempt,
        "cache": span.cache_hit.map(|hit| if hit { "hit" } else { "miss" }),
        "agent": span.agent,
        "model": span.model,
        "repo": span.repo,
        "started_at": time_or_null(span.started_at),
        "ended_at": time_or_null(span.ended_at),
        "duration_ms": span.duration_ms,
        "score": span.score,
        "error": span.error.as_ref().map(error),
        "tokens_in": span.tokens_in,
        "tokens_out": span.tokens_out,
        "cost_usd": span.cost_usd,
        "deadline": time_or_null(span.deadline),
        "expected_ms": span.expected_ms,
        "input_line": span.input_line,
        "output_line": span.output_line,
        "opened_line": span.opened_line,
        "closed_line": span.closed_line,
    })
}

/// One marker of the dump.
#[must_use]
pub fn marker(marker: &Marker) -> Value {
    json!({
        "kind": marker.kind.as_str(),
        "id": marker.id,
        "reason": marker.reason,
        "span": marker.span,
        "repo": marker.repo,
        "integration": marker.integration,
        "action": marker.action,
        "risk": marker.risk,
        "params": marker.params.as_deref().map(to_value),
        "expires_at": time_or_null(marker.expires_at),
        "opened_line": marker.opened_line,
        "opened_at": time_or_null(marker.opened_at),
        "closed_line": marker.closed_line,
        "closed_at": time_or_null(marker.closed_at),
        "resolution": marker.resolution,
    })
}

/// One artifact of the dump.
#[must_use]
pub fn artifact(artifact: &Artifact) -> Value {
    json!({
        "path": artifact.path,
        "media_type": artifact.media_type,
        "attempt": artifact.attempt,
        "step": artifact.step,
        "line": artifact.line,
    })
}
