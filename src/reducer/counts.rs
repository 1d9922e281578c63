//! [`Counts`]: how often each of a few texts was seen.

use std::collections::BTreeMap;

use compact_str::CompactString;
use serde::{Deserialize, Serialize, Serializer};

/// How many hints there are: a power of two.
pub(super) const HINTS: usize = 64;

/// Counts by text, in the order of the texts. Nearly every line counts, so that the texts that come again and again are
/// found without a search.
#[derive(Clone, Debug, Deserialize)]
#[serde(from = "BTreeMap<CompactString, u64>")]
pub struct Counts {
    entries: Vec<(CompactString, u64)>,
    /// By a hash of the text, where it stood when it was counted last. Whether it stands there is asked again.
    hints: [u16; HINTS],
}

impl Default for Counts {
    fn default() -> Self {
        Self { entries: Vec::new(), hints: [0; HINTS] }
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
        Self { entries: counts.into_iter().collect(), ..Self::default() }
    }
}

impl Serialize for Counts {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.iter())
    }
}

impl Counts {
    /// Counts a text once more. With `most` texts already, a new one is counted as `rest`.
    pub fn add(&mut self, text: &str, most: usize, rest: &str) {
        let hint = hint(text);
        let at = usize::from(self.hints[hint]);
        if let Some((known, count)) = self.entries.get_mut(at)
            && *known == *text
        {
            *count += 1;
            return;
        }
        match self.entries.binary_search_by(|(known, _)| known.as_str().cmp(text)) {
            Ok(at) => {
                self.entries[at].1 += 1;
                self.hints[hint] = u16::try_from(at).unwrap_or(0);
            }
            Err(_) if self.entries.len() >= most && text != rest => self.add(rest, usize::MAX, rest),
            Err(at) => {
                if self.entries.is_empty() {
                    // Most logs have a few texts.
                    self.entries.reserve(most.min(16));
                }
                self.entries.insert(at, (text.into(), 1));
            }
        }
    }

    /// The texts with their counts, in the order of the texts.
    pub fn iter(&self) -> impl Iterator<Item = (&str, u64)> {
        self.entries.iter().map(|(text, count)| (text.as_str(), *count))
    }

    /// Whether nothing was counted.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }
}

/// A number below [`HINTS`] that the few texts of a log rarely share: where what is known of one is looked for first.
#[inline]
pub(super) fn hint(text: &str) -> usize {
    let bytes = text.as_bytes();
    let byte = |at: usize| bytes.get(at).copied().map_or(0, usize::from);
    let (middle, last) = (bytes.len() / 2, bytes.len().wrapping_sub(1));
    (bytes.len() * 5 + byte(0) * 11 + byte(middle) * 3 + byte(last) * 7) % HINTS
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
