//! The grammar and the range of JSON numbers.

use wide::u8x16;

/// More digits than this before the point may be beyond f64; its largest value has 309.
const SURE_DIGITS: usize = 300;

/// How many bytes are looked at at once.
const BLOCK: usize = 16;

/// The end of the number that begins at `start`; `None` when it is none, or beyond f64 (spec 1.2).
#[inline]
pub(crate) fn number_end(bytes: &[u8], start: usize) -> Option<usize> {
    // Most numbers are short.
    match bytes.get(start..).and_then(<[u8]>::first_chunk).and_then(short) {
        Some(length) => Some(start + length),
        None => long_end(bytes, start),
    }
}

/// How many bytes a block begins with that are a number of digits and perhaps a point, if it is certain where that ends.
#[inline]
fn short(block: &[u8; BLOCK]) -> Option<usize> {
    let values = u8x16::new(*block) - u8x16::splat(b'0');
    let digits = values.min(u8x16::splat(9)).simd_eq(values).to_bitmask();
    let whole = digits.trailing_ones() as usize;
    if whole == 0 || (whole > 1 && block[0] == b'0') {
        return None;
    }
    let (end, after) = match block.get(whole)? {
        b'.' => {
            let fraction = (digits >> (whole + 1)).trailing_ones() as usize;
            let end = whole + 1 + fraction;
            (end, if fraction == 0 { None } else { block.get(end) }?)
        }
        after => (whole, after),
    };
    (after | 0x20 != b'e').then_some(end)
}

/// The end of any number.
#[inline(never)]
fn long_end(bytes: &[u8], start: usize) -> Option<usize> {
    let mut at = start + usize::from(bytes.get(start) == Some(&b'-'));
    let whole = at;
    match bytes.get(at) {
        Some(b'0') => at += 1,
        Some(b'1'..=b'9') => at = digits_end(bytes, at + 1),
        _ => return None,
    }
    let mut sure = at - whole < SURE_DIGITS;
    if bytes.get(at) == Some(&b'.') {
        let fraction = at + 1;
        at = digits_end(bytes, fraction);
        if at == fraction {
            return None;
        }
    }
    if matches!(bytes.get(at), Some(b'e' | b'E')) {
        at += 1;
        at += usize::from(matches!(bytes.get(at), Some(b'+' | b'-')));
        let exponent = at;
        at = digits_end(bytes, exponent);
        if at == exponent {
            return None;
        }
        sure = false;
    }
    if !sure {
        let literal = bytes.get(start..at).and_then(|number| std::str::from_utf8(number).ok())?;
        literal.parse::<f64>().ok().filter(|number| number.is_finite())?;
    }
    Some(at)
}

#[inline]
fn digits_end(bytes: &[u8], mut at: usize) -> usize {
    while matches!(bytes.get(at), Some(b'0'..=b'9')) {
        at += 1;
    }
    at
}

/// Whether a whole text is one JSON number within f64.
pub(crate) fn is_number(text: &str) -> bool {
    number_end(text.as_bytes(), 0) == Some(text.len())
}
