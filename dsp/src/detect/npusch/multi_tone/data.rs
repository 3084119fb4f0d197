//! What the data symbols of several tones tell: precoding undone, they stand on four phases.

use num_complex::Complex32;
use rustfft::FftPlanner;
use std::f64::consts::TAU;

use super::REFERENCE_SYMBOL;
use super::demodulator::Demodulator;
use super::reference::{Matches, Template};
use crate::detect::evidence::surprise_nats;
use crate::spec::npusch::{SYMBOLS_PER_SLOT, Spacing};

/// Ratio beyond which transmitter and receiver limit how well phases are kept.
const MAX_SNR: f64 = 16.0;

/// What the data symbols tell.
pub(super) struct Data {
    /// Surprise of their four phases, less the phase steps tried.
    pub(super) law_nats: f64,
    pub(super) tried_nats: f64,
    num_values: usize,
    /// How far the tones are above the assumed centre, from the turn of the phases within symbols.
    pub(super) offset_hz: f64,
    /// Share of their energy that the slot's reference sequence explains at some shift.
    pub(super) share: f64,
    /// Mean power of the weakest tone over that of the strongest.
    pub(super) evenness: f64,
}

impl Data {
    pub(super) fn new(
        demodulator: &Demodulator,
        all: &Matches,
        templates: &[Template],
        start_s: f64,
        center_hz: f64,
    ) -> Self {
        let tones = demodulator.tones;
        let num_slots = all.products.len();
        let size = (2 * SYMBOLS_PER_SLOT * num_slots).next_power_of_two();
        let turns: Vec<Complex32> =
            (0..tones.max(12)).map(|i| Complex32::from_polar(1.0, (TAU * i as f64 / tones as f64) as f32)).collect();
        let mut values = vec![Complex32::ZERO; tones];
        let mut raised = vec![vec![Complex32::ZERO; size]; tones];
        let mut powers = vec![0.0f32; tones];
        let (mut matched, mut total) = (0.0f32, f32::MIN_POSITIVE);
        for (slot, products) in all.products.iter().enumerate() {
            let own = (0..products.len()).max_by(|&a, &b| products[a].norm_sqr().total_cmp(&products[b].norm_sqr()));
            let own = &templates[own.unwrap_or_default()].values;
            for l in (0..SYMBOLS_PER_SLOT).filter(|&l| l != REFERENCE_SYMBOL) {
                demodulator.symbol(start_s, slot, l, center_hz, &mut values);
                for (m, raised) in raised.iter_mut().enumerate() {
                    let sample: Complex32 = values.iter().enumerate().map(|(k, z)| z * turns[k * m % tones]).sum();
                    raised[slot * SYMBOLS_PER_SLOT + l] = (sample / sample.norm().max(f32::MIN_POSITIVE)).powu(4);
                }
                let shifted = |s: usize| {
                    let each = own.iter().zip(&values).enumerate();
                    each.map(|(k, (a, b))| a * b * turns[k * s % tones]).sum::<Complex32>().norm_sqr()
                };
                matched += (0..tones).map(shifted).fold(0.0, f32::max);
                powers.iter_mut().zip(&values).for_each(|(sum, z)| *sum += z.norm_sqr());
            }
        }
        total += powers.iter().sum::<f32>() * tones as f32;
        let mut sum: Vec<Complex32> = (0..size).map(|i| raised.iter().map(|values| values[i]).sum()).collect();
        FftPlanner::new().plan_fft_forward(size).process(&mut sum);
        let (line, most) =
            sum.iter().map(|z| z.norm_sqr()).enumerate().max_by(|a, b| a.1.total_cmp(&b.1)).unwrap_or_default();
        let by_sample: Vec<Complex32> = raised
            .iter()
            .map(|values| {
                let turn =
                    |i: usize| Complex32::from_polar(1.0, (-TAU * (line * i % size) as f64 / size as f64) as f32);
                values.iter().enumerate().map(|(i, z)| z * turn(i)).sum()
            })
            .collect();
        let step: Complex32 = by_sample.windows(2).map(|pair| pair[1] * pair[0].conj()).sum();
        let num_values = num_slots * (SYMBOLS_PER_SLOT - 1) * tones;
        let tried_nats = ((SYMBOLS_PER_SLOT * num_slots) as f64).ln();
        let share = f64::from(most) / (num_values * num_values) as f64;
        let (weakest, strongest) = powers.iter().fold((f32::MAX, 0.0f32), |(a, b), &p| (a.min(p), b.max(p)));
        Self {
            law_nats: surprise_nats(share, 1, num_values) - tried_nats,
            tried_nats,
            num_values,
            offset_hz: f64::from(step.arg()) * tones as f64 / (4.0 * TAU * Spacing::Wide.useful_s()),
            share: f64::from(matched / total),
            evenness: f64::from(weakest / strongest.max(f32::MIN_POSITIVE)),
        }
    }

    /// Surprise of the four phases that a transmission of this ratio of signal to noise would show.
    pub(super) fn expected_law_nats(&self, snr: f64) -> f64 {
        surprise_nats(four_phase_share(snr), 1, self.num_values) - self.tried_nats
    }
}

/// Share of energy that the fourth power of unit QPSK values leaves in one line, `|E e^{j4δ}|²` for noise at `snr`.
fn four_phase_share(snr: f64) -> f64 {
    let snr = snr.min(MAX_SNR);
    // The mean of e^{j4δ} over the phase δ of 1 + noise, by its series' limits: snr²/12 where small, 1 - 4/snr where large.
    let mean = 1.0 / (1.0 + 4.0 / snr + 12.0 / (snr * snr));
    mean * mean
}
