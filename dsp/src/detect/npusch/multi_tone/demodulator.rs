//! Symbols of several tones as one value per tone.
//!
//! In: a [`Baseband`], and where a transmission is thought to begin and stand. Out: the tones' values, symbol by symbol.

use num_complex::Complex32;
use std::f64::consts::TAU;

use crate::baseband::Baseband;
use crate::spec::npusch::{SYMBOLS_PER_SLOT, Spacing};

/// Symbols of an allocation as values per tone.
pub(super) struct Demodulator<'a> {
    pub(super) baseband: &'a Baseband<'a>,
    pub(super) tones: usize,
    /// Samples in the useful part of a symbol.
    pub(super) window: usize,
}

impl Demodulator<'_> {
    /// Values of the tones in symbol `l` of `slot`, as they stand at the end of its prefix; zero outside the stream.
    ///
    /// The window starts half a prefix early, so that both its ends lie inside the symbol.
    pub(super) fn symbol(&self, start_s: f64, slot: usize, l: usize, center_hz: f64, values: &mut [Complex32]) {
        let spacing = Spacing::Wide;
        values.fill(Complex32::ZERO);
        let rate_hz = self.baseband.sample_rate_hz;
        let symbol_s = start_s + slot as f64 * spacing.slot_s() + spacing.symbol_start_s(l);
        let prefix_end = (symbol_s + spacing.cyclic_prefix_s(l) - self.baseband.start_s) * rate_hz;
        let first = (prefix_end - spacing.cyclic_prefix_s(l) / 2.0 * rate_hz).round();
        if first < 0.0 {
            return;
        }
        let Some(samples) = self.baseband.samples.get(first as usize..first as usize + self.window) else { return };
        let middle = (self.tones as f64 - 1.0) / 2.0;
        for (k, value) in values.iter_mut().enumerate() {
            let offset_hz = (k as f64 - middle) * spacing.hz();
            let step = Complex32::from_polar(1.0, (-TAU * (offset_hz + center_hz) / rate_hz) as f32);
            // The tone's phase counts from the prefix's end, the centre's from the stream's start.
            let cycles = (offset_hz * (first - prefix_end) + center_hz * first) / rate_hz;
            let mut turn = Complex32::from_polar(1.0, (-TAU * cycles.fract()) as f32);
            for sample in samples {
                *value += sample * turn;
                turn *= step;
            }
            *value /= self.window as f32;
        }
    }
}

/// Mean power of the symbols of each slot, all tones together.
pub(super) fn slot_powers(demodulator: &Demodulator, start_s: f64, center_hz: f64, num_slots: usize) -> Vec<f32> {
    let mut values = vec![Complex32::ZERO; demodulator.tones];
    let mut power = |slot, l| {
        demodulator.symbol(start_s, slot, l, center_hz, &mut values);
        values.iter().map(|z| z.norm_sqr()).sum::<f32>()
    };
    (0..num_slots)
        .map(|slot| (0..SYMBOLS_PER_SLOT).map(|l| power(slot, l)).sum::<f32>() / SYMBOLS_PER_SLOT as f32)
        .collect()
}
