//! Patterns over event names and texts: `phase.<phase>.<verb>.*`.
//!
//! Matching takes time in proportion to pattern times text and never goes back, so that no log can make it slow. It
//! must never know what a capture is for.

use std::ops::Range;

/// The most pieces of a pattern.
const MOST_PIECES: usize = 32;

/// How many bytes of a text are looked at; what is behind them is not there for a pattern.
pub(super) const LOOKED_AT: usize = 4096;

#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    /// Itself, whatever the case of its letters.
    Literal(String),
    /// `*`: anything, also nothing.
    Anything,
    /// `<word>`: at least one character, and no stop character; the number of its capture.
    Capture(usize),
}

/// What a capture must not run across.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stop {
    /// The `.` between the parts of an event name.
    Dot,
    /// The end of a line of text.
    LineEnd,
}

/// A text with `*` and `<captures>` in it; letters match in any case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Pattern {
    pieces: Vec<Piece>,
    /// The words in `<>`, by number.
    pub(super) captures: Vec<String>,
    stop: u8,
}

impl Pattern {
    /// # Errors
    /// A sentence that says what is wrong with the pattern.
    pub(super) fn parse(text: &str, stop: Stop) -> Result<Self, String> {
        let stop = match stop {
            Stop::Dot => b'.',
            Stop::LineEnd => b'\n',
        };
        let mut pattern = Self { pieces: Vec::new(), captures: Vec::new(), stop };
        let mut rest = text;
        while let Some(first) = rest.chars().next() {
            let length = match first {
                '*' => {
                    pattern.pieces.push(Piece::Anything);
                    1
                }
                '<' => pattern.capture(rest)?,
                _ => {
                    let length = rest.find(['*', '<']).unwrap_or(rest.len());
                    pattern.pieces.push(Piece::Literal(rest.get(..length).unwrap_or_default().to_ascii_lowercase()));
                    length
                }
            };
            rest = rest.get(length..).unwrap_or_default();
        }
        if pattern.pieces.is_empty() {
            return Err("a pattern cannot be empty".into());
        }
        if pattern.pieces.len() > MOST_PIECES {
            return Err(format!("a pattern has at most {MOST_PIECES} pieces"));
        }
        Ok(pattern)
    }

    /// Takes the capture that `rest` begins with; gives its length.
    fn capture(&mut self, rest: &str) -> Result<usize, String> {
        let end = rest.find('>').ok_or("a < without its >")?;
        let word = rest.get(1..end).unwrap_or_default();
        if word.is_empty() {
            return Err("a capture without a word: write * for what does not matter".into());
        }
        if self.captures.iter().any(|known| known == word) {
            return Err(format!("<{word}> stands twice"));
        }
        self.pieces.push(Piece::Capture(self.captures.len()));
        self.captures.push(word.to_owned());
        Ok(end + 1)
    }

    /// Where the captures are, in their order, when the whole text matches; each takes as little as it can.
    pub(super) fn find(&self, text: &str) -> Option<Vec<Range<usize>>> {
        let bytes = text.as_bytes();
        let bytes = bytes.get(..LOOKED_AT).unwrap_or(bytes);
        // Most patterns are a name, or begin with a piece of one: then most texts are turned away here.
        if let Some(Piece::Literal(first)) = self.pieces.first() {
            let whole = self.pieces.len() == 1;
            if !starts_with(bytes, 0, first) || (whole && first.len() != bytes.len()) {
                return None;
            }
            if whole {
                return Some(Vec::new());
            }
        }
        // `fits[p][at]`: the pieces from `p` on match the bytes from `at` on.
        let mut fits = vec![vec![false; bytes.len() + 1]; self.pieces.len() + 1];
        fits[self.pieces.len()][bytes.len()] = true;
        for (p, piece) in self.pieces.iter().enumerate().rev() {
            for at in (0..=bytes.len()).rev() {
                fits[p][at] = match piece {
                    Piece::Literal(literal) => starts_with(bytes, at, literal) && fits[p + 1][at + literal.len()],
                    Piece::Anything => fits[p + 1][at] || (at < bytes.len() && fits[p][at + 1]),
                    Piece::Capture(_) => self.may_hold(bytes, at) && (fits[p + 1][at + 1] || fits[p][at + 1]),
                };
            }
        }
        fits[0][0].then(|| self.trace(text, bytes, &fits))
    }

    fn may_hold(&self, bytes: &[u8], at: usize) -> bool {
        bytes.get(at).is_some_and(|byte| *byte != self.stop)
    }

    /// Walks along a match that is known to exist.
    fn trace(&self, text: &str, bytes: &[u8], fits: &[Vec<bool>]) -> Vec<Range<usize>> {
        let mut captures = vec![0..0; self.captures.len()];
        let mut at = 0;
        for (p, piece) in self.pieces.iter().enumerate() {
            let start = at;
            match piece {
                Piece::Literal(literal) => at += literal.len(),
                Piece::Anything => {
                    while at < bytes.len() && !fits[p + 1][at] {
                        at += 1;
                    }
                }
                Piece::Capture(number) => {
                    at += 1;
                    while at < bytes.len() && !(fits[p + 1][at] && text.is_char_boundary(at)) {
                        at += 1;
                    }
                    captures[*number] = start..at;
                }
            }
        }
        captures
    }
}

fn starts_with(bytes: &[u8], at: usize, literal: &str) -> bool {
    bytes.get(at..at + literal.len()).is_some_and(|here| here.eq_ignore_ascii_case(literal.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn captured(pattern: &str, stop: Stop, text: &str) -> Option<Vec<String>> {
        let found = Pattern::parse(pattern, stop).expect("a right pattern").find(text)?;
        Some(found.into_iter().map(|range| text[range].to_owned()).collect())
    }

    #[test]
    fn a_pattern_matches_the_whole_text_in_any_case() {
        let cases: &[(&str, &str, Option<&[&str]>)] = &[
            ("loop.terminate", "loop.terminate", Some(&[])),
            ("loop.terminate", "Loop.TERMINATE", Some(&[])),
            ("loop.terminate", "loop.terminated", None),
            ("loop.*", "loop.", Some(&[])),
            ("*", "", Some(&[])),
            ("*.failed", "a.b.failed", Some(&[])),
            ("phase.<phase>.<verb>.*", "phase.implement.complete.ABC-12", Some(&["implement", "complete"])),
            ("phase.<phase>.<verb>", "phase.implement.complete.ABC-12", None),
            ("phase.<phase>", "phase.", None),
            ("<step>_done", "a_b_done", Some(&["a_b"])),
            ("<a><b>", "xyz", Some(&["x", "yz"])),
            ("*<verb>", "a.b", Some(&["b"])),
        ];
        for (pattern, text, expected) in cases {
            let expected = expected.map(|list| list.iter().map(ToString::to_string).collect::<Vec<_>>());
            assert_eq!(captured(pattern, Stop::Dot, text), expected, "{pattern} over {text}");
        }
    }

    #[test]
    fn a_capture_in_a_text_ends_with_its_line() {
        let text = "## Reason\nmax_iterations\n\n## Status\nToo many.";
        let found = captured("## Reason\n<reason>\n*", Stop::LineEnd, text);
        assert_eq!(found, Some(vec!["max_iterations".to_owned()]));
        assert_eq!(captured("<a>é<b>", Stop::LineEnd, "ééé"), Some(vec!["é".into(), "é".into()]));
    }

    #[test]
    fn no_text_is_slow_or_a_panic() {
        let pattern = Pattern::parse(&"*a".repeat(16), Stop::LineEnd).expect("a right pattern");
        assert_eq!(pattern.find(&"a".repeat(1_000_000)).map(|found| found.len()), Some(0));
        assert_eq!(pattern.find(&"é".repeat(1_000_000)), None);
    }

    #[test]
    fn a_wrong_pattern_says_why() {
        for (text, part) in [("", "empty"), ("a<b", "without its >"), ("<>", "without a word"), ("<a>.<a>", "twice")] {
            assert!(Pattern::parse(text, Stop::Dot).unwrap_err().contains(part), "{text}");
        }
    }
}
