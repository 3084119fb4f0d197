//! Base sequences `r_{u,v}(n)` of uplink reference signals (TS 36.211 §5.5.1) and how cells hop between them (§5.5.1.3,
//! §5.5.1.4).

use std::f64::consts::PI;

use num_complex::Complex32;

use super::BLOCK_SUBCARRIERS;
use crate::spec::gold::octet;

/// Groups `u` of base sequences (§5.5.1).
pub const NUM_GROUPS: u8 = 30;

/// Length from which a group has two base sequences, `v = 0` and `v = 1` (§5.5.1).
pub const TWO_SEQUENCES_FROM: usize = 6 * BLOCK_SUBCARRIERS as usize;

/// `φ(n)` for one resource block, one row per group `u` (Table 5.5.1.2-1).
pub const PHI_12: [[i8; 12]; 30] = [
    [-1, 1, 3, -3, 3, 3, 1, 1, 3, 1, -3, 3],
    [1, 1, 3, 3, 3, -1, 1, -3, -3, 1, -3, 3],
    [1, 1, -3, -3, -3, -1, -3, -3, 1, -3, 1, -1],
    [-1, 1, 1, 1, 1, -1, -3, -3, 1, -3, 3, -1],
    [-1, 3, 1, -1, 1, -1, -3, -1, 1, -1, 1, 3],
    [1, -3, 3, -1, -1, 1, 1, -1, -1, 3, -3, 1],
    [-1, 3, -3, -3, -3, 3, 1, -1, 3, 3, -3, 1],
    [-3, -1, -1, -1, 1, -3, 3, -1, 1, -3, 3, 1],
    [1, -3, 3, 1, -1, -1, -1, 1, 1, 3, -1, 1],
    [1, -3, -1, 3, 3, -1, -3, 1, 1, 1, 1, 1],
    [-1, 3, -1, 1, 1, -3, -3, -1, -3, -3, 3, -1],
    [3, 1, -1, -1, 3, 3, -3, 1, 3, 1, 3, 3],
    [1, -3, 1, 1, -3, 1, 1, 1, -3, -3, -3, 1],
    [3, 3, -3, 3, -3, 1, 1, 3, -1, -3, 3, 3],
    [-3, 1, -1, -3, -1, 3, 1, 3, 3, 3, -1, 1],
    [3, -1, 1, -3, -1, -1, 1, 1, 3, 1, -1, -3],
    [1, 3, 1, -1, 1, 3, 3, 3, -1, -1, 3, -1],
    [-3, 1, 1, 3, -3, 3, -3, -3, 3, 1, 3, -1],
    [-3, 3, 1, 1, -3, 1, -3, -3, -1, -1, 1, -3],
    [-1, 3, 1, 3, 1, -1, -1, 3, -3, -1, -3, -1],
    [-1, -3, 1, 1, 1, 1, 3, 1, -1, 1, -3, -1],
    [-1, 3, -1, 1, -3, -3, -3, -3, -3, 1, -1, -3],
    [1, 1, -3, -3, -3, -3, -1, 3, -3, 1, -3, 3],
    [1, 1, -1, -3, -1, -3, 1, -1, 1, 3, -1, 1],
    [1, 1, 3, 1, 3, 3, -1, 1, -1, -3, -3, 1],
    [1, -3, 3, 3, 1, 3, 3, 1, -3, -1, -1, 3],
    [1, 3, -3, -3, 3, -3, 1, -1, -1, 3, -1, -3],
    [-3, -1, -3, -1, -3, 3, 1, -1, 1, 3, -3, -3],
    [-1, 3, -3, 3, -1, 3, 3, -3, 3, 3, -1, -1],
    [3, -3, -3, -1, -1, -3, -1, 3, -3, 3, 1, -1],
];

/// `φ(n)` for two resource blocks, one row per group `u` (Table 5.5.1.2-2).
pub const PHI_24: [[i8; 24]; 30] = [
    [-1, 3, 1, -3, 3, -1, 1, 3, -3, 3, 1, 3, -3, 3, 1, 1, -1, 1, 3, -3, 3, -3, -1, -3],
    [-3, 3, -3, -3, -3, 1, -3, -3, 3, -1, 1, 1, 1, 3, 1, -1, 3, -3, -3, 1, 3, 1, 1, -3],
    [3, -1, 3, 3, 1, 1, -3, 3, 3, 3, 3, 1, -1, 3, -1, 1, 1, -1, -3, -1, -1, 1, 3, 3],
    [-1, -3, 1, 1, 3, -3, 1, 1, -3, -1, -1, 1, 3, 1, 3, 1, -1, 3, 1, 1, -3, -1, -3, -1],
    [-1, -1, -1, -3, -3, -1, 1, 1, 3, 3, -1, 3, -1, 1, -1, -3, 1, -1, -3, -3, 1, -3, -1, -1],
    [-3, 1, 1, 3, -1, 1, 3, 1, -3, 1, -3, 1, 1, -1, -1, 3, -1, -3, 3, -3, -3, -3, 1, 1],
    [1, 1, -1, -1, 3, -3, -3, 3, -3, 1, -1, -1, 1, -1, 1, 1, -1, -3, -1, 1, -1, 3, -1, -3],
    [-3, 3, 3, -1, -1, -3, -1, 3, 1, 3, 1, 3, 1, 1, -1, 3, 1, -1, 1, 3, -3, -1, -1, 1],
    [-3, 1, 3, -3, 1, -1, -3, 3, -3, 3, -1, -1, -1, -1, 1, -3, -3, -3, 1, -3, -3, -3, 1, -3],
    [1, 1, -3, 3, 3, -1, -3, -1, 3, -3, 3, 3, 3, -1, 1, 1, -3, 1, -1, 1, 1, -3, 1, 1],
    [-1, 1, -3, -3, 3, -1, 3, -1, -1, -3, -3, -3, -1, -3, -3, 1, -1, 1, 3, 3, -1, 1, -1, 3],
    [1, 3, 3, -3, -3, 1, 3, 1, -1, -3, -3, -3, 3, 3, -3, 3, 3, -1, -3, 3, -1, 1, -3, 1],
    [1, 3, 3, 1, 1, 1, -1, -1, 1, -3, 3, -1, 1, 1, -3, 3, 3, -1, -3, 3, -3, -1, -3, -1],
    [3, -1, -1, -1, -1, -3, -1, 3, 3, 1, -1, 1, 3, 3, 3, -1, 1, 1, -3, 1, 3, -1, -3, 3],
    [-3, -3, 3, 1, 3, 1, -3, 3, 1, 3, 1, 1, 3, 3, -1, -1, -3, 1, -3, -1, 3, 1, 1, 3],
    [-1, -1, 1, -3, 1, 3, -3, 1, -1, -3, -1, 3, 1, 3, 1, -1, -3, -3, -1, -1, -3, -3, -3, -1],
    [-1, -3, 3, -1, -1, -1, -1, 1, 1, -3, 3, 1, 3, 3, 1, -1, 1, -3, 1, -3, 1, 1, -3, -1],
    [1, 3, -1, 3, 3, -1, -3, 1, -1, -3, 3, 3, 3, -1, 1, 1, 3, -1, -3, -1, 3, -1, -1, -1],
    [1, 1, 1, 1, 1, -1, 3, -1, -3, 1, 1, 3, -3, 1, -3, -1, 1, 1, -3, -3, 3, 1, 1, -3],
    [1, 3, 3, 1, -1, -3, 3, -1, 3, 3, 3, -3, 1, -1, 1, -1, -3, -1, 1, 3, -1, 3, -3, -3],
    [-1, -3, 3, -3, -3, -3, -1, -1, -3, -1, -3, 3, 1, 3, -3, -1, 3, -1, 1, -1, 3, -3, 1, -1],
    [-3, -3, 1, 1, -1, 1, -1, 1, -1, 3, 1, -3, -1, 1, -1, 1, -1, -1, 3, 3, -3, -1, 1, -3],
    [-3, -1, -3, 3, 1, -1, -3, -1, -3, -3, 3, -3, 3, -3, -1, 1, 3, 1, -3, 1, 3, 3, -1, -3],
    [-1, -1, -1, -1, 3, 3, 3, 1, 3, 3, -3, 1, 3, -1, 3, -1, 3, 3, -3, 3, 1, -1, 3, 3],
    [1, -1, 3, 3, -1, -3, 3, -3, -1, -1, 3, -1, 3, -1, -1, 1, 1, 1, 1, -1, -1, -3, -1, 3],
    [1, -1, 1, -1, 3, -1, 3, 1, 1, -1, -1, -3, 1, 1, -3, 1, 3, -3, 1, 1, -3, -3, -1, -1],
    [-3, -1, 1, 3, 1, 1, -3, -1, -1, -3, 3, -3, 3, 1, -3, 3, -3, 1, -1, 1, -3, 1, 1, 1],
    [-1, -3, 3, 3, 1, 1, 3, -1, -3, -1, -1, -1, 3, 1, -3, -3, -1, 3, -3, -1, -3, -1, -3, -1],
    [-1, -3, -1, -1, 1, -3, -1, -1, 1, -1, -3, 1, 1, -3, 1, -3, -3, 3, 1, 1, -1, 3, -1, -1],
    [1, 1, -1, -1, -3, -1, 3, -1, 3, -1, 1, 3, 1, -1, 3, 1, 3, -3, -3, 1, -1, -1, 1, 3],
];

/// Values of `r_{u,v}` over `length` subcarriers, lowest first; empty for lengths and groups that the standard has not.
pub fn base_sequence(u: u8, v: u8, length: usize) -> Vec<Complex32> {
    let from_phases = |row: &[i8]| row.iter().map(|&phi| Complex32::cis(f32::from(phi) * (PI / 4.0) as f32)).collect();
    let row = usize::from(u);
    match length {
        _ if u >= NUM_GROUPS || v > 1 || !length.is_multiple_of(usize::from(BLOCK_SUBCARRIERS)) => Vec::new(),
        12 => PHI_12.get(row).map_or_else(Vec::new, |row| from_phases(row)),
        24 => PHI_24.get(row).map_or_else(Vec::new, |row| from_phases(row)),
        _ => zadoff_chu(u, v, length),
    }
}

/// `x_q(n mod N_ZC)` with `N_ZC` the largest prime below `length` (§5.5.1.1).
fn zadoff_chu(u: u8, v: u8, length: usize) -> Vec<Complex32> {
    let is_prime = |n: usize| n > 1 && (2..).take_while(|d| d * d <= n).all(|d| !n.is_multiple_of(d));
    let prime = (2..length).rev().find(|&n| is_prime(n)).unwrap_or(1);
    // q̄ = N_ZC (u + 1) / 31, q = ⌊q̄ + 1/2⌋ + v (-1)^⌊2 q̄⌋.
    let scaled = prime * (usize::from(u) + 1);
    let nearest = (2 * scaled + 31) / 62;
    let q = match (v, (2 * scaled / 31) % 2) {
        (0, _) => nearest,
        (_, 0) => nearest + 1,
        _ => nearest - 1,
    };
    (0..length)
        .map(|n| {
            let m = n % prime;
            let half_turns = (q * m * (m + 1)) % (2 * prime);
            Complex32::cis((-PI * half_turns as f64 / prime as f64) as f32)
        })
        .collect()
}

/// Group `u` of slot `slot` of a frame (§5.5.1.3): `f_gh`, zero without group hopping, and the shift pattern `f_ss`,
/// which is `N_ID^cell mod 30` for control channels and `(N_ID^cell + Δ_ss) mod 30` for PUSCH.
pub fn group(cell_id: u16, f_ss: u8, group_hopping: bool, slot: usize) -> u8 {
    let f_gh = if group_hopping { octet(u32::from(cell_id) / u32::from(NUM_GROUPS), slot) } else { 0 };
    ((f_gh + u32::from(f_ss)) % u32::from(NUM_GROUPS)) as u8
}

/// `f_ss` of PUSCH (§5.5.1.3).
pub fn pusch_shift_pattern(cell_id: u16, delta_ss: u8) -> u8 {
    ((cell_id + u16::from(delta_ss)) % u16::from(NUM_GROUPS)) as u8
}

/// `n_PN` of slot `slot` of a frame for a cell's PUSCH reference signals (§5.5.2.1.1), normal cyclic prefix with
/// `symbols_per_slot` 7, extended with 6.
pub fn shift_draw(cell_id: u16, f_ss: u8, symbols_per_slot: usize, slot: usize) -> u8 {
    let c_init = u32::from(cell_id) / u32::from(NUM_GROUPS) * 32 + u32::from(f_ss);
    octet(c_init, symbols_per_slot * slot) as u8
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::standard_table;

    #[test]
    fn tables_are_the_standards() {
        let rows = |name| -> Option<Vec<Vec<i8>>> {
            standard_table(name).map(|table| serde_json::from_value(table["phi"].clone()).unwrap())
        };
        if let Some(phi) = rows("lte_dmrs_phi_msc12.json") {
            assert_eq!(phi, PHI_12.map(|row| row.to_vec()));
        }
        if let Some(phi) = rows("lte_dmrs_phi_msc24.json") {
            assert_eq!(phi, PHI_24.map(|row| row.to_vec()));
        }
    }

    /// Zadoff-Chu sequences of prime length: constant modulus, zero autocorrelation, extended cyclically.
    #[test]
    fn long_sequences_are_zadoff_chu() {
        for (u, v) in [(0, 0), (17, 0), (29, 0), (0, 1), (16, 1)] {
            let (sequence, prime) = (base_sequence(u, v, 120), 113);
            for shift in 1..prime {
                let sum: Complex32 = (0..prime).map(|n| sequence[n] * sequence[(n + shift) % prime].conj()).sum();
                assert!(sum.norm() < 1e-3, "u {u} v {v} shift {shift}");
            }
            assert!((0..7).all(|n| (sequence[n] - sequence[n + prime]).norm() < 1e-6));
        }
    }

    #[test]
    fn sequences_of_one_length_all_differ() {
        for length in [12, 24, 36, 72, 1200] {
            let sequences: Vec<Vec<Complex32>> =
                (0..2 * NUM_GROUPS).map(|i| base_sequence(i / 2, i % 2, length)).collect();
            let versions = if length < TWO_SEQUENCES_FROM { 2 } else { 1 };
            for (i, a) in sequences.iter().enumerate().step_by(versions) {
                assert_eq!(a.len(), length);
                for b in sequences[..i].iter().step_by(versions) {
                    let sum: Complex32 = a.iter().zip(b).map(|(x, y)| x * y.conj()).sum();
                    assert!(sum.norm() < 0.9 * length as f32, "{length} {i}");
                }
            }
        }
        assert!(base_sequence(30, 0, 12).is_empty() && base_sequence(0, 2, 36).is_empty());
        assert!(base_sequence(0, 0, 13).is_empty() && base_sequence(0, 0, 0).is_empty());
    }

    /// Groups and shifts that another encoder (srsRAN) used: cell 77 without and cell 311 with a shift pattern.
    #[test]
    fn groups_hop_as_those_of_another_encoder() {
        let groups = |cell_id, delta_ss, slot: usize| {
            [0, 1].map(|i| group(cell_id, pusch_shift_pattern(cell_id, delta_ss), true, slot + i))
        };
        assert_eq!([groups(77, 0, 14), groups(77, 0, 16), groups(77, 0, 18)], [[12, 9], [19, 7], [8, 5]]);
        assert_eq!(groups(311, 22, 8), [2, 12]);
        assert_eq!(group(257, pusch_shift_pattern(257, 0), false, 3), 17);
    }

    #[test]
    fn shifts_are_those_of_another_encoder() {
        let shifts = |cell_id, symbols, slot: usize| {
            let f_ss = pusch_shift_pattern(cell_id, 0);
            [0, 1].map(|i| shift_draw(cell_id, f_ss, symbols, slot + i) % 12)
        };
        assert_eq!(shifts(257, 7, 2), [11, 8]);
        assert_eq!(shifts(12, 6, 8), [10, 3]);
        assert_eq!(shifts(12, 6, 10), [2, 9]);
    }
}
