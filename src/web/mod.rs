//! The only room that knows HTTP and HTML. The guard is the first layer of everything (spec 5.3).
//!
//! It must never know how logs are found and followed, nor SQL: it asks `query`, and reads raw lines through
//! [`LogText`].
//!
//! | file | what it is for |
//! |---|---|
//! | `serve`, `peer`, `wire` | the socket: bounds, time-outs, whose connection it is |
//! | `token` | a cookie, where the kernel cannot say whose a connection is |
//! | `guard` | who may ask, and the headers of every answer |
//! | `error` | failures as pages and as JSON |
//! | `assets` | style sheet, script and icons, from the binary |
//! | `stream` | what changed, pushed to browsers |
//! | `api` | JSON |
//! | `address` | run keys in addresses |
//! | `overview`, `runs`, `run`, `line`, `artifact`, `compare`, `attention`, `queue`, `health`, `since` | one module per page |
//! | `page`, `said`, `search` | what all pages share; the text of events, from the log; looking for text in it |
//! | `view` | the components that pages are made of |

pub mod address;
mod api;
mod artifact;
pub mod assets;
mod attention;
mod compare;
pub mod error;
mod guard;
mod health;
mod line;
mod overview;
mod page;
mod peer;
mod queue;
mod run;
mod runs;
pub mod said;
mod search;
mod serve;
mod since;
mod stream;
mod token;
pub mod view;
mod wire;

pub use peer::knows_peers;
pub use serve::serve;
pub use token::Token;

use std::fs::File;
use std::sync::Arc;

use axum::Router;
use axum::extract::{Extension, State};
use axum::http::Uri;
use axum::response::Response;
use tokio::task::JoinSet;

use crate::query::{Commands, Query};
use crate::reducer::fold::Wanted;
use crate::reducer::run::RunState;
use crate::reducer::time::Micros;
use crate::store::{Live, Part};
use error::WebError;
use stream::Hub;
use view::layout::Place;

/// Reading pieces of logs, given by the wiring so that this room does not know the one that opens logs.
pub trait LogText: Send + Sync {
    /// Up to `length` bytes at an offset of the log of a run. The error is a sentence for a person.
    fn read(&self, key: &str, offset: u64, length: usize) -> Result<Vec<u8>, String>;

    /// The state after a line (spec 2.4), with few of its spans and markers when there are very many, but with those that are
    /// wanted, and then which: enough for a verdict. The error is a sentence for a person.
    fn part_at(&self, key: &str, line: u64, wanted: Wanted) -> Result<(RunState, Option<Part>), String>;

    /// A file beneath the directory of a run, open for reading, whatever the log says its path is. The error is a
    /// sentence for a person, without any path.
    fn artifact(&self, key: &str, path: &str) -> Result<File, &'static str>;
}

/// What every handler gets. Cheap to clone.
#[derive(Clone)]
pub struct Web {
    /// Rows and verdicts.
    pub query: Query,
    /// Changes and the source's status.
    pub live: Live,
    /// Raw lines.
    pub logs: Arc<dyn LogText>,
    /// What a person could run (spec 3.4).
    pub commands: Arc<Commands>,
    /// Credentials are masked in artifacts; logs come masked (spec 5.3 rule 8).
    pub redact: bool,
    /// The port that the guard accepts as ours.
    pub port: u16,
    /// What a request must bring, where the kernel cannot say whose a connection is.
    pub token: Option<Token>,
}

impl Web {
    /// Answers a question that reads the cache or a log on a blocking thread, so that no thread of the async runtime ever
    /// waits for SQLite or a disk. The runtime says how many there are; questions wait for one in the order they came.
    ///
    /// # Errors
    /// What the question said, or [`WebError::Broken`] when it panicked.
    pub async fn ask<T, F>(&self, question: F) -> Result<T, WebError>
    where
        F: FnOnce(&Web) -> Result<T, WebError> + Send + 'static,
        T: Send + 'static,
    {
        let web = self.clone();
        work(move || question(&web)).await.unwrap_or(Err(WebError::Broken))
    }
}

/// Works on a blocking thread; not at all when nobody waits for it any more before it is its turn. `None` when it panicked.
async fn work<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Option<T> {
    // Takes back what it holds when it goes.
    let mut one = JoinSet::new();
    one.spawn_blocking(work);
    one.join_next().await?.ok()
}

/// The present: read once per request by its handler and handed down from there.
#[must_use]
pub fn now() -> Micros {
    Micros(jiff::Timestamp::now().as_microsecond())
}

/// The whole router, guard included; tests call it in process.
pub fn router(web: Web) -> Router {
    build(web).0
}

/// The router and the hub of its streams, which the server must close before it stops.
fn build(web: Web) -> (Router, Arc<Hub>) {
    let (port, token) = (web.port, web.token.clone());
    let hub = Hub::new();
    let routes = Router::new()
        .merge(api::router())
        .merge(assets::router())
        .merge(overview::router())
        .merge(runs::router())
        .merge(run::router())
        .merge(line::router())
        .merge(artifact::router())
        .merge(compare::router())
        .merge(attention::router())
        .merge(queue::router())
        .merge(health::router())
        .merge(since::router())
        .fallback(unknown)
        .layer(Extension(hub.clone()))
        .with_state(web);
    (guard::around(routes, port, token), hub)
}

async fn unknown(State(web): State<Web>, uri: Uri, request: page::Request) -> Response {
    const NOTHING: WebError = WebError::NotFound("There is nothing at this address.");
    match uri.path() {
        path if path == "/api" || path.starts_with("/api/") => error::respond(path, &NOTHING),
        _ => page::answer(web, request, Place::Elsewhere, |_| Err(NOTHING)).await,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::time::Duration;

    use super::*;

    #[test]
    fn what_nobody_waits_for_any_more_is_not_begun() {
        let runtime = tokio::runtime::Builder::new_current_thread().max_blocking_threads(1).enable_time().build();
        let runtime = runtime.expect("a runtime");
        let (done, heard) = mpsc::channel();
        let (go_on, wait) = mpsc::channel::<()>();
        let say = |what: &'static str| {
            let done = done.clone();
            move || done.send(what).expect("somebody hears it")
        };
        runtime.block_on(async {
            let first = tokio::spawn(work(move || wait.recv().is_ok()));
            tokio::task::yield_now().await;
            // It waits behind the first until its client goes away.
            let left = tokio::time::timeout(Duration::from_millis(50), work(say("left"))).await;
            assert!(left.is_err(), "there is one thread, and the first has it");
            let last = tokio::spawn(work(say("last")));
            go_on.send(()).expect("the first waits");
            assert_eq!(first.await.expect("it ends"), Some(true));
            assert_eq!(last.await.expect("it ends"), Some(()));
        });
        assert_eq!(heard.try_iter().collect::<Vec<_>>(), ["last"]);
    }

    #[tokio::test]
    async fn work_that_panics_says_so_and_stops_nothing() {
        assert_eq!(work(|| panic!("as this test wants")).await, None::<()>);
        assert_eq!(work(|| 1).await, Some(1));
    }
}
