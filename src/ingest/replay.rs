//! A log reduced again from its first byte, beside whatever the cache says of it.

use std::fs::File;

use super::IngestError;
use super::tail::{CHUNK, read_at};
use crate::reducer::event::Event;
use crate::reducer::reduce::Reducer;
use crate::reducer::run::RunState;

/// A log on its way from the first byte; nothing is kept of it but the state.
#[derive(Debug)]
pub struct Replay {
    file: File,
    /// For people.
    path: String,
    at: u64,
    buffer: Vec<u8>,
    reducer: Reducer,
}

impl Replay {
    pub(super) fn new(file: File, path: String, reducer: Reducer) -> Self {
        Self { file, path, at: 0, buffer: vec![0; CHUNK], reducer }
    }

    /// Goes on to a byte; `each` is given every event of the lines that end on the way. False when the file ends before.
    ///
    /// # Errors
    /// [`IngestError::Read`] when the system says no.
    pub fn to(&mut self, end: u64, each: &mut dyn FnMut(&Event<'_>)) -> Result<bool, IngestError> {
        while self.at < end {
            let read = self.read(end - self.at)?;
            if read == 0 {
                return Ok(false);
            }
            self.reducer.push(&self.buffer[..read], each);
        }
        Ok(true)
    }

    /// Goes on to the end of the file; `before` as of [`Reducer::push_before`].
    ///
    /// # Errors
    /// As [`Replay::to`].
    pub fn each_line(&mut self, before: &mut dyn FnMut(&mut RunState, &Event<'_>)) -> Result<(), IngestError> {
        loop {
            let read = self.read(u64::MAX)?;
            if read == 0 {
                return Ok(());
            }
            self.reducer.push_before(&self.buffer[..read], before);
        }
    }

    /// What came of it so far.
    pub fn reducer(&mut self) -> &mut Reducer {
        &mut self.reducer
    }

    fn read(&mut self, most: u64) -> Result<usize, IngestError> {
        let length = usize::try_from(most).unwrap_or(CHUNK).min(CHUNK);
        let read = read_at(&self.file, &mut self.buffer[..length], self.at)
            .map_err(|source| IngestError::Read { path: self.path.clone(), source })?;
        self.at += read as u64;
        Ok(read)
    }
}
