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
use serde_json::Value;

pub(super) use artifact::find as find_artifact;

use super::Web;
use crate::store::reader::PAGE_BYTES;

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

/// What is said of the first items of a list, at most so many and until that is [`PAGE_BYTES`] long, and the last of them
/// when there are further ones.
fn first<T>(items: impl Iterator<Item = T>, limit: usize, say: impl Fn(&T) -> Value) -> (Vec<Value>, Option<T>) {
    let (mut said, mut bytes, mut last) = (Vec::new(), 0, None);
    for item in items {
        if said.len() == limit || bytes >= PAGE_BYTES {
            return (said, last);
        }
        let value = say(&item);
        bytes += value.to_string().len();
        said.push(value);
        last = Some(item);
    }
    (said, None)
}

/// An answer in JSON.
pub(super) fn json(value: &impl Serialize) -> Response {
    let body = serde_json::to_vec(value).expect("plain values with text keys always serialise");
    document(body)
}

/// JSON that is written already.
fn document(body: impl IntoResponse) -> Response {
    ([(header::CONTENT_TYPE, "application/json; charset=utf-8")], body).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_ends_at_its_limit_or_early_behind_long_items() {
        let page = |length: usize, limit| first(1..=10, limit, |n| Value::from(n.to_string().repeat(length)));
        let (said, last) = page(1, 3);
        assert_eq!((said.len(), last), (3, Some(3)));
        assert_eq!(page(1, 10).1, None);
        assert_eq!(page(1, 50).0.len(), 10);
        let (said, last) = page(PAGE_BYTES / 2, 50);
        assert_eq!((said.len(), last), (2, Some(2)), "the second one ends it");
        assert_eq!(page(PAGE_BYTES * 2, 50).0.len(), 1, "never none");
    }
}
