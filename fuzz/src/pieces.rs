//! Cuts a log into pieces. Where it is cut follows from its bytes, so that a finding can be repeated.

/// A small random number generator (xorshift), seeded by the bytes themselves.
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) fn of(log: &[u8]) -> Self {
        let mixed = |sum: u64, byte: &u8| (sum ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        Self(log.iter().fold(0xcbf2_9ce4_8422_2325, mixed) | 1)
    }

    /// A number below `end`, which is not 0.
    pub(crate) fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % end as u64) as usize
    }
}

/// The log in pieces, most of them short; now and then an empty one.
pub(crate) fn pieces<'l>(log: &'l [u8], dice: &mut Dice) -> Vec<&'l [u8]> {
    let longest = [2, 3, 17, 64, 1000][dice.below(5)];
    let mut rest = log;
    let mut pieces = Vec::new();
    while !rest.is_empty() {
        let (piece, after) = rest.split_at(dice.below(longest).min(rest.len()));
        pieces.push(piece);
        rest = after;
    }
    pieces
}
