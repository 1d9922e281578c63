//! Command templates of the configuration (spec 3.4): what a person could run, with shell-quoted values. Nothing here
//! runs anything.

use serde::Deserialize;
use serde::de::{Deserializer, Error as _};

/// The templates by what they do; what is not configured is not offered.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Commands {
    pub(super) retry: Option<Template>,
    pub(super) approve: Option<Template>,
    pub(super) deny: Option<Template>,
    pub(super) cancel: Option<Template>,
    pub(super) take_wheel: Option<Template>,
    pub(super) open_session: Option<Template>,
}

/// A command with places for `{run}`, `{item}` and `{session}`, already checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Template(String);

/// What can be put into a template.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Values<'a> {
    /// The run's key.
    pub(super) run: &'a str,
    /// The id of the marker, for approvals.
    pub(super) item: Option<&'a str>,
    /// The newest session.
    pub(super) session: Option<&'a str>,
}

const PLACES: [&str; 3] = ["run", "item", "session"];

impl Template {
    fn parse(text: String) -> Result<Self, String> {
        let mut rest = text.as_str();
        while let Some(start) = rest.find('{') {
            let Some(end) = rest[start..].find('}') else {
                return Err(format!("{text:?} has a {{ without its }}"));
            };
            let place = &rest[start + 1..start + end];
            if !PLACES.contains(&place) {
                return Err(format!(
                    "{{{place}}} is no place for a value; there are {{run}}, {{item}} and {{session}}"
                ));
            }
            rest = &rest[start + end + 1..];
        }
        Ok(Self(text))
    }

    /// The command with its values, none when it needs one that is not known.
    pub(super) fn fill(&self, values: Values<'_>) -> Option<String> {
        let mut filled = String::new();
        let mut rest = self.0.as_str();
        while let Some((before, after)) = rest.split_once('{') {
            let (place, after) = after.split_once('}')?;
            let value = match place {
                "run" => values.run,
                "item" => values.item?,
                _ => values.session?,
            };
            filled.push_str(before);
            filled.push_str(&quoted(value));
            rest = after;
        }
        filled.push_str(rest);
        Some(filled)
    }
}

impl<'de> Deserialize<'de> for Template {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Template::parse(String::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}

/// One word for a POSIX shell, whatever it holds.
fn quoted(value: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "_-./:@%+=,".contains(c);
    if !value.is_empty() && value.chars().all(plain) {
        return value.to_owned();
    }
    format!("'{}'", value.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_one_word_for_the_shell() {
        let cases = [
            ("run-1", "run-1"),
            ("a/b%20c", "a/b%20c"),
            ("", "''"),
            ("a b", "'a b'"),
            ("$(reboot)", "'$(reboot)'"),
            ("it's; rm -rf ~", r"'it'\''s; rm -rf ~'"),
            ("-x", "-x"),
        ];
        for (value, expected) in cases {
            assert_eq!(quoted(value), expected);
        }
    }

    #[test]
    fn a_template_without_its_value_is_not_offered() {
        let template = Template::parse("luca approve {run} {item}".into()).expect("a right template");
        let values = Values { run: "r 1", item: Some("42"), session: None };
        assert_eq!(template.fill(values).as_deref(), Some("luca approve 'r 1' 42"));
        assert_eq!(template.fill(Values { item: None, ..values }), None);
    }

    #[test]
    fn a_value_is_never_filled_in_again() {
        let template = Template::parse("x {run} y".into()).expect("a right template");
        assert_eq!(template.fill(Values { run: "{item}", ..Values::default() }).as_deref(), Some("x '{item}' y"));
    }
}
