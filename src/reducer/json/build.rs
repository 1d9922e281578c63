//! A JSON value kept as text, made into a tree for whoever writes it out again.

use serde_json::{Map, Number, Value};

use super::{Cursor, Kind, MAX_DEPTH, Torn, unescape};

/// A JSON value kept as the text it was written with; lone surrogate escapes become U+FFFD.
///
/// Of equal keys the last wins. `raw` must have been accepted by the scanner; anything else gives `Null`.
#[must_use]
pub fn to_value(raw: &str) -> Value {
    let mut cursor = Cursor::new(raw);
    match build(&mut cursor, 1) {
        Ok(value) if cursor.peek().is_none() => value,
        _ => Value::Null,
    }
}

/// The value here; a container here has this depth, so the recursion ends at [`MAX_DEPTH`].
fn build(cursor: &mut Cursor<'_>, depth: usize) -> Result<Value, Torn> {
    match cursor.peek() {
        Some(b'{' | b'[') if depth > MAX_DEPTH => Err(Torn),
        Some(b'{') => {
            let mut map = Map::new();
            cursor.walk(&mut |cursor, key| {
                let member = build(cursor, depth + 1)?;
                map.insert(key.unwrap_or_default().into_owned(), member);
                Ok(())
            })?;
            Ok(Value::Object(map))
        }
        Some(b'[') => {
            let mut list = Vec::new();
            cursor.walk(&mut |cursor, _| {
                list.push(build(cursor, depth + 1)?);
                Ok(())
            })?;
            Ok(Value::Array(list))
        }
        _ => {
            let start = cursor.at();
            let kind = cursor.value(depth)?;
            Ok(leaf(kind, cursor.slice(start, cursor.at())))
        }
    }
}

fn leaf(kind: Kind, raw: &str) -> Value {
    let inner = || raw.get(1..raw.len().saturating_sub(1)).unwrap_or_default();
    match kind {
        Kind::True => Value::Bool(true),
        Kind::False => Value::Bool(false),
        Kind::Number => number(raw).map_or(Value::Null, Value::Number),
        Kind::Plain => Value::String(inner().to_owned()),
        Kind::Escaped => Value::String(unescape(inner())),
        Kind::Null | Kind::Array | Kind::Object => Value::Null,
    }
}

/// Integers as integers as far as 64 bits go, everything else as the nearest f64.
fn number(literal: &str) -> Option<Number> {
    if let Ok(whole) = literal.parse::<i64>() {
        return Some(whole.into());
    }
    if let Ok(whole) = literal.parse::<u64>() {
        return Some(whole.into());
    }
    Number::from_f64(literal.parse().ok()?)
}
