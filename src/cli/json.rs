//! What the commands give as JSON, with the names of spec 4.2 and 2.1.

use serde::Serialize;
use serde_json::{Value, json};

use crate::query::{Judged, document};
use crate::reducer::dump;
use crate::reducer::time::Micros;

/// The `schema` of every `--json` document.
pub(super) const SCHEMA: u32 = 1;

/// One run with its lists: the values of the canonical dump, the verdict and the log.
#[derive(Serialize)]
pub(super) struct Run<'a> {
    artifacts: dump::Artifacts<'a>,
    events: u64,
    evidence: Option<Value>,
    lines: dump::Lines,
    log: Value,
    markers: dump::Markers<'a>,
    run: Value,
    schema: u32,
    spans: dump::Spans<'a>,
    summary: Value,
    verdict: Value,
}

/// A run as a document.
pub(super) fn run(judged: &Judged, now: Micros) -> Run<'_> {
    let record = &judged.record;
    let (log, state) = (&record.log, &record.state);
    let mut run = dump::values(&record.key, judged.title(), &state.run, state.counters.steps_done);
    Run {
        artifacts: dump::Artifacts(&state.artifacts),
        events: state.counters.events,
        evidence: run.as_object_mut().and_then(|run| run.remove("evidence")),
        lines: dump::Lines::of(&state.counters.lines),
        log: json!({
            "path": log.path,
            "size": log.cursor.size,
            "read_to": log.cursor.offset,
            "generation": log.cursor.generation,
            "pending_bytes": log.pending_bytes,
            "gone": log.gone,
            "rotated": log.rotated,
            "problem": log.problem.as_ref().map(|problem| problem.text.as_str()),
        }),
        markers: dump::Markers(&state.markers),
        run,
        schema: SCHEMA,
        spans: dump::Spans(&state.spans),
        summary: json!(judged.summary(now)),
        verdict: document::verdict(&judged.verdict),
    }
}
