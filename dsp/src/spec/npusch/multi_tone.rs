//! Reference signals of transmissions on 3, 6 and 12 tones (TS 36.211 §10.1.4.1.2).

use std::f32::consts::{FRAC_PI_4, TAU};

use num_complex::Complex32;

use crate::spec::lte::base_sequence;

/// `φ(n)` for 3 tones, one row per base sequence `u` (Table 10.1.4.1.2-1).
const PHI_3: [[i8; 3]; 12] = [
    [1, -3, -3],
    [1, -3, -1],
    [1, -3, 3],
    [1, -1, -1],
    [1, -1, 1],
    [1, -1, 3],
    [1, 1, -3],
    [1, 1, -1],
    [1, 1, 3],
    [1, 3, -1],
    [1, 3, 1],
    [1, 3, 3],
];

/// `φ(n)` for 6 tones, one row per base sequence `u` (Table 10.1.4.1.2-2).
const PHI_6: [[i8; 6]; 14] = [
    [1, 1, 1, 1, 3, -3],
    [1, 1, 3, 1, -3, 3],
    [1, -1, -1, -1, 1, -3],
    [1, -1, 3, -3, -1, -1],
    [1, 3, 1, -1, -1, 3],
    [1, -3, -3, 1, 3, 1],
    [-1, -1, 1, -3, -3, -1],
    [-1, -1, -1, 3, -3, -1],
    [3, -1, 1, -3, -3, 3],
    [3, -1, 3, -3, -1, 1],
    [3, -3, 3, -1, 3, 3],
    [-3, 1, 3, 1, -3, -1],
    [-3, 1, -3, 3, -3, -1],
    [-3, 3, -3, 1, 1, -3],
];

/// Row `u` of the table for `tones` tones; empty where there is no such row.
pub fn phases(tones: u16, u: u8) -> &'static [i8] {
    let u = usize::from(u);
    match tones {
        3 => PHI_3.get(u).map_or(&[], |row| row.as_slice()),
        6 => PHI_6.get(u).map_or(&[], |row| row.as_slice()),
        12 => base_sequence::PHI_12.get(u).map_or(&[], |row| row.as_slice()),
        _ => &[],
    }
}

/// Cyclic shifts `α` a cell may configure (Table 10.1.4.1.2-3).
pub const fn cyclic_shifts_rad(tones: u16) -> &'static [f32] {
    match tones {
        3 => &[0.0, TAU / 3.0, 2.0 * TAU / 3.0],
        6 => &[0.0, TAU / 6.0, 2.0 * TAU / 6.0, 4.0 * TAU / 6.0],
        _ => &[0.0],
    }
}

/// `r_u(n) = e^{jαn} e^{jφ(n)π/4}` over the tones, lowest first; empty where there is no such sequence.
pub fn reference(tones: u16, u: u8, alpha_rad: f32) -> impl Iterator<Item = Complex32> {
    phases(tones, u)
        .iter()
        .enumerate()
        .map(move |(n, &phi)| Complex32::from_polar(1.0, alpha_rad * n as f32 + f32::from(phi) * FRAC_PI_4))
}

#[cfg(test)]
mod tests {
    use super::super::{
        Format, REPETITIONS, RESOURCE_UNITS, Spacing, base_sequence, num_base_sequences, reference_symbols,
        single_tone, slots_per_unit,
    };
    use super::*;
    use crate::spec::standard_table;

    #[test]
    fn tables_are_the_standards() {
        for tones in [3u16, 6, 12] {
            let Some(table) = standard_table(&format!("nbiot_dmrs_{tones}tone.json")) else { continue };
            let rows: Vec<Vec<i8>> = serde_json::from_value(table["rows"].clone()).unwrap();
            assert_eq!(rows.len(), usize::from(num_base_sequences(tones)));
            for (u, row) in rows.iter().enumerate() {
                assert_eq!(phases(tones, u as u8), row);
            }
            assert!(phases(tones, rows.len() as u8).is_empty());
        }
    }

    #[test]
    fn rows_and_spreadings_are_the_standards() {
        if let Some(table) = standard_table("nbiot_dmrs_w16.json") {
            let rows: Vec<Vec<f32>> = serde_json::from_value(table["rows"].clone()).unwrap();
            for (u, row) in rows.iter().enumerate() {
                assert!(row.iter().enumerate().all(|(n, &w)| w == single_tone::row(u as u8, n)));
            }
        }
        if let Some(table) = standard_table("nbiot_dmrs_format2_wbar.json") {
            assert_eq!(table["rows"], serde_json::to_value(single_tone::SPREADING).unwrap());
        }
    }

    #[test]
    fn units_and_symbols_are_the_standards() {
        if let Some(table) = standard_table("nbiot_npusch_ru.json") {
            for row in table["rows"].as_array().unwrap() {
                let format = if row["npusch_format"] == 1 { Format::One } else { Format::Two };
                let spacing = if row["spacing_khz"] == 15.0 { Spacing::Wide } else { Spacing::Narrow };
                let tones = row["n_sc_ru"].as_u64().unwrap() as u16;
                let slots = row["n_slots_ul"].as_u64().map(|slots| slots as usize);
                assert_eq!(slots_per_unit(format, spacing, tones), slots);
            }
            assert_eq!(table["n_ru"]["values"], serde_json::to_value(RESOURCE_UNITS).unwrap());
            assert_eq!(table["n_rep"]["values"], serde_json::to_value(REPETITIONS).unwrap());
        }
        if let Some(table) = standard_table("nbiot_dmrs_misc.json") {
            for (format, key) in [(Format::One, "format1"), (Format::Two, "format2")] {
                for (spacing, width) in [(Spacing::Narrow, "3.75kHz"), (Spacing::Wide, "15kHz")] {
                    let symbols = serde_json::to_value(reference_symbols(format, spacing)).unwrap();
                    assert_eq!(table["dmrs_symbol_l"][key][width], symbols);
                }
            }
            for tones in [1u16, 3, 6, 12] {
                assert_eq!(table["n_seq_ru"][tones.to_string()], num_base_sequences(tones));
            }
        }
    }

    #[test]
    fn values_are_of_modulus_one() {
        for tones in [3u16, 6, 12] {
            for u in 0..num_base_sequences(tones) {
                for &alpha_rad in cyclic_shifts_rad(tones) {
                    let sequence: Vec<Complex32> = reference(tones, u, alpha_rad).collect();
                    assert_eq!(sequence.len(), usize::from(tones));
                    assert!(sequence.iter().all(|value| (value.norm() - 1.0).abs() < 1e-5));
                }
            }
        }
    }

    /// The bound that makes a base sequence of twelve tones tellable from the others at any delay: 63 % of the energy.
    #[test]
    fn base_sequences_of_twelve_tones_differ() {
        let energy_shared = |a: u8, b: u8, delay: f32| {
            let sum: Complex32 = reference(12, a, 0.0).zip(reference(12, b, delay)).map(|(x, y)| x * y.conj()).sum();
            sum.norm_sqr() / 144.0
        };
        let mut most = 0.0f32;
        for a in 0..30 {
            for b in 0..a {
                most = (0..48).map(|i| energy_shared(a, b, TAU * i as f32 / 48.0)).fold(most, f32::max);
            }
        }
        assert!((0.6..0.65).contains(&most), "{most}");
    }

    #[test]
    fn cells_take_their_base_sequence_in_turn() {
        assert_eq!(base_sequence(145, 1), 1);
        assert_eq!(base_sequence(145, 12), 25);
    }
}
