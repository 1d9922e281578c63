//! Command templates of the configuration (spec 3.4): what a person could run, with shell-quoted values. Nothing here
//! runs anything.

use serde::Deserialize;
use serde::de::{Deserializer, Error as _};

use super::{Item, Judged};
use crate::reducer::attention::Reason;
use crate::reducer::event::words;
use crate::reducer::marker::{Marker, MarkerKind};
use crate::reducer::span::SpanKind;
use crate::reducer::visible::visible;

/// The templates by what they do; what is not configured is not offered.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Commands {
    retry: Option<Template>,
    approve: Option<Template>,
    deny: Option<Template>,
    cancel: Option<Template>,
    take_wheel: Option<Template>,
    open_session: Option<Template>,
}

/// What a command does; the words are those of the configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Act {
    Retry,
    Approve,
    Deny,
    Cancel,
    TakeWheel,
    OpenSession,
}

words!(Act {
    Retry = "retry", Approve = "approve", Deny = "deny", Cancel = "cancel", TakeWheel = "take_wheel",
    OpenSession = "open_session",
});

/// A command that a person could run.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct Command {
    pub act: Act,
    /// One line for a POSIX shell, without invisible characters.
    pub line: String,
}

/// A command with places for `{run}`, `{item}` and `{session}`, already checked.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Template(String);

/// What can be put into a template.
#[derive(Clone, Copy, Debug, Default)]
struct Values<'a> {
    /// The run's key.
    run: &'a str,
    /// The id of the marker, for approvals.
    item: Option<&'a str>,
    /// The newest session.
    session: Option<&'a str>,
}

/// So many open approvals of a run have their answers beside the run, the first; all have them in the inbox.
pub const ANSWERED: usize = 20;

/// The approvals of a run that are open.
pub fn approvals(judged: &Judged) -> impl Iterator<Item = &Marker> {
    judged.open_markers().filter(|marker| marker.kind == MarkerKind::Approval)
}

impl Commands {
    /// What could be run about a run: what fits how it stands, and the answers to the first [`ANSWERED`] open approvals.
    #[must_use]
    pub fn of_run(&self, judged: &Judged) -> Vec<Command> {
        let values = Values::of(judged);
        if judged.record.state.run.is_ended() {
            return self.filled(&[Act::Retry, Act::OpenSession], values);
        }
        let mut commands = self.filled(&[Act::TakeWheel, Act::Cancel], values);
        for marker in approvals(judged).take(ANSWERED) {
            commands.extend(self.filled(&[Act::Approve, Act::Deny], Values { item: Some(&marker.id), ..values }));
        }
        commands.extend(self.filled(&[Act::OpenSession], values));
        commands
    }

    /// What could be run about one thing that needs attention.
    #[must_use]
    pub fn of_item(&self, item: &Item) -> Vec<Command> {
        let values = Values::of(&item.run);
        let acts: &[Act] = match item.entry.reason {
            Reason::Failed | Reason::TimedOut => &[Act::Retry, Act::OpenSession],
            Reason::NeedsHuman | Reason::Handoff | Reason::Question => &[Act::TakeWheel, Act::OpenSession],
            Reason::Stuck | Reason::Late => &[Act::TakeWheel, Act::Cancel, Act::OpenSession],
            Reason::Approval => &[Act::Approve, Act::Deny, Act::OpenSession],
        };
        let id = item.entry.approval.as_ref().map(|marker| marker.id.as_str());
        self.filled(acts, Values { item: id, ..values })
    }

    fn filled(&self, acts: &[Act], values: Values<'_>) -> Vec<Command> {
        let command = |act: &Act| Some(Command { act: *act, line: self.template(*act)?.fill(values)? });
        acts.iter().filter_map(command).collect()
    }

    fn template(&self, act: Act) -> Option<&Template> {
        let Self { retry, approve, deny, cancel, take_wheel, open_session } = self;
        match act {
            Act::Retry => retry,
            Act::Approve => approve,
            Act::Deny => deny,
            Act::Cancel => cancel,
            Act::TakeWheel => take_wheel,
            Act::OpenSession => open_session,
        }
        .as_ref()
    }
}

impl<'a> Values<'a> {
    fn of(judged: &'a Judged) -> Self {
        let sessions = judged.record.state.spans.iter().filter(|span| span.kind == SpanKind::Session);
        Self { run: &judged.record.key, item: None, session: sessions.rev().find_map(|span| span.id.as_deref()) }
    }
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

    /// The command with its values, none when it needs one that is not known, or that holds what cannot be seen: nobody
    /// should paste into a terminal what a log may have hidden there.
    fn fill(&self, values: Values<'_>) -> Option<String> {
        let mut filled = String::new();
        let mut rest = self.0.as_str();
        while let Some((before, after)) = rest.split_once('{') {
            let (place, after) = after.split_once('}')?;
            let value = match place {
                "run" => values.run,
                "item" => values.item?,
                _ => values.session?,
            };
            if value.contains(['\n', '\t']) || visible(value) != value {
                return None;
            }
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
    fn a_value_with_what_cannot_be_seen_is_not_offered() {
        let template = Template::parse("x {run}".into()).expect("a right template");
        for hidden in ["a\nb", "\u{1b}[201~reboot", "a\u{202e}b", "a\u{200b}b", "tab\t"] {
            assert_eq!(template.fill(Values { run: hidden, ..Values::default() }), None, "{hidden:?}");
        }
        assert_eq!(template.fill(Values { run: "ä 日本", ..Values::default() }).as_deref(), Some("x 'ä 日本'"));
    }

    #[test]
    fn a_value_is_never_filled_in_again() {
        let template = Template::parse("x {run} y".into()).expect("a right template");
        assert_eq!(template.fill(Values { run: "{item}", ..Values::default() }).as_deref(), Some("x '{item}' y"));
    }
}
