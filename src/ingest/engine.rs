//! The loop: scan, tail what changed, write, announce. And the one-off build.

use super::{IngestError, Source};
use crate::store::{Live, Reader, Writer};

/// A running ingest; stops and joins when dropped.
#[derive(Debug)]
pub struct Ingest {}

/// Starts watching and reading in threads of its own.
pub fn start(_source: Source, _writer: Writer, _reader: Reader, _live: Live) -> Result<Ingest, IngestError> {
    todo!()
}

/// What a build did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct Built {
    pub runs: u64,
    pub lines: u64,
    pub events: u64,
    /// Bytes of all logs, and how many of them were read now.
    pub bytes: u64,
    pub read: u64,
    pub problems: u64,
}

/// Whether a build also writes event rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Run rows only.
    Runs,
    /// Run rows, then event rows.
    All,
}

/// Brings the cache up to date once and returns. `progress` is called now and then with (bytes read, bytes to read).
pub fn build(
    _source: &Source,
    _writer: &Writer,
    _reader: &Reader,
    _live: &Live,
    _stage: Stage,
    _progress: &dyn Fn(u64, u64),
) -> Result<Built, IngestError> {
    todo!()
}
