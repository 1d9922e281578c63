//! What needs nobody any more: closed markers and runs that ended badly, the newest first, page by page.

use rusqlite::types::Value;
use rusqlite::{Connection, params_from_iter};

use super::keyset::{self, Step};
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
    let mut found = Vec::new();
    for (sql, values) in marker_questions(upto, text) {
        let mut statement = connection.prepare_cached(&sql)?;
        let rows = statement.query_map(params_from_iter(values.iter().chain([&left(limit, found.len())])), |row| {
            let n = columns::MARKER_COLUMNS;
            Ok(Resolved {
                number: row.get(0)?,
                marker: columns::read_marker(row)?,
                run: row.get(n)?,
                title: row.get(n + 1)?,
                workflow: row.get(n + 2)?,
            })
        })?;
        for row in rows {
            found.push(row?);
        }
    }
    Ok(found)
}

fn marker_questions(upto: Upto, text: Option<&str>) -> Vec<(String, Vec<Value>)> {
    let columns = ["run.key", "title", "workflow", "id", "reason", "action", "integration", "repo"];
    let marker = columns::MARKER_OF_MANY;
    questions("ifnull(closed_at, -1)", "marker.key", upto, text, &columns, |condition, order| {
        format!(
            "SELECT {marker}, run.key, title, workflow FROM marker INDEXED BY marker_closed
             JOIN run ON run.number = marker.key >> 32 WHERE closed_line NOT NULL AND {condition} ORDER BY {order} LIMIT ?"
        )
    })
}

/// Failed and timed out runs.
pub(super) fn bad_ends(
    connection: &Connection,
    upto: Upto,
    text: Option<&str>,
    limit: u32,
    remembered: Remembered<'_>,
) -> rusqlite::Result<Vec<RunRecord>> {
    let mut found = Vec::new();
    for (rest, mut values) in run_questions(upto, text) {
        values.push(left(limit, found.len()));
        found.extend(runs::records(connection, &rest, &values, Lists::Open, remembered)?);
    }
    Ok(found)
}

fn run_questions(upto: Upto, text: Option<&str>) -> Vec<(String, Vec<Value>)> {
    questions("ifnull(run.ended_at, run.modified)", "run.number", upto, text, &runs::SEARCHED, |condition, order| {
        format!("WHERE run.status IN ('failed', 'timed_out') AND {condition} ORDER BY {order} LIMIT ?")
    })
}

/// What is to be asked one after the other, with a text that is looked for in some columns; the number of rows is the last
/// value of each.
fn questions(
    at: &str,
    key: &str,
    upto: Upto,
    text: Option<&str>,
    columns: &[&str],
    question: impl Fn(&str, &str) -> String,
) -> Vec<(String, Vec<Value>)> {
    let steps = keyset::behind(at, key, Some((&Value::Integer(upto.at), upto.key))).into_iter();
    steps
        .filter_map(|Step { condition, order }| {
            let (mut condition, mut values) = condition?;
            if let Some(text) = text {
                condition = format!("{condition} AND {}", runs::mentions(columns, text, &mut values));
            }
            Some((question(&condition, &order), values))
        })
        .collect()
}

fn left(limit: u32, found: usize) -> Value {
    Value::Integer(i64::from(limit) - i64::try_from(found).unwrap_or(i64::MAX).min(i64::from(limit)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::tests::Place;

    #[test]
    fn a_late_page_is_found_in_an_index() {
        let place = Place::new();
        let _store = place.open();
        let connection = Connection::open(place.cache()).unwrap();
        let upto = Upto { at: -1, key: 9 };
        let runs = run_questions(upto, None).into_iter().map(|(rest, values)| (runs::select("", &rest), values));
        for (sql, values) in marker_questions(upto, None).into_iter().chain(runs) {
            let mut statement = connection.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
            let values = values.into_iter().chain([Value::Integer(50)]);
            let steps = statement.query_map(params_from_iter(values), |row| row.get::<_, String>(3)).unwrap();
            let plan: Vec<String> = steps.map(Result::unwrap).collect();
            assert!(plan.iter().all(|step| step.starts_with("SEARCH")), "{plan:?}");
            assert!(plan[0].contains("marker_closed (<expr>") || plan[0].contains("run_bad (<expr>"), "{plan:?}");
        }
    }
}
