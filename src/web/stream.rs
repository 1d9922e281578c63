//! What changed, pushed to browsers as server-sent events at `/api/stream` (spec 3.3, 4.2).
//!
//! It must never know how anything looks: a message says *what* changed, and the browser asks for the page again.
//!
//! # The protocol
//!
//! Every message has an `id: <epoch>-<seq>`, an `event` and one line of JSON in `data`. The epoch is one start of the
//! program; seq grows by one with each message within it.
//!
//! | event | data | the browser then |
//! |---|---|---|
//! | `snapshot` | `{"attention":2,"total":12,"complete":true,"runs":{"run-1":7}}`, always first | compares the versions with those of what it shows; a run that is not listed while `complete` is false may have changed |
//! | `run` | `{"key":"run-1","version":8}` | asks again for what shows this run, lists included |
//! | `attention` | `{"count":3}` | shows the count, and asks again for what shows verdicts: the count changed, or how some run is going did, also without any line in a log |
//! | `resync` | `{}` | asks again for everything it shows: messages were left out |
//!
//! *Asks again* is a GET of the page's own address, as it stands in the location bar, with `fetch` and the header
//! `X-Fragment`: `page` for banner and main part, `banner` for the banner alone; what comes is put in the place of what
//! was there. The browser gathers messages and asks at most about ten times a second.
//!
//! After a lost connection the browser connects again by itself (`retry`, different for each client) and gets a new
//! snapshot, so no gap needs to be filled and `Last-Event-ID` means nothing here. A comment every 15 s shows that the
//! connection lives; when nothing came for 20 s the page is not live and says so.
//!
//! Messages are few: a run has at most about ten in a second, whatever its log does ([`outbox`]), and all clients get
//! the same bytes. A client that is too slow loses messages, never silently: it gets a `resync`. One that does not read
//! at all is dropped by the connection's own timer (`wire`), not from here.

mod hub;
mod outbox;
mod outlook;
mod recent;

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use axum::body::{Body, Bytes};
use axum::extract::{Extension, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use futures_util::{Stream, stream};
use tokio::sync::broadcast;
use tokio::sync::broadcast::error::RecvError;

use super::Web;
use super::error::{ApiError, WebError};
use super::serve::Link;
use hub::Client;
pub(super) use hub::Hub;

/// `GET /api/stream`.
pub(super) async fn stream(
    State(web): State<Web>,
    Extension(hub): Extension<Arc<Hub>>,
    link: Option<Extension<Arc<Link>>>,
) -> Result<Response, ApiError> {
    hub.start(&web.live, web.clone());
    let client = hub.enter().ok_or(WebError::NotYet("Too many streams are open; close some tabs.", 5))?;
    if let Some(Extension(link)) = link {
        link.streaming.store(true, Ordering::Relaxed);
    }
    let headers = [(header::CONTENT_TYPE, "text/event-stream; charset=utf-8")];
    Ok((headers, Body::from_stream(messages(client))).into_response())
}

/// Where a client's stream stands.
enum Stage {
    /// Nothing was sent yet.
    Begin,
    /// The first bytes are out; the snapshot is next.
    Greeted,
    /// Messages as they come.
    Following(broadcast::Receiver<Bytes>),
}

/// What one client gets. Ends when the hub is closed.
fn messages(client: Client) -> impl Stream<Item = Result<Bytes, Infallible>> + Send {
    stream::unfold((client, Stage::Begin), |(client, stage)| async move {
        let (bytes, stage) = match stage {
            Stage::Begin => (client.greeting(), Stage::Greeted),
            Stage::Greeted => {
                let (snapshot, receiver) = client.join().await?;
                (snapshot, Stage::Following(receiver))
            }
            Stage::Following(mut receiver) => match receiver.recv().await {
                Ok(bytes) => (bytes, Stage::Following(receiver)),
                Err(RecvError::Lagged(_)) => (client.resync(), Stage::Following(receiver)),
                Err(RecvError::Closed) => return None,
            },
        };
        Some((Ok(bytes), (client, stage)))
    })
}

#[cfg(test)]
mod tests;
