//! Chunks of bytes to lines (spec 1.2). It must never know what a line means.

/// The longest line content that is read, unless `--max-line` says otherwise: 8 MiB.
pub const MAX_LINE: usize = 8 * 1024 * 1024;

/// How many bytes of an oversized line are kept as its text.
pub const OVERSIZED_HEAD: usize = 200;

/// One physical line, without byte-order mark, leading NULs and line end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Line<'a> {
    /// Physical number, from 1.
    pub number: u64,
    /// Byte offset in the log of the first byte of the content.
    pub offset: u64,
    /// Length of the content in bytes; more than `bytes` holds when the line is oversized.
    pub length: u64,
    /// The content; of an oversized line its first [`OVERSIZED_HEAD`] bytes.
    pub bytes: &'a [u8],
    /// The content is longer than the limit.
    pub oversized: bool,
}

/// Cuts a log into lines, whatever pieces it comes in. Holds at most one line of at most the limit.
#[derive(Clone, Debug)]
pub struct Splitter {}

impl Splitter {
    /// Starts at a line start: `offset` is its first byte and `lines` how many lines came before.
    #[must_use]
    pub fn new(_max_line: usize, _offset: u64, _lines: u64) -> Self {
        todo!()
    }

    /// Takes the next bytes and gives every line that ends in them.
    pub fn push(&mut self, _chunk: &[u8], _each: &mut impl FnMut(Line<'_>)) {
        todo!()
    }

    /// The unterminated rest as if it were a line, none when there is no byte of it. No `\r` is dropped from it.
    #[must_use]
    pub fn tail(&self) -> Option<Line<'_>> {
        todo!()
    }

    /// Offset of the first byte after the last line end: where a cursor may stand.
    #[must_use]
    pub fn line_start(&self) -> u64 {
        todo!()
    }

    /// How many lines ended so far.
    #[must_use]
    pub fn lines(&self) -> u64 {
        todo!()
    }

    /// Bytes after the last line end.
    #[must_use]
    pub fn tail_length(&self) -> u64 {
        todo!()
    }
}
