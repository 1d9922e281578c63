//! The grammar and the range of JSON numbers.

use wide::u8x16;

use super::scan::WIDE;

/// More digits than this before the point may be beyond f64; its largest value has 309.
const SURE_DIGITS: usize = 300;

/// The end of the number that begins at `start`; `None` when it is none, or beyond f64 (spec 1.2).
#[inline]
pub(crate) fn number_end(bytes: &[u8], start: usize) -> Option<usize> {
    // Most numbers are short.
    match bytes.get(start..).and_then(<[u8]>::first_chunk).and_then(short_number) {
        Some(length) => Some(start + length),
        None => long_end(bytes, start),
    }
}

/// How many bytes a block begins with that are a number of digits and perhaps a point; `None` says nothing.
#[inline(always)]
pub(crate) fn short_number(block: &[u8; WIDE]) -> Option<usize> {
    const LONGEST: usize = 16;
    let values = u8x16::new(*block.first_chunk::<LONGEST>()?) - u8x16::splat(b'0');
    let digits = values.min(u8x16::splat(9)).simd_eq(values).to_bitmask();
    let whole = digits.trailing_ones() as usize;
    let mut end = whole;
    if block.get(whole)? == &b'.' {
        let fraction = (digits >> whole >> 1).trailing_ones() as usize;
        end += if fraction == 0 { return None } else { fraction + 1 };
    }
    let is_sure = whole == 1 || (whole > 1 && block.first() != Some(&b'0'));
    (is_sure && end < LONGEST && block.get(end)? | 0x20 != b'e').then_some(end)
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
