//! What needs nobody any more: closed markers and runs that ended badly, the newest first, page by page.

use rusqlite::types::Value;
use rusqlite::{Connection, params_from_iter};

use super::remembered::Remembered;
use super::{Lists, Upto, runs};
use crate::store::columns;
use crate::store::row::{Resolved, RunRecord};

/// Closed markers of all runs that are there.
pub(super) fn markers(
    connection: &Connection,
    upto: Upto,
    text: Option<&str>,
    limit: u32,
) -> rusqlite::Result<Vec<Resolved>> {
    let mut values = vec![Value::Integer(upto.at), Value::Integer(upto.key)];
    let columns = ["run.key", "title", "workflow", "id", "reason", "action", "integration", "repo"];
    let condition =
        text.map_or_else(String::new, |text| format!("AND {}", runs::mentions(&columns, text, &mut values)));
    values.push(Value::Integer(i64::from(limit)));
    let mut statement = connection.prepare_cached(&format!(
        "SELECT {}, run.key, title, workflow FROM marker INDEXED BY marker_closed JOIN run ON run.number = marker.key >> 32
         WHERE closed_line NOT NULL AND (ifnull(closed_at, -1), marker.key) < (?, ?) {condition}
         ORDER BY ifnull(closed_at, -1) DESC, marker.key DESC LIMIT ?",
        columns::MARKER_OF_MANY
    ))?;
    let rows = statement.query_map(params_from_iter(values), |row| {
        let n = columns::MARKER_COLUMNS;
        Ok(Resolved {
            number: row.get(0)?,
            marker: columns::read_marker(row)?,
            run: row.get(n)?,
            title: row.get(n + 1)?,
            workflow: row.get(n + 2)?,
        })
    })?;
    rows.collect()
}

/// Failed and timed out runs.
pub(super) fn bad_ends(
    connection: &Connection,
    upto: Upto,
    text: Option<&str>,
    limit: u32,
    remembered: Remembered<'_>,
) -> rusqlite::Result<Vec<RunRecord>> {
    let mut values = vec![Value::Integer(upto.at), Value::Integer(upto.key)];
    let condition =
        text.map_or_else(String::new, |text| format!("AND {}", runs::mentions(&runs::SEARCHED, text, &mut values)));
    values.push(Value::Integer(i64::from(limit)));
    let rest = format!(
        "WHERE run.status IN ('failed', 'timed_out') AND (ifnull(run.ended_at, run.modified), run.number) < (?, ?)
         {condition} ORDER BY ifnull(run.ended_at, run.modified) DESC, run.number DESC LIMIT ?"
    );
    runs::records(connection, &rest, &values, Lists::Open, remembered)
}
