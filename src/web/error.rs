//! Failures, as pages and as JSON. What a person reads here never holds a path, SQL, a back-trace or what was asked
//! (spec T127): details go to this program's own log, once, here.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{Html, IntoResponse, Response};

use super::view::layout;
use crate::store::StoreError;

/// What can go wrong with a request that the guard let in.
#[derive(Debug, thiserror::Error)]
pub enum WebError {
    /// A parameter means nothing: 400. The sentence says what is allowed.
    #[error("{0}")]
    BadRequest(String),
    /// Nothing is there: 404.
    #[error("{0}")]
    NotFound(&'static str),
    /// It will be there soon: 503, with the seconds after which to ask again.
    #[error("{0}")]
    NotYet(&'static str, u32),
    /// A log could not be read: 503. What the system said was logged where it was seen.
    #[error("The log of this run could not be read just now.")]
    Log,
    /// The cache could not be read: 503.
    #[error("The cache could not be read just now.")]
    Store(#[from] StoreError),
    /// A defect of this program: 500.
    #[error("Something went wrong inside wheelwatch; its own log says more.")]
    Broken,
}

impl WebError {
    /// The HTTP status.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        match self {
            WebError::BadRequest(_) => StatusCode::BAD_REQUEST,
            WebError::NotFound(_) => StatusCode::NOT_FOUND,
            WebError::NotYet(..) | WebError::Log | WebError::Store(_) => StatusCode::SERVICE_UNAVAILABLE,
            WebError::Broken => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// A short stable word for programs.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            WebError::BadRequest(_) => "bad_request",
            WebError::NotFound(_) => "not_found",
            WebError::NotYet(..) => "not_yet",
            WebError::Log => "log_unreadable",
            WebError::Store(_) => "cache_unreadable",
            WebError::Broken => "internal",
        }
    }

    fn retry_after(&self) -> Option<u32> {
        match self {
            WebError::NotYet(_, seconds) => Some(*seconds),
            WebError::Log | WebError::Store(_) => Some(1),
            WebError::BadRequest(_) | WebError::NotFound(_) | WebError::Broken => None,
        }
    }

    fn log(&self) {
        if let WebError::Store(error) = self {
            tracing::error!(%error, "a request could not be answered from the cache");
        }
    }
}

/// A failure of a page: HTML.
#[derive(Debug)]
pub struct PageError(pub WebError);

/// A failure below `/api`: `{"error":{"code","message"}}` (spec 4.2).
#[derive(Debug)]
pub struct ApiError(pub WebError);

impl<E: Into<WebError>> From<E> for PageError {
    fn from(error: E) -> Self {
        Self(error.into())
    }
}

impl<E: Into<WebError>> From<E> for ApiError {
    fn from(error: E) -> Self {
        Self(error.into())
    }
}

/// The failure in the form that belongs to a path.
#[must_use]
pub fn respond(path: &str, error: &WebError) -> Response {
    if path == "/api" || path.starts_with("/api/") { as_json(error) } else { as_page(error) }
}

impl IntoResponse for PageError {
    fn into_response(self) -> Response {
        as_page(&self.0)
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        as_json(&self.0)
    }
}

fn as_json(error: &WebError) -> Response {
    let body = serde_json::json!({ "error": { "code": error.code(), "message": error.to_string() } });
    finish(error, super::api::json(&body))
}

fn as_page(error: &WebError) -> Response {
    let headline = error.status().canonical_reason().unwrap_or("This did not work");
    let page = layout::bare(headline, &layout::problem(headline, &error.to_string()));
    finish(error, Html(page.into_string()).into_response())
}

fn finish(error: &WebError, mut response: Response) -> Response {
    error.log();
    *response.status_mut() = error.status();
    if let Some(seconds) = error.retry_after() {
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    response
}
