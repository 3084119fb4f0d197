//! Narrowband physical uplink shared channel (TS 36.211 §10.1): numerology, resource units and the waveform's phase law.
//!
//! Reference signals are in [`single_tone`] and [`multi_tone`].

pub mod multi_tone;
pub mod single_tone;

use std::f64::consts::{FRAC_PI_2, FRAC_PI_4, TAU};

use super::gold::octet;
use super::nprach::T_S;

/// SC-FDMA symbols in a slot (`N_symb^UL`, Table 10.1.2.3-1).
pub const SYMBOLS_PER_SLOT: usize = 7;

/// Uplink time after which a gap of [`GAP_S`] is inserted: `256 · 30720 T_s` (§10.1.3.6).
pub const GAP_AFTER_S: f64 = 0.256;

/// Length of that gap: `40 · 30720 T_s` (§10.1.3.6).
pub const GAP_S: f64 = 0.040;

/// Resource units a transport block may span, `N_RU` (TS 36.213 Table 16.5.1.1-2).
pub const RESOURCE_UNITS: [u16; 8] = [1, 2, 3, 4, 5, 6, 8, 10];

/// Repetitions a grant may order, `N_Rep` (TS 36.213 Table 16.5.1.1-3).
pub const REPETITIONS: [u16; 8] = [1, 2, 4, 8, 16, 32, 64, 128];

/// What the channel carries (§10.1.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Format {
    /// Format 1: user data.
    One,
    /// Format 2: acknowledgements.
    Two,
}

/// Subcarrier spacing (Tables 10.1.2.1-1 and 10.1.5-1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Spacing {
    /// 3.75 kHz: slots of 2 ms that end in a silence of 75 µs.
    Narrow,
    /// 15 kHz: slots of 0.5 ms as in LTE.
    Wide,
}

impl Spacing {
    /// Both spacings, narrow first.
    pub const ALL: [Self; 2] = [Self::Narrow, Self::Wide];

    /// `Δf`.
    pub const fn hz(self) -> f64 {
        match self {
            Self::Narrow => 3750.0,
            Self::Wide => 15_000.0,
        }
    }

    /// Subcarriers of the carrier (`N_sc^UL`).
    pub const fn subcarriers(self) -> u16 {
        match self {
            Self::Narrow => 48,
            Self::Wide => 12,
        }
    }

    /// Length of a slot (`T_slot`).
    pub const fn slot_s(self) -> f64 {
        T_S * match self {
            Self::Narrow => 61440.0,
            Self::Wide => 15360.0,
        }
    }

    /// Length of a symbol without its cyclic prefix (`N`).
    pub const fn useful_s(self) -> f64 {
        T_S * match self {
            Self::Narrow => 8192.0,
            Self::Wide => 2048.0,
        }
    }

    /// Cyclic prefix of symbol `l` of a slot (`N_CP,l`); indices count on into later slots.
    pub const fn cyclic_prefix_s(self, l: usize) -> f64 {
        T_S * match (self, l % SYMBOLS_PER_SLOT) {
            (Self::Narrow, _) => 256.0,
            (Self::Wide, 0) => 160.0,
            (Self::Wide, _) => 144.0,
        }
    }

    /// Silence at the end of a slot.
    pub const fn guard_s(self) -> f64 {
        T_S * match self {
            Self::Narrow => 2304.0,
            Self::Wide => 0.0,
        }
    }

    /// Start of symbol `index` (its cyclic prefix), seconds after the transmission's start, guards included, gaps not.
    pub const fn symbol_start_s(self, index: usize) -> f64 {
        let (slot, l) = (index / SYMBOLS_PER_SLOT, index % SYMBOLS_PER_SLOT);
        let first = if l > 0 { self.cyclic_prefix_s(0) - self.cyclic_prefix_s(1) } else { 0.0 };
        slot as f64 * self.slot_s() + l as f64 * (self.cyclic_prefix_s(1) + self.useful_s()) + first
    }

    /// Offset of subcarrier `k` from the carrier's centre, `(k + 1/2) Δf` with `-N_sc^UL/2 <= k < N_sc^UL/2` (§10.1.5).
    pub fn subcarrier_hz(self, k: i16) -> f64 {
        (f64::from(k) + 0.5) * self.hz()
    }

    /// Subcarrier number 0, 1, … from the lowest as grants count, as the `k` of §10.1.5.
    pub const fn k(self, subcarrier: u16) -> i16 {
        subcarrier as i16 - self.subcarriers() as i16 / 2
    }
}

/// Modulation of the data symbols (Table 10.1.3.2-1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Modulation {
    /// BPSK, turned by π/2 every other symbol on a single tone.
    Bpsk,
    /// QPSK, turned by π/4 every other symbol on a single tone.
    Qpsk,
}

impl Modulation {
    /// Turn `ρ` that every odd symbol of a single-tone transmission gets (§10.1.5).
    pub const fn turn_rad(self) -> f64 {
        match self {
            Self::Bpsk => FRAC_PI_2,
            Self::Qpsk => FRAC_PI_4,
        }
    }
}

/// Phase `φ_{k,l}` of successive symbols `l̃ = 0, 1, …` of a single-tone transmission at the end of their cyclic
/// prefix (§10.1.5): the tone of subcarrier `k` runs on through the prefixes (but not through the guards of
/// [`Spacing::Narrow`]), and odd symbols are turned by [`Modulation::turn_rad`]. Reference symbols obey it too.
pub fn symbol_phases_rad(spacing: Spacing, k: i16, modulation: Modulation) -> impl Iterator<Item = f64> {
    let step_rad = move |l| TAU * spacing.subcarrier_hz(k) * (spacing.useful_s() + spacing.cyclic_prefix_s(l));
    let mut running_rad = 0.0;
    (0usize..).map(move |l| {
        if l > 0 {
            running_rad = (running_rad + step_rad(l)) % TAU;
        }
        running_rad + (l % 2) as f64 * modulation.turn_rad()
    })
}

/// Slots of one resource unit (`N_slots^UL`, Table 10.1.2.3-1, frame structure type 1); absent where there is no such unit.
pub const fn slots_per_unit(format: Format, spacing: Spacing, tones: u16) -> Option<usize> {
    match (format, spacing, tones) {
        (Format::One, _, 1) => Some(16),
        (Format::One, Spacing::Wide, 3) => Some(8),
        (Format::One, Spacing::Wide, 6) => Some(4),
        (Format::One, Spacing::Wide, 12) => Some(2),
        (Format::Two, _, 1) => Some(4),
        _ => None,
    }
}

/// Symbols of a slot that carry the reference signal (Table 10.1.4.2-1).
pub const fn reference_symbols(format: Format, spacing: Spacing) -> &'static [usize] {
    match (format, spacing) {
        (Format::One, Spacing::Narrow) => &[4],
        (Format::One, Spacing::Wide) => &[3],
        (Format::Two, Spacing::Narrow) => &[0, 1, 2],
        (Format::Two, Spacing::Wide) => &[2, 3, 4],
    }
}

/// Number of base sequences, `N_seq^RU` (Table 10.1.4.1.3-1); 0 where there is no such number of tones.
pub const fn num_base_sequences(tones: u16) -> u8 {
    match tones {
        1 => 16,
        3 => 12,
        6 => 14,
        12 => 30,
        _ => 0,
    }
}

/// Base sequence `u` of a cell without group hopping (§10.1.4.1): `N_ID^Ncell mod N_seq^RU`.
pub const fn base_sequence(cell_id: u16, tones: u16) -> u8 {
    (cell_id % num_base_sequences(tones) as u16) as u8
}

/// Base sequence with group hopping (§10.1.4.1.3): `(f_gh + f_ss) mod N_seq^RU`, `delta_ss` from the cell's
/// configuration, `slot` the slot number in the frame (single tone: of the resource unit's first slot).
pub fn hopped_base_sequence(cell_id: u16, tones: u16, delta_ss: u16, slot: usize) -> u8 {
    let sequences = u32::from(num_base_sequences(tones));
    let draw = octet(u32::from(cell_id) / sequences, slot);
    ((draw % sequences + (u32::from(cell_id) + u32::from(delta_ss)) % sequences) % sequences) as u8
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn symbols_fill_their_slots() {
        for spacing in Spacing::ALL {
            let last = spacing.symbol_start_s(SYMBOLS_PER_SLOT - 1) + spacing.cyclic_prefix_s(6) + spacing.useful_s();
            assert!((last + spacing.guard_s() - spacing.slot_s()).abs() < 1e-12);
            for index in 0..40 {
                let next = spacing.symbol_start_s(index) + spacing.cyclic_prefix_s(index) + spacing.useful_s();
                let guard = if index % SYMBOLS_PER_SLOT == 6 { spacing.guard_s() } else { 0.0 };
                assert!((spacing.symbol_start_s(index + 1) - next - guard).abs() < 1e-12, "{spacing:?} {index}");
            }
        }
    }

    #[test]
    fn units_last_as_the_standard_says() {
        let ms = |format, spacing: Spacing, tones| {
            slots_per_unit(format, spacing, tones).map(|slots| (slots as f64 * spacing.slot_s() * 1e3).round())
        };
        assert_eq!(ms(Format::One, Spacing::Narrow, 1), Some(32.0));
        for (tones, length) in [(1, 8.0), (3, 4.0), (6, 2.0), (12, 1.0)] {
            assert_eq!(ms(Format::One, Spacing::Wide, tones), Some(length));
        }
        assert_eq!(ms(Format::Two, Spacing::Narrow, 1), Some(8.0));
        assert_eq!(ms(Format::Two, Spacing::Wide, 1), Some(2.0));
        assert_eq!(ms(Format::One, Spacing::Narrow, 3), None);
    }

    /// The law of §10.1.5 keeps a tone's phase running from one symbol's last sample into the next one's prefix.
    #[test]
    fn a_tone_runs_on_through_prefixes() {
        for spacing in Spacing::ALL {
            let k = spacing.k(5);
            let phases: Vec<f64> = symbol_phases_rad(spacing, k, Modulation::Qpsk).take(14).collect();
            for l in 1..7 {
                let tone = TAU * spacing.subcarrier_hz(k);
                let end_of_last = phases[l - 1] + tone * spacing.useful_s();
                let start = phases[l] - tone * spacing.cyclic_prefix_s(l);
                let turn = if l % 2 == 1 { FRAC_PI_4 } else { -FRAC_PI_4 };
                assert!((end_of_last + turn - start).sin().abs() < 1e-9);
            }
        }
    }

    /// Base sequences that another implementation (Sonica) sent over four slots of twelve tones.
    #[test]
    fn groups_hop_as_another_transmitter_hops() {
        let sent = |cell_id, slot| [0usize, 1, 2, 3].map(|i| hopped_base_sequence(cell_id, 12, 0, slot + i));
        assert_eq!(sent(0, 16), [24, 9, 4, 26]);
        assert_eq!(sent(1, 6), [13, 17, 13, 5]);
        assert_eq!(sent(99, 14), [20, 1, 19, 20]);
        assert_eq!(sent(503, 2), [25, 24, 24, 5]);
    }

    #[test]
    fn subcarriers_are_symmetric_about_the_carrier() {
        for spacing in Spacing::ALL {
            let lowest = spacing.subcarrier_hz(spacing.k(0));
            let highest = spacing.subcarrier_hz(spacing.k(spacing.subcarriers() - 1));
            assert_eq!(lowest, -highest);
            assert_eq!(highest + spacing.hz() / 2.0, 90e3);
        }
    }
}
