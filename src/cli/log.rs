//! Our own log on standard error: one record is one line, harmless to look at, cut at 1 KiB (spec 5.4 T123).
//!
//! A reader of standard error that stopped must not stop the program (T147): records wait in a short queue, and when
//! that is full they are dropped.

use std::io::{self, Write};
use std::sync::OnceLock;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;

use crate::reducer::visible::visible_bytes;

const MAX_RECORD: usize = 1024;
const QUEUE: usize = 256;

/// Starts logging: warnings only, and more with each `-v`.
pub(super) fn start(verbose: u8) {
    let filter = match verbose {
        // notify warns of each watched directory that is deleted.
        0 => "warn,notify=error",
        1 => "warn,notify=error,wheelwatch=info",
        2 => "warn,wheelwatch=debug",
        _ => "info,wheelwatch=trace",
    };
    // A second start in one process (tests) keeps the first.
    let _ = tracing_subscriber::fmt()
        .with_env_filter(EnvFilter::new(filter))
        .with_writer(Queue::default())
        .with_ansi(false)
        .try_init();
}

fn drain(records: &Receiver<String>) {
    for record in records {
        // A closed standard error is no reason to stop.
        let _ = io::stderr().write_all(record.as_bytes());
    }
}

/// One record as one harmless line.
fn line(record: &[u8]) -> String {
    let record = record.strip_suffix(b"\n").unwrap_or(record);
    let cut = &record[..record.len().min(MAX_RECORD)];
    let mut line = visible_bytes(cut).replace('\n', "␊").replace('\t', " ");
    if cut.len() < record.len() {
        line.push('…');
    }
    line.push('\n');
    line
}

/// The thread that writes begins with the first record, when this process has given up writing elsewhere: a thread that is
/// older than that keeps what it may do.
#[derive(Default)]
struct Queue(OnceLock<Option<SyncSender<String>>>);

impl Queue {
    fn sender(&self) -> Option<&SyncSender<String>> {
        let start = || {
            let (sender, receiver) = sync_channel(QUEUE);
            std::thread::Builder::new().name("log".into()).spawn(move || drain(&receiver)).ok().map(|_| sender)
        };
        self.0.get_or_init(start).as_ref()
    }
}

/// Collects one record; it is sent when the subscriber drops it.
struct Record<'a> {
    bytes: Vec<u8>,
    queue: Option<&'a SyncSender<String>>,
}

impl<'a> MakeWriter<'a> for Queue {
    type Writer = Record<'a>;

    fn make_writer(&'a self) -> Record<'a> {
        Record { bytes: Vec::new(), queue: self.sender() }
    }
}

impl Write for Record<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.bytes.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for Record<'_> {
    fn drop(&mut self) {
        if let Some(queue) = self.queue {
            let _ = queue.try_send(line(&self.bytes));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{MAX_RECORD, line};

    #[test]
    fn one_record_is_one_line_and_cannot_forge_another() {
        let line = line(b"run a\n2026-01-01 ERROR forged \x1b[31m\n");
        assert_eq!(line.matches('\n').count(), 1, "{line:?}");
        assert!(line.ends_with('\n') && !line.contains('\x1b'), "{line:?}");
    }

    #[test]
    fn a_record_is_cut_at_one_kibibyte() {
        let line = line(&[b'a'; 10 * MAX_RECORD]);
        assert!(line.len() <= MAX_RECORD + "…\n".len());
    }
}
