//! `GET /api/queue`: the action-required queue over all runs, by repo.

use axum::extract::State;
use axum::response::Response;
use serde_json::{Value, json};

use super::params::{Params, bad};
use crate::query::{Banner, QueuePlace, Queued};
use crate::reducer::run::value;
use crate::reducer::time::Micros;
use crate::web::error::ApiError;
use crate::web::{Web, now};

/// `{count, items: [{type, run, title, workflow, id, reason, repo, span, since, line}], next}`: by repo, what waits longest
/// first. `count` is the depth of the queue, whatever is asked for.
pub(super) async fn queue(State(web): State<Web>, params: Params) -> Result<Response, ApiError> {
    let banner = web.ask(|web| Ok(web.query.banner(now())?)).await?;
    let (items, next) = page(&banner, &params)?;
    Ok(super::json(&json!({ "count": banner.queue().len(), "items": items, "next": next })))
}

/// The items that are asked for with `q`, `after` and `limit`, and the place to go on from.
pub(super) fn page(banner: &Banner, params: &Params) -> Result<(Vec<Value>, Option<String>), ApiError> {
    let wanted = params.text("q").unwrap_or_default().to_lowercase();
    let place = |text: String| QueuePlace::parse(&text).ok_or_else(|| bad("after is not a place in this list."));
    let after = params.text("after").map(place).transpose()?;
    let limit = params.limit(50, 1000)? as usize;
    let queue = banner.queue();
    let is_after = |item: &Queued<'_>| after.as_ref().is_none_or(|after| *after < item.place());
    let chosen = queue.iter().filter(|item| item.mentions(&wanted) && is_after(item));
    let (items, last) = super::first(chosen, limit, |chosen| item(chosen));
    Ok((items, last.map(|last| last.place().to_string())))
}

fn item(item: &Queued<'_>) -> Value {
    let Queued { run, marker, repo } = item;
    json!({
        "type": "queue",
        "run": run.record.key,
        "title": run.title(),
        "workflow": value(&run.record.state.run.workflow),
        "id": marker.id,
        "reason": marker.reason,
        "repo": repo,
        "span": marker.span,
        "since": marker.opened_at.map(Micros::to_rfc3339),
        "line": marker.opened_line,
    })
}
