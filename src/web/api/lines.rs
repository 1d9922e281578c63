//! `GET /api/runs/{key}/lines/{n}`: one physical line as it stands in the log, made safe, with neighbours on request.

use axum::extract::State;
use axum::response::Response;
use serde_json::{Value, json};

use super::params::{Key, LineNumber, Params};
use super::run::UNKNOWN_RUN;
use crate::reducer::reduce::EventRow;
use crate::reducer::time::Micros;
use crate::reducer::visible::visible_bytes;
use crate::store::reader::Lists;
use crate::web::Web;
use crate::web::error::{ApiError, WebError};

/// The most bytes of a line that are shown.
const LINE_BYTES: usize = 256 * 1024;
/// The most bytes of each neighbour.
const NEIGHBOUR_BYTES: usize = 8 * 1024;

/// `{line, offset, length, class, time, name, text, truncated, before: […], after: […]}`; `context=N` asks for up to 50
/// lines on either side. Blank lines are no event and are not found, nor shown as neighbours.
pub(super) async fn line(
    State(web): State<Web>,
    Key(key): Key,
    LineNumber(number): LineNumber,
    params: Params,
) -> Result<Response, ApiError> {
    let context = params.number("context", 0..=50)?.unwrap_or(0);
    let answer = web
        .ask(move |web| {
            web.query.reader.run(&key, Lists::None)?.ok_or(UNKNOWN_RUN)?;
            let Some(row) = web.query.reader.line(&key, number)? else {
                return Err(WebError::NotFound("This run has no such line, or it is blank."));
            };
            let mut answer = shown(web, &key, &row, LINE_BYTES)?;
            let near = |numbers: &mut dyn Iterator<Item = u64>| -> Result<Vec<Value>, WebError> {
                let mut lines = Vec::new();
                for number in numbers {
                    if let Some(row) = web.query.reader.line(&key, number)? {
                        lines.push(shown(web, &key, &row, NEIGHBOUR_BYTES)?);
                    }
                }
                Ok(lines)
            };
            answer["before"] = near(&mut (number.saturating_sub(context).max(1)..number))?.into();
            answer["after"] = near(&mut (number.saturating_add(1)..=number.saturating_add(context)))?.into();
            Ok(answer)
        })
        .await?;
    Ok(super::json(&answer))
}

fn shown(web: &Web, key: &str, row: &EventRow, most: usize) -> Result<Value, WebError> {
    // One byte more than is shown tells whether there is more. The row is the first event's: on a line with several
    // the rest of the line follows it, so reading goes on to the line end.
    let bytes = web.logs.read(key, row.offset, most + 1).map_err(|reason| {
        tracing::warn!(key, reason, "a line could not be read");
        WebError::Log
    })?;
    let end = bytes.iter().position(|byte| *byte == b'\n');
    let content = &bytes[..end.unwrap_or(bytes.len()).min(most)];
    let content = if end.is_some() { content.strip_suffix(b"\r").unwrap_or(content) } else { content };
    Ok(json!({
        "line": row.line,
        "offset": row.offset,
        "length": row.length,
        "class": row.class.as_str(),
        "time": row.time.map(Micros::to_rfc3339),
        "name": row.name,
        "text": visible_bytes(content),
        "truncated": end.is_none_or(|end| end > most) && bytes.len() > most,
    }))
}
