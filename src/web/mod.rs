//! The only room that knows HTTP and HTML. The guard is the first layer of everything (spec 5.3).
//!
//! It must never know how logs are found and followed, nor SQL: it asks `query`, and reads raw lines through
//! [`LogText`].

use std::sync::Arc;

use crate::query::Query;
use crate::reducer::run::RunState;
use crate::store::Live;

/// Reading pieces of logs, given by the wiring so that this room does not know the one that opens logs.
pub trait LogText: Send + Sync {
    /// Up to `length` bytes at an offset of the log of a run. The error is a sentence for a person.
    fn read(&self, key: &str, offset: u64, length: usize) -> Result<Vec<u8>, String>;

    /// The state after a line (spec 2.4). The error is a sentence for a person.
    fn state_at(&self, key: &str, line: u64) -> Result<RunState, String>;
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
    /// The port that the guard accepts as ours.
    pub port: u16,
}

/// The whole router, guard included; tests call it in process.
pub fn router(_web: Web) -> axum::Router {
    todo!()
}

/// Serves until `stop` resolves; then closes streams and returns (spec T142: within 5 s).
pub async fn serve(
    _listener: tokio::net::TcpListener,
    _web: Web,
    _stop: impl std::future::Future<Output = ()> + Send + 'static,
) -> std::io::Result<()> {
    todo!()
}
