//! Foreign text with the colours that it has on a terminal, as classes (spec 3.2: ANSI colours).
//!
//! Only colour and weight are taken from escape sequences; every other sequence, and every other control character, is
//! a visible mark. A background never hides a text: on one, the text has the ink of the page.

use anstyle_parse::{Params, Parser, Perform, Utf8Parser};
use maud::{Markup, html};

use super::text;

/// Foreign text, cut after `limit` characters as [`text::cut`] does.
#[must_use]
pub fn ansi(foreign: &str, limit: usize) -> Markup {
    if !foreign.contains('\u{1b}') {
        return text::cut(foreign, limit);
    }
    let mut screen = Screen { limit, ..Screen::default() };
    let mut parser = Parser::<Utf8Parser>::new();
    for byte in foreign.bytes() {
        parser.advance(&mut screen, byte);
    }
    // "Cancel" ends a sequence that the text leaves open, so that its mark appears; it is itself none of the text.
    screen.cancelled = true;
    parser.advance(&mut screen, 0x18);
    html! {
        bdi {
            @for run in &screen.runs {
                @match run.look.classes() {
                    classes if classes.is_empty() => { (text::plain(&run.text)) }
                    classes => { span class=(classes) { (text::plain(&run.text)) } }
                }
            }
        }
        @if screen.left_out > 0 { span.cut title={ (screen.left_out) " more characters" } { "…" } }
    }
}

/// Hues of the eight colours; the style sheet says which tokens they are.
const HUES: [&str; 8] = ["black", "red", "green", "yellow", "blue", "magenta", "cyan", "white"];

/// How a run of characters looks. Colours are places in [`HUES`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Look {
    ink: Option<u8>,
    ground: Option<u8>,
    bold: bool,
    faint: bool,
    italic: bool,
    underline: bool,
    strike: bool,
    reverse: bool,
}

impl Look {
    fn classes(self) -> String {
        let (ink, ground) = if self.reverse { (None, self.ink.or(Some(7))) } else { (self.ink, self.ground) };
        let named = |prefix: &str, hue: Option<u8>| Some(format!("{prefix}{}", HUES[usize::from(hue?) % HUES.len()]));
        let flag = |on: bool, class: &str| on.then(|| class.to_owned());
        let all = [
            named("a-", ink.filter(|_| ground.is_none())),
            named("a-on-", ground),
            flag(self.bold, "a-bold"),
            flag(self.faint && ground.is_none(), "a-faint"),
            flag(self.italic, "a-italic"),
            flag(self.underline, "a-underline"),
            flag(self.strike, "a-strike"),
        ];
        all.into_iter().flatten().collect::<Vec<_>>().join(" ")
    }

    /// One "select graphic rendition" (ECMA-48, 8.3.117), with the colours that xterm added.
    fn select(&mut self, params: &Params) {
        // Sub-parameters (`38:5:1`) are read as parameters: nothing that is shown depends on the difference.
        let mut codes = params.iter().flat_map(|group| group.iter().copied());
        while let Some(code) = codes.next() {
            match code {
                0 => *self = Look::default(),
                1 => self.bold = true,
                2 => self.faint = true,
                3 => self.italic = true,
                4 => self.underline = true,
                7 => self.reverse = true,
                9 => self.strike = true,
                22 => (self.bold, self.faint) = (false, false),
                23 => self.italic = false,
                24 => self.underline = false,
                27 => self.reverse = false,
                29 => self.strike = false,
                30..=37 | 90..=97 => self.ink = Some((code % 10) as u8),
                39 => self.ink = None,
                40..=47 | 100..=107 => self.ground = Some((code % 10) as u8),
                49 => self.ground = None,
                38 => self.ink = extended(&mut codes),
                48 => self.ground = extended(&mut codes),
                _ => {}
            }
        }
    }
}

/// A colour of the 256, or of three bytes, as the nearest of the eight.
fn extended(codes: &mut impl Iterator<Item = u16>) -> Option<u8> {
    match codes.next()? {
        5 => match codes.next()? {
            plain @ 0..=15 => Some((plain % 8) as u8),
            grey @ 232..=255 => Some(if grey < 244 { 0 } else { 7 }),
            cube => {
                let at = cube.checked_sub(16)?;
                Some(nearest([at / 36, at / 6 % 6, at % 6].map(|part| part * 51)))
            }
        },
        2 => Some(nearest([codes.next()?, codes.next()?, codes.next()?])),
        _ => None,
    }
}

fn nearest(rgb: [u16; 3]) -> u8 {
    let most = rgb.into_iter().max().unwrap_or(0);
    // What is much weaker than the strongest part does not make the hue.
    let bit = |part: u16| u8::from(most > 60 && u32::from(part) * 10 > u32::from(most) * 6);
    bit(rgb[0]) | bit(rgb[1]) << 1 | bit(rgb[2]) << 2
}

/// Characters of one look.
#[derive(Debug)]
struct Run {
    look: Look,
    text: String,
}

/// What the sequences are carried out on.
#[derive(Debug, Default)]
struct Screen {
    look: Look,
    runs: Vec<Run>,
    shown: usize,
    limit: usize,
    left_out: usize,
    cancelled: bool,
}

impl Screen {
    fn put(&mut self, character: char) {
        if self.shown >= self.limit {
            self.left_out += 1;
            return;
        }
        self.shown += 1;
        match self.runs.last_mut().filter(|run| run.look == self.look) {
            Some(run) => run.text.push(character),
            None => self.runs.push(Run { look: self.look, text: String::from(character) }),
        }
    }

    /// A sequence that is not carried out.
    fn mark(&mut self, name: &str) {
        for character in ['⟨'].into_iter().chain(name.chars()).chain(['⟩']) {
            self.put(character);
        }
    }
}

impl Perform for Screen {
    fn print(&mut self, character: char) {
        self.put(character);
    }

    fn execute(&mut self, byte: u8) {
        if !self.cancelled {
            self.put(char::from(byte));
        }
    }

    fn csi_dispatch(&mut self, params: &Params, intermediates: &[u8], ignore: bool, action: u8) {
        match action {
            b'm' if intermediates.is_empty() && !ignore => self.look.select(params),
            _ => self.mark(&format!("ESC [ {}", char::from(action))),
        }
    }

    fn esc_dispatch(&mut self, _: &[u8], _: bool, byte: u8) {
        // The end of a string sequence, which has its own mark.
        if byte != b'\\' {
            self.mark(&format!("ESC {}", char::from(byte)));
        }
    }

    fn osc_dispatch(&mut self, _: &[&[u8]], _: bool) {
        self.mark("ESC ]");
    }

    fn hook(&mut self, _: &Params, _: &[u8], _: bool, _: u8) {
        self.mark("ESC P");
    }
}

#[cfg(test)]
mod tests {
    use super::super::sample::{EVIL, check_harmless};
    use super::*;

    fn check(foreign: &str, expected: &str) {
        assert_eq!(ansi(foreign, 100).into_string(), format!("<bdi>{expected}</bdi>"), "{foreign:?}");
    }

    #[test]
    fn colours_become_classes() {
        check("a\u{1b}[31mred\u{1b}[0m b", "a<span class=\"a-red\">red</span> b");
        check(
            "\u{1b}[1;92mok\u{1b}[22m fine",
            "<span class=\"a-green a-bold\">ok</span><span class=\"a-green\"> fine</span>",
        );
        check("\u{1b}[38;5;196mx\u{1b}[39my", "<span class=\"a-red\">x</span>y");
        check("\u{1b}[38;2;20;90;250mx", "<span class=\"a-blue\">x</span>");
        check("\u{1b}[38:2:250:240:10mx", "<span class=\"a-yellow\">x</span>");
    }

    #[test]
    fn a_background_never_hides_a_text() {
        check("\u{1b}[30;40mx", "<span class=\"a-on-black\">x</span>");
        check("\u{1b}[7mx", "<span class=\"a-on-white\">x</span>");
        check("\u{1b}[8mx", "x");
    }

    #[test]
    fn every_other_sequence_is_a_visible_mark() {
        check("\u{1b}[2Jx", "⟨ESC [ J⟩x");
        check("\u{1b}]0;title\u{7}x", "⟨ESC ]⟩x");
        check("\u{1b}]8;;http://evil\u{1b}\\x", "⟨ESC ]⟩x");
        check("\u{1b}Pq\u{1b}\\x", "⟨ESC P⟩x");
        check("\u{1b}cx\u{8}y", "⟨ESC c⟩x␈y");
        check("\u{1b}]0;no end", "⟨ESC ]⟩");
    }

    #[test]
    fn hostile_text_stays_harmless_and_is_cut_with_its_rest_counted() {
        check_harmless(&ansi(&format!("\u{1b}[31m{EVIL}\u{1b}[<script>alert(1)</script>m{EVIL}"), 9999).into_string());
        let shown = ansi("\u{1b}[31mäöü\u{1b}[0mß", 2).into_string();
        assert_eq!(
            shown,
            "<bdi><span class=\"a-red\">äö</span></bdi><span class=\"cut\" title=\"2 more characters\">…</span>"
        );
    }
}
