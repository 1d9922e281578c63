//! The canonical dump (spec 4.2): by it two reducers, and a cache and a fresh reading, are compared.

use serde_json::Value;

use super::reduce::EventRow;
use super::run::RunState;

/// The hash over the event rows, fed in order.
#[derive(Clone, Default)]
pub struct EventsHash {}

impl std::fmt::Debug for EventsHash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("EventsHash")
    }
}

impl EventsHash {
    /// Adds the next event.
    pub fn push(&mut self, _row: &EventRow) {
        todo!()
    }

    /// How many events were added, and the hash in lower-case hexadecimal.
    #[must_use]
    pub fn finish(self) -> (u64, String) {
        todo!()
    }
}

/// One run of the dump; keys sort themselves (`serde_json::Map` is ordered).
#[must_use]
pub fn run(_key: &str, _state: &RunState, _pending_bytes: u64, _events: u64, _events_sha256: &str) -> Value {
    todo!()
}

/// The whole document from its runs, which must come in the order of their keys.
#[must_use]
pub fn document(runs: Vec<Value>) -> String {
    serde_json::json!({ "schema": 1, "runs": runs }).to_string()
}
