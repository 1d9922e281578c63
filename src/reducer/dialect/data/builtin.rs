//! The dialects that ship with the program: the files in `dialects/`, embedded.

use std::sync::LazyLock;

use super::Dialect;

/// Each with the name of its file. The order is that in which they are asked.
const FILES: [(&str, &str); 4] = [
    ("anvil.toml", include_str!("../../../../dialects/anvil.toml")),
    ("claude.toml", include_str!("../../../../dialects/claude.toml")),
    ("codex.toml", include_str!("../../../../dialects/codex.toml")),
    ("ralph.toml", include_str!("../../../../dialects/ralph.toml")),
];

static BUILTIN: LazyLock<Vec<Dialect>> = LazyLock::new(|| {
    let parse = |(file, text): &(&str, &str)| Dialect::parse(file, text).expect("the built-in dialects are right");
    FILES.iter().map(parse).collect()
});

/// Their texts, which need not be read for that.
pub(super) fn texts<'t>() -> impl Iterator<Item = &'t str> {
    FILES.iter().map(|(_, text)| *text)
}

/// The built-in dialects, ready to read; `generic` and `plain` are code and not among them.
#[must_use]
pub fn builtin() -> &'static [Dialect] {
    &BUILTIN
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_built_in_dialect_is_right_and_named_like_its_file() {
        for (file, text) in FILES {
            let dialect = Dialect::parse(file, text).unwrap_or_else(|error| panic!("{error}"));
            assert_eq!(format!("{}.toml", dialect.name()), file);
            assert_eq!(dialect.text(), text);
            assert!(!dialect.about().is_empty(), "{file} says what it is about");
        }
    }
}
