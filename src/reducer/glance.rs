//! [`Glance`]: what tells the few texts of a log that come again and again from each other, in a few instructions.

/// The longest text that a glance tells from every other.
const LONGEST: usize = 2 * size_of::<u64>();

/// How many numbers glances have: a power of two.
pub(super) const NUMBERS: usize = 128;

/// The length of a text, its first bytes and its last ones, which overlap in one of less than 16.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Glance {
    first: u64,
    last: u64,
    length: usize,
}

impl Glance {
    #[inline(always)]
    pub(super) fn of(text: &str) -> Self {
        let bytes = text.as_bytes();
        let (first, last) = match (bytes.first_chunk(), bytes.last_chunk()) {
            (Some(first), Some(last)) => (u64::from_le_bytes(*first), u64::from_le_bytes(*last)),
            _ => short(bytes),
        };
        Self { first, last, length: bytes.len() }
    }

    /// A number below [`NUMBERS`] that the few texts of a log rarely share.
    #[inline(always)]
    pub(super) fn number(self) -> usize {
        let mixed = (self.first ^ self.last.rotate_left(29) ^ self.length as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        (mixed >> (u64::BITS - NUMBERS.trailing_zeros())) as usize
    }

    /// Whether a text that this is of is another one that has the same.
    #[inline(always)]
    pub(super) fn tells(self, text: &str, other: &str) -> bool {
        self.length <= LONGEST || text == other
    }
}

/// The same of a text of less than eight bytes.
#[inline(always)]
fn short(bytes: &[u8]) -> (u64, u64) {
    match (bytes.first_chunk(), bytes.last_chunk()) {
        (Some(first), Some(last)) => (u32::from_le_bytes(*first).into(), u32::from_le_bytes(*last).into()),
        _ => (bytes.iter().fold(0, |word, byte| word << 8 | u64::from(*byte)), 0),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn it_tells_texts_apart_as_comparing_them_does(one in "[ab]{0,20}", other in "[ab]{0,20}", same in any::<bool>()) {
            let other = if same { one.clone() } else { other };
            let (glance, others) = (Glance::of(&one), Glance::of(&other));
            prop_assert_eq!(glance == others && glance.tells(&one, &other), one == other);
            prop_assert!(glance.number() < NUMBERS);
            prop_assert!(one != other || glance.number() == others.number());
        }
    }

    #[test]
    fn every_byte_of_a_text_counts() {
        for length in 0..=20 {
            let text = "a".repeat(length);
            for at in 0..length {
                let mut other = text.clone();
                other.replace_range(at..=at, "b");
                let is_same = Glance::of(&text) == Glance::of(&other) && Glance::of(&text).tells(&text, &other);
                assert!(!is_same, "{other}");
            }
            assert_ne!(Glance::of(&text), Glance::of(&"a".repeat(length + 1)));
        }
    }
}
