//! `GET /api/dump`: the canonical dump.

use axum::extract::State;
use axum::response::Response;

use crate::web::Web;
use crate::web::error::{ApiError, WebError};

/// The same bytes as `dump --canonical` (spec 4.2). 503 with `Retry-After` while event rows are still being written.
pub(super) async fn dump(State(web): State<Web>) -> Result<Response, ApiError> {
    let dump = web.ask(|web| Ok(web.query.reader.dump()?)).await?;
    let dump = dump.ok_or(WebError::NotYet("The logs are still being read; ask again.", 1))?;
    Ok(super::document(dump))
}
