//! The one writer: a thread that owns the only write connection and commits batches, many at a time when many wait.

use super::StoreError;
use super::row::{Batch, EventBatch, LogRow};

/// A handle to the writer thread. Cheap to clone; the thread ends when the last handle is dropped.
#[derive(Clone, Debug)]
pub struct Writer {}

/// One thing to write.
#[derive(Debug)]
pub enum Write {
    /// State, cursor and events of one turn of one log.
    Batch(Box<Batch>),
    /// Event rows of the second stage.
    Events(EventBatch),
    /// A log that has no state to write: a problem, or gone. `None` state stays as it is.
    Log(LogRow),
    /// The run's rows go (a directory that was renamed, spec T15).
    Remove(String),
}

impl Writer {
    /// Queues a write; waits when too much is queued already. Commits happen soon, not now.
    ///
    /// # Errors
    /// [`StoreError::Stopped`] when the thread has ended.
    pub fn send(&self, _write: Write) -> Result<(), StoreError> {
        todo!()
    }

    /// Waits until everything sent before is committed.
    ///
    /// # Errors
    /// What the first failed commit since the last flush said, or [`StoreError::Stopped`].
    pub fn flush(&self) -> Result<(), StoreError> {
        todo!()
    }
}
