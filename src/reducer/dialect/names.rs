//! What is remembered from line to line because it comes again: event names with what they mean, and the minute.

use compact_str::CompactString;
use rustc_hash::FxHashMap;

use crate::reducer::event::Meaning;
use crate::reducer::glance::{Glance, NUMBERS};
use crate::reducer::name::meaning;
use crate::reducer::time::LastMinute;

/// It only saves work: what is read does not depend on it.
#[derive(Debug, Default)]
pub(super) struct Memory {
    pub(super) names: Names,
    pub(super) minute: LastMinute,
}

/// How many names are remembered; a log that invents a name per line is only slower.
const MOST: usize = 1024;

/// A bounded memory of names; what it gives does not depend on what it was asked before.
#[derive(Debug)]
pub(super) struct Names {
    all: FxHashMap<CompactString, Meaning>,
    /// By the number of a name's glance, the last two that had it: nearly every line has one of a few.
    recent: [[Option<(Glance, CompactString, Meaning)>; 2]; NUMBERS],
}

impl Default for Names {
    fn default() -> Self {
        Self { all: FxHashMap::default(), recent: [const { [const { None }; 2] }; NUMBERS] }
    }
}

impl Names {
    /// What a text means, if it was asked for as a name before: then it is one.
    #[inline]
    pub(super) fn known(&mut self, text: &str) -> Option<Meaning> {
        let glance = Glance::of(text);
        let recent = &mut self.recent[glance.number()];
        for (known, name, meaning) in recent.iter().flatten() {
            if *known == glance && glance.tells(name, text) {
                return Some(*meaning);
            }
        }
        let (name, meaning) = self.all.get_key_value(text)?;
        recent.swap(0, 1);
        recent[0] = Some((glance, name.clone(), *meaning));
        Some(*meaning)
    }

    /// What a name means.
    pub(super) fn meaning(&mut self, name: &str) -> Meaning {
        if let Some(known) = self.known(name) {
            return known;
        }
        let meaning = meaning(name);
        if self.all.len() < MOST {
            self.all.insert(name.into(), meaning);
        }
        meaning
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_means_the_same_whether_it_is_remembered_or_not() {
        let mut names = Names::default();
        for n in 0..MOST + 10 {
            let name = format!("step_{n}.failed");
            assert_eq!(names.meaning(&name), meaning(&name));
            assert_eq!(names.meaning(&name), meaning(&name));
        }
        assert_eq!(names.all.len(), MOST);
    }
}
