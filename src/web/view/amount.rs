//! Money, tokens, bytes and counts as short text.

use maud::{Markup, html};

/// US dollars: `$0.0042`, `$1.23`, `$1,204`.
#[must_use]
pub fn dollars(amount: f64) -> String {
    match amount {
        0.0 => String::from("$0"),
        a if a.abs() < 0.01 => format!("${a:.4}"),
        a if a.abs() < 1000.0 => format!("${a:.2}"),
        a if a.abs() < 1e15 => format!("${}", count(a.round() as u64)),
        a => format!("${a:.2e}"),
    }
}

/// A whole number with thin groups: `12 345`.
#[must_use]
pub fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut grouped = String::with_capacity(digits.len() * 2);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            grouped.push('\u{202f}');
        }
        grouped.push(digit);
    }
    grouped
}

/// A number in at most three figures and a unit: `812`, `12.3k`, `4.5M`.
#[must_use]
pub fn short(number: u64) -> String {
    let value = number as f64;
    match number {
        0..1_000 => number.to_string(),
        1_000..100_000 => format!("{:.1}k", value / 1e3),
        100_000..1_000_000 => format!("{:.0}k", value / 1e3),
        1_000_000..1_000_000_000 => format!("{:.1}M", value / 1e6),
        _ => format!("{:.1}G", value / 1e9),
    }
}

/// Bytes with a binary unit: `812 B`, `1.4 MiB`.
#[must_use]
pub fn bytes(number: u64) -> String {
    let value = number as f64;
    match number {
        0..1024 => format!("{number}\u{a0}B"),
        1024..0x10_0000 => format!("{:.1}\u{a0}KiB", value / 1024.0),
        0x10_0000..0x4000_0000 => format!("{:.1}\u{a0}MiB", value / 1_048_576.0),
        _ => format!("{:.1}\u{a0}GiB", value / 1_073_741_824.0),
    }
}

/// Bytes with the exact figure on hover.
#[must_use]
pub fn size(number: u64) -> Markup {
    html! { span title={ (count(number)) " bytes" } { (bytes(number)) } }
}

/// A score without a tail of noughts.
#[must_use]
pub fn score(value: f64) -> String {
    let text = format!("{value:.3}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// `1 run`, `2 runs`.
#[must_use]
pub fn plural(number: u64, one: &str, many: &str) -> String {
    format!("{}\u{a0}{}", count(number), if number == 1 { one } else { many })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_short() {
        assert_eq!(dollars(0.0042), "$0.0042");
        assert_eq!(dollars(1.234), "$1.23");
        assert_eq!(count(1_234_567), "1\u{202f}234\u{202f}567");
        assert_eq!(short(12_340), "12.3k");
        assert_eq!(bytes(1_500_000), "1.4\u{a0}MiB");
        assert_eq!(score(0.500), "0.5");
        assert_eq!(plural(1, "run", "runs"), "1\u{a0}run");
    }
}
