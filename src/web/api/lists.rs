//! `GET /api/runs/{key}/spans`, `markers` and `artifacts`: the lists of a run, a page at a time.

use axum::extract::State;
use axum::response::Response;
use serde::Serialize;
use serde_json::json;

use super::params::{Key, Params};
use super::run::{MOST, UNKNOWN_RUN, then};
use crate::reducer::dump;
use crate::store::reader::{Cut, Cuts, Entries, Few, Lists};
use crate::web::Web;
use crate::web::error::ApiError;

/// `{spans: […], total, next}`, in the order in which they opened. `next` is what to ask for the next page with, as `after=`.
///
/// With `at=LINE` it is the list as it was after that line.
pub(super) async fn spans(State(web): State<Web>, Key(key): Key, params: Params) -> Result<Response, ApiError> {
    let entries = entries(web, key, &params, |cut| Cuts { spans: cut, ..Cuts::default() }).await?;
    Ok(answer("spans", &dump::Spans(&entries.spans.entries), &entries.spans))
}

/// The same of markers.
pub(super) async fn markers(State(web): State<Web>, Key(key): Key, params: Params) -> Result<Response, ApiError> {
    let entries = entries(web, key, &params, |cut| Cuts { markers: cut, ..Cuts::default() }).await?;
    Ok(answer("markers", &dump::Markers(&entries.markers.entries), &entries.markers))
}

/// The same of artifacts, in the order in which they were first named; those of an answer stand by their newest line.
pub(super) async fn artifacts(State(web): State<Web>, Key(key): Key, params: Params) -> Result<Response, ApiError> {
    let entries = entries(web, key, &params, |cut| Cuts { artifacts: cut, ..Cuts::default() }).await?;
    Ok(answer("artifacts", &dump::Artifacts(&entries.artifacts.entries), &entries.artifacts))
}

async fn entries(web: Web, key: String, params: &Params, cuts: fn(Cut) -> Cuts) -> Result<Entries, ApiError> {
    let at = params.number("at", 1..=u64::MAX)?;
    let after = params.number("after", 0..=u64::MAX)?.unwrap_or(0);
    let cuts = cuts(Cut { after, limit: params.limit(200, MOST)? });
    let entries = web.ask(move |web| {
        let (_, entries) = web.query.reader.entries(&key, Lists::None, &cuts)?.ok_or(UNKNOWN_RUN)?;
        match at {
            None => Ok(entries),
            Some(line) => Ok(then(web, &key, line, &cuts)?.1),
        }
    });
    Ok(entries.await?)
}

fn answer<T>(name: &str, entries: &impl Serialize, few: &Few<T>) -> Response {
    super::json(&json!({ name: entries, "total": few.total, "next": few.next }))
}
