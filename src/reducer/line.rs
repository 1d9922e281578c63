//! Chunks of bytes to lines (spec 1.2). It must never know what a line means.

use std::ops::Range;

use wide::u8x32;

/// The longest line content that is read, unless `--max-line` says otherwise: 8 MiB.
pub const MAX_LINE: usize = 8 * 1024 * 1024;

/// How many bytes of an oversized line are kept as its text.
pub const OVERSIZED_HEAD: usize = 200;

/// The byte-order mark that may stand at the start of a file.
const MARK: &[u8] = b"\xEF\xBB\xBF";

/// A buffer that grew beyond this is given back after its line.
const KEPT_BUFFER: usize = 64 * 1024;

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
    /// The content, when it is known to be text without a byte below 0x20, as nearly every line is. `None` says nothing.
    pub clean: Option<Clean<'a>>,
}

/// The content of a line without a byte below 0x20.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Clean<'a> {
    /// The content.
    pub text: &'a str,
    /// The content and what is at hand of the bytes behind it, so that its end can be looked at in whole blocks.
    pub ahead: &'a [u8],
}

/// Cuts a log into lines, whatever pieces it comes in. Holds at most one line of at most the limit.
#[derive(Clone, Debug)]
pub struct Splitter {
    max_line: usize,
    /// Offset of the first byte of the current line, mark and NULs included.
    start: u64,
    /// Lines that ended.
    lines: u64,
    /// Bytes of mark and leading NULs of the current line so far.
    skipped: u64,
    /// Content bytes of the current line so far, those in `held` included.
    content: u64,
    /// The content so far; only its head once it is certainly over the limit.
    held: Vec<u8>,
    /// The last content byte is a carriage return, which a line feed would drop.
    returned: bool,
}

impl Splitter {
    /// Starts at a line start: `offset` is its first byte and `lines` how many lines came before.
    #[must_use]
    pub fn new(max_line: usize, offset: u64, lines: u64) -> Self {
        Self { max_line, start: offset, lines, skipped: 0, content: 0, held: Vec::new(), returned: false }
    }

    /// Takes the next bytes and gives every line that ends in them.
    pub fn push(&mut self, chunk: &[u8], each: &mut impl FnMut(Line<'_>)) {
        let rest = self.push_held(chunk, each);
        self.push_whole(rest, each);
    }

    /// The first half of [`Splitter::push`]: gives the line that was held, if it ends in the next bytes, and gives those that
    /// are not taken yet.
    pub fn push_held<'c>(&mut self, chunk: &'c [u8], each: &mut impl FnMut(Line<'_>)) -> &'c [u8] {
        if self.tail_length() == 0 {
            return chunk;
        }
        let Some(end) = memchr::memchr(b'\n', chunk) else {
            self.hold(chunk);
            return &[];
        };
        self.hold(chunk.get(..end).unwrap_or_default());
        self.give_held(each);
        chunk.get(end + 1..).unwrap_or_default()
    }

    /// The other half: nothing is held, and every line is given that lies in the next bytes.
    pub fn push_whole<'c>(&mut self, chunk: &'c [u8], each: &mut impl FnMut(Line<'c>)) {
        let mut from = 0;
        let text = Text::of(chunk);
        line_feeds(chunk, |end, has_controls| {
            let ahead = chunk.get(from..).unwrap_or_default();
            self.give_whole(ahead, end - from, if has_controls { None } else { text.get(from..end) }, each);
            from = end + 1;
        });
        self.hold(chunk.get(from..).unwrap_or_default());
    }

    /// The unterminated rest as if it were a line, none when there is no byte of it. No `\r` is dropped from it.
    #[must_use]
    pub fn tail(&self) -> Option<Line<'_>> {
        (self.tail_length() > 0).then(|| self.line(&self.held, self.skipped, self.content))
    }

    /// Offset of the first byte after the last line end: where a cursor may stand.
    #[must_use]
    pub fn line_start(&self) -> u64 {
        self.start
    }

    /// How many lines ended so far.
    #[must_use]
    pub fn lines(&self) -> u64 {
        self.lines
    }

    /// Bytes after the last line end.
    #[must_use]
    pub fn tail_length(&self) -> u64 {
        self.skipped + self.content
    }

    /// The current line with so many bytes before its content; `bytes` are at least its head, all of it up to the limit.
    fn line<'b>(&self, bytes: &'b [u8], skipped: u64, length: u64) -> Line<'b> {
        let oversized = length > self.max_line as u64;
        let shown = if oversized { length.min(OVERSIZED_HEAD as u64) } else { length };
        let bytes = usize::try_from(shown).ok().and_then(|shown| bytes.get(..shown)).unwrap_or(bytes);
        Line { number: self.lines + 1, offset: self.start + skipped, length, bytes, oversized, clean: None }
    }

    /// Gives a line that lies within the chunk, without copying it: so many bytes of those ahead. `text` are these when
    /// they are clean, but for a carriage return at the end.
    #[inline(always)]
    fn give_whole<'c>(
        &mut self,
        ahead: &'c [u8],
        length: usize,
        text: Option<&'c str>,
        each: &mut impl FnMut(Line<'c>),
    ) {
        let piece = ahead.get(..length).unwrap_or_default();
        match text.filter(|_| self.start > 0 || !piece.starts_with(MARK)) {
            // Nothing is before the content, as of nearly every line.
            Some(text) => {
                let kept = length - usize::from(piece.last() == Some(&b'\r'));
                let text = text.get(..kept).unwrap_or_default();
                let line = self.line(text.as_bytes(), 0, text.len() as u64);
                each(Line { clean: (!line.oversized).then_some(Clean { text, ahead }), ..line });
            }
            None => self.give_marked(piece, each),
        }
        self.end_line(piece.len() as u64);
    }

    /// The same of one that may have bytes before its content, or is not clean.
    #[inline(never)]
    fn give_marked<'c>(&self, piece: &'c [u8], each: &mut impl FnMut(Line<'c>)) {
        let unmarked = if self.start == 0 { piece.strip_prefix(MARK).unwrap_or(piece) } else { piece };
        let content = unmarked.get(leading_nuls(unmarked)..).unwrap_or_default();
        let skipped = (piece.len() - content.len()) as u64;
        let kept = content.strip_suffix(b"\r").unwrap_or(content);
        each(self.line(kept, skipped, kept.len() as u64));
    }

    /// Gives the line that was held, its line feed having come.
    fn give_held(&mut self, each: &mut impl FnMut(Line<'_>)) {
        each(self.line(&self.held, self.skipped, self.content - u64::from(self.returned)));
        self.end_line(self.tail_length());
        self.held.clear();
        self.held.shrink_to(KEPT_BUFFER);
    }

    fn end_line(&mut self, length: u64) {
        self.start += length + 1;
        self.lines += 1;
        self.skipped = 0;
        self.content = 0;
        self.returned = false;
    }

    /// Keeps a piece of the current line: all of it up to the limit, only its head beyond.
    fn hold(&mut self, piece: &[u8]) {
        let piece = self.skip_leading(piece);
        let Some(&last) = piece.last() else { return };
        self.returned = last == b'\r';
        self.content += piece.len() as u64;
        // One byte more than the limit, because it may be the `\r` of a line end.
        let hold = self.max_line.saturating_add(1).max(OVERSIZED_HEAD);
        if self.content <= hold as u64 {
            self.held.extend_from_slice(piece);
            return;
        }
        let missing = OVERSIZED_HEAD.saturating_sub(self.held.len()).min(piece.len());
        self.held.extend_from_slice(piece.get(..missing).unwrap_or_default());
        self.held.truncate(OVERSIZED_HEAD);
        self.held.shrink_to(KEPT_BUFFER);
    }

    /// Steps over the mark of a file and the NULs of a line; the mark may come in pieces.
    fn skip_leading<'b>(&mut self, piece: &'b [u8]) -> &'b [u8] {
        let mut rest = piece;
        while self.may_be_mark() {
            let Some((first, after)) = rest.split_first() else { return rest };
            if MARK.get(self.held.len()) != Some(first) {
                break;
            }
            rest = after;
            self.held.push(*first);
            self.content += 1;
            if self.held == MARK {
                self.held.clear();
                self.content = 0;
                self.skipped = MARK.len() as u64;
            }
        }
        if self.content > 0 {
            return rest;
        }
        let nuls = leading_nuls(rest);
        self.skipped += nuls as u64;
        rest.get(nuls..).unwrap_or_default()
    }

    /// Whether all bytes of the file so far begin a byte-order mark.
    fn may_be_mark(&self) -> bool {
        self.start == 0 && self.skipped == 0 && self.content < MARK.len() as u64 && MARK.starts_with(&self.held)
    }
}

/// The lines of a chunk that lie within it, when all of them are UTF-8.
#[derive(Clone, Copy, Debug)]
struct Text<'a> {
    text: &'a str,
    start: usize,
}

impl<'a> Text<'a> {
    /// A character may be cut where the chunk begins and where it ends.
    fn of(chunk: &'a [u8]) -> Self {
        let start = chunk.iter().take_while(|byte| is_continuation(**byte)).count();
        let end = memchr::memrchr(b'\n', chunk).unwrap_or(start);
        let whole = chunk.get(start..end).unwrap_or_default();
        Self { text: simdutf8::basic::from_utf8(whole).unwrap_or_default(), start }
    }

    #[inline(always)]
    fn get(&self, range: Range<usize>) -> Option<&'a str> {
        self.text.get(range.start.checked_sub(self.start)?..range.end.checked_sub(self.start)?)
    }
}

/// Whether a byte goes on with a character of UTF-8.
fn is_continuation(byte: u8) -> bool {
    byte & 0xC0 == 0x80
}

/// Gives the place of every line feed, and whether another byte below 0x20 stands between it and the one before; the
/// carriage return just before it does not count.
#[inline(always)]
fn line_feeds(bytes: &[u8], mut each: impl FnMut(usize, bool)) {
    const HALF: usize = 32;
    const BLOCK: usize = 2 * HALF;
    let mut has_controls = false;
    let mut control = |at: usize| match bytes.get(at..) {
        Some([b'\n', ..]) => each(at, std::mem::take(&mut has_controls)),
        Some([b'\r', b'\n', ..]) => {}
        _ => has_controls = true,
    };
    let (blocks, rest) = bytes.as_chunks::<BLOCK>();
    for (block, start) in blocks.iter().zip((0..).step_by(BLOCK)) {
        let ([first, last], _) = block.as_chunks::<HALF>() else { continue };
        let [first, last] = [first, last].map(|half| {
            let half = u8x32::new(*half);
            half.min(u8x32::splat(0x1F)).simd_eq(half)
        });
        // Most blocks have none.
        if (first | last).to_bitmask() == 0 {
            continue;
        }
        let mut controls = u64::from(last.to_bitmask()) << HALF | u64::from(first.to_bitmask());
        while controls != 0 {
            control(start + controls.trailing_zeros() as usize);
            controls &= controls - 1;
        }
    }
    let start = blocks.len() * BLOCK;
    for (at, _) in rest.iter().enumerate().filter(|(_, byte)| **byte < 0x20) {
        control(start + at);
    }
}

/// How many NULs a piece begins with; a hole is gigabytes of them.
fn leading_nuls(piece: &[u8]) -> usize {
    if piece.first() != Some(&0) {
        return 0;
    }
    let blocks = piece.chunks_exact(64).take_while(|block| block.iter().fold(0, |any, byte| any | byte) == 0).count();
    let rest = piece.get(blocks * 64..).unwrap_or_default();
    blocks * 64 + rest.iter().take_while(|byte| **byte == 0).count()
}

#[cfg(test)]
mod tests;
