//! Symbols of a grid as one value a subcarrier.

use std::f64::consts::TAU;
use std::sync::Arc;

use num_complex::Complex32;
use rustfft::{Fft, FftPlanner};

use super::prefix::SymbolGrid;
use crate::baseband::Baseband;
use crate::spec::lte::{SLOT_S, SUBCARRIER_HZ, T_S};

/// Takes symbols out of a baseband.
pub(super) struct Demodulator<'a> {
    baseband: &'a Baseband<'a>,
    useful: usize,
    fft: Arc<dyn Fft<f32>>,
    buffer: Vec<Complex32>,
    scratch: Vec<Complex32>,
    muted: Vec<i32>,
}

impl<'a> Demodulator<'a> {
    /// For a baseband of `useful` samples in the useful part of a symbol.
    pub(super) fn new(baseband: &'a Baseband<'a>, useful: usize, planner: &mut FftPlanner<f32>) -> Self {
        let fft = planner.plan_fft_forward(useful);
        let scratch = vec![Complex32::ZERO; fft.get_inplace_scratch_len()];
        Self { baseband, useful, fft, buffer: vec![Complex32::ZERO; useful], scratch, muted: Vec::new() }
    }

    /// Gives zeros for these subcarriers from now on.
    pub(super) fn mute(&mut self, subcarriers: &[i32]) {
        self.muted = subcarriers.to_vec();
    }

    /// Subcarriers either side of the baseband's centre that it holds.
    pub(super) fn reach(&self) -> i32 {
        self.useful as i32 * 9 / 20
    }

    /// Appends the values of subcarriers `low .. low + count` of symbol `l` in `slot`, as they stand at the end of its
    /// prefix with the baseband turned so that they lie on multiples of 15 kHz; zeros outside the samples.
    ///
    /// The window starts half a prefix early, so that both its ends lie inside the symbol.
    pub(super) fn append(
        &mut self,
        grid: &SymbolGrid,
        slot: usize,
        l: usize,
        low: i32,
        count: usize,
        values: &mut Vec<Complex32>,
    ) {
        let rate_hz = self.baseband.sample_rate_hz;
        let early = f64::from(grid.prefix.prefix_ts(l)) / 2.0 * T_S * rate_hz;
        let useful_start = grid.slot_start + (slot as f64 * SLOT_S + grid.prefix.useful_start_s(l)) * rate_hz;
        let first = (useful_start - early).round();
        let range = (first >= 0.0).then(|| first as usize..first as usize + self.useful);
        let Some(samples) = range.and_then(|range| self.baseband.samples.get(range)) else {
            values.resize(values.len() + count, Complex32::ZERO);
            return;
        };
        let turn = |cycles: f64| Complex32::cis((TAU * cycles.fract()) as f32);
        let step = turn(-grid.offset_hz / rate_hz);
        let mut phase = turn(-grid.offset_hz * first / rate_hz);
        for (value, sample) in self.buffer.iter_mut().zip(samples) {
            *value = sample * phase;
            phase *= step;
        }
        self.fft.process_with_scratch(&mut self.buffer, &mut self.scratch);
        // Phases count from the window's start; they are wanted from the prefix's end.
        let early_cycles = (useful_start - first) * SUBCARRIER_HZ / rate_hz;
        let scale = 1.0 / self.useful as f32;
        let from = values.len();
        values.extend((0..count as i32).map(|i| {
            let k = low + i;
            self.buffer[k.rem_euclid(self.useful as i32) as usize] * turn(early_cycles * f64::from(k)) * scale
        }));
        for k in &self.muted {
            let index = usize::try_from(k - low).ok();
            if let Some(value) = index.and_then(|index| values[from..].get_mut(index)) {
                *value = Complex32::ZERO;
            }
        }
    }
}
