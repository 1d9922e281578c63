//! `GET /api/runs/{key}/diff`: what changed in a run between two lines of its log (spec 2.5).

use axum::extract::State;
use axum::response::Response;
use serde_json::{Value, json};

use super::params::{Key, Params};
use super::run::{UNKNOWN_RUN, part_at};
use crate::reducer::diff::{self, Difference};
use crate::web::Web;
use crate::web::error::ApiError;

/// `{from, to, changes: [{what, before, after, line}]}`: from the state after line `from` (0, before all lines, unless
/// said) to that after line `to` (the last one unless said). Lines past the end are the last one, and the answer says
/// which that was. `line` is the line that proves the later value; it is null on the way back to an earlier line where
/// nothing is left to prove it.
pub(super) async fn diff(State(web): State<Web>, Key(key): Key, params: Params) -> Result<Response, ApiError> {
    let from = params.number("from", 0..=u64::MAX)?.unwrap_or(0);
    let to = params.number("to", 0..=u64::MAX)?.unwrap_or(u64::MAX);
    let answer = web
        .ask(move |web| {
            if !web.query.is_known(&key)? {
                return Err(UNKNOWN_RUN);
            }
            let ((before, _), (after, _)) = (part_at(web, &key, from)?, part_at(web, &key, to)?);
            let changes: Vec<Value> = diff::diff(&before, &after).iter().map(change).collect();
            Ok(json!({
                "from": before.counters.lines.total(),
                "to": after.counters.lines.total(),
                "changes": changes,
            }))
        })
        .await?;
    Ok(super::json(&answer))
}

fn change(change: &Difference) -> Value {
    let Difference { what, before, after, line } = change;
    json!({ "what": what, "before": before, "after": after, "line": line })
}
