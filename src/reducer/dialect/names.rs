//! Event names and what they mean, remembered: a log has few names and many events.

use rustc_hash::FxHashMap;

use crate::reducer::event::Meaning;
use crate::reducer::name::meaning;

/// How many names are remembered; a log that invents a name per line is only slower.
const MOST: usize = 1024;

/// A bounded memory of names; what it gives does not depend on what it was asked before.
#[derive(Debug, Default)]
pub(super) struct Names(FxHashMap<String, Meaning>);

impl Names {
    pub(super) fn meaning(&mut self, name: &str) -> Meaning {
        if let Some(known) = self.0.get(name) {
            return *known;
        }
        let meaning = meaning(name);
        if self.0.len() < MOST {
            self.0.insert(name.to_owned(), meaning);
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
        assert_eq!(names.0.len(), MOST);
    }
}
