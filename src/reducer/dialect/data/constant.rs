//! Constants of a dialect, written down as the JSON they stand for.

use super::language::Literal;
use crate::reducer::json::{Kind, Value};

/// A value that a dialect says itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Constant {
    kind: Kind,
    raw: String,
}

impl Constant {
    pub(super) fn of(literal: &Literal) -> Self {
        match literal {
            Literal::Flag(true) => Self { kind: Kind::True, raw: "true".into() },
            Literal::Flag(false) => Self { kind: Kind::False, raw: "false".into() },
            Literal::Whole(whole) => Self { kind: Kind::Number, raw: whole.to_string() },
            Literal::Number(number) if number.is_finite() => Self { kind: Kind::Number, raw: number.to_string() },
            Literal::Number(_) => Self { kind: Kind::Null, raw: "null".into() },
            Literal::Text(text) => Self::text(text),
        }
    }

    /// A text as JSON.
    pub(super) fn text(text: &str) -> Self {
        let raw = serde_json::Value::from(text).to_string();
        let kind = if raw.contains('\\') { Kind::Escaped } else { Kind::Plain };
        Self { kind, raw }
    }

    pub(super) fn value(&self) -> Value<'_> {
        Value { kind: self.kind, raw: &self.raw }
    }
}
