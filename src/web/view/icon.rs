//! [`Icon`]: the small drawings that stand beside a word. They never stand alone, so they are hidden from readers.
//!
//! The drawings are symbols in `assets/icons.svg`, which the layout puts into every page once.

use maud::{Markup, PreEscaped, html};

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

impl Icon {
    const fn symbol(self) -> &'static str {
        match self {
            Icon::Alert => "i-alert",
            Icon::Check => "i-check",
            Icon::Cross => "i-cross",
            Icon::File => "i-file",
            Icon::Globe => "i-globe",
            Icon::Hand => "i-hand",
            Icon::Hourglass => "i-hourglass",
            Icon::Key => "i-key",
            Icon::Left => "i-left",
            Icon::Play => "i-play",
            Icon::Pulse => "i-pulse",
            Icon::Question => "i-question",
            Icon::Queue => "i-queue",
            Icon::Right => "i-right",
            Icon::Search => "i-search",
            Icon::Skip => "i-skip",
            Icon::Stop => "i-stop",
            Icon::Sun => "i-sun",
            Icon::Swap => "i-swap",
            Icon::Wheel => "i-wheel",
        }
    }
}

/// The drawing, in the colour of the text around it.
#[must_use]
pub fn icon(icon: Icon) -> Markup {
    html! { svg.icon aria-hidden="true" { use href={ "#" (icon.symbol()) } {} } }
}

/// All drawings, once per page.
#[must_use]
pub fn sprite() -> Markup {
    PreEscaped(SPRITE.to_owned())
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
            assert!(SPRITE.contains(&format!("id=\"{}\"", one.symbol())), "{one:?}");
        }
    }
}
