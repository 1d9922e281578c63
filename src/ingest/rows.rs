//! The second stage: event rows of what is reduced already. It must never know a state.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::place::Place;
use super::tail::{CHUNK, Desk, MAX_ROWS, read_at};
use crate::reducer::dialect::Decoder;
use crate::reducer::line::Splitter;
use crate::reducer::reduce::EventRow;
use crate::store::{Cursor, EventBatch};

/// Which rows to make.
#[derive(Debug)]
pub(super) struct RowsJob {
    pub(super) key: Arc<str>,
    pub(super) place: Arc<Place>,
    pub(super) below: Arc<Path>,
    /// Up to where the log is reduced.
    pub(super) cursor: Cursor,
    /// Up to where rows are written, and how many lines that is if it is known.
    pub(super) from: u64,
    pub(super) lines: Option<u64>,
}

/// The next rows.
#[derive(Debug)]
pub(super) struct RowsDone {
    pub(super) key: Arc<str>,
    /// None when the log is not the one that was reduced, or could not be read: it needs a turn first.
    pub(super) batch: Option<EventBatch>,
    pub(super) lines: u64,
}

/// Makes the next rows of one log, a bounded number.
pub(super) fn next(desk: &Desk, job: RowsJob, buffer: &mut Vec<u8>) -> RowsDone {
    buffer.resize(CHUNK, 0);
    let made = read(desk, &job, buffer);
    let (batch, lines) = made.map_or((None, 0), |(batch, lines)| (Some(batch), lines));
    RowsDone { key: job.key, batch, lines }
}

fn read(desk: &Desk, job: &RowsJob, buffer: &mut [u8]) -> Option<(EventBatch, u64)> {
    let (file, stat) = job.place.open_log(&job.below).ok()?;
    let is_same = (stat.device, stat.inode) == (job.cursor.device, job.cursor.inode) && stat.size >= job.cursor.offset;
    if !is_same {
        return None;
    }
    let before = match job.lines {
        Some(lines) => lines,
        None => count_lines(desk, &file, job.from, buffer)?,
    };
    let mut splitter = Splitter::new(desk.reading.max_line, job.from, before);
    let mut decoder = Decoder::new(desk.reading.clone());
    let mut events = Vec::new();
    let mut at = job.from;
    while at < job.cursor.offset && (events.len() < MAX_ROWS || splitter.line_start() == job.from) {
        let length = usize::try_from(job.cursor.offset - at).unwrap_or(CHUNK).min(CHUNK);
        let bytes = piece(desk, &file, at, &mut buffer[..length])?;
        splitter.push(bytes, &mut |line| {
            decoder.decode(&line, &mut |event| events.push(EventRow::of(event)));
        });
        at += bytes.len() as u64;
    }
    let lines = splitter.lines();
    let events_offset = splitter.line_start();
    Some((EventBatch { key: job.key.to_string(), generation: job.cursor.generation, events, events_offset }, lines))
}

fn count_lines(desk: &Desk, file: &File, end: u64, buffer: &mut [u8]) -> Option<u64> {
    let (mut at, mut lines) = (0, 0);
    while at < end {
        let length = usize::try_from(end - at).unwrap_or(CHUNK).min(CHUNK);
        let bytes = piece(desk, file, at, &mut buffer[..length])?;
        lines += memchr::memchr_iter(b'\n', bytes).count() as u64;
        at += bytes.len() as u64;
    }
    Some(lines)
}

/// The next bytes; none when everything stops, at an error, and where the file was cut off.
fn piece<'a>(desk: &Desk, file: &File, at: u64, buffer: &'a mut [u8]) -> Option<&'a [u8]> {
    if desk.stop.load(Ordering::Relaxed) {
        return None;
    }
    let read = read_at(file, buffer, at).ok().filter(|read| *read > 0)?;
    Some(&buffer[..read])
}
