//! Where two states of a run that should be equal are not: by path, with the line to look at.
//!
//! It must never know which of them comes from a cache.

use serde_json::{Value, json};

use super::run::RunState;

/// One value that two states have differently.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mismatch {
    /// Where it is: `run.phase.value`, `spans[3].status`, `counters.lines.text`.
    pub path: String,
    /// What the first state has, as JSON; empty when it has nothing there.
    pub first: String,
    /// What the second state has.
    pub second: String,
    /// The line that set the value, or opened the entry, by the second state; else by the first.
    pub line: Option<u64>,
}

/// Every value that differs, lists and what the fold keeps for itself included; none when the states are equal.
#[must_use]
pub fn mismatches(first: &RunState, second: &RunState) -> Vec<Mismatch> {
    if essence(first) == essence(second) {
        return Vec::new();
    }
    let mut found = Vec::new();
    walk(&document(first), &document(second), "", None, &mut found);
    found
}

/// What is known of a run, without look-ups and what is only about the next write.
fn essence(state: &RunState) -> impl PartialEq {
    let RunState { run, counters, health, spans, markers, artifacts, scratch, index: _, changes: _ } = state;
    (run, counters, health, spans, markers, artifacts, scratch)
}

fn document(state: &RunState) -> Value {
    let mut document = serde_json::to_value(state).expect("a state is numbers, texts and maps with text keys");
    document["spans"] = json!(state.spans);
    document["markers"] = json!(state.markers);
    document["artifacts"] = json!(state.artifacts);
    document
}

fn walk(first: &Value, second: &Value, path: &str, line: Option<u64>, found: &mut Vec<Mismatch>) {
    if first == second {
        return;
    }
    let line = line_of(second).or_else(|| line_of(first)).or(line);
    match (first, second) {
        (Value::Object(a), Value::Object(b)) => {
            let names = a.keys().chain(b.keys().filter(|name| !a.contains_key(*name)));
            for name in names {
                let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
                walk(a.get(name).unwrap_or(&Value::Null), b.get(name).unwrap_or(&Value::Null), &path, line, found);
            }
        }
        (Value::Array(a), Value::Array(b)) => {
            for n in 0..a.len().max(b.len()) {
                let entry = |list: &[Value]| list.get(n).cloned().unwrap_or(Value::Null);
                walk(&entry(a), &entry(b), &format!("{path}[{n}]"), line, found);
            }
        }
        (a, b) => found.push(Mismatch { path: path.to_owned(), first: text(a), second: text(b), line }),
    }
}

fn line_of(value: &Value) -> Option<u64> {
    ["line", "closed_line", "opened_line", "first_line"].iter().find_map(|name| value.get(name)?.as_u64())
}

fn text(value: &Value) -> String {
    if value.is_null() { String::new() } else { value.to_string() }
}

#[cfg(test)]
mod tests {
    use super::mismatches;
    use crate::reducer::marker::MarkerKind;
    use crate::reducer::run::{RunState, Status, set};
    use crate::reducer::span::{SpanKind, SpanStatus};
    use crate::reducer::verdict::world::{marker, span};

    #[test]
    fn every_value_that_differs_is_named_with_its_line() {
        let mut first = RunState::default();
        set(&mut first.run.status, Status::Running, 1);
        first.spans = vec![span(SpanKind::Phase, "build", 4), span(SpanKind::Step, "s", 5)];
        let mut second = first.clone();
        assert_eq!(mismatches(&first, &second), []);
        set(&mut second.run.status, Status::Failed, 9);
        second.spans[1].status = SpanStatus::Failed;
        second.spans[1].closed_line = Some(8);
        second.markers = vec![marker(MarkerKind::Stuck, "-", 7)];
        second.counters.lines.text = 2;
        let found = mismatches(&first, &second);
        let said: Vec<String> = found
            .iter()
            .map(|m| format!("{} {} {} {}", m.path, m.first, m.second, m.line.unwrap_or(0)))
            .filter(|text| !text.starts_with("markers"))
            .collect();
        assert_eq!(
            said,
            [
                "counters.lines.text 0 2 0",
                "run.status.line 1 9 9",
                "run.status.value \"Running\" \"Failed\" 9",
                "spans[1].closed_line  8 8",
                "spans[1].status \"Open\" \"Failed\" 8",
            ]
        );
        let marker = found.iter().find(|m| m.path == "markers[0]").expect("a marker that is only in the second");
        assert_eq!((marker.first.as_str(), marker.line), ("", Some(7)));
    }

    #[test]
    fn what_only_the_next_write_needs_is_no_difference() {
        let mut state = RunState::default();
        state.changes.spans.push(0);
        assert_eq!(mismatches(&RunState::default(), &state), []);
    }
}
