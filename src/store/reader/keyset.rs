//! Pages of rows that an index has in the order of a value and then of the row's key: each goes on behind a place.

use rusqlite::types::Value;

/// A stretch of rows that are beside each other in the index: what is true of them, the values of its `?`, and their order.
#[derive(Clone, Debug)]
pub(super) struct Step {
    pub(super) condition: Option<(String, Vec<Value>)>,
    pub(super) order: String,
}

/// What is to be asked one after the other for the rows behind a place (a value and a key), the largest first: the rest of
/// those that are alike, which the index has by key, and then what follows. Asked for both at once, SQLite would look at all
/// that are alike. Without a place all rows follow.
pub(super) fn behind(value: &str, key: &str, place: Option<(&Value, i64)>) -> Vec<Step> {
    let all = format!("{value} DESC, {key} DESC");
    let Some((at, number)) = place else { return vec![Step { condition: None, order: all }] };
    let alike = (format!("{value} = ? AND {key} < ?"), vec![at.clone(), Value::Integer(number)]);
    let then = (format!("{value} < ?"), vec![at.clone()]);
    vec![Step { condition: Some(alike), order: format!("{key} DESC") }, Step { condition: Some(then), order: all }]
}
