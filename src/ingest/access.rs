//! Reads pieces of logs for whoever shows them: beneath the state root, never through a link, bounded.

use super::{IngestError, Source};
use crate::reducer::run::RunState;

/// Read access to logs by run key. Cheap to clone.
#[derive(Clone, Debug)]
pub struct LogAccess {}

impl LogAccess {
    /// Access to the logs of a source.
    #[must_use]
    pub fn new(_source: &Source) -> Self {
        todo!()
    }

    /// Up to `length` bytes at an offset of the log of a run; fewer at its end.
    pub fn read(&self, _key: &str, _offset: u64, _length: usize) -> Result<Vec<u8>, IngestError> {
        todo!()
    }

    /// The state after a line, reduced from the first byte (spec 2.4). Lines past the end give the last state.
    pub fn state_at(&self, _key: &str, _line: u64) -> Result<RunState, IngestError> {
        todo!()
    }
}
