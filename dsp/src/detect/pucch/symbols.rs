//! Twelve subcarriers of single symbols out of the baseband, and what of them each base sequence explains.

use std::f64::consts::TAU;
use std::sync::Arc;

use num_complex::Complex32;
use rustfft::{Fft, FftPlanner};

use crate::baseband::Baseband;
use crate::spec::lte::base_sequence::{NUM_GROUPS, base_sequence};
use crate::spec::lte::{BLOCK_SUBCARRIERS, CyclicPrefix, SUBCARRIER_HZ, T_S, USEFUL_TS};

/// Subcarriers of a resource block.
pub(super) const TONES: usize = BLOCK_SUBCARRIERS as usize;

/// Values of the twelve subcarriers in one symbol, lowest first.
pub(super) type Values = [Complex32; TONES];

/// Delays that the first pass tells apart within one useful symbol.
const COARSE_DELAYS: usize = 2 * TONES;

/// Takes symbols apart, at frequencies and instants that are chosen each time.
pub(super) struct Demodulator<'a> {
    baseband: &'a Baseband<'a>,
    /// Samples of the useful part of a symbol.
    window: usize,
}

impl<'a> Demodulator<'a> {
    pub(super) fn new(baseband: &'a Baseband<'a>) -> Self {
        let window = (f64::from(USEFUL_TS) * T_S * baseband.sample_rate_hz).round() as usize;
        Self { baseband, window }
    }

    /// Step between windows that leaves none far from a symbol: two samples.
    pub(super) fn step_s(&self) -> f64 {
        2.0 / self.baseband.sample_rate_hz
    }

    /// Values as they stand at `useful_s`, the end of a prefix of `prefix_s`, of the block centred `center_hz` from the
    /// baseband's centre; zero outside the samples.
    ///
    /// The window starts half a prefix early, so that both its ends lie inside the symbol.
    pub(super) fn symbol(&self, useful_s: f64, prefix_s: f64, center_hz: f64) -> Values {
        let mut values = [Complex32::ZERO; TONES];
        let rate_hz = self.baseband.sample_rate_hz;
        let prefix_end = (useful_s - self.baseband.start_s) * rate_hz;
        let first = (prefix_end - prefix_s / 2.0 * rate_hz).round();
        if first < 0.0 {
            return values;
        }
        let Some(samples) = self.baseband.samples.get(first as usize..first as usize + self.window) else {
            return values;
        };
        for (k, value) in values.iter_mut().enumerate() {
            let offset_hz = (k as f64 - (TONES as f64 - 1.0) / 2.0) * SUBCARRIER_HZ;
            let step = Complex32::from_polar(1.0, (-TAU * (offset_hz + center_hz) / rate_hz) as f32);
            // The subcarrier's phase counts from the prefix's end, the centre's from the stream's start.
            let cycles = (offset_hz * (first - prefix_end) + center_hz * first) / rate_hz;
            let mut turn = Complex32::from_polar(1.0, (-TAU * cycles.fract()) as f32);
            for sample in samples {
                *value += sample * turn;
                turn *= step;
            }
            *value /= self.window as f32;
        }
        values
    }

    /// Values of symbol `l` of the slot that starts at `slot_s`.
    pub(super) fn symbol_of_slot(&self, prefix: CyclicPrefix, slot_s: f64, l: usize, center_hz: f64) -> Values {
        let prefix_s = f64::from(prefix.prefix_ts(l)) * T_S;
        self.symbol(slot_s + prefix.useful_start_s(l), prefix_s, center_hz)
    }
}

/// The base sequences of one resource block, and the transform that finds their delay.
pub(super) struct Sequences {
    /// Conjugated, by group.
    conjugates: Vec<Values>,
    delays: Arc<dyn Fft<f32>>,
    scratch: Vec<Complex32>,
    buffer: [Complex32; COARSE_DELAYS],
}

impl Default for Sequences {
    fn default() -> Self {
        let conjugates = (0..NUM_GROUPS)
            .map(|u| {
                let mut values = [Complex32::ZERO; TONES];
                values.iter_mut().zip(base_sequence(u, 0, TONES)).for_each(|(value, r)| *value = r.conj());
                values
            })
            .collect();
        let delays = FftPlanner::new().plan_fft_forward(COARSE_DELAYS);
        let scratch = vec![Complex32::ZERO; delays.get_inplace_scratch_len()];
        Self { conjugates, delays, scratch, buffer: [Complex32::ZERO; COARSE_DELAYS] }
    }
}

impl Sequences {
    /// Energy of `values` that base sequence `u` explains at the best delay.
    pub(super) fn explained(&mut self, values: &Values, u: u8) -> f32 {
        self.buffer.fill(Complex32::ZERO);
        let products = values.iter().zip(&self.conjugates[usize::from(u)]).map(|(value, r)| value * r);
        self.buffer.iter_mut().zip(products).for_each(|(slot, product)| *slot = product);
        self.delays.process_with_scratch(&mut self.buffer, &mut self.scratch);
        self.buffer.iter().map(Complex32::norm_sqr).fold(0.0, f32::max) / TONES as f32
    }

    /// `⟨values, r_u⟩` where the sequence is shifted by `shift` subcarriers' worth, any fraction.
    pub(super) fn product(&self, values: &Values, u: u8, shift: f64) -> Complex32 {
        let step = Complex32::cis((-TAU * shift / TONES as f64) as f32);
        let products = values.iter().zip(&self.conjugates[usize::from(u)]).map(|(value, r)| value * r);
        products.rev().fold(Complex32::ZERO, |sum, product| sum * step + product) / (TONES as f32).sqrt()
    }
}

/// Energy of the twelve subcarriers.
pub(super) fn energy(values: &Values) -> f32 {
    values.iter().map(Complex32::norm_sqr).sum()
}
