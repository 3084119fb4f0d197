//! NPRACH preambles: symbol groups of one unmodulated tone that hop (TS 36.211 §10.1.6).

use num_complex::Complex64;

use super::{InvalidParameter, Waveform, require, turn};
use crate::spec::nprach::{self, Format, GAP_S};

/// Uplink band of one NB-IoT carrier: twelve 15 kHz subcarriers, so `k_0 = -6` (§10.1.6.2).
const CARRIER_HZ: f64 = 180e3;

/// One preamble with all its repetitions.
#[derive(Debug, Clone, PartialEq)]
pub struct Preamble {
    format: Format,
    /// Subcarrier of the carrier that is tone 0 of the block it hops over (`n_start`).
    block: u8,
    repetitions: u8,
    /// Tone of the block, one a symbol group.
    tones: Vec<u8>,
}

impl Preamble {
    /// The preamble of a device in `cell_id` that drew `subcarrier` (`n_init`) of the cell's NPRACH resource, which
    /// begins at subcarrier `offset` of the carrier.
    ///
    /// # Errors
    /// Where the standard knows no such cell or repetition number, or the block leaves the carrier.
    pub fn new(
        format: Format,
        cell_id: u16,
        offset: u8,
        subcarrier: u8,
        repetitions: u8,
    ) -> Result<Self, InvalidParameter> {
        require(cell_id < nprach::NUM_CELL_IDS, "cell_id", cell_id, "0 to 503")?;
        let allowed = nprach::REPETITIONS;
        require(allowed.contains(&repetitions), "repetitions", repetitions, format!("one of {allowed:?}"))?;
        let size = format.subcarriers();
        let block = u16::from(offset) + u16::from(subcarrier / size) * u16::from(size);
        let available = (CARRIER_HZ / format.spacing_hz()) as u16;
        require(
            block + u16::from(size) <= available,
            "subcarrier",
            format!("{subcarrier} at offset {offset}"),
            format!("a block of {size} that ends within the carrier's {available} subcarriers"),
        )?;
        let tones = nprach::first_tone_shifts(cell_id, format, usize::from(repetitions))
            .iter()
            .flat_map(|shift| format.hops((subcarrier % size + shift) % size))
            .collect();
        Ok(Self { format, block: block as u8, repetitions, tones })
    }

    /// Tones of successive symbol groups, counted from the lowest of the block.
    pub fn tones(&self) -> &[u8] {
        &self.tones
    }

    /// Subcarrier of the carrier that is the lowest of the block.
    pub fn block(&self) -> u8 {
        self.block
    }

    /// Starts of the symbol groups, seconds after the preamble's.
    pub fn group_starts_s(&self) -> Vec<f64> {
        (0..self.tones.len()).map(|group| self.group_start_s(group)).collect()
    }

    /// Frequency of tone `n` of the block relative to the carrier's centre: `(n_sc + K k_0 + 1/2) Δf` (§10.1.6.2).
    pub fn tone_hz(&self, n: u8) -> f64 {
        (f64::from(self.block) + f64::from(n) + 0.5) * self.format.spacing_hz() - CARRIER_HZ / 2.0
    }

    fn group_start_s(&self, group: usize) -> f64 {
        let groups = self.format.groups();
        self.format.repetition_start_s(group / groups) + (group % groups) as f64 * self.format.group_s()
    }
}

impl Waveform for Preamble {
    fn at(&self, time_s: f64) -> Complex64 {
        let time_s_in = time_s.clamp(0.0, self.duration_s());
        let per_gap = self.format.repetitions_before_gap();
        let run_s = per_gap as f64 * self.format.repetition_s();
        let run = (time_s_in / (run_s + GAP_S)).floor();
        let within_s = time_s_in - run * (run_s + GAP_S);
        let groups_per_run = per_gap * self.format.groups();
        let in_run = (within_s / self.format.group_s()) as usize;
        let group = run as usize * groups_per_run + in_run;
        if in_run >= groups_per_run && group < self.tones.len() {
            return Complex64::ZERO;
        }
        let group = group.min(self.tones.len() - 1);
        // Every group restarts the phase at the end of its cyclic prefix (§10.1.6.2).
        let since_prefix_s = time_s - self.group_start_s(group) - self.format.cyclic_prefix_s();
        turn(self.tone_hz(self.tones[group]) * since_prefix_s)
    }

    fn duration_s(&self) -> f64 {
        self.format.repetition_start_s(usize::from(self.repetitions) - 1) + self.format.repetition_s()
    }

    fn on_s(&self) -> f64 {
        f64::from(self.repetitions) * self.format.repetition_s()
    }

    fn occupied_hz(&self) -> f64 {
        self.format.spacing_hz()
    }

    fn band_hz(&self) -> (f64, f64) {
        let half_hz = self.format.spacing_hz() / 2.0;
        (self.tone_hz(0) - half_hz, self.tone_hz(self.format.subcarriers() - 1) + half_hz)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Amplitude at `frequency_hz` of what is on from `from_s` for `length_s`: 1 for a pure tone there.
    fn amplitude(preamble: &Preamble, frequency_hz: f64, from_s: f64, length_s: f64) -> f64 {
        let rate_hz = 1.92e6;
        let num = (length_s * rate_hz).round() as usize;
        let sum: Complex64 = (0..num)
            .map(|i| {
                let t = from_s + (i as f64 + 0.5) / rate_hz;
                preamble.at(t) * turn(-frequency_hz * t)
            })
            .sum();
        sum.norm() / num as f64
    }

    /// Every group is one tone, cyclic prefix and all, where the standard puts it; cell 145 as heard on the air.
    #[test]
    fn groups_are_tones_where_the_standard_puts_them() {
        for (format, offset) in [(Format::Zero, 0), (Format::One, 12), (Format::Two, 36)] {
            let preamble = Preamble::new(format, 145, offset, 7, 2).unwrap();
            for (group, &tone) in preamble.tones().iter().enumerate() {
                let subcarrier = f64::from(offset) + f64::from(tone);
                let k0 = -6.0 * 15e3 / format.spacing_hz();
                let expected_hz = (subcarrier + k0 + 0.5) * format.spacing_hz();
                let start_s = group as f64 * format.group_s();
                let level = amplitude(&preamble, expected_hz, start_s, format.group_s());
                assert!((level - 1.0).abs() < 1e-9, "{format:?} group {group}: {level}");
            }
        }
        let heard = [7, 6, 0, 1, 2, 3, 9, 8];
        assert_eq!(Preamble::new(Format::Zero, 145, 0, 7, 8).unwrap().tones()[..8], heard);
    }

    /// The cyclic prefix repeats the end of the group's symbols: the signal has the period of a symbol.
    #[test]
    fn the_prefix_is_cyclic() {
        let preamble = Preamble::new(Format::One, 7, 0, 9, 1).unwrap();
        let symbol_s = 1.0 / Format::One.spacing_hz();
        for i in 0..100 {
            let t = 0.0016 + f64::from(i) * 1e-5;
            // A subcarrier at half-integer multiples of the spacing turns sign after one symbol.
            assert!((preamble.at(t) + preamble.at(t + symbol_s)).norm() < 1e-9 || t + symbol_s > 0.0032);
        }
    }

    #[test]
    fn gaps_are_silent_and_the_ends_are_where_the_standard_puts_them() {
        let preamble = Preamble::new(Format::Zero, 3, 0, 0, 128).unwrap();
        let half_s = 64.0 * 5.6e-3;
        assert!((preamble.duration_s() - (2.0 * half_s + 0.040)).abs() < 1e-12);
        assert!((preamble.on_s() - 2.0 * half_s).abs() < 1e-12);
        for (t, on) in
            [(half_s - 1e-6, true), (half_s + 1e-6, false), (half_s + 0.0399, false), (half_s + 0.0401, true)]
        {
            assert_eq!(preamble.at(t).norm() > 0.5, on, "{t}");
        }
        assert!((preamble.at(preamble.duration_s() + 1e-5).norm() - 1.0).abs() < 1e-9);
        assert!((preamble.at(-1e-5).norm() - 1.0).abs() < 1e-9);
    }

    #[test]
    fn what_no_cell_configures_is_refused() {
        assert_eq!(
            Preamble::new(Format::Zero, 3, 0, 0, 3).unwrap_err().to_string(),
            "repetitions is 3; expected one of [1, 2, 4, 8, 16, 32, 64, 128]"
        );
        assert_eq!(Preamble::new(Format::Zero, 504, 0, 0, 1).unwrap_err().key, "cell_id");
        assert_eq!(Preamble::new(Format::Zero, 3, 36, 12, 1).unwrap_err().key, "subcarrier");
        assert!(Preamble::new(Format::Two, 3, 108, 35, 1).is_ok());
    }
}
