//! Standard output: results and nothing else. All foreign text passes [`harmless`], the one escaping function of this
//! sink (spec 5.3 rule 5); colour only on a terminal and without `NO_COLOR`.

use std::io::{self, IsTerminal, Write};

use serde::Serialize;
use serde_json::Value;

use crate::reducer::verdict::Word;
use crate::reducer::visible::visible;

/// How a piece of text is to look; never the only carrier of a meaning.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Tone {
    #[default]
    Plain,
    Strong,
    Quiet,
    Good,
    Warn,
    Bad,
}

impl Tone {
    /// The tone of a verdict.
    pub(super) fn of(word: Word) -> Self {
        match word {
            Word::Ended | Word::Unknown => Tone::Quiet,
            Word::Stuck => Tone::Bad,
            Word::Waiting | Word::Late => Tone::Warn,
            Word::Healthy => Tone::Good,
        }
    }

    fn code(self) -> &'static str {
        match self {
            Tone::Plain => "",
            Tone::Strong => "1",
            Tone::Quiet => "2",
            Tone::Good => "32",
            Tone::Warn => "33",
            Tone::Bad => "31",
        }
    }
}

/// At most so many characters of a cell are written, and of one in a table, where each is as wide as the widest. JSON has
/// them all.
const LONGEST: usize = 2000;
const LONGEST_IN_TABLE: usize = 500;

/// A piece of text on one line.
#[derive(Clone, Debug, Default)]
pub(super) struct Cell {
    text: String,
    tone: Tone,
}

impl Cell {
    pub(super) fn new(tone: Tone, text: impl Into<String>) -> Self {
        Self { text: text.into(), tone }
    }
}

impl From<String> for Cell {
    fn from(text: String) -> Self {
        Self::new(Tone::Plain, text)
    }
}

impl From<&str> for Cell {
    fn from(text: &str) -> Self {
        Self::new(Tone::Plain, text)
    }
}

/// Where results go.
#[derive(Debug)]
pub(super) struct Screen<W = io::Stdout> {
    out: W,
    colour: bool,
    terminal: bool,
}

impl Screen {
    /// The standard output of this process.
    pub(super) fn stdout() -> Self {
        let terminal = io::stdout().is_terminal();
        let refused = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        Self { out: io::stdout(), colour: terminal && !refused, terminal }
    }
}

impl<W: Write> Screen<W> {
    /// One line of text.
    pub(super) fn line(&mut self, text: impl Into<Cell>) -> io::Result<()> {
        self.cells(&[text.into()])
    }

    /// Cells one after the other, with a space between.
    pub(super) fn cells(&mut self, cells: &[Cell]) -> io::Result<()> {
        let widths = vec![0; cells.len()];
        self.row(cells, &widths, LONGEST)
    }

    /// Rows under each other in columns as wide as their widest cell.
    pub(super) fn table(&mut self, rows: &[Vec<Cell>]) -> io::Result<()> {
        let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
        let written = |cell: &Cell| width(&one_line(&cell.text, LONGEST_IN_TABLE));
        let width = |column: usize| rows.iter().filter_map(|row| row.get(column)).map(written).max().unwrap_or(0);
        let widths: Vec<usize> = (0..columns).map(width).collect();
        rows.iter().try_for_each(|row| self.row(row, &widths, LONGEST_IN_TABLE))
    }

    fn row(&mut self, cells: &[Cell], widths: &[usize], longest: usize) -> io::Result<()> {
        let mut line = String::new();
        for (number, (cell, wanted)) in cells.iter().zip(widths).enumerate() {
            let text = one_line(&cell.text, longest);
            let missing = wanted.saturating_sub(width(&text));
            if number > 0 {
                line.push_str(if *wanted == 0 { " " } else { "  " });
            }
            if self.colour && cell.tone != Tone::Plain {
                line.push_str(&format!("\x1b[{}m{text}\x1b[0m", cell.tone.code()));
            } else {
                line.push_str(&text);
            }
            line.extend(std::iter::repeat_n(' ', missing));
        }
        writeln!(self.out, "{}", line.trim_end())
    }

    /// Text of several lines, as it is but harmless.
    pub(super) fn block(&mut self, text: &str) -> io::Result<()> {
        writeln!(self.out, "{}", harmless(text).trim_end())
    }

    /// A JSON document for `--json`, indented.
    pub(super) fn json(&mut self, value: &impl Serialize) -> io::Result<()> {
        writeln!(self.out, "{}", harmless_json(&serde_json::to_string_pretty(value)?))
    }

    /// A JSON document on one line, for what is read line by line.
    pub(super) fn json_line(&mut self, value: &Value) -> io::Result<()> {
        writeln!(self.out, "{}", harmless_json(&value.to_string()))
    }

    /// Text of this program and of nobody else, as it is.
    pub(super) fn own(&mut self, text: &[u8]) -> io::Result<()> {
        self.out.write_all(text)
    }

    /// A JSON document that is compared byte by byte; made harmless only where a person looks at it.
    pub(super) fn canonical(&mut self, document: &str) -> io::Result<()> {
        if self.terminal {
            return writeln!(self.out, "{}", harmless_json(document));
        }
        writeln!(self.out, "{document}")
    }
}

/// Text without any byte that a terminal obeys: marks instead of control, bidi and invisible characters, no C0 but the
/// newline, no C1 (spec 5.4 T122).
pub(super) fn harmless(text: &str) -> String {
    let obeyed = |c: char| c.is_control() && c != '\n';
    visible(text).chars().map(|c| if obeyed(c) { ' ' } else { c }).collect()
}

fn one_line(text: &str, longest: usize) -> String {
    let (begin, left_out) = match text.char_indices().nth(longest) {
        Some((end, _)) => (&text[..end], width(&text[end..])),
        None => (text, 0),
    };
    let line = harmless(begin).replace('\n', " ");
    if left_out > 0 { format!("{line}… ({left_out} more characters)") } else { line }
}

fn width(text: &str) -> usize {
    text.chars().count()
}

/// JSON whose strings hold such characters only as `\u` escapes. Outside strings JSON has none but white space.
fn harmless_json(document: &str) -> String {
    let mut out = String::with_capacity(document.len());
    for c in document.chars() {
        let mut bytes = [0; 4];
        let shown = &*c.encode_utf8(&mut bytes);
        if c == '\n' || (c.is_ascii() && !c.is_control()) || visible(shown) == shown && !c.is_control() {
            out.push(c);
            continue;
        }
        let mut units = [0; 2];
        for unit in c.encode_utf16(&mut units) {
            out.push_str(&format!("\\u{unit:04x}"));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOSTILE: &str = "a\x1b]0;title\x07b\u{9b}31mc\u{202e}d\re\u{8}f\tg\u{200b}h\u{e0041}i\x7fj";

    fn screen(colour: bool) -> Screen<Vec<u8>> {
        Screen { out: Vec::new(), colour, terminal: true }
    }

    fn is_obeyed(c: char) -> bool {
        (c.is_control() && c != '\n')
            || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200b}'..='\u{200f}' | '\u{feff}')
            || matches!(c, '\u{e0000}'..='\u{e007f}')
    }

    fn written(write: impl FnOnce(&mut Screen<Vec<u8>>) -> io::Result<()>) -> String {
        let mut screen = screen(false);
        write(&mut screen).expect("a vector takes everything");
        String::from_utf8(screen.out).expect("text stays text")
    }

    #[test]
    fn nothing_that_a_terminal_obeys_comes_out() {
        let outputs = [
            written(|screen| screen.line(HOSTILE)),
            written(|screen| screen.block(HOSTILE)),
            written(|screen| screen.table(&[vec![HOSTILE.into(), "x".into()]])),
            written(|screen| screen.json(&serde_json::json!({ HOSTILE: HOSTILE }))),
            written(|screen| screen.json_line(&serde_json::json!({ HOSTILE: HOSTILE }))),
            written(|screen| screen.canonical(&serde_json::json!({ HOSTILE: HOSTILE }).to_string())),
        ];
        for output in outputs {
            assert!(!output.contains(is_obeyed), "{output:?}");
            assert!(output.contains('a') && output.contains('j'), "{output:?}");
        }
    }

    #[test]
    fn json_says_the_same_after_escaping() {
        let value = serde_json::json!({ HOSTILE: [HOSTILE, "ä 漢 🎡", 1.5, null] });
        let output = written(|screen| screen.json(&value));
        assert_eq!(serde_json::from_str::<Value>(&output).expect("JSON"), value);
        assert!(output.contains("ä 漢 🎡"), "what is harmless stays readable: {output}");
    }

    #[test]
    fn a_cell_is_one_line_and_columns_stand_under_each_other() {
        let rows = [vec!["a\nb".into(), "1".into()], vec!["longer".into(), "2".into()]];
        assert_eq!(written(|screen| screen.table(&rows)), "a b     1\nlonger  2\n");
    }

    #[test]
    fn a_long_cell_is_cut_and_says_so() {
        let long = |longest: usize| "ä".repeat(longest + 7);
        let said = |longest: usize| format!("{}… (7 more characters)", "ä".repeat(longest));
        let rows = [vec![long(LONGEST_IN_TABLE).into(), "1".into()], vec!["b".into(), "2".into()]];
        let table = written(|screen| screen.table(&rows));
        assert!(table.starts_with(&format!("{}  1\nb  ", said(LONGEST_IN_TABLE))), "{table}");
        assert!(table.chars().count() < 3 * LONGEST_IN_TABLE, "{table}");
        assert_eq!(written(|screen| screen.line(long(LONGEST))), said(LONGEST) + "\n");
    }

    #[test]
    fn colour_is_beside_the_text_and_never_from_it() {
        let mut screen = screen(true);
        screen.line(Cell::new(Tone::Bad, "stuck \x1b[0m")).expect("a vector takes everything");
        let output = String::from_utf8(screen.out).expect("text");
        assert!(output.starts_with("\x1b[31mstuck ") && output.ends_with("\x1b[0m\n"), "{output:?}");
        assert_eq!(output.matches('\x1b').count(), 2, "{output:?}");
    }
}
