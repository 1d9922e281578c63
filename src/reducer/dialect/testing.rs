//! What the tests of this room share.

use super::{Decoder, LineClass, Reading};
use crate::reducer::event::Event;
use crate::reducer::line::Line;

/// Decodes one line and looks at its one event.
pub(super) fn with<T>(line: &str, look: impl Fn(&Event<'_>) -> T) -> T {
    let mut seen = None;
    let line = Line {
        number: 3,
        offset: 10,
        length: line.len() as u64,
        bytes: line.as_bytes(),
        oversized: false,
        clean: None,
    };
    let mut decoder = Decoder::new(Reading::default());
    let decoded = decoder.decode(&line, &mut |event| {
        assert!(seen.is_none(), "one event");
        seen = Some(look(event));
    });
    assert_eq!(decoded.class, LineClass::Event, "{}", String::from_utf8_lossy(line.bytes));
    seen.expect("an event")
}

/// A field of an event as text, so that one table can hold all of them.
pub(super) type Field = fn(&Event<'_>) -> Option<String>;

macro_rules! field {
    ($name:ident) => {
        |event| event.$name.as_ref().map(ToString::to_string)
    };
    (more().$name:ident) => {
        |event| event.more().$name.as_ref().map(ToString::to_string)
    };
}
pub(super) use field;
