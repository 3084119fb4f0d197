//! One narrow part of the band at an exact low rate: fast convolution by overlap-save.
//!
//! In: samples of the stream. Out: samples at the output rate, shifted so that the chosen offset stands at 0 Hz.
//! Method: blocks of one long transform; the bins around the offset, weighted by a raised cosine at the edges, go
//! through a short inverse transform; an eighth of each block at either end is thrown away.
//! Passband: flat to 0.4 of the output rate either side, nothing beyond 0.5. A tone keeps its amplitude.

use std::f64::consts::{PI, TAU};
use std::sync::Arc;

use num_complex::Complex32;
use rustfft::{Fft, FftPlanner};

use crate::history::Stretch;

/// Bins of the inverse transform at the least: sets how fine the output's centre can be placed.
const MIN_OUTPUT_LEN: usize = 256;
const MAX_OUTPUT_LEN: usize = 3072;
/// Rate error above which the search for block lengths goes on.
const GOOD_RATE_ERROR: f64 = 1e-7;
/// Share of the output rate that is flat, either side.
pub const FLAT_SHARE: f64 = 0.4;

/// What [`Zoom::extract`] gave: where 0 Hz of its output stands.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Zoomed {
    /// Exact output rate.
    pub sample_rate_hz: f64,
    /// Offset from the stream's centre that stands at 0 Hz: the nearest bin to the one asked for.
    pub center_hz: f64,
}

/// Plans for one pair of rates, with their buffers.
pub struct Zoom {
    sample_rate_hz: f64,
    input_len: usize,
    output_len: usize,
    forward: Arc<dyn Fft<f32>>,
    inverse: Arc<dyn Fft<f32>>,
    weights: Vec<f32>,
    input: Vec<Complex32>,
    output: Vec<Complex32>,
    scratch: Vec<Complex32>,
}

impl Zoom {
    /// Plans to bring a stream of `sample_rate_hz` down to `output_rate_hz`, exact to 1e-6 or better;
    /// [`Self::output_rate_hz`] tells the rate to the last digit. An output rate above the stream's is a plain shift
    /// with interpolation.
    pub fn new(sample_rate_hz: f64, output_rate_hz: f64) -> Self {
        let (input_len, output_len) = block_lengths(sample_rate_hz / output_rate_hz);
        let mut planner = FftPlanner::new();
        let forward = planner.plan_fft_forward(input_len);
        let inverse = planner.plan_fft_inverse(output_len);
        let scratch_len = forward.get_inplace_scratch_len().max(inverse.get_inplace_scratch_len());
        let zero = Complex32::new(0.0, 0.0);
        // Weight of the bin at each index of the inverse transform (its order: 0, 1, …, -1).
        let weights = (0..output_len)
            .map(|i| {
                let bin = if i < output_len.div_ceil(2) { i as f64 } else { i as f64 - output_len as f64 };
                let edge = (bin.abs() / output_len as f64 - FLAT_SHARE) / (0.5 - FLAT_SHARE);
                let weight = if edge <= 0.0 { 1.0 } else { 0.5 + 0.5 * (PI * edge.min(1.0)).cos() };
                (weight / input_len as f64) as f32
            })
            .collect();
        Self {
            sample_rate_hz,
            input_len,
            output_len,
            forward,
            inverse,
            weights,
            input: vec![zero; input_len],
            output: vec![zero; output_len],
            scratch: vec![zero; scratch_len],
        }
    }

    /// Exact rate of the output.
    pub fn output_rate_hz(&self) -> f64 {
        self.sample_rate_hz * self.output_len as f64 / self.input_len as f64
    }

    /// Length of input whose output fits into `room` samples without making more.
    pub fn seconds_in(&self, room: usize) -> f64 {
        room.saturating_sub(self.output_len) as f64 / self.output_rate_hz()
    }

    /// Samples of a block before and after. Where a stream is brought down piece by piece, pieces that begin a whole
    /// number of blocks after one another go on in phase.
    pub const fn block_lens(&self) -> (usize, usize) {
        (self.input_len, self.output_len)
    }

    /// Brings `samples` down around `center_hz`; `out` is overwritten, its first sample at the instant of
    /// the first of `samples`. What lies outside of `samples` counts as silence.
    pub fn extract<S: Stretch + ?Sized>(&mut self, samples: &S, center_hz: f64, out: &mut Vec<Complex32>) -> Zoomed {
        let (n, m) = (self.input_len, self.output_len);
        let bin = (center_hz * n as f64 / self.sample_rate_hz).round() as i64;
        let num_out = (samples.len() as f64 * m as f64 / n as f64) as usize;
        // Lengths are multiples of 8, so that an eighth is the same time on both sides.
        let (edge_in, edge_out) = (n / 8, m / 8);
        let (hop_in, hop_out) = (n - 2 * edge_in, m - 2 * edge_out);
        out.clear();
        out.reserve(num_out + hop_out);
        let zero = Complex32::new(0.0, 0.0);
        for block in 0..num_out.div_ceil(hop_out) {
            let begin = block * hop_in;
            let lead = edge_in.saturating_sub(begin);
            let from = (begin + lead).saturating_sub(edge_in).min(samples.len());
            let count = (n - lead).min(samples.len() - from);
            self.input[..lead].fill(zero);
            samples.copy_to(from, &mut self.input[lead..lead + count]);
            self.input[lead + count..].fill(zero);
            self.forward.process_with_scratch(&mut self.input, &mut self.scratch);
            for (i, (value, weight)) in self.output.iter_mut().zip(&self.weights).enumerate() {
                let offset = if i < m.div_ceil(2) { i as i64 } else { i as i64 - m as i64 };
                *value = self.input[(bin + offset).rem_euclid(n as i64) as usize] * weight;
            }
            self.inverse.process_with_scratch(&mut self.output, &mut self.scratch);
            // Each block's transform counts phase from its own first sample.
            let turns = (bin as i128 * (begin as i128 - edge_in as i128)).rem_euclid(n as i128) as f64 / n as f64;
            let rotation = Complex32::cis((-TAU * turns) as f32);
            out.extend(self.output[edge_out..m - edge_out].iter().map(|value| value * rotation));
        }
        out.truncate(num_out);
        Zoomed { sample_rate_hz: self.output_rate_hz(), center_hz: bin as f64 * self.sample_rate_hz / n as f64 }
    }
}

/// Lengths of the two transforms, multiples of 8, whose ratio is `ratio` as nearly as possible.
fn block_lengths(ratio: f64) -> (usize, usize) {
    let mut best = (8, 8);
    let mut best_error = f64::INFINITY;
    for output_len in (MIN_OUTPUT_LEN..=MAX_OUTPUT_LEN).step_by(8).filter(|len| largest_factor(*len) <= 7) {
        let input_len = ((output_len as f64 * ratio / 8.0).round() as usize).max(1) * 8;
        let error = (input_len as f64 / output_len as f64 / ratio - 1.0).abs();
        if largest_factor(input_len) <= 13 && error < best_error {
            best_error = error;
            best = (input_len, output_len);
            if error < GOOD_RATE_ERROR {
                return best;
            }
        }
    }
    // No quick length comes near enough: any length will do.
    if best_error > 1e-6 {
        for output_len in (MIN_OUTPUT_LEN..=MAX_OUTPUT_LEN).step_by(8) {
            let input_len = ((output_len as f64 * ratio / 8.0).round() as usize).max(1) * 8;
            let error = (input_len as f64 / output_len as f64 / ratio - 1.0).abs();
            if error < best_error {
                best_error = error;
                best = (input_len, output_len);
            }
        }
    }
    best
}

fn largest_factor(mut n: usize) -> usize {
    let (mut factor, mut largest) = (2, 1);
    while factor * factor <= n {
        while n.is_multiple_of(factor) {
            n /= factor;
            largest = factor;
        }
        factor += 1;
    }
    largest.max(n)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tone(rate_hz: f64, frequency_hz: f64, len: usize) -> Vec<Complex32> {
        (0..len).map(|n| Complex32::cis((TAU * (frequency_hz * n as f64 / rate_hz).fract()) as f32)).collect()
    }

    #[test]
    fn a_tone_keeps_amplitude_frequency_and_phase() {
        for (rate_hz, output_hz) in
            [(1.92e6, 240e3), (2.4e6, 240e3), (10e6, 240e3), (640e3, 240e3), (2.048e6, 1.92e6), (2.555_904e6, 240e3)]
        {
            let mut zoom = Zoom::new(rate_hz, output_hz);
            assert!((zoom.output_rate_hz() / output_hz - 1.0).abs() < 2e-6, "{rate_hz}: {}", zoom.output_rate_hz());
            let frequency_hz = 103_777.0;
            let mut out = Vec::new();
            let zoomed = zoom.extract(&tone(rate_hz, frequency_hz, (rate_hz * 0.05) as usize), 90e3, &mut out);
            assert!((zoomed.center_hz - 90e3).abs() < 1e3);
            let edge = out.len() / 10;
            for (i, value) in out.iter().enumerate().skip(edge).take(out.len() - 2 * edge) {
                let seconds = i as f64 / zoomed.sample_rate_hz;
                let expected = Complex32::cis((TAU * ((frequency_hz - zoomed.center_hz) * seconds).fract()) as f32);
                assert!((value - expected).norm() < 2e-3, "{rate_hz} sample {i}: {value} against {expected}");
            }
        }
    }

    #[test]
    fn neighbours_outside_the_band_are_gone() {
        let mut zoom = Zoom::new(1.92e6, 240e3);
        let mut out = Vec::new();
        zoom.extract(&tone(1.92e6, 350e3, 96_000), 90e3, &mut out);
        let edge = out.len() / 10;
        assert!(out[edge..out.len() - edge].iter().all(|value| value.norm() < 1e-3));
    }

    #[test]
    fn no_length_of_input_is_too_short() {
        let mut zoom = Zoom::new(1.92e6, 240e3);
        let mut out = Vec::new();
        for len in [0, 1, 7, 8, 100, 3071, 3072, 3073] {
            zoom.extract(&tone(1.92e6, 0.0, len), 0.0, &mut out);
            assert_eq!(out.len(), len / 8);
        }
    }
}
