//! The versions that a snapshot lists: those of the runs that changed last, so that a snapshot stays small however many
//! runs there are.

use std::collections::{BTreeMap, HashMap};

use serde_json::{Value, json};

use super::outlook::{LISTED, Versions};

/// At most [`LISTED`] runs.
#[derive(Debug, Default)]
pub(super) struct Recent {
    /// By key: version, and place in `order`.
    versions: HashMap<String, (u64, u64)>,
    /// Keys, the one that changed longest ago first.
    order: BTreeMap<u64, String>,
    next: u64,
    total: u64,
}

impl Recent {
    /// What the cache said.
    pub(super) fn of(versions: &Versions) -> Self {
        let mut recent = Self::default();
        for (key, version) in versions.runs.iter().rev() {
            recent.set(key, *version);
        }
        recent.total = versions.total;
        recent
    }

    /// Notes a change. The run that changed longest ago leaves when there are too many.
    pub(super) fn set(&mut self, key: &str, version: u64) {
        if let Some((_, place)) = self.versions.insert(key.to_owned(), (version, self.next)) {
            self.order.remove(&place);
        }
        self.order.insert(self.next, key.to_owned());
        self.next += 1;
        if self.order.len() > LISTED as usize
            && let Some((_, oldest)) = self.order.pop_first()
        {
            self.versions.remove(&oldest);
        }
        self.total = self.total.max(self.versions.len() as u64);
    }

    /// The data of the first message of a stream.
    pub(super) fn snapshot(&self, attention: usize) -> Value {
        let runs: BTreeMap<&str, u64> =
            self.versions.iter().map(|(key, (version, _))| (key.as_str(), *version)).collect();
        let complete = runs.len() as u64 >= self.total;
        json!({ "attention": attention, "total": self.total, "complete": complete, "runs": runs })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_snapshot_lists_those_that_changed_last_and_says_when_there_are_more() {
        let runs = vec![(String::from("new"), 2), (String::from("old"), 1)];
        let mut recent = Recent::of(&Versions { runs, total: 2 });
        assert_eq!(
            recent.snapshot(3),
            json!({ "attention": 3, "total": 2, "complete": true, "runs": { "new": 2, "old": 1 } })
        );
        recent.set("old", 5);
        for number in 1..LISTED {
            recent.set(&number.to_string(), 1);
        }
        let snapshot = recent.snapshot(0);
        assert_eq!(snapshot["runs"].as_object().map(serde_json::Map::len), Some(LISTED as usize));
        assert_eq!(snapshot["runs"]["old"], 5, "changed later than new");
        assert!(snapshot["runs"].get("new").is_none());
    }

    #[test]
    fn more_runs_than_listed_are_not_complete() {
        let recent = Recent::of(&Versions { runs: vec![(String::from("a"), 1)], total: 9 });
        assert_eq!(recent.snapshot(0)["complete"], false);
    }
}
