//! NPUSCH: NB-IoT data and acknowledgements (TS 36.211 §10.1.3 to §10.1.5).
//!
//! True to the standard: slots, modulation, scrambling, repetition, mapping, precoding, reference signals, phases and
//! gaps. Not there: channel coding; the coded bits of each redundancy version are random.

use num_complex::Complex32;
use rustfft::FftPlanner;

use super::random::Random;
use super::sc_fdma::{ScFdma, precode};
use super::{InvalidParameter, require};
use crate::spec::gold::Gold;
use crate::spec::nprach::NUM_CELL_IDS;
use crate::spec::npusch::{
    Format, GAP_AFTER_S, GAP_S, Modulation, REPETITIONS, RESOURCE_UNITS, SYMBOLS_PER_SLOT, Spacing, base_sequence,
    multi_tone, reference_symbols, single_tone, slots_per_unit, symbol_phases_rad,
};

/// Length of a radio frame.
const FRAME_S: f64 = 0.010;

/// What a grant orders.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Grant {
    /// Data or acknowledgement.
    pub format: Format,
    /// Subcarrier spacing.
    pub spacing: Spacing,
    /// Adjacent subcarriers.
    pub tones: u16,
    /// Lowest of them, counted from the carrier's lowest.
    pub first_subcarrier: u16,
    /// Modulation of data; multi-tone and more than one bit a symbol need QPSK.
    pub modulation: Modulation,
    /// Resource units (`N_RU`).
    pub resource_units: u16,
    /// Repetitions (`M_rep`).
    pub repetitions: u16,
    /// Cell it goes to.
    pub cell_id: u16,
    /// Radio identity of the device in that cell.
    pub rnti: u16,
    /// Slots of this spacing from the start of frame 0 to the transmission's first.
    pub first_slot: u64,
}

impl Grant {
    /// Whether the standard knows such a transmission.
    ///
    /// # Errors
    /// For the first field that it does not know.
    pub fn check(&self) -> Result<(), InvalidParameter> {
        require(
            slots_per_unit(self.format, self.spacing, self.tones).is_some(),
            "tones",
            self.tones,
            match (self.format, self.spacing) {
                (Format::One, Spacing::Wide) => "1, 3, 6 or 12",
                _ => "1",
            },
        )?;
        let available = self.spacing.subcarriers();
        require(
            u32::from(self.first_subcarrier) + u32::from(self.tones) <= u32::from(available),
            "first_subcarrier",
            self.first_subcarrier,
            format!("0 to {}", available - self.tones),
        )?;
        let (units, repetitions) = (self.resource_units, self.repetitions);
        match self.format {
            Format::One => {
                require(RESOURCE_UNITS.contains(&units), "resource_units", units, format!("one of {RESOURCE_UNITS:?}"))?
            }
            Format::Two => require(units == 1, "resource_units", units, "1")?,
        }
        require(REPETITIONS.contains(&repetitions), "repetitions", repetitions, format!("one of {REPETITIONS:?}"))?;
        let single = self.tones == 1;
        let modulated = match self.format {
            Format::One => single || self.modulation == Modulation::Qpsk,
            Format::Two => self.modulation == Modulation::Bpsk,
        };
        require(
            modulated,
            "modulation",
            format!("{:?}", self.modulation),
            "BPSK for format 2, QPSK for 3 to 12 tones",
        )?;
        require(self.cell_id < NUM_CELL_IDS, "cell_id", self.cell_id, "0 to 503")
    }

    /// Times every subframe is sent in a row before the next (`M_identical`, §10.1.3.6).
    pub fn identical(&self) -> u16 {
        if self.tones == 1 { 1 } else { self.repetitions.div_ceil(2).min(4) }
    }

    /// Slots of the whole transmission.
    pub fn num_slots(&self) -> usize {
        self.slots_per_repetition() * usize::from(self.repetitions)
    }

    /// The waveform about the NB-IoT carrier, with coded bits from `random`.
    ///
    /// # Errors
    /// Where [`Grant::check`] refuses the grant.
    pub fn waveform(&self, random: &mut Random) -> Result<ScFdma, InvalidParameter> {
        self.check()?;
        let tones = usize::from(self.tones);
        let mut values = self.values(random);
        let k = self.spacing.k(self.first_subcarrier);
        if tones == 1 {
            let phases = symbol_phases_rad(self.spacing, k, self.modulation);
            values.iter_mut().zip(phases).for_each(|(value, phase)| *value *= Complex32::cis(phase as f32));
        }
        Ok(ScFdma::new(self.spacing, self.spacing.subcarrier_hz(k), tones, values, true))
    }

    fn slots_per_repetition(&self) -> usize {
        slots_per_unit(self.format, self.spacing, self.tones).unwrap_or_default() * usize::from(self.resource_units)
    }

    /// Subcarrier values of every symbol, before the phases of a single tone.
    fn values(&self, random: &mut Random) -> Vec<Complex32> {
        let tones = usize::from(self.tones);
        let per_repetition = self.slots_per_repetition();
        let identical = usize::from(self.identical());
        let pilots = reference_symbols(self.format, self.spacing);
        let bits_per_symbol = if self.modulation == Modulation::Bpsk { 1 } else { 2 };
        let bits_per_slot = (SYMBOLS_PER_SLOT - pilots.len()) * tones * bits_per_symbol;
        // Redundancy versions 0 and 2 take turns (TS 36.213 §16.5.1); an acknowledgement is one bit, repeated.
        let versions: [Vec<bool>; 2] = std::array::from_fn(|_| match self.format {
            Format::One => (0..per_repetition * bits_per_slot).map(|_| random.bit()).collect(),
            Format::Two => vec![true; per_repetition * bits_per_slot],
        });
        // Slots that are sent `identical` times in a row before the next: one of 2 ms or two of 0.5 ms.
        let unit = match self.spacing {
            Spacing::Narrow => 1,
            Spacing::Wide => 2,
        };
        let mut pilot = Pilots::new(self);
        let mut planner = FftPlanner::new();
        let mut values = Vec::with_capacity(self.num_slots() * SYMBOLS_PER_SLOT * tones);
        let mut sent = 0;
        for block in 0..usize::from(self.repetitions) / identical {
            let scrambling = Gold::new(self.scrambling(sent)).take(per_repetition * bits_per_slot);
            let scrambled: Vec<bool> = versions[block % 2].iter().zip(scrambling).map(|(&bit, c)| bit != c).collect();
            for first in (0..per_repetition).step_by(unit) {
                for _ in 0..identical {
                    for slot in first..first + unit {
                        let mut bits = scrambled[slot * bits_per_slot..].chunks_exact(bits_per_symbol);
                        for l in 0..SYMBOLS_PER_SLOT {
                            if pilots.contains(&l) {
                                pilot.extend(&mut values, sent, l);
                                continue;
                            }
                            let start = values.len();
                            values.extend(bits.by_ref().take(tones).map(modulate));
                            precode(&mut values[start..], &mut planner);
                        }
                        sent += 1;
                    }
                }
            }
        }
        values
    }

    /// Slots from the start of frame 0 to slot `sent` of the transmission, gaps included.
    fn slot(&self, sent: usize) -> u64 {
        let per_period = (GAP_AFTER_S / self.spacing.slot_s()).round() as u64;
        let per_gap = (GAP_S / self.spacing.slot_s()).round() as u64;
        self.first_slot + sent as u64 + sent as u64 / per_period * per_gap
    }

    /// `c_init` of the scrambling that begins at slot `sent` of the transmission (§10.1.3.1).
    fn scrambling(&self, sent: usize) -> u32 {
        let per_frame = (FRAME_S / self.spacing.slot_s()).round() as u64;
        let slot = self.slot(sent);
        let (n_f, n_s) = ((slot / per_frame) as u32, (slot % per_frame) as u32);
        (u32::from(self.rnti) << 14) + ((n_f % 2) << 13) + ((n_s / 2) << 9) + u32::from(self.cell_id)
    }
}

/// Reference symbols of a transmission (§10.1.4), without group hopping and cyclic shift.
struct Pilots<'a> {
    grant: &'a Grant,
    /// Single tone: one value a slot.
    single: Vec<Complex32>,
    /// Multi-tone: one value a subcarrier, the same in every slot.
    multi: Vec<Complex32>,
}

impl<'a> Pilots<'a> {
    fn new(grant: &'a Grant) -> Self {
        let u = base_sequence(grant.cell_id, grant.tones);
        let scale = 1.0 / f32::from(grant.tones).sqrt();
        let multi = multi_tone::reference(grant.tones, u, 0.0).map(|value| value * scale).collect();
        let single =
            if grant.tones == 1 { single_tone::reference(u).take(grant.num_slots()).collect() } else { vec![] };
        Self { grant, single, multi }
    }

    /// Appends the reference symbol `l` of slot `sent` of the transmission.
    fn extend(&mut self, values: &mut Vec<Complex32>, sent: usize, l: usize) {
        let Some(&value) = self.single.get(sent) else {
            values.extend(&self.multi);
            return;
        };
        let spreading = match self.grant.format {
            Format::One => 0,
            Format::Two => {
                let per_frame = (FRAME_S / self.grant.spacing.slot_s()).round() as u64;
                let slot_in_frame = (self.grant.slot(sent) % per_frame) as usize;
                let row = single_tone::spreading_row(self.grant.cell_id, slot_in_frame);
                let m = l - reference_symbols(self.grant.format, self.grant.spacing)[0];
                single_tone::SPREADING[row][m]
            }
        };
        values.push(value * Complex32::cis(f32::from(spreading) * std::f32::consts::FRAC_PI_3));
    }
}

/// BPSK and QPSK symbols of TS 36.211 §7.1.
fn modulate(bits: &[bool]) -> Complex32 {
    let sign = |bit: bool| if bit { -std::f32::consts::FRAC_1_SQRT_2 } else { std::f32::consts::FRAC_1_SQRT_2 };
    let (first, last) = (bits.first().copied().unwrap_or_default(), bits.last().copied().unwrap_or_default());
    Complex32::new(sign(first), sign(last))
}

#[cfg(test)]
mod tests {
    use num_complex::Complex64;

    use super::super::{Waveform, turn};
    use super::*;

    const DATA: Grant = Grant {
        format: Format::One,
        spacing: Spacing::Wide,
        tones: 1,
        first_subcarrier: 5,
        modulation: Modulation::Qpsk,
        resource_units: 2,
        repetitions: 2,
        cell_id: 145,
        rnti: 77,
        first_slot: 37,
    };

    fn waveform(grant: Grant) -> ScFdma {
        grant.waveform(&mut Random::new(3)).unwrap()
    }

    /// What a receiver finds on `subcarrier` in the useful part of symbol `l` of slot `slot`.
    fn symbol(grant: Grant, signal: &ScFdma, slot: usize, l: usize, subcarrier: u16) -> Complex64 {
        let spacing = grant.spacing;
        let start_s = spacing.symbol_start_s(slot * SYMBOLS_PER_SLOT + l) + spacing.cyclic_prefix_s(l);
        let tone_hz = spacing.subcarrier_hz(spacing.k(subcarrier));
        let sum: Complex64 = (0..64)
            .map(|i| {
                let t = (f64::from(i) + 0.5) / 64.0 * spacing.useful_s();
                signal.at(start_s + t) * turn(-tone_hz * t)
            })
            .sum();
        sum / 64.0
    }

    #[test]
    fn lengths_are_the_standards() {
        for (tones, spacing, units, repetitions, length_s) in [
            (1, Spacing::Wide, 4, 2, 0.064),
            (1, Spacing::Narrow, 2, 1, 0.064 - 75e-6),
            (3, Spacing::Wide, 2, 1, 0.008),
            (6, Spacing::Wide, 8, 4, 0.064),
            (12, Spacing::Wide, 4, 2, 0.008),
            (1, Spacing::Wide, 10, 4, 0.360),
        ] {
            let grant = Grant { tones, spacing, resource_units: units, repetitions, first_subcarrier: 0, ..DATA };
            let signal = waveform(grant);
            assert!((signal.duration_s() - length_s).abs() < 1e-9, "{tones} {}", signal.duration_s());
        }
        let acknowledgement =
            Grant { format: Format::Two, modulation: Modulation::Bpsk, resource_units: 1, repetitions: 4, ..DATA };
        assert!((waveform(acknowledgement).duration_s() - 0.008).abs() < 1e-9);
    }

    #[test]
    fn power_is_one_and_the_band_is_the_grants() {
        for (tones, first, spacing) in
            [(1, 5, Spacing::Wide), (1, 40, Spacing::Narrow), (3, 6, Spacing::Wide), (12, 0, Spacing::Wide)]
        {
            let signal = waveform(Grant { tones, first_subcarrier: first, spacing, ..DATA });
            let num = 20_000;
            let step_s = signal.duration_s() / f64::from(num);
            let energy: f64 = (0..num).map(|i| signal.at(f64::from(i) * step_s).norm_sqr()).sum::<f64>() * step_s;
            assert!((energy / signal.on_s() - 1.0).abs() < 0.02, "{tones}: {}", energy / signal.on_s());
            let low_hz = f64::from(first) * spacing.hz() - 90e3;
            assert_eq!(signal.band_hz(), (low_hz, low_hz + f64::from(tones) * spacing.hz()));
        }
    }

    /// The tone of one subcarrier runs on over symbol borders, data and turns of ρ apart: after both are taken away,
    /// every symbol lies on the constellation of its modulation.
    #[test]
    fn single_tones_carry_their_constellations_and_references() {
        for (modulation, spacing, format) in [
            (Modulation::Bpsk, Spacing::Wide, Format::One),
            (Modulation::Qpsk, Spacing::Wide, Format::One),
            (Modulation::Qpsk, Spacing::Narrow, Format::One),
            (Modulation::Bpsk, Spacing::Wide, Format::Two),
        ] {
            let resource_units = if format == Format::One { 2 } else { 1 };
            let grant = Grant { modulation, spacing, format, resource_units, ..DATA };
            let signal = waveform(grant);
            let phases = symbol_phases_rad(spacing, spacing.k(grant.first_subcarrier), modulation);
            let expected_pilots: Vec<Complex32> = single_tone::reference(145 % 16).take(grant.num_slots()).collect();
            for (index, phase) in phases.take(grant.num_slots() * SYMBOLS_PER_SLOT).enumerate() {
                let (slot, l) = (index / SYMBOLS_PER_SLOT, index % SYMBOLS_PER_SLOT);
                let seen = symbol(grant, &signal, slot, l, grant.first_subcarrier) * Complex64::cis(-phase);
                if reference_symbols(format, spacing).contains(&l) {
                    let pilot = expected_pilots[slot];
                    let ratio = seen / Complex64::new(pilot.re.into(), pilot.im.into());
                    let turns = ratio.arg() / (std::f64::consts::TAU / 3.0);
                    let whole = if format == Format::One { 0.0 } else { turns.round() };
                    assert!((ratio.norm() - 1.0).abs() < 1e-4 && (turns - whole).abs() < 1e-4, "slot {slot} {l}");
                } else {
                    let diagonal = (seen.re.abs() - seen.im.abs()).abs() < 1e-4 && (seen.norm() - 1.0).abs() < 1e-4;
                    assert!(diagonal && (modulation == Modulation::Qpsk || seen.re * seen.im > 0.0), "{slot} {l}");
                }
            }
        }
    }

    /// Multi-tone subframes are sent several times in a row; single-tone repetitions differ by their scrambling.
    #[test]
    fn repetitions_are_identical_only_where_the_standard_says() {
        let multi = Grant { tones: 12, first_subcarrier: 0, repetitions: 8, ..DATA };
        assert_eq!(multi.identical(), 4);
        let signal = waveform(multi);
        let same = |a: f64, b: f64| {
            (0..50).all(|i| (signal.at(a + f64::from(i) * 1.7e-5) - signal.at(b + f64::from(i) * 1.7e-5)).norm() < 1e-6)
        };
        assert!(same(0.0, 0.001) && same(0.0, 0.003) && !same(0.003, 0.004) && !same(0.0, 0.008));
        assert_eq!(DATA.identical(), 1);
        // Single tone: repetition 1 starts 32 slots later, in another frame, with the other redundancy version.
        assert_ne!(DATA.scrambling(0), DATA.scrambling(32));
        assert_eq!(DATA.scrambling(0), (77 << 14) + (1 << 13) + (8 << 9) + 145);
    }

    #[test]
    fn grants_the_standard_does_not_know_are_refused() {
        let key = |grant: Grant| grant.check().unwrap_err().key;
        assert_eq!(key(Grant { tones: 2, ..DATA }), "tones");
        assert_eq!(key(Grant { tones: 3, spacing: Spacing::Narrow, ..DATA }), "tones");
        assert_eq!(key(Grant { first_subcarrier: 12, ..DATA }), "first_subcarrier");
        assert_eq!(key(Grant { resource_units: 7, ..DATA }), "resource_units");
        assert_eq!(key(Grant { repetitions: 3, ..DATA }), "repetitions");
        assert_eq!(key(Grant { modulation: Modulation::Bpsk, tones: 3, ..DATA }), "modulation");
        assert_eq!(
            Grant { cell_id: 600, ..DATA }.check().unwrap_err().to_string(),
            "cell_id is 600; expected 0 to 503"
        );
    }
}
