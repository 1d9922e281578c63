//! One turn of one log: open, check that it is the same, read a bounded piece, reduce, and say what to write.
//!
//! Between two turns nothing but the row of the log is needed; a [`Hot`] reducer only saves asking the cache. It must
//! never know which log is next.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::cursor::{self, Decision, Marks, Trace};
use super::place::{Kind, Place, Refused, Stat};
use super::problem;
use crate::reducer::dialect::Reading;
use crate::reducer::reduce::{EventRow, Reducer, Tail};
use crate::reducer::run::{Changes, Spare};
use crate::store::row::Provisional;
use crate::store::writer::Write;
use crate::store::{Batch, Cursor, LogRow, Reader, StoreError, Writer};

/// How much is read at once.
pub(super) const CHUNK: usize = 128 * 1024;

/// A turn ends after so many event rows, however few bytes they are of.
const MAX_ROWS: usize = 20_000;

/// Room is made for so many event rows as there are lines of this length.
const LINE: u64 = 256;

/// A state of more bytes is not copied while the writer holds it: the turn waits.
const HEAVY: usize = 4 * 1024 * 1024;

/// Up to so many unterminated bytes are read again from the line's start, in case they changed.
const SHORT_TAIL: u64 = 64 * 1024;

/// What every turn needs.
#[derive(Debug)]
pub(super) struct Desk {
    pub(super) reading: Reading,
    pub(super) reader: Reader,
    pub(super) writer: Writer,
    /// Everything ends soon.
    pub(super) stop: AtomicBool,
}

/// What to read.
#[derive(Debug)]
pub(super) struct Job {
    /// The log as it was written last; of a new one only its names.
    pub(super) row: LogRow,
    pub(super) place: Arc<Place>,
    pub(super) below: Arc<Path>,
    pub(super) hot: Option<Box<Hot>>,
    /// The hash of the whole log at the end of the last turn, if known.
    pub(super) shape: Option<u32>,
    /// At most so many bytes.
    pub(super) limit: u64,
    pub(super) keep: Keep,
    /// The run had ended when the row was written.
    pub(super) ended: bool,
    /// Something about this log may still be on its way into the cache: the number of the last write.
    pub(super) unflushed: Option<u64>,
}

/// What of a log is kept beside the values of its run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Keep {
    /// Its lists and the rows of its events.
    All,
    /// Its lists; but of a run that has ended only its phases, since nobody goes on from it: who wants the rest reads it
    /// once more, from its first byte.
    Runs,
}

/// A reducer that waits behind its cursor for more.
#[derive(Debug)]
pub(super) struct Hot {
    generation: u64,
    reducer: Reducer,
    trace: Trace,
}

impl Hot {
    /// A rough size in bytes, to bound how many are kept.
    pub(super) fn weight(&self) -> usize {
        let state = self.reducer.state();
        let tail = self.trace.at().saturating_sub(self.reducer.offset());
        8192 + 600 * (state.spans.len() + state.markers.len() + state.artifacts.len())
            + usize::try_from(tail).unwrap_or(0)
    }

    /// Whether the writer still holds its state, which is no small one.
    pub(super) fn is_held(&self) -> bool {
        self.reducer.is_shared() && self.weight() > HEAVY
    }
}

/// How a turn ended.
#[derive(Debug)]
pub(super) enum End {
    /// Read to the end of the file.
    Read,
    /// There is more.
    More,
    /// The file changed while it was read; nothing was taken.
    Again,
    /// There is no such file.
    Missing,
    /// The row says what is wrong.
    Refused,
    /// Everything stops.
    Stopped,
    /// The cache said no.
    Cache(StoreError),
}

/// What a turn gave.
#[derive(Debug)]
pub(super) struct Done {
    pub(super) row: LogRow,
    pub(super) write: Option<Write>,
    pub(super) end: End,
    pub(super) hot: Option<Box<Hot>>,
    /// Bytes taken.
    pub(super) read: u64,
    pub(super) replaced: bool,
    /// Whether the run ended, when this turn found out.
    pub(super) ended: Option<bool>,
    pub(super) shape: Option<u32>,
    /// Size of the file.
    pub(super) size: u64,
    /// The write up to which everything is committed, when this turn waited for it.
    pub(super) flushed: Option<u64>,
}

/// Why a turn gave nothing.
enum Trouble {
    Refused(Refused),
    Read(io::Error),
    Again,
    Stopped,
    Cache(StoreError),
}

/// What the turns of one thread use again and again.
#[derive(Debug, Default)]
pub(super) struct Scratch {
    buffer: Vec<u8>,
    /// Of the last run of which nothing but its phases was kept.
    spare: Spare,
}

/// Takes one turn.
pub(super) fn turn(desk: &Desk, mut job: Job, scratch: &mut Scratch) -> Done {
    scratch.buffer.resize(CHUNK, 0);
    let hot = job.hot.take();
    match Turn::open(desk, &job, scratch).and_then(|turn| turn.run(hot)) {
        Ok(done) => done,
        Err(trouble) => give_up(job.row, trouble),
    }
}

/// What is left of a turn that ended in a defect of ours.
pub(super) fn crashed(row: LogRow) -> Done {
    let problem = problem::internal(&row.path);
    refused(row, problem)
}

fn give_up(row: LogRow, trouble: Trouble) -> Done {
    let problem = match trouble {
        Trouble::Refused(Refused::NotRegular(kind)) => return refuse(row, kind),
        Trouble::Refused(Refused::Io(error)) => problem::unreadable(&row.path, &error),
        Trouble::Read(error) => problem::read_error(&row.path, &error),
        Trouble::Refused(Refused::Missing) => return nothing(row, End::Missing),
        Trouble::Again => return nothing(row, End::Again),
        Trouble::Stopped => return nothing(row, End::Stopped),
        Trouble::Cache(error) => return nothing(row, End::Cache(error)),
    };
    refused(row, problem)
}

fn refuse(row: LogRow, kind: Kind) -> Done {
    let problem = problem::not_regular(&row.path, kind);
    refused(row, problem)
}

fn refused(mut row: LogRow, problem: crate::store::Problem) -> Done {
    let is_news = row.gone || row.problem.as_ref() != Some(&problem);
    row.gone = false;
    row.problem = Some(problem);
    let write = is_news.then(|| Write::Log(Box::new(row.clone())));
    Done { write, ..nothing(row, End::Refused) }
}

fn nothing(row: LogRow, end: End) -> Done {
    Done {
        size: row.cursor.size,
        row,
        write: None,
        end,
        hot: None,
        read: 0,
        replaced: false,
        ended: None,
        shape: None,
        flushed: None,
    }
}

/// A log that is open.
struct Turn<'a> {
    desk: &'a Desk,
    job: &'a Job,
    scratch: &'a mut Scratch,
    file: File,
    /// As it was before the first byte was read: what changes later shows against this.
    stat: Stat,
    doubt: bool,
    flushed: Option<u64>,
}

/// From where a turn goes on.
struct Start {
    reducer: Reducer,
    trace: Trace,
    cursor: Cursor,
    /// The log is another one than it was.
    replace: bool,
}

impl<'a> Turn<'a> {
    fn open(desk: &'a Desk, job: &'a Job, scratch: &'a mut Scratch) -> Result<Self, Trouble> {
        let (file, stat) = job.place.open_log(&job.below).map_err(Trouble::Refused)?;
        let doubt = cursor::is_doubtful(&stat, cursor::clock());
        Ok(Self { desk, job, scratch, file, stat, doubt, flushed: None })
    }

    fn run(mut self, hot: Option<Box<Hot>>) -> Result<Done, Trouble> {
        let known = &self.job.row.cursor;
        let (marks, before) = self.marks(known)?;
        let lacks_rows = self.job.keep == Keep::All && self.job.row.lacks_rows();
        let is_same = match cursor::decide(known, &self.stat, marks) {
            Decision::Same if self.is_read() && !lacks_rows => return Ok(self.unchanged(hot)),
            Decision::Same | Decision::Grown => true,
            Decision::Compare => self.is_same_prefix(known)?,
            Decision::New => false,
        };
        let start = match is_same {
            true if lacks_rows => self.begin(known.generation),
            true => self.resume(hot, &before)?,
            false => self.begin(known.generation + 1),
        };
        self.reduce(start)
    }

    /// Whether the last turn came to the end of the file.
    fn is_read(&self) -> bool {
        let row = &self.job.row;
        row.cursor.offset + row.pending_bytes + row.provisional_bytes == self.stat.size
    }

    /// The file is as it was: at most a problem is over.
    fn unchanged(self, hot: Option<Box<Hot>>) -> Done {
        let mut row = healthy(self.job.row.clone());
        // A doubt was looked into, or there was none.
        cursor::note(&mut row.cursor, &self.stat, false);
        let write = (row != self.job.row).then(|| Write::Log(Box::new(row.clone())));
        Done { write, hot, shape: self.job.shape, size: self.stat.size, ..nothing(row, End::Read) }
    }

    /// Compares the bytes at the two marks, and gives those before the offset.
    fn marks(&mut self, known: &Cursor) -> Result<(Marks, Vec<u8>), Trouble> {
        if known.generation == 0 || self.stat.size < known.offset {
            return Ok((Marks { head: false, before: false }, Vec::new()));
        }
        let length = known.before_length.min(cursor::BEFORE as u64).min(known.offset);
        let before = self.read(known.offset - length, length)?.to_vec();
        let is_before =
            u64::from(cursor::hash(0, &before)) == known.before_hash && before.len() as u64 == known.before_length;
        let head = self.read(0, known.head_length.min(cursor::HEAD as u64))?;
        let is_head = u64::from(cursor::hash(0, head)) == known.head_hash && head.len() as u64 == known.head_length;
        Ok((Marks { head: is_head, before: is_before }, before))
    }

    /// Whether all bytes before the offset have the hash that they had.
    fn is_same_prefix(&mut self, known: &Cursor) -> Result<bool, Trouble> {
        let (mut at, mut hash) = (0, 0);
        while at < known.offset {
            let bytes = self.read(at, known.offset - at)?;
            if bytes.is_empty() {
                return Err(Trouble::Again);
            }
            hash = cursor::hash(hash, bytes);
            at += bytes.len() as u64;
        }
        Ok(u64::from(hash) == known.prefix_hash)
    }

    /// Reads at most a chunk; fewer bytes only at the end of the file.
    fn read(&mut self, at: u64, length: u64) -> Result<&[u8], Trouble> {
        if self.desk.stop.load(Ordering::Relaxed) {
            return Err(Trouble::Stopped);
        }
        let length = usize::try_from(length).unwrap_or(CHUNK).min(CHUNK);
        let read = read_at(&self.file, &mut self.scratch.buffer[..length], at).map_err(Trouble::Read)?;
        Ok(&self.scratch.buffer[..read])
    }

    /// From the first byte; what was read before is replaced.
    fn begin(&mut self, generation: u64) -> Start {
        let spare = std::mem::take(&mut self.scratch.spare);
        Start {
            reducer: Reducer::in_room_of(self.desk.reading.clone(), spare),
            trace: Trace::default(),
            cursor: Cursor { generation, ..Cursor::default() },
            replace: self.job.row.cursor.generation > 0,
        }
    }

    /// From the cursor.
    fn resume(&mut self, hot: Option<Box<Hot>>, before: &[u8]) -> Result<Start, Trouble> {
        let row = &self.job.row;
        let cursor = row.cursor.clone();
        // Also of a reducer that waits: what it would go on from may be gone.
        if self.job.ended && row.may_lack_lists() {
            return Ok(self.begin(cursor.generation));
        }
        if let Some(hot) =
            hot.filter(|hot| hot.generation == cursor.generation && hot.reducer.offset() == cursor.offset)
        {
            if hot.is_held() {
                // A copy of the state for each turn that waits would not be small.
                self.desk.writer.flush().map_err(Trouble::Cache)?;
            }
            let Hot { mut reducer, mut trace, .. } = *hot;
            if !self.is_long_tail_same(&trace, cursor.offset)? {
                reducer.rewind();
                trace = Trace::resume(&cursor, before);
            }
            return Ok(Start { reducer, trace, cursor, replace: false });
        }
        if let Some(number) = self.job.unflushed {
            self.desk.writer.flush().map_err(Trouble::Cache)?;
            self.flushed = Some(number);
        }
        let Some(state) = self.desk.reader.resume(&row.key).map_err(Trouble::Cache)? else {
            return Ok(self.begin(cursor.generation + 1));
        };
        let reducer = Reducer::resume(self.desk.reading.clone(), state, cursor.offset);
        Ok(Start { reducer, trace: Trace::resume(&cursor, before), cursor, replace: false })
    }

    /// Whether the reducer holds an unterminated tail that is too long to be read again, and that looks as it did.
    fn is_long_tail_same(&mut self, trace: &Trace, offset: u64) -> Result<bool, Trouble> {
        if trace.at() - offset <= SHORT_TAIL || self.stat.size < trace.at() {
            return Ok(false);
        }
        let last = trace.last();
        Ok(self.read(trace.at() - last.len() as u64, last.len() as u64)? == last)
    }

    fn reduce(mut self, mut start: Start) -> Result<Done, Trouble> {
        let old = &self.job.row;
        let is_fresh = start.replace || start.cursor.generation != old.cursor.generation;
        let mut row = match is_fresh {
            true => {
                LogRow { key: old.key.clone(), source: old.source.clone(), path: old.path.clone(), ..LogRow::default() }
            }
            false => old.clone(),
        };
        let from = start.cursor.offset;
        let todo = self.stat.size - from;
        let room = usize::try_from(todo.min(self.job.limit) / LINE).unwrap_or(0).min(MAX_ROWS);
        let has_rows = self.job.keep == Keep::All;
        let mut events = has_rows.then(|| Vec::with_capacity(room));
        let read = self.pour(&mut start, &mut events)?;
        let Start { mut reducer, trace, mut cursor, replace } = start;

        cursor::note(&mut cursor, &self.stat, self.doubt);
        row = healthy(row);
        row.rotated = cursor.generation > 1;
        row.cursor = cursor;
        if has_rows {
            row.events_offset = row.cursor.offset;
        }
        let is_committed = is_fresh || row.cursor.offset != from;
        let mut changes = if is_committed { reducer.state_mut().take_changes() } else { Changes::default() };
        let is_more = trace.at() < self.stat.size;
        let provisional = if is_more { None } else { provisional(&mut reducer) };
        let tail = if is_more { 0 } else { trace.at() - row.cursor.offset };
        (row.pending_bytes, row.provisional_bytes) = if provisional.is_some() { (0, tail) } else { (tail, 0) };

        let ended = provisional.as_ref().map_or(reducer.state().run.is_ended(), |tail| tail.state.run.is_ended());
        // What takes several turns has snapshots, which need the lists.
        let is_one_turn = is_fresh && !is_more && provisional.is_none() && row.cursor.offset < self.job.limit;
        let is_brief = self.job.keep == Keep::Runs && ended && is_one_turn;
        if is_brief {
            self.scratch.spare = reducer.state_mut().keep_phases();
            // They are numbers of entries that are gone; of a run without a row everything is written anyway.
            changes = Changes::default();
        } else if is_fresh {
            // It may have another run's room.
            reducer.state_mut().shrink_to_fit();
        }
        let is_tail_same = self.job.shape == Some(trace.all()) && old.provisional_bytes == row.provisional_bytes;
        let is_tail_shown = old.provisional_bytes > 0 || provisional.is_some();
        let write = if is_committed || (is_tail_shown && !is_tail_same) {
            let state = reducer.shared();
            let log = row.clone();
            Some(Write::Batch(Box::new(Batch { log, replace, state, changes, events, provisional })))
        } else {
            (row != *old).then(|| Write::Log(Box::new(row.clone())))
        };
        Ok(Done {
            write,
            end: if is_more { End::More } else { End::Read },
            read,
            replaced: is_fresh,
            ended: Some(ended),
            shape: Some(trace.all()),
            size: self.stat.size,
            flushed: self.flushed,
            hot: (!is_brief).then(|| Box::new(Hot { generation: row.cursor.generation, reducer, trace })),
            row,
        })
    }

    /// Gives the reducer the next bytes, at most to the size that the file had, and moves the cursor with it.
    fn pour(&mut self, start: &mut Start, events: &mut Option<Vec<EventRow>>) -> Result<u64, Trouble> {
        let from = start.trace.at();
        let end = self.stat.size.min(from.saturating_add(self.job.limit));
        let Start { reducer, trace, cursor, .. } = start;
        while trace.at() < end && events.as_ref().is_none_or(|rows| rows.len() < MAX_ROWS) {
            let bytes = self.read(trace.at(), end - trace.at())?;
            if bytes.is_empty() {
                return Err(Trouble::Again);
            }
            reducer.push(bytes, &mut |event| {
                if let Some(rows) = events {
                    rows.push(EventRow::of(event));
                }
            });
            // The cursor stands behind the last line that ended, which may be in the middle of these bytes.
            let ended = usize::try_from(reducer.offset().saturating_sub(trace.at())).unwrap_or(0);
            trace.push(&bytes[..ended]);
            if ended > 0 {
                trace.mark(cursor);
            }
            trace.push(&bytes[ended..]);
        }
        // Cut off meanwhile: what was read may be of two files.
        let size = self.file.metadata().map_err(Trouble::Read)?.len();
        if size < trace.at() {
            return Err(Trouble::Again);
        }
        Ok(trace.at() - from)
    }
}

/// Fills a buffer from a place in a file as far as the file goes.
pub(super) fn read_at(file: &File, buffer: &mut [u8], mut at: u64) -> io::Result<usize> {
    let mut filled = 0;
    while filled < buffer.len() {
        match file.read_at(&mut buffer[filled..], at) {
            Ok(0) => break,
            Ok(read) => {
                filled += read;
                at += read as u64;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}

fn healthy(mut row: LogRow) -> LogRow {
    row.gone = false;
    row.problem = None;
    row
}

fn provisional(reducer: &mut Reducer) -> Option<Provisional> {
    match reducer.tail() {
        Tail::None | Tail::Pending(_) => None,
        Tail::Provisional(mut state, events) => {
            let changes = state.take_changes();
            Some(Provisional { state, changes, events })
        }
    }
}
