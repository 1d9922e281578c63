//! [`Counts`]: how often each of a few texts was seen.

use std::collections::BTreeMap;

use compact_str::CompactString;
use serde::{Deserialize, Serialize, Serializer};

use super::glance::{Glance, NUMBERS};

/// Counts by text, in the order of the texts. Nearly every line counts, so that the texts that come again and again are
/// found without a search.
#[derive(Clone, Debug, Deserialize)]
#[serde(from = "BTreeMap<CompactString, u64>")]
pub struct Counts {
    entries: Vec<Entry>,
    /// By the number of its glance, where a text may stand: of the two that were searched for last. Whether it stands there
    /// is asked again.
    hints: [[u8; 2]; NUMBERS],
}

#[derive(Clone, Debug, PartialEq)]
struct Entry {
    text: CompactString,
    count: u64,
    glance: Glance,
}

impl Default for Counts {
    fn default() -> Self {
        Self { entries: Vec::new(), hints: [[0; 2]; NUMBERS] }
    }
}

impl PartialEq for Counts {
    fn eq(&self, other: &Self) -> bool {
        self.entries == other.entries
    }
}

impl Eq for Counts {}

impl From<BTreeMap<CompactString, u64>> for Counts {
    fn from(counts: BTreeMap<CompactString, u64>) -> Self {
        let entry = |(text, count): (CompactString, u64)| Entry { glance: Glance::of(&text), text, count };
        Self { entries: counts.into_iter().map(entry).collect(), ..Self::default() }
    }
}

impl Serialize for Counts {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.iter())
    }
}

impl Counts {
    /// Counts a text once more. With `most` texts already, a new one is counted as `rest`.
    #[inline(always)]
    pub fn add(&mut self, text: &str, most: usize, rest: &str) {
        let glance = Glance::of(text);
        for hint in self.hints[glance.number()] {
            if let Some(entry) = self.entries.get_mut(usize::from(hint))
                && entry.glance == glance
                && glance.tells(&entry.text, text)
            {
                entry.count += 1;
                return;
            }
        }
        self.add_by_search(text, glance, most, rest);
    }

    #[inline(never)]
    fn add_by_search(&mut self, text: &str, glance: Glance, most: usize, rest: &str) {
        match self.entries.binary_search_by(|entry| entry.text.as_str().cmp(text)) {
            Ok(at) => {
                self.entries[at].count += 1;
                let [first, second] = &mut self.hints[glance.number()];
                (*second, *first) = (*first, u8::try_from(at).unwrap_or(0));
            }
            Err(_) if self.entries.len() >= most && text != rest => {
                self.add_by_search(rest, Glance::of(rest), usize::MAX, rest);
            }
            Err(at) => {
                if self.entries.is_empty() {
                    // Most logs have a few texts.
                    self.entries.reserve(most.min(16));
                }
                self.entries.insert(at, Entry { text: text.into(), count: 1, glance });
            }
        }
    }

    /// The texts with their counts, in the order of the texts.
    pub fn iter(&self) -> impl Iterator<Item = (&str, u64)> {
        self.entries.iter().map(|entry| (entry.text.as_str(), entry.count))
    }

    /// Whether nothing was counted.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn they_are_those_of_a_map(texts in prop::collection::vec("[a-c]{0,3}", 0..200), most in 1_usize..30) {
            let mut counts = Counts::default();
            let mut map = BTreeMap::<&str, u64>::new();
            for text in &texts {
                counts.add(text, most, "other");
                let is_known = map.contains_key(text.as_str()) || map.len() < most;
                *map.entry(if is_known { text } else { "other" }).or_default() += 1;
            }
            prop_assert!(counts.iter().eq(map.into_iter()));
            let bytes = postcard::to_stdvec(&counts).expect("serialises");
            prop_assert_eq!(postcard::from_bytes::<Counts>(&bytes).expect("comes back"), counts);
        }
    }

    #[test]
    fn a_text_that_is_the_rest_is_counted_there_too() {
        let mut counts = Counts::default();
        for text in ["b", "other", "x", "other", "b"] {
            counts.add(text, 1, "other");
        }
        assert!(counts.iter().eq([("b", 2), ("other", 3)]));
        assert_eq!(serde_json::to_string(&counts).expect("serialises"), r#"{"b":2,"other":3}"#);
    }
}
