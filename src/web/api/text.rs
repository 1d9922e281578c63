//! The text of events, read from the log when it is shown and bounded in every direction.

use crate::reducer::reduce::EventRow;
use crate::web::Web;

/// The most bytes of one event that a page of events shows; the rest is at `/lines/{n}`.
const EVENT_BYTES: u64 = 8 * 1024;
/// Neighbouring events are read together when they lie within so many bytes.
const WINDOW: u64 = 256 * 1024;

/// Reads the texts of events that lie close together with few reads. Forgets nothing but the last window.
pub(super) struct Texts<'a> {
    web: &'a Web,
    key: &'a str,
    window: Vec<u8>,
    start: u64,
}

impl<'a> Texts<'a> {
    pub(super) fn new(web: &'a Web, key: &'a str) -> Self {
        Self { web, key, window: Vec::new(), start: 0 }
    }

    /// The raw bytes of one event, at most [`EVENT_BYTES`]; `None` when the log cannot be read or ends before.
    /// `until` is the end of the events that will be asked for next.
    pub(super) fn bytes(&mut self, row: &EventRow, until: u64) -> Option<&[u8]> {
        let length = row.length.min(EVENT_BYTES);
        let end = row.offset.checked_add(length)?;
        let held = self.start + self.window.len() as u64;
        if row.offset < self.start || end > held {
            let ahead = if row.length > EVENT_BYTES { length } else { WINDOW };
            let most = until.saturating_sub(row.offset).clamp(length, ahead);
            self.window = match self.web.logs.read(self.key, row.offset, usize::try_from(most).ok()?) {
                Ok(bytes) => bytes,
                Err(reason) => {
                    tracing::warn!(key = self.key, reason, "the text of an event could not be read");
                    return None;
                }
            };
            self.start = row.offset;
        }
        let from = usize::try_from(row.offset - self.start).ok()?;
        self.window.get(from..from + usize::try_from(length).ok()?)
    }
}
