//! The sum of a band in fixed-point log2, with integers only.

/// `|q|^(4/3)` for 0..=65, with [`POWER_BITS`] bits of fraction, rounded.
static POWER: [u32; 66] = power_table();
const POWER_BITS: u32 = 8;

/// `log2(1 + i / 64)` for 0..=64, with [`LOG_BITS`] bits of fraction, rounded.
static LOG: [u16; LOG_STEPS + 1] = log_table();
const LOG_STEPS: usize = 64;
const LOG_BITS: u32 = 12;

/// Fraction bits of what [`log2_of_sum`] gives.
pub(super) const POOLED_BITS: u32 = 8;

/// `log2(1 + sum of |q|^(4/3))` in steps of 1/256, rounded down; off by less than two steps. 0 for zeros only.
pub(super) fn log2_of_sum(values: &[i16]) -> i32 {
    let sum: u64 = values.iter().map(|&value| power_4_3(value.unsigned_abs())).sum();
    log2((1 << POWER_BITS) + sum) - ((POWER_BITS as i32) << POOLED_BITS)
}

/// As in [`POWER`].
#[inline]
fn power_4_3(value: u16) -> u64 {
    POWER.get(usize::from(value)).map_or_else(|| large_power_4_3(value), |&power| power.into())
}

/// From 64 on, `q^(4/3)` = 16 (q/8)^(4/3), between two values of the table; off by less than 1/1000 of itself.
fn large_power_4_3(value: u16) -> u64 {
    // As often as it takes to get below 64, six bits.
    let eighths = (u16::BITS - value.leading_zeros()).saturating_sub(6).div_ceil(3);
    let index = usize::from(value >> (3 * eighths));
    let fraction = u64::from(value) & ((1 << (3 * eighths)) - 1);
    let Some(&[below, above]) = POWER.get(index..).and_then(|from| from.first_chunk()) else { return 0 };
    let (below, above) = (u64::from(below), u64::from(above));
    (below << (4 * eighths)) + (((above - below) * fraction) << eighths)
}

/// log2 of a number from 1 on, in steps of 1/256, rounded down.
pub(crate) fn log2(value: u64) -> i32 {
    let exponent = value.checked_ilog2().unwrap_or(0);
    // The bits below the highest: 6 choose the step of the table, 16 lie between two steps.
    let mantissa = (value << (63 - exponent) << 1 >> (64 - 22)) as u32;
    let (index, fraction) = ((mantissa >> 16) as usize, mantissa & 0xFFFF);
    let Some(&[below, above]) = LOG.get(index..).and_then(|from| from.first_chunk()) else { return 0 };
    let (below, above) = (u32::from(below), u32::from(above));
    let log = below + (((above - below) * fraction) >> 16);
    ((exponent << POOLED_BITS) + (log >> (LOG_BITS - POOLED_BITS))) as i32
}

const fn power_table() -> [u32; 66] {
    let (mut table, mut q) = ([0; 66], 0);
    while q < table.len() {
        // round(2^8 q^(4/3)) = floor((cbrt(2^27 q^4) + 1) / 2)
        table[q] = cube_root((q as u64).pow(4) << (3 * (POWER_BITS + 1))).div_ceil(2) as u32;
        q += 1;
    }
    table
}

/// Rounded down.
const fn cube_root(of: u64) -> u64 {
    let (mut root, mut bit) = (0_u64, 1_u64 << 20);
    while bit > 0 {
        if (root + bit).pow(3) <= of {
            root += bit;
        }
        bit >>= 1;
    }
    root
}

const fn log_table() -> [u16; LOG_STEPS + 1] {
    let (mut table, mut i) = ([0; LOG_STEPS + 1], 0);
    while i < LOG_STEPS {
        table[i] = log_entry((LOG_STEPS + i) as u64 * (1 << 31) / LOG_STEPS as u64);
        i += 1;
    }
    table[LOG_STEPS] = 1 << LOG_BITS;
    table
}

/// log2 of a number from 1 to 2 with 31 bits of fraction: squared over and over, each time it reaches 2 is a one.
const fn log_entry(mut value: u64) -> u16 {
    let (mut log, mut bit) = (0_u32, 0);
    while bit < LOG_BITS + 1 {
        value = (value * value) >> 31;
        log <<= 1;
        if value >= 1 << 32 {
            value >>= 1;
            log |= 1;
        }
        bit += 1;
    }
    log.div_ceil(2) as u16
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn powers_are_close() {
        for value in 0..=8206_u16 {
            let exact = power(f64::from(value)) * f64::from(1 << POWER_BITS);
            let error = (power_4_3(value) as f64 - exact).abs();
            assert!(error <= 0.51_f64.max(exact / 1000.0), "{value}: {error} of {exact}");
        }
    }

    #[test]
    fn logarithms_are_close() {
        let values = (1..5000).chain((0..64).map(|bit| 1 << bit)).chain((13..64).map(|bit| (1 << bit) - 1));
        for value in values {
            let error = 256.0 * log(value as f64) - f64::from(log2(value));
            assert!((-0.1..1.2).contains(&error), "{value}: {error}");
        }
    }

    #[test]
    fn sums_are_close() {
        assert_eq!(log2_of_sum(&[]), 0);
        assert_eq!(log2_of_sum(&[0; 100]), 0);
        assert_eq!(log2_of_sum(&[1, 0]), 256);
        assert_eq!(log2_of_sum(&[-1, 1, 1]), 512);
        let exact = log(1.0 + 576.0 * power(8206.0)) * 256.0;
        let error = exact - f64::from(log2_of_sum(&[-8206; 576]));
        assert!((-0.5..2.0).contains(&error), "{error}");
    }

    extern crate std;

    fn power(value: f64) -> f64 {
        value.powf(4.0 / 3.0)
    }

    fn log(value: f64) -> f64 {
        value.log2()
    }
}
