//! What the commands give as JSON, with the names of spec 4.2 and 2.1.

use serde_json::{Map, Value, json};

use crate::query::{Item, Judged};
use crate::reducer::dump;
use crate::reducer::time::Micros;
use crate::reducer::verdict::Verdict;

/// The `schema` of every `--json` document.
pub(super) const SCHEMA: u32 = 1;

/// How a run is going.
pub(super) fn verdict(verdict: &Verdict) -> Value {
    json!({
        "verdict": verdict.word.as_str(),
        "shown_as": verdict.word.label(verdict.rule),
        "rule": verdict.rule.as_str(),
        "since": verdict.since.map(Micros::to_rfc3339),
        "limit_ms": verdict.limit_ms,
        "sentence": verdict.sentence,
        "evidence": verdict.evidence,
        "clears": verdict.clears,
    })
}

/// One attention entry.
pub(super) fn item(item: &Item) -> Value {
    let entry = &item.entry;
    json!({
        "type": if entry.approval.is_some() { "approval" } else { "run" },
        "run": item.run.record.key,
        "reason": entry.reason.as_str(),
        "since": entry.since.map(Micros::to_rfc3339),
        "sentence": entry.sentence,
        "line": entry.line,
    })
}

/// One run with its lists: the values of the canonical dump, the verdict and the log.
pub(super) fn run(judged: &Judged, now: Micros) -> Value {
    let record = &judged.record;
    let log = &record.log;
    let pending = log.pending_bytes;
    let mut reduced = dump::run(&record.key, judged.title(), &record.state, pending, record.state.counters.events, "");
    let mut take = |name: &str| reduced.get_mut(name).map_or(Value::Null, Value::take);
    let mut run = take("run");
    let evidence = run.as_object_mut().and_then(|run: &mut Map<String, Value>| run.remove("evidence"));
    json!({
        "schema": SCHEMA,
        "summary": judged.summary(now),
        "run": run,
        "evidence": evidence,
        "verdict": verdict(&judged.verdict),
        "lines": take("lines"),
        "events": record.state.counters.events,
        "spans": take("spans"),
        "markers": take("markers"),
        "artifacts": take("artifacts"),
        "log": {
            "path": log.path,
            "size": log.cursor.size,
            "read_to": log.cursor.offset,
            "generation": log.cursor.generation,
            "pending_bytes": pending,
            "gone": log.gone,
            "rotated": log.rotated,
            "problem": log.problem.as_ref().map(|problem| problem.text.as_str()),
        },
    })
}
