//! The canonical dump (spec 4.2): by it two reducers, and a cache and a fresh reading, are compared.

use std::collections::BTreeMap;

use serde::{Serialize, Serializer};
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use super::counts::Counts;
use super::event::{ErrorText, Level};
use super::json::to_value;
use super::marker::Marker;
use super::reduce::EventRow;
use super::run::{Counters, Known, LineCounts, Run, RunState};
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

/// One run of the dump. `fallback` is the title of a run without title and workflow: its key, or the directory's name for
/// the key `.` (spec 1.1).
#[must_use]
pub fn run<'a>(
    key: &'a str,
    fallback: &str,
    state: &'a RunState,
    pending_bytes: u64,
    events: u64,
    events_sha256: &'a str,
) -> RunDump<'a> {
    let counters = &state.counters;
    RunDump {
        artifacts: Artifacts(&state.artifacts),
        events,
        events_sha256,
        key,
        levels: levels(counters),
        lines: Lines::of(&counters.lines),
        markers: Markers(&state.markers),
        names: &counters.names,
        pending_bytes,
        run: values(key, fallback, &state.run, counters.steps_done),
        spans: Spans(&state.spans),
    }
}

// The keys of a document are sorted: here the fields are, and `serde_json::Map` sorts itself. Lists are written entry by
// entry: as values they would take more than ten times the memory of their text.

/// One run of the dump, to be written.
#[derive(Serialize)]
pub struct RunDump<'a> {
    artifacts: Artifacts<'a>,
    events: u64,
    events_sha256: &'a str,
    key: &'a str,
    levels: BTreeMap<&'static str, u64>,
    lines: Lines,
    markers: Markers<'a>,
    names: &'a Counts,
    pending_bytes: u64,
    run: Value,
    spans: Spans<'a>,
}

/// How many lines of each class there are.
#[derive(Serialize)]
pub struct Lines {
    blank: u64,
    event: u64,
    malformed: u64,
    oversized: u64,
    text: u64,
}

impl Lines {
    /// The same under the names of the dump.
    #[must_use]
    pub fn of(lines: &LineCounts) -> Self {
        let LineCounts { event, text, malformed, oversized, blank } = *lines;
        Self { blank, event, malformed, oversized, text }
    }
}

/// How many events of each level there are.
#[must_use]
pub fn levels(counters: &Counters) -> BTreeMap<&'static str, u64> {
    let seen = Level::ALL.iter().zip(counters.levels).filter(|(_, count)| *count > 0);
    seen.map(|(level, count)| (level.as_str(), count)).collect()
}

/// The whole document, run by run in the order of their keys.
#[derive(Debug)]
pub struct Document(String);

impl Default for Document {
    fn default() -> Self {
        Self(String::from("{\"runs\":["))
    }
}

impl Document {
    /// Adds the next run.
    pub fn push(&mut self, run: &RunDump<'_>) {
        if !self.0.ends_with('[') {
            self.0.push(',');
        }
        self.0.push_str(&serde_json::to_string(run).expect("texts, numbers and lists always serialise into memory"));
    }

    /// The text.
    #[must_use]
    pub fn finish(self) -> String {
        self.0 + "],\"schema\":1}"
    }
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

fn error(error: &ErrorText) -> Value {
    json!({ "message": error.message, "type": error.kind, "stack": error.stack })
}

/// A time as RFC 3339 in UTC with six digits (spec 4.2).
struct Time(Option<Micros>);

impl Serialize for Time {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Some(at) => serializer.serialize_str(&at.to_rfc3339()),
            None => serializer.serialize_none(),
        }
    }
}

/// Spans of a run, in the order in which they opened.
#[derive(Clone, Copy, Debug)]
pub struct Spans<'a>(pub &'a [Span]);

/// Markers of a run, in the order in which they opened.
#[derive(Clone, Copy, Debug)]
pub struct Markers<'a>(pub &'a [Marker]);

/// Artifacts of a run; they are written by line.
#[derive(Clone, Copy, Debug)]
pub struct Artifacts<'a>(pub &'a [Artifact]);

impl Serialize for Spans<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Row<'a> {
            agent: Option<&'a str>,
            attempt: Option<u64>,
            cache: Option<&'static str>,
            closed_line: Option<u64>,
            cost_usd: Option<f64>,
            deadline: Time,
            duration_ms: Option<i64>,
            ended_at: Time,
            error: Option<Value>,
            expected_ms: Option<i64>,
            id: Option<&'a str>,
            input_line: Option<u64>,
            kind: &'static str,
            model: Option<&'a str>,
            name: Option<&'a str>,
            opened_line: u64,
            output_line: Option<u64>,
            parent: Option<&'a str>,
            repo: Option<&'a str>,
            score: Option<f64>,
            skill: Option<&'a str>,
            started_at: Time,
            status: &'static str,
            tokens_in: Option<u64>,
            tokens_out: Option<u64>,
        }
        serializer.collect_seq(self.0.iter().map(|span| Row {
            agent: span.more.agent.as_deref(),
            attempt: span.attempt,
            cache: span.cache_hit.map(|hit| if hit { "hit" } else { "miss" }),
            closed_line: span.closed_line,
            cost_usd: span.more.cost_usd,
            deadline: Time(span.more.deadline),
            duration_ms: span.duration_ms,
            ended_at: Time(span.ended_at),
            error: span.more.error.as_ref().map(error),
            expected_ms: span.more.expected_ms,
            id: span.id.as_deref(),
            input_line: span.input_line,
            kind: span.kind.as_str(),
            model: span.more.model.as_deref(),
            name: span.name.as_deref(),
            opened_line: span.opened_line,
            output_line: span.output_line,
            parent: span.parent.as_deref(),
            repo: span.more.repo.as_deref(),
            score: span.more.score,
            skill: span.more.skill.as_deref(),
            started_at: Time(span.started_at),
            status: span.status.as_str(),
            tokens_in: span.more.tokens_in,
            tokens_out: span.more.tokens_out,
        }))
    }
}

impl Serialize for Markers<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Row<'a> {
            action: Option<&'a str>,
            closed_at: Time,
            closed_line: Option<u64>,
            expires_at: Time,
            id: &'a str,
            integration: Option<&'a str>,
            kind: &'static str,
            opened_at: Time,
            opened_line: u64,
            params: Option<Value>,
            reason: Option<&'a str>,
            repo: Option<&'a str>,
            resolution: Option<&'a str>,
            risk: Option<&'a str>,
            span: Option<&'a str>,
        }
        serializer.collect_seq(self.0.iter().map(|marker| Row {
            action: marker.action.as_deref(),
            closed_at: Time(marker.closed_at),
            closed_line: marker.closed_line,
            expires_at: Time(marker.expires_at),
            id: &marker.id,
            integration: marker.integration.as_deref(),
            kind: marker.kind.as_str(),
            opened_at: Time(marker.opened_at),
            opened_line: marker.opened_line,
            params: marker.params.as_deref().map(to_value),
            reason: marker.reason.as_deref(),
            repo: marker.repo.as_deref(),
            resolution: marker.resolution.as_deref(),
            risk: marker.risk.as_deref(),
            span: marker.span.as_deref(),
        }))
    }
}

impl Serialize for Artifacts<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Row<'a> {
            attempt: Option<u64>,
            line: u64,
            media_type: Option<&'a str>,
            path: &'a str,
            step: Option<&'a str>,
        }
        let mut artifacts: Vec<&Artifact> = self.0.iter().collect();
        artifacts.sort_by_key(|artifact| artifact.line);
        serializer.collect_seq(artifacts.into_iter().map(|artifact| Row {
            attempt: artifact.attempt,
            line: artifact.line,
            media_type: artifact.media_type.as_deref(),
            path: &artifact.path,
            step: artifact.step.as_deref(),
        }))
    }
}
