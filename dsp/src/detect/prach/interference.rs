//! Takes out of a seed's samples what stands out of the preamble's band, and what lies beside it.
//!
//! In: samples, and the spectrum of one period. Out: samples in which no 15 kHz hold much more than the median does.
//! Method: weights over frequency, applied to all samples at once.

use num_complex::Complex32;
use rustfft::FftPlanner;

use super::reference::PERIOD;

/// Bins of one group: an LTE subcarrier.
const GROUP: usize = 12;
/// A group of noise with this many times the median power is one in a million (gamma of shape 12).
const FOREIGN_RATIO: f32 = 4.0;

/// Weights of the bins of one period, lowest first, the middle one at 0 Hz; bins further than `reach` from it are cut.
pub(super) fn weights(bins: &[Complex32], reach: usize) -> Vec<f32> {
    let middle = bins.len() / 2;
    let kept = middle.saturating_sub(reach)..(middle + reach + 1).min(bins.len());
    let power = |group: &[Complex32]| group.iter().map(|bin| bin.norm_sqr()).sum::<f32>() / group.len() as f32;
    let mut powers: Vec<f32> = bins[kept.clone()].chunks(GROUP).map(power).collect();
    let at = powers.len() / 2;
    let median = *powers.select_nth_unstable_by(at, f32::total_cmp).1;
    let mut weights = vec![0.0; bins.len()];
    for (weights, group) in weights[kept.clone()].chunks_mut(GROUP).zip(bins[kept].chunks(GROUP)) {
        let power = power(group);
        weights.fill(if power > FOREIGN_RATIO * median { (median / power).sqrt() } else { 1.0 });
    }
    weights
}

/// `samples` with the band around `shift_bins` weighted; the band's middle stays where it is.
pub(super) fn clean(
    planner: &mut FftPlanner<f32>,
    samples: &[Complex32],
    shift_bins: f64,
    weights: &[f32],
) -> Vec<Complex32> {
    // Room for what the edges of the weights ring.
    let len = (samples.len() + PERIOD / 2).next_power_of_two();
    let mut buffer = samples.to_vec();
    buffer.resize(len, Complex32::ZERO);
    planner.plan_fft_forward(len).process(&mut buffer);
    let bins_per_bin = PERIOD as f64 / len as f64;
    let half = (weights.len() / 2) as f64;
    for (i, value) in buffer.iter_mut().enumerate() {
        let signed = if i < len / 2 { i as f64 } else { i as f64 - len as f64 };
        let from_middle = signed * bins_per_bin - shift_bins;
        // The band may lie across the ends of the transform.
        let from_middle = from_middle - (from_middle / PERIOD as f64).round() * PERIOD as f64;
        let at = (from_middle + half).round();
        let weight = if at >= 0.0 { weights.get(at as usize).copied().unwrap_or(0.0) } else { 0.0 };
        *value *= weight / len as f32;
    }
    planner.plan_fft_inverse(len).process(&mut buffer);
    buffer.truncate(samples.len());
    buffer
}
