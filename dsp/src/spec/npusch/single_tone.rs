//! Reference signal of single-tone transmissions (TS 36.211 §10.1.4.1.1).

use std::f32::consts::FRAC_1_SQRT_2;

use num_complex::Complex32;

use crate::spec::gold::{Gold, octet};

/// Period of the Hadamard rows and their number.
pub const NUM_ROWS: usize = 16;

/// Initial state of the sequence all cells share.
const C_INIT: u32 = 35;

/// Entry `n` of row `u` of Table 10.1.4.1.1-1: `w(n mod 16)`, which is the Hadamard matrix of order 16.
pub const fn row(u: u8, n: usize) -> f32 {
    if (u as usize & (n % NUM_ROWS)).count_ones().is_multiple_of(2) { 1.0 } else { -1.0 }
}

/// Signs `(1 - 2 c(n))` that every cell multiplies its row with, from the transmission's first slot on.
pub fn signs() -> impl Iterator<Item = f32> {
    Gold::new(C_INIT).map(|bit| if bit { -1.0 } else { 1.0 })
}

/// `r̄_u(n)`, one value a slot from the transmission's start on (format 1 sends it as it is).
pub fn reference(u: u8) -> impl Iterator<Item = Complex32> {
    signs().enumerate().map(move |(n, sign)| {
        let value = FRAC_1_SQRT_2 * sign * row(u, n);
        Complex32::new(value, value)
    })
}

/// Phases of `w̄(0..3)` that format 2 spreads a slot's value over its three reference symbols with, as multiples of
/// `π/3` (Table 5.5.2.2.1-2).
pub const SPREADING: [[u8; 3]; 3] = [[0, 0, 0], [0, 2, 4], [0, 4, 2]];

/// Row of [`SPREADING`] that a cell uses in slot number `slot` of the frame: `(Σ c(8 n_s + i) 2^i) mod 3`.
pub fn spreading_row(cell_id: u16, slot: usize) -> usize {
    (octet(u32::from(cell_id), slot) % 3) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_orthogonal() {
        for a in 0..16 {
            for b in 0..16 {
                let product: f32 = (0..NUM_ROWS).map(|n| row(a, n) * row(b, n)).sum();
                assert_eq!(product, if a == b { 16.0 } else { 0.0 });
            }
        }
    }

    #[test]
    fn values_are_of_modulus_one_on_one_line() {
        for value in reference(9).take(64) {
            assert!((value.norm() - 1.0).abs() < 1e-6);
            assert_eq!(value.re, value.im);
        }
    }

    #[test]
    fn spreadings_are_orthogonal() {
        let turn = |k: u8| Complex32::from_polar(1.0, f32::from(k) * std::f32::consts::FRAC_PI_3);
        for (i, a) in SPREADING.iter().enumerate() {
            for (j, b) in SPREADING.iter().enumerate() {
                let product: Complex32 = a.iter().zip(b).map(|(&x, &y)| turn(x) * turn(y).conj()).sum();
                assert!((product.norm() - if i == j { 3.0 } else { 0.0 }).abs() < 1e-5);
            }
        }
    }
}
