//! `GET /api/runs/{key}`: one run, now or as it was after a line.

use axum::extract::State;
use axum::response::Response;
use serde::Serialize;
use serde_json::{Map, Value, json};

use super::params::{Key, Params};
use crate::query::{Judged, document};
use crate::reducer::dump;
use crate::reducer::fold::Wanted;
use crate::reducer::run::{Health, RunState, Tally};
use crate::reducer::time::Micros;
use crate::store::reader::{Cut, Cuts, Entries};
use crate::store::{LogRow, Part, RunRecord};
use crate::web::error::{ApiError, WebError};
use crate::web::view::loghealth::other_id;
use crate::web::{Web, now};

/// `{run, verdict, evidence, spans, markers, artifacts, log}` with the names of the canonical dump (spec 4.2).
///
/// Of each list there are the first [`MOST`] entries; `total` says how many it has, and `next` what to ask for more of them
/// with, at the address of the list.
///
/// Of a log that was never read there is only `log`, which says why.
///
/// With `at=LINE` everything is as it was after that line, derived against the time of that line (spec 2.4).
pub(super) async fn run(State(web): State<Web>, Key(key): Key, params: Params) -> Result<Response, ApiError> {
    let at = params.number("at", 1..=u64::MAX)?;
    let answer = web
        .ask(move |web| {
            let judged = match at {
                None => web.query.run_entries(&key, &CUTS, now())?,
                Some(_) if !web.query.is_known(&key)? => None,
                Some(line) => {
                    let (state, entries) = then(web, &key, line, &CUTS)?;
                    web.query.run_at(&key, line, state, now())?.map(|judged| (judged, entries))
                }
            };
            match judged {
                Some((judged, entries)) => Ok(super::json(&document(&judged, &entries, at))),
                None => match web.query.reader.log(&key)?.filter(|_| at.is_none()) {
                    Some(log) => Ok(super::json(&unread(&log))),
                    None => Err(UNKNOWN_RUN),
                },
            }
        })
        .await?;
    Ok(answer)
}

/// The most entries of a list in an answer (spec 5.4 T72).
pub(super) const MOST: u32 = 1000;
const FIRST: Cut = Cut { after: 0, limit: MOST };
const CUTS: Cuts = Cuts { spans: FIRST, markers: FIRST, artifacts: FIRST };

pub(super) const UNKNOWN_RUN: WebError = WebError::NotFound("There is no run with this key.");

/// The state after a line of a run that there is, with few of its spans when there are very many, and some entries of its
/// lists.
pub(super) fn then(web: &Web, key: &str, line: u64, cuts: &Cuts) -> Result<(RunState, Entries), WebError> {
    let (state, part) = part_at(web, key, line)?;
    let entries = web.query.reader.entries_then(key, &state, part.as_ref(), cuts)?;
    Ok((state, entries))
}

/// The same state, and which spans it has.
pub(super) fn part_at(web: &Web, key: &str, line: u64) -> Result<(RunState, Option<Part>), WebError> {
    web.logs.part_at(key, line, Wanted::all_markers()).map_err(|reason| {
        tracing::warn!(key, line, reason, "a log could not be reduced up to a line");
        WebError::Log
    })
}

#[derive(Serialize)]
struct Document<'a> {
    artifacts: dump::Artifacts<'a>,
    at: Option<u64>,
    evidence: Option<Value>,
    log: Value,
    markers: dump::Markers<'a>,
    next: Value,
    run: Value,
    spans: dump::Spans<'a>,
    total: Value,
    verdict: Value,
    version: u64,
}

fn document<'a>(judged: &Judged, entries: &'a Entries, at: Option<u64>) -> Document<'a> {
    let record = &judged.record;
    let state = &record.state;
    let Entries { spans, markers, artifacts } = entries;
    let mut run = dump::values(&record.key, &record.key, &state.run, state.counters.steps_done);
    Document {
        artifacts: dump::Artifacts(&artifacts.entries),
        at,
        evidence: run.as_object_mut().and_then(|run| run.remove("evidence")),
        log: log(record),
        markers: dump::Markers(&markers.entries),
        next: json!({ "spans": spans.next, "markers": markers.next, "artifacts": artifacts.next }),
        run,
        spans: dump::Spans(&spans.entries),
        total: json!({ "spans": spans.total, "markers": markers.total, "artifacts": artifacts.total }),
        verdict: document::verdict(&judged.verdict),
        version: record.version,
    }
}

/// What has the name of a log and was never read (spec 1.1).
fn unread(log: &LogRow) -> Value {
    json!({
        "run": null,
        "verdict": null,
        "evidence": null,
        "spans": [],
        "markers": [],
        "artifacts": [],
        "total": { "spans": 0, "markers": 0, "artifacts": 0 },
        "next": { "spans": null, "markers": null, "artifacts": null },
        "log": Value::Object(file(log)),
        "version": null,
        "at": null,
    })
}

/// The log as a file and its health, apart from the run that was reduced from it (spec 1.1).
fn log(record: &RunRecord) -> Value {
    let counters = &record.state.counters;
    let rest = json!({
        "modified_at": record.modified.map(Micros::to_rfc3339),
        "retried_by": record.retried_by,
        "lines": dump::Lines::of(&counters.lines),
        "levels": dump::levels(counters),
        "names": counters.names,
        "events": counters.events,
        "health": health(&record.state.health),
        "other_id": other_id(record).map(|id| json!({ "id": id.value, "line": id.line })),
    });
    let mut log = file(&record.log);
    log.extend(rest.as_object().cloned().unwrap_or_default());
    Value::Object(log)
}

/// What is known of a log whether it was read or not.
fn file(log: &LogRow) -> Map<String, Value> {
    let file = json!({
        "source": log.source,
        "path": log.path,
        "size": log.cursor.size,
        "offset": log.cursor.offset,
        "generation": log.cursor.generation,
        "pending_bytes": log.pending_bytes,
        "provisional_bytes": log.provisional_bytes,
        "gone": log.gone,
        "rotated": log.rotated,
        "problem": problem(log),
    });
    file.as_object().cloned().unwrap_or_default()
}

/// What is wrong with a log.
pub(super) fn problem(log: &LogRow) -> Value {
    log.problem.as_ref().map_or(Value::Null, |problem| json!({ "code": problem.code, "text": problem.text }))
}

fn health(health: &Health) -> Value {
    let tally =
        |tally: &Tally| json!({ "count": tally.count, "first_line": (tally.count > 0).then_some(tally.first_line) });
    json!({
        "untimed": tally(&health.untimed),
        "bad_times": tally(&health.bad_times),
        "wrong_types": tally(&health.wrong_types),
        "duplicate_keys": tally(&health.duplicate_keys),
        "unread_elements": tally(&health.unread_elements),
        "unknown_names": tally(&health.unknown_names),
        "malformed": tally(&health.malformed),
        "oversized": tally(&health.oversized),
        "dialects": health.dialects,
    })
}
