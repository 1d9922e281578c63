//! [`Icon`]: the small drawings that stand beside a word. They never stand alone, so they are hidden from readers.
//!
//! The drawings are symbols in `assets/icons.svg`, which the layout puts into every page once.

use maud::PreEscaped;

/// A drawing of `assets/icons.svg`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Icon {
    Alert,
    Check,
    Cross,
    File,
    Globe,
    Hand,
    Hourglass,
    Key,
    Left,
    Play,
    Pulse,
    Question,
    Queue,
    Right,
    Search,
    Skip,
    Stop,
    Sun,
    Swap,
    Wheel,
}

const SPRITE: &str = include_str!("../../../assets/icons.svg");

/// The drawing of a symbol of that name, as it stands beside every word.
macro_rules! drawing {
    ($symbol:literal) => {
        concat!("<svg class=\"icon\" aria-hidden=\"true\"><use href=\"#", $symbol, "\"></use></svg>")
    };
}

impl Icon {
    const fn drawing(self) -> &'static str {
        match self {
            Icon::Alert => drawing!("i-alert"),
            Icon::Check => drawing!("i-check"),
            Icon::Cross => drawing!("i-cross"),
            Icon::File => drawing!("i-file"),
            Icon::Globe => drawing!("i-globe"),
            Icon::Hand => drawing!("i-hand"),
            Icon::Hourglass => drawing!("i-hourglass"),
            Icon::Key => drawing!("i-key"),
            Icon::Left => drawing!("i-left"),
            Icon::Play => drawing!("i-play"),
            Icon::Pulse => drawing!("i-pulse"),
            Icon::Question => drawing!("i-question"),
            Icon::Queue => drawing!("i-queue"),
            Icon::Right => drawing!("i-right"),
            Icon::Search => drawing!("i-search"),
            Icon::Skip => drawing!("i-skip"),
            Icon::Stop => drawing!("i-stop"),
            Icon::Sun => drawing!("i-sun"),
            Icon::Swap => drawing!("i-swap"),
            Icon::Wheel => drawing!("i-wheel"),
        }
    }
}

/// The drawing, in the colour of the text around it.
#[must_use]
pub const fn icon(icon: Icon) -> PreEscaped<&'static str> {
    PreEscaped(icon.drawing())
}

/// All drawings, once per page.
#[must_use]
pub const fn sprite() -> PreEscaped<&'static str> {
    PreEscaped(SPRITE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_icon_is_drawn() {
        use Icon::*;
        let all = [
            Alert, Check, Cross, File, Globe, Hand, Hourglass, Key, Left, Play, Pulse, Question, Queue, Right, Search,
            Skip, Stop, Sun, Swap, Wheel,
        ];
        for one in all {
            let (_, symbol) = one.drawing().split_once("href=\"#").unwrap();
            let (symbol, _) = symbol.split_once('"').unwrap();
            assert!(SPRITE.contains(&format!("id=\"{symbol}\"")), "{one:?}");
        }
    }
}
