//! What GMSK shows whatever its data: two lines when squared, and their clock.
//!
//! A symbol turns the phase by a quarter of a cycle either way; squared, by half a cycle either way, which is the same:
//! what remains is `cos(π t/T)` from any symbol's start, two lines half the symbol rate below and above twice the
//! carrier. Taken from symbol to symbol it changes its sign each time, and nothing between symbols adds noise. Reference: W. A. Gardner, "Cyclostationarity in Communications and Signal Processing", 1994.

use std::f64::consts::{PI, TAU};

use num_complex::Complex32;
use rustfft::FftPlanner;

use super::mean_power;
use crate::baseband::Baseband;
use crate::spec::gsm::SYMBOL_RATE_HZ;

/// Least rate: a straight line between samples is then as good as any curve.
const LEAST_RATE_HZ: f64 = 1.8e6;
/// The squares' spectrum is this much finer than it resolves.
const PADDING: usize = 4;
/// A channel is flat to this from the carrier, and silent this much further on.
pub(super) const FLAT_HZ: f64 = 110e3;
const SLOPE_HZ: f64 = 40e3;
/// Time over which power is averaged for the edges of a burst.
const EDGE_S: f64 = 15e-6;
/// Fewest symbols that show a clock, and instants in a symbol at which it is tried.
const LEAST_SYMBOLS: usize = 16;
const STEPS_PER_SYMBOL: u32 = 4;

/// A carrier that GMSK was found upon.
#[derive(Debug, Clone, Copy)]
pub(super) struct Carrier {
    /// From the stream's centre.
    pub(super) frequency_hz: f64,
    /// Start of a symbol.
    pub(super) edge_s: f64,
    /// Surprise that values without structure keep the clock as well, at one frequency and one instant of it.
    pub(super) nats: f64,
    /// Power of the weaker line over that of the stronger.
    pub(super) balance: f64,
}

/// A stretch of baseband, at a rate that its squares fit into.
pub(super) struct Stretch {
    spectrum: Vec<Complex32>,
    len: usize,
    rate_hz: f64,
    center_hz: f64,
    start_s: f64,
}

impl Stretch {
    /// Of `baseband` from `from_s` to `to_s` as far as it goes.
    pub(super) fn new(
        baseband: &Baseband<'_>,
        (from_s, to_s): (f64, f64),
        planner: &mut FftPlanner<f32>,
    ) -> Option<Self> {
        let rate_hz = baseband.sample_rate_hz;
        let position = |time_s: f64| ((time_s - baseband.start_s) * rate_hz).max(0.0) as usize;
        let first = position(from_s);
        let piece = baseband.samples.get(first..position(to_s).min(baseband.samples.len()))?;
        let power = mean_power(piece);
        if !(power > 0.0 && power.is_finite()) {
            return None;
        }
        // Silence behind it, so that nothing comes round.
        let len = (piece.len() + 64).next_power_of_two();
        let mut spectrum = piece.to_vec();
        spectrum.resize(len, Complex32::ZERO);
        planner.plan_fft_forward(len).process(&mut spectrum);
        spectrum.iter_mut().for_each(|value| *value /= len as f32);
        let factor = (LEAST_RATE_HZ / rate_hz).ceil().max(1.0) as usize;
        let negative = spectrum.split_off(len / 2);
        spectrum.resize(factor * len - len / 2, Complex32::ZERO);
        spectrum.extend(negative);
        Some(Self {
            spectrum,
            len: factor * piece.len(),
            rate_hz: factor as f64 * rate_hz,
            center_hz: baseband.center_hz,
            start_s: baseband.start_s + first as f64 / rate_hz,
        })
    }

    /// What is within `flat_hz` of `center_hz`, with that at 0 Hz.
    pub(super) fn channel(&self, center_hz: f64, flat_hz: f64, planner: &mut FftPlanner<f32>) -> Channel {
        let len = self.spectrum.len();
        let bin_hz = self.rate_hz / len as f64;
        let shift = ((center_hz - self.center_hz) / bin_hz).round();
        let mut samples: Vec<Complex32> = (0..len)
            .map(|i| {
                let bin = if i < len / 2 { i as f64 } else { i as f64 - len as f64 };
                let edge = (((bin * bin_hz).abs() - flat_hz) / SLOPE_HZ).clamp(0.0, 1.0);
                let weight = 0.5 + 0.5 * (PI * edge).cos();
                self.spectrum[(bin + shift).rem_euclid(len as f64) as usize] * weight as f32
            })
            .collect();
        planner.plan_fft_inverse(len).process(&mut samples);
        samples.truncate(self.len);
        let left_hz = center_hz - self.center_hz - shift * bin_hz;
        for (i, value) in samples.iter_mut().enumerate() {
            *value *= Complex32::cis((-TAU * (left_hz * i as f64 / self.rate_hz).fract()) as f32);
        }
        // A raised cosine has three eighths of its width in power, either side.
        let noise_width_hz = (2.0 * flat_hz + 0.75 * SLOPE_HZ).min(self.rate_hz);
        Channel { samples, rate_hz: self.rate_hz, center_hz, start_s: self.start_s, noise_width_hz }
    }
}

/// Samples of one channel.
pub(super) struct Channel {
    pub(super) samples: Vec<Complex32>,
    pub(super) rate_hz: f64,
    pub(super) center_hz: f64,
    pub(super) start_s: f64,
    /// Width of the noise that comes through.
    pub(super) noise_width_hz: f64,
}

impl Channel {
    /// The carrier within `reach_hz` of the channel's middle whose clock shows best from `from_s` to `to_s`. It tells
    /// carriers half the symbol rate apart from each other by the power about them.
    pub(super) fn carrier(
        &self,
        reach_hz: f64,
        (from_s, to_s): (f64, f64),
        planner: &mut FftPlanner<f32>,
    ) -> Option<Carrier> {
        let num_symbols = ((to_s - from_s) * SYMBOL_RATE_HZ).max(0.0) as usize;
        if num_symbols < LEAST_SYMBOLS {
            return None;
        }
        let len = PADDING * num_symbols.next_power_of_two();
        let fft = planner.plan_fft_forward(len);
        let bin_hz = SYMBOL_RATE_HZ / len as f64 / 2.0;
        let count = (reach_hz / bin_hz) as i64;
        let mut best: Option<(f32, Carrier)> = None;
        for step in 0..STEPS_PER_SYMBOL {
            let edge_s = from_s + f64::from(step) / f64::from(STEPS_PER_SYMBOL) / SYMBOL_RATE_HZ;
            let mut squares: Vec<Complex32> = (0..num_symbols)
                .map(|i| {
                    let z = self.at(edge_s + i as f64 / SYMBOL_RATE_HZ);
                    let sign = if i % 2 == 0 { 1.0 } else { -1.0 };
                    z * z * (sign / z.norm_sqr().max(f32::MIN_POSITIVE))
                })
                .collect();
            squares.resize(len, Complex32::ZERO);
            fft.process(&mut squares);
            let power = |i: i64| squares[i.rem_euclid(len as i64) as usize].norm_sqr();
            let Some(i) = (-count..=count).max_by(|&a, &b| power(a).total_cmp(&power(b))) else { continue };
            if best.is_some_and(|(most, _)| power(i) <= most) {
                continue;
            }
            let share = (f64::from(power(i)) / (num_symbols as f64).powi(2)).min(1.0 - 1e-9);
            let independent = num_symbols as f64 * (self.noise_width_hz / SYMBOL_RATE_HZ).min(1.0);
            // The bins next to the best tell where between them it is.
            let bend = f64::from(power(i - 1) + power(i + 1) - 2.0 * power(i));
            let lean = f64::from(power(i - 1) - power(i + 1)) / 2.0;
            let off = if bend < 0.0 { (lean / bend).clamp(-1.0, 1.0) } else { 0.0 };
            let carrier = Carrier {
                frequency_hz: self.center_hz + (i as f64 + off) * bin_hz,
                edge_s,
                nats: -(independent - 1.0) * (1.0 - share).ln(),
                balance: 0.0,
            };
            best = Some((power(i), carrier));
        }
        let (_, mut carrier) = best?;
        let half_hz = SYMBOL_RATE_HZ / 2.0;
        let found_hz = carrier.frequency_hz;
        let alike = [-2.0, -1.0, 0.0, 1.0, 2.0].map(|k| found_hz + k * half_hz);
        let near = alike.into_iter().filter(|hz| (hz - self.center_hz).abs() <= reach_hz + bin_hz);
        let balances = near.map(|hz| (self.balance(hz - self.center_hz, (from_s, to_s)), hz));
        (carrier.balance, carrier.frequency_hz) = balances.max_by(|a, b| a.0.total_cmp(&b.0))?;
        Some(carrier)
    }

    /// Power of the weaker line over that of the stronger, of squares about the carrier at `hz`.
    fn balance(&self, hz: f64, (from_s, to_s): (f64, f64)) -> f64 {
        let first = self.position(from_s);
        let piece = self.samples.get(first..self.position(to_s)).unwrap_or_default();
        let line = |line_hz: f64| {
            let turned = piece
                .iter()
                .enumerate()
                .map(|(i, z)| z * z * Complex32::cis((-TAU * (line_hz * i as f64 / self.rate_hz).fract()) as f32));
            f64::from(turned.sum::<Complex32>().norm_sqr())
        };
        let (low, high) = (line(2.0 * hz - SYMBOL_RATE_HZ / 2.0), line(2.0 * hz + SYMBOL_RATE_HZ / 2.0));
        low.min(high) / low.max(high).max(f64::MIN_POSITIVE)
    }

    fn position(&self, time_s: f64) -> usize {
        (((time_s - self.start_s) * self.rate_hz).round().max(0.0) as usize).min(self.samples.len())
    }

    /// Mean power from `from_s` to `to_s` without the noise in it, of which there is `density` in 1 Hz.
    pub(super) fn power(&self, (from_s, to_s): (f64, f64), density: f64) -> f64 {
        let (first, end) = (self.position(from_s), self.position(to_s));
        let power = mean_power(self.samples.get(first..end).unwrap_or_default());
        (power - density * self.noise_width_hz).max(0.01 * power)
    }

    /// From where to where the channel is on, by its power; `density` is the noise power in 1 Hz.
    pub(super) fn on(&self, density: f64) -> Option<(f64, f64)> {
        let width = ((EDGE_S * self.rate_hz) as usize).max(1);
        let powers: Vec<f64> = self.samples.windows(width).map(mean_power).collect();
        // The level of the strongest half of the time: bursts are shorter than what is looked at by less than that.
        let mut sorted = powers.clone();
        sorted.sort_by(f64::total_cmp);
        let level = *sorted.get(sorted.len() * 3 / 4)?;
        let noise = density * self.noise_width_hz;
        let threshold = (level + noise.min(level)) / 2.0;
        let (mut sum, mut begun) = (0.0, 0);
        let mut most = (0.0, 0, 0);
        for (i, power) in powers.iter().enumerate() {
            // What is above its level counts no more than that: one peak is not a burst.
            sum += power.min(2.0 * threshold) - threshold;
            if sum <= 0.0 {
                (sum, begun) = (0.0, i + 1);
            }
            if sum > most.0 {
                most = (sum, begun, i + 1);
            }
        }
        let time_s = |index: usize| self.start_s + (index as f64 + (width - 1) as f64 / 2.0) / self.rate_hz;
        (most.2 > most.1).then(|| (time_s(most.1), time_s(most.2)))
    }

    /// Share of symbols that turn the phase the other way than the one before; `edge_s` is the start of a symbol.
    pub(super) fn turned_share(&self, from_s: f64, to_s: f64, edge_s: f64) -> f64 {
        let first = ((from_s - edge_s) * SYMBOL_RATE_HZ).ceil() as i64;
        let last = ((to_s - edge_s) * SYMBOL_RATE_HZ).floor() as i64;
        let values: Vec<Complex32> = (first..=last).map(|i| self.at(edge_s + i as f64 / SYMBOL_RATE_HZ)).collect();
        let turns: Vec<bool> = values.windows(2).map(|pair| (pair[1] * pair[0].conj()).im > 0.0).collect();
        let turned = turns.windows(2).filter(|pair| pair[0] != pair[1]).count();
        turned as f64 / turns.len().saturating_sub(1).max(1) as f64
    }

    /// The value at an instant, between samples by a straight line.
    fn at(&self, time_s: f64) -> Complex32 {
        let position = (time_s - self.start_s) * self.rate_hz;
        let index = position.floor().max(0.0) as usize;
        let value = |index: usize| self.samples.get(index).copied().unwrap_or_default();
        let (here, next) = (value(index), value(index + 1));
        here + (next - here) * (position - index as f64).clamp(0.0, 1.0) as f32
    }
}
