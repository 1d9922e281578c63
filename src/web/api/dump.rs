//! `GET /api/dump`: the canonical dump.

use axum::extract::State;
use axum::response::Response;

use crate::web::Web;
use crate::web::error::{ApiError, WebError};

/// The same bytes as `dump --canonical` (spec 4.2). 503 with `Retry-After` while it would be a part for the whole: before
/// everything that the first scan found was read, while a run has no event rows yet, and while a damaged cache is
/// made again.
pub(super) async fn dump(State(web): State<Web>) -> Result<Response, ApiError> {
    let dump = web.ask(|web| {
        let is_complete = || web.live.status().complete;
        if !is_complete() {
            return Ok(None);
        }
        let dump = web.query.reader.dump()?;
        // Also afterwards: the cache may have been made anew in between.
        Ok(dump.filter(|_| is_complete()))
    });
    let dump = dump.await?.ok_or(WebError::NotYet("The logs are still being read; ask again.", 1))?;
    Ok(super::document(dump))
}
