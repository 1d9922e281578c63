//! JSON with the names of spec 4.2: one file per question. It must never know HTML.

mod artifact;
mod attention;
mod diff;
mod dump;
mod events;
mod health;
mod lines;
mod lists;
mod metrics;
mod params;
mod queue;
mod run;
mod runs;
mod stats;
mod text;

use std::sync::LazyLock;

use axum::Router;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use serde::Serialize;

pub(super) use artifact::find as find_artifact;

use super::Web;

pub(super) fn router() -> Router<Web> {
    Router::new()
        .route("/api/runs", get(runs::runs))
        .route("/api/runs/{key}", get(run::run))
        .route("/api/runs/{key}/diff", get(diff::diff))
        .route("/api/runs/{key}/events", get(events::events))
        .route("/api/runs/{key}/lines/{line}", get(lines::line))
        .route("/api/runs/{key}/spans", get(lists::spans))
        .route("/api/runs/{key}/markers", get(lists::markers))
        .route("/api/runs/{key}/artifacts", get(lists::artifacts))
        .route("/api/runs/{key}/artifacts/{n}", get(artifact::artifact))
        .route("/api/attention", get(attention::attention))
        .route("/api/queue", get(queue::queue))
        .route("/api/stats", get(stats::stats))
        .route("/api/health", get(health::health))
        .route("/api/dump", get(dump::dump))
        .route("/api/stream", get(super::stream::stream))
        .route("/api/openapi.json", get(openapi))
        .route("/metrics", get(metrics::metrics))
}

/// The description of all of this, OpenAPI 3.1; `tests/openapi.rs` holds it against the answers.
async fn openapi() -> Response {
    document(OPENAPI.as_str())
}

static OPENAPI: LazyLock<String> =
    LazyLock::new(|| include_str!("../../../assets/openapi.json").replacen("VERSION", env!("CARGO_PKG_VERSION"), 1));

/// An answer in JSON.
pub(super) fn json(value: &impl Serialize) -> Response {
    let body = serde_json::to_vec(value).expect("plain values with text keys always serialise");
    document(body)
}

/// JSON that is written already.
fn document(body: impl IntoResponse) -> Response {
    ([(header::CONTENT_TYPE, "application/json; charset=utf-8")], body).into_response()
}
