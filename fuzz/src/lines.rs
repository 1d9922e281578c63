//! The splitter (spec 1.2), against a reading of the whole log at once that is too simple to be wrong.

use crate::pieces::{Dice, pieces};
use crate::reducer::line::{Clean, Line, OVERSIZED_HEAD, Splitter};

/// A line that owns its bytes.
#[derive(Debug, PartialEq)]
struct Kept {
    number: u64,
    offset: u64,
    length: u64,
    bytes: Vec<u8>,
    oversized: bool,
}

impl Kept {
    fn of(line: &Line<'_>) -> Self {
        let Line { number, offset, length, bytes, oversized, clean } = *line;
        if let Some(Clean { text, ahead }) = clean {
            assert!(text.as_bytes() == bytes && bytes.iter().all(|byte| *byte >= 0x20));
            assert!(ahead.starts_with(bytes));
        }
        Self { number, offset, length, bytes: bytes.to_vec(), oversized }
    }
}

/// Pieces give what the whole gives, and both give what the spec says.
///
/// # Panics
///
/// When they do not.
pub fn lines(log: &[u8]) {
    let mut dice = Dice::of(log);
    let max_line = [0, 1, 5, 40, 1 << 20][dice.below(5)];
    let (expected, tail) = simply(log, max_line);
    let whole = [log];
    let cut = pieces(log, &mut dice);
    for pieces in [&whole[..], &cut] {
        let mut splitter = Splitter::new(max_line, 0, 0);
        let mut lines = Vec::new();
        for piece in pieces {
            splitter.push(piece, &mut |line| lines.push(Kept::of(&line)));
        }
        assert_eq!(lines, expected, "limit {max_line}");
        assert_eq!(splitter.tail().as_ref().map(Kept::of), tail, "limit {max_line}");
        assert_eq!(splitter.lines(), expected.len() as u64);
        assert_eq!(splitter.line_start() + splitter.tail_length(), log.len() as u64);
    }
}

/// Every line that ends, and the unterminated rest.
fn simply(log: &[u8], max_line: usize) -> (Vec<Kept>, Option<Kept>) {
    let mut parts: Vec<&[u8]> = log.split(|byte| *byte == b'\n').collect();
    let rest = parts.pop().unwrap_or_default();
    let mut start = 0;
    let mut kept = Vec::new();
    for part in parts {
        kept.push(line(part.strip_suffix(b"\r").unwrap_or(part), kept.len() as u64 + 1, start, max_line));
        start += part.len() + 1;
    }
    let tail = (!rest.is_empty()).then(|| line(rest, kept.len() as u64 + 1, start, max_line));
    (kept, tail)
}

fn line(part: &[u8], number: u64, start: usize, max_line: usize) -> Kept {
    let unmarked = if start == 0 { part.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(part) } else { part };
    let nuls = unmarked.iter().take_while(|byte| **byte == 0).count();
    let content = &unmarked[nuls..];
    let oversized = content.len() > max_line;
    let bytes = if oversized { &content[..content.len().min(OVERSIZED_HEAD)] } else { content };
    let offset = start + part.len() - content.len();
    Kept { number, offset: offset as u64, length: content.len() as u64, bytes: bytes.to_vec(), oversized }
}
