//! Formats the figures of the report.

/// Formats a time in microseconds with three digits, in a suitable unit.
#[must_use]
pub fn time(microseconds: f64) -> String {
    match microseconds {
        us if us < 999.5 => format!("{} us", digits(us)),
        us if us < 999_500.0 => format!("{} ms", digits(us / 1e3)),
        us => format!("{} s", digits(us / 1e6)),
    }
}

/// Formats a size with three digits, in a suitable unit.
#[must_use]
pub fn bytes(bytes: u64) -> String {
    match bytes as f64 {
        size if size < 1_000.0 => format!("{bytes} B"),
        size if size < 999_500.0 => format!("{} kB", digits(size / 1e3)),
        size => format!("{} MB", digits(size / 1e6)),
    }
}

/// Formats a number without a unit, with commas as thousands separators.
#[must_use]
pub fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (position, digit) in digits.chars().enumerate() {
        if position > 0 && (digits.len() - position).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Formats a value with three significant digits, or with all digits before the decimal point if
/// there are more than three.
#[must_use]
pub fn digits(value: f64) -> String {
    match value {
        value if value < 9.995 => format!("{value:.2}"),
        value if value < 99.95 => format!("{value:.1}"),
        value => format!("{value:.0}"),
    }
}

/// Returns the growth of an operation from one size to another, as an exponent. The time is
/// proportional to the size raised to this power.
#[must_use]
pub fn exponent((from, before): (u64, f64), (to, after): (u64, f64)) -> f64 {
    (after / before).ln() / (to as f64 / from as f64).ln()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_suit_the_figures() {
        assert_eq!(
            [0.34, 14.46, 999.4, 999.6, 41_200_000.0].map(time),
            ["0.34 us", "14.5 us", "999 us", "1.00 ms", "41.2 s"]
        );
        assert_eq!([9.994, 9.996, 99.94, 99.96].map(digits), ["9.99", "10.0", "99.9", "100"]);
        assert_eq!(
            [0, 999, 1_000, 4_100_000, 49_570_000].map(bytes),
            ["0 B", "999 B", "1.00 kB", "4.10 MB", "49.6 MB"]
        );
        assert_eq!(
            [2, 100, 1_000, 50_000, 1_000_000].map(count),
            ["2", "100", "1,000", "50,000", "1,000,000"]
        );
    }

    #[test]
    fn exponents_tell_growth() {
        let close = |left: f64, right: f64| assert!((left - right).abs() < 1e-9, "{left} {right}");
        close(exponent((10, 5.0), (1_000, 5.0)), 0.0);
        close(exponent((10, 5.0), (1_000, 500.0)), 1.0);
        close(exponent((10_000, 1.0), (50_000, 25.0)), 2.0);
    }
}
