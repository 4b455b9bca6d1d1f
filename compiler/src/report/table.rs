//! Numbers and tables for people.

use std::fmt;

/// The first column to the left, the others to the right.
pub(super) fn table(f: &mut fmt::Formatter<'_>, rows: &[Vec<String>]) -> fmt::Result {
    let width = |column: usize| rows.iter().filter_map(|row| row.get(column)).map(String::len).max().unwrap_or(0);
    for row in rows {
        for (column, cell) in row.iter().enumerate() {
            match column {
                0 => write!(f, "  {cell:<width$}", width = width(column))?,
                _ => write!(f, "  {cell:>width$}", width = width(column))?,
            }
        }
        writeln!(f)?;
    }
    Ok(())
}

/// `1234567` as `1 234 567`.
pub(super) fn grouped(number: usize) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(' ');
        }
        text.push(digit);
    }
    text
}

pub(super) fn size(bytes: u64) -> String {
    match bytes {
        0..10_000 => format!("{bytes} B"),
        10_000..10_000_000 => format!("{} kB", bytes / 1000),
        _ => format!("{:.1} MB", bytes as f64 / 1e6),
    }
}

#[cfg(test)]
mod tests {
    use super::{grouped, size};

    #[test]
    fn numbers_read_well() {
        assert_eq!([grouped(0), grouped(999), grouped(1_234_567)], ["0", "999", "1 234 567"]);
        assert_eq!([size(9_999), size(10_000), size(23_400_000)], ["9999 B", "10 kB", "23.4 MB"]);
    }
}
