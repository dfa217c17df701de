//! Formats the table of the results.

use super::Operation;
use clap::ValueEnum;

/// The costs of an operation in Pando and in mls-rs, either in microseconds or in thousands of
/// instructions.
#[derive(Clone, Copy, Debug)]
pub struct Pair {
    /// The cost in Pando.
    pub pando: f64,
    /// The cost in mls-rs.
    pub mls_rs: f64,
}

/// Returns a table with a row for each operation. For each number of members, the table has three
/// columns: the costs in both libraries and the ratio of Pando to mls-rs.
#[must_use]
pub fn table(unit: &str, sizes: &[usize], rows: &[(Operation, Vec<Pair>)]) -> String {
    let mut text = String::from("| operation |");
    for size in sizes {
        text += &format!(" Pando, {size} | mls-rs, {size} | ratio |");
    }
    text += "\n|---|";
    text += &"--:|--:|--:|".repeat(sizes.len());
    for (operation, pairs) in rows {
        text += &format!("\n| {} |", name(*operation));
        for Pair { pando, mls_rs } in pairs {
            let ratio = pando / mls_rs;
            let ratio = if ratio >= 1.005 { format!("**{ratio:.2}**") } else { format!("{ratio:.2}") };
            text += &format!(" {} {unit} | {} {unit} | {ratio} |", figure(*pando), figure(*mls_rs));
        }
    }
    text + "\n"
}

fn name(operation: Operation) -> String {
    let name = operation.to_possible_value().map(|value| value.get_name().to_owned());
    name.unwrap_or_default().replace('-', " ")
}

/// Formats a value with at least three digits.
fn figure(value: f64) -> String {
    let digits = if value < 10.0 { 2 } else { usize::from(value < 100.0) };
    format!("{value:.digits$}")
}

/// Returns the median of some values, or 0 if there are no values.
#[must_use]
pub fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_pando_is_behind_stands_out() {
        let pairs = vec![Pair { pando: 5.0, mls_rs: 10.0 }, Pair { pando: 300.0, mls_rs: 200.0 }];
        let text = table("us", &[2, 10], &[(Operation::UpdateMade, pairs)]);
        assert_eq!(
            text.lines().last(),
            Some("| update made | 5.00 us | 10.0 us | 0.50 | 300 us | 200 us | **1.50** |")
        );
    }

    #[test]
    fn the_median_is_in_the_middle() {
        assert_eq!((median(vec![3.0, 1.0, 2.0]), median(vec![])), (2.0, 0.0));
    }
}
