//! Whether a log is still the one that was read, and from where reading goes on (spec 5.1).
//!
//! It is given what was seen and decides; it must never touch a file.
//!
//! All hashes are CRC-32: its state is one number that can be stored and gone on from after any byte, it costs a tenth
//! of the decoding, and nobody has to be kept from forging a log that they may write anyway.

use std::time::{SystemTime, UNIX_EPOCH};

use super::place::Stat;
use crate::store::Cursor;

/// How many bytes of the head are hashed.
pub(super) const HEAD: usize = 1024;

/// How many bytes before the offset are hashed.
pub(super) const BEFORE: usize = 1024;

/// A change and a look that lie so close that the change time may hide a second change: kernels count it in ticks of up
/// to 10 ms, some file systems in seconds.
const DOUBT_NS: i64 = 1_000_000_000;

/// Up to how many reduced bytes a doubt is worth reading them again.
const DOUBT_BYTES: u64 = 4 * 1024 * 1024;

/// What was seen of the bytes that the cursor knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Marks {
    /// The first bytes have the hash that they had.
    pub(super) head: bool,
    /// So have the bytes before the offset.
    pub(super) before: bool,
}

/// What to do with a log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Decision {
    /// Nothing changed.
    Same,
    /// Go on at the offset.
    Grown,
    /// Something but growth changed: go on at the offset only if all bytes before it have the hash that they had.
    Compare,
    /// It is another log, or was never read: from the first byte, as a new generation.
    New,
}

/// Decides by the cursor, the file as it is now and the bytes at the two marks.
pub(super) fn decide(cursor: &Cursor, stat: &Stat, marks: Marks) -> Decision {
    if cursor.generation == 0 || stat.size < cursor.offset || !marks.head || !marks.before {
        return Decision::New;
    }
    // Device numbers change with a reboot, inodes with an editor's save or a copy back: what counts is the content.
    if (stat.device, stat.inode) != (cursor.device, cursor.inode) || stat.size < cursor.size {
        return Decision::Compare;
    }
    if stat.size > cursor.size {
        return Decision::Grown;
    }
    let touched = (stat.mtime_ns, stat.ctime_ns) != (cursor.mtime_ns, cursor.ctime_ns);
    match touched || (cursor.doubt && cursor.offset <= DOUBT_BYTES) {
        true => Decision::Compare,
        false => Decision::Same,
    }
}

/// Whether a look shows the file as it was when it was read last.
pub(super) fn is_unchanged(cursor: &Cursor, stat: &Stat) -> bool {
    cursor.generation > 0
        && (stat.device, stat.inode) == (cursor.device, cursor.inode)
        && (stat.size, stat.mtime_ns, stat.ctime_ns) == (cursor.size, cursor.mtime_ns, cursor.ctime_ns)
}

/// Whether a look came so shortly after the file's last change that a further change may not show in its times.
pub(super) fn is_doubtful(stat: &Stat, now_ns: i64) -> bool {
    now_ns.saturating_sub(stat.ctime_ns).abs() < DOUBT_NS
}

/// Nanoseconds since 1970, to compare file times with.
pub(super) fn clock() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| i64::try_from(since.as_nanos()).unwrap_or(i64::MAX))
}

/// Notes in the cursor how the file looked before it was read, and whether that can be relied on.
pub(super) fn note(cursor: &mut Cursor, stat: &Stat, doubt: bool) {
    cursor.device = stat.device;
    cursor.inode = stat.inode;
    cursor.size = stat.size;
    cursor.mtime_ns = stat.mtime_ns;
    cursor.ctime_ns = stat.ctime_ns;
    cursor.doubt = doubt;
}

/// The hash of some bytes, going on from the hash of those before them (0 without any).
pub(super) fn hash(before: u32, bytes: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new_with_initial(before);
    hasher.update(bytes);
    hasher.finalize()
}

/// The hashes of a log along the way of its reading.
#[derive(Clone, Debug, Default)]
pub(super) struct Trace {
    at: u64,
    all: u32,
    head: u32,
    last: Vec<u8>,
}

impl Trace {
    /// Goes on at a cursor; `before` are the bytes that its mark before the offset stands for.
    pub(super) fn resume(cursor: &Cursor, before: &[u8]) -> Self {
        Self {
            at: cursor.offset,
            all: narrow(cursor.prefix_hash),
            head: narrow(cursor.head_hash),
            last: before.to_vec(),
        }
    }

    /// How many bytes were taken.
    pub(super) fn at(&self) -> u64 {
        self.at
    }

    /// The hash of all of them.
    pub(super) fn all(&self) -> u32 {
        self.all
    }

    /// The last of them, at most [`BEFORE`].
    pub(super) fn last(&self) -> &[u8] {
        &self.last
    }

    /// Takes the next bytes.
    pub(super) fn push(&mut self, bytes: &[u8]) {
        let missing = HEAD.saturating_sub(usize::try_from(self.at).unwrap_or(HEAD));
        if missing > 0 {
            self.head = hash(self.head, &bytes[..bytes.len().min(missing)]);
        }
        self.all = hash(self.all, bytes);
        self.at += bytes.len() as u64;
        if bytes.len() >= BEFORE {
            self.last.clear();
        }
        let fresh = &bytes[bytes.len().saturating_sub(BEFORE)..];
        let surplus = (self.last.len() + fresh.len()).saturating_sub(BEFORE);
        self.last.drain(..surplus);
        self.last.extend_from_slice(fresh);
    }

    /// Puts the cursor where the trace is, with its hashes.
    pub(super) fn mark(&self, cursor: &mut Cursor) {
        cursor.offset = self.at;
        cursor.prefix_hash = u64::from(self.all);
        cursor.head_hash = u64::from(self.head);
        cursor.head_length = self.at.min(HEAD as u64);
        cursor.before_hash = u64::from(hash(0, &self.last));
        cursor.before_length = self.last.len() as u64;
    }
}

/// A stored hash. What does not fit was never written by us and matches nothing.
fn narrow(hash: u64) -> u32 {
    u32::try_from(hash).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const READ: Cursor = Cursor {
        device: 1,
        inode: 2,
        generation: 1,
        offset: 100,
        size: 110,
        mtime_ns: 5,
        ctime_ns: 6,
        head_hash: 0,
        head_length: 100,
        before_hash: 0,
        before_length: 100,
        prefix_hash: 0,
        doubt: false,
    };
    const SEEN: Stat = Stat { device: 1, inode: 2, size: 110, mtime_ns: 5, ctime_ns: 6 };
    const BOTH: Marks = Marks { head: true, before: true };

    #[test]
    fn a_log_goes_on_only_as_long_as_it_is_the_same() {
        use Decision::{Compare, Grown, New, Same};
        let check = |what: &str, cursor: Cursor, stat: Stat, marks: Marks, expected: Decision| {
            assert_eq!(decide(&cursor, &stat, marks), expected, "{what}");
        };
        check("nothing changed", READ, SEEN, BOTH, Same);
        check("never read", Cursor::default(), SEEN, BOTH, New);
        check("growth", READ, Stat { size: 111, mtime_ns: 7, ctime_ns: 7, ..SEEN }, BOTH, Grown);
        check("growth, times stand still", READ, Stat { size: 111, ..SEEN }, BOTH, Grown);
        check("shorter than the offset", READ, Stat { size: 99, ..SEEN }, BOTH, New);
        check("empty", READ, Stat { size: 0, ..SEEN }, BOTH, New);
        check("only the tail is shorter", READ, Stat { size: 105, mtime_ns: 7, ctime_ns: 7, ..SEEN }, BOTH, Compare);
        check("another head", READ, Stat { size: 200, ..SEEN }, Marks { head: false, ..BOTH }, New);
        check("other bytes before", READ, Stat { size: 200, ..SEEN }, Marks { before: false, ..BOTH }, New);
        check("change time without growth", READ, Stat { ctime_ns: 7, ..SEEN }, BOTH, Compare);
        check("modification time without growth", READ, Stat { mtime_ns: 4, ..SEEN }, BOTH, Compare);
        check("another inode", READ, Stat { inode: 3, size: 200, ..SEEN }, BOTH, Compare);
        check("another device", READ, Stat { device: 9, ..SEEN }, BOTH, Compare);
    }

    #[test]
    fn a_look_too_shortly_after_a_change_is_looked_after() {
        let doubtful = Cursor { doubt: true, ..READ };
        assert_eq!(decide(&doubtful, &SEEN, BOTH), Decision::Compare);
        let long = Cursor { offset: DOUBT_BYTES + 1, size: DOUBT_BYTES + 1, ..doubtful };
        assert_eq!(decide(&long, &Stat { size: DOUBT_BYTES + 1, ..SEEN }, BOTH), Decision::Same);
        assert!(is_doubtful(&Stat { ctime_ns: 10 * DOUBT_NS, ..SEEN }, 10 * DOUBT_NS + 5_000_000));
        assert!(!is_doubtful(&Stat { ctime_ns: 10 * DOUBT_NS, ..SEEN }, 12 * DOUBT_NS));
    }

    #[test]
    fn the_hashes_do_not_depend_on_the_pieces() {
        let log: Vec<u8> = (0..5000_u32).map(|i| (i * 7 % 251) as u8).collect();
        let mut whole = Cursor::default();
        let mut trace = Trace::default();
        trace.push(&log);
        trace.mark(&mut whole);
        assert_eq!(whole.offset, 5000);
        assert_eq!((whole.head_length, whole.before_length), (HEAD as u64, BEFORE as u64));
        assert_eq!(whole.head_hash, u64::from(hash(0, &log[..HEAD])));
        assert_eq!(whole.before_hash, u64::from(hash(0, &log[5000 - BEFORE..])));
        assert_eq!(whole.prefix_hash, u64::from(hash(0, &log)));
        for piece in [1, 3, 1000, 1023, 1024, 1025, 4999] {
            let mut cursor = Cursor::default();
            let mut trace = Trace::default();
            for bytes in log.chunks(piece) {
                trace.push(bytes);
                trace.mark(&mut cursor);
                let at = cursor.offset as usize;
                trace = Trace::resume(&cursor, &log[at - cursor.before_length as usize..at]);
            }
            assert_eq!(cursor, whole, "pieces of {piece}");
        }
    }
}
