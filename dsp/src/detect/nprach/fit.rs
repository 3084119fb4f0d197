//! Start and frequency of a preamble whose hops are known, by maximum likelihood.
//!
//! With an unknown phase in every symbol group the likelihood is the energy that the groups' tones explain; both are
//! found by maximising it, one after the other. Every group is mixed down once to some forty sums over short pieces, on
//! which all that follows is done.

use num_complex::{Complex32, Complex64};

use crate::baseband::Baseband;
use crate::spec::nprach::Format;

/// The coarse start and frequency are at most this far off.
const REACH_S: f64 = 0.45e-3;
/// Length of a piece: short against the period of any frequency error left.
const PIECE_S: f64 = 50e-6;

/// A preamble's place in time and frequency.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Fit {
    pub(super) format: Format,
    /// Start of the first group heard.
    pub(super) start_s: f64,
    /// Frequency of the block's tone 0.
    pub(super) block_hz: f64,
    /// Mean power of the groups, full scale 1, noise included, each limited to 8 dB above the median.
    pub(super) power: f32,
    /// Energy explained, full scale 1 for one second.
    pub(super) explained: f64,
}

/// Fits start and frequency, both known to a fraction of the energies' grid.
pub(super) fn fit(
    baseband: &Baseband,
    format: Format,
    start_s: f64,
    block_hz: f64,
    tones: &[u8],
    offsets_s: &[f64],
) -> Option<Fit> {
    let rate = baseband.sample_rate_hz;
    let group_s = format.group_s();
    let piece = ((PIECE_S * rate).round() as usize).max(1);
    let num_pieces = ((group_s + 2.0 * REACH_S) * rate / piece as f64).ceil() as usize;
    let groups: Vec<Pieces> = tones
        .iter()
        .zip(offsets_s)
        .map(|(tone, offset_s)| {
            let tone_hz = block_hz + f64::from(*tone) * format.spacing_hz();
            Pieces::new(baseband, start_s + offset_s, tone_hz, piece, num_pieces)
        })
        .collect();
    let (mut delay_s, mut shift_hz) = (0.0, 0.0);
    let (mut spacing_hz, mut spacing_s) = (0.2 / group_s, 0.05e-3);
    let mut sums = vec![Complex64::default(); groups.len() * (num_pieces + 1)];
    let energy = |sums: &[Complex64], delay_s: f64| -> f64 {
        let rows = sums.chunks_exact(num_pieces + 1).zip(&groups);
        rows.map(|(sums, group)| group.energy(sums, delay_s, group_s)).sum()
    };
    let turn = |sums: &mut [Complex64], shift_hz: f64| {
        for (sums, group) in sums.chunks_exact_mut(num_pieces + 1).zip(&groups) {
            group.running_sums(shift_hz, sums);
        }
    };
    for round in 0..3 {
        shift_hz = maximum(shift_hz, spacing_hz, 4, |hz| {
            turn(&mut sums, hz);
            energy(&sums, delay_s)
        });
        turn(&mut sums, shift_hz);
        let reach = if round == 0 { 9 } else { 4 };
        for _ in 0..3 {
            delay_s = maximum(delay_s, spacing_s, reach, |s| energy(&sums, s)).clamp(-REACH_S, REACH_S);
            spacing_s *= 0.4;
        }
        spacing_s = 0.02e-3;
        spacing_hz *= 0.3;
    }
    let mut powers: Vec<f64> = sums
        .chunks_exact(num_pieces + 1)
        .zip(&groups)
        .map(|(sums, group)| group.energy(sums, delay_s, group_s) / group_s)
        .collect();
    let explained = powers.iter().sum::<f64>() * group_s;
    let middle = powers.len() / 2;
    let limit = 6.3 * *powers.get_mut(..)?.select_nth_unstable_by(middle, f64::total_cmp).1;
    let power = (powers.iter().map(|p| p.min(limit)).sum::<f64>() / powers.len() as f64) as f32;
    (power > 0.0).then_some(Fit { format, start_s: start_s + delay_s, block_hz: block_hz + shift_hz, power, explained })
}

/// The best of `2 reach + 1` values around `from`, and between its neighbours by a parabola.
fn maximum(from: f64, spacing: f64, reach: i32, mut value: impl FnMut(f64) -> f64) -> f64 {
    let values: Vec<f64> = (-reach..=reach).map(|i| value(from + f64::from(i) * spacing)).collect();
    let best = (0..values.len()).max_by(|&a, &b| values[a].total_cmp(&values[b])).unwrap_or_default();
    let at = from + (best as f64 - f64::from(reach)) * spacing;
    match (best.checked_sub(1).map(|i| values[i]), values.get(best + 1)) {
        (Some(before), Some(after)) => {
            let curvature = before - 2.0 * values[best] + after;
            if curvature < 0.0 { at + 0.5 * spacing * (before - after) / curvature } else { at }
        }
        _ => at,
    }
}

/// One symbol group mixed down by its tone and summed over short pieces, from [`REACH_S`] before it to as long after.
struct Pieces {
    sums: Vec<Complex64>,
    /// Instant of the first piece relative to the group's start at the coarse start.
    lead_s: f64,
    piece_s: f64,
    rate: f64,
}

impl Pieces {
    fn new(baseband: &Baseband, start_s: f64, tone_hz: f64, piece: usize, num_pieces: usize) -> Self {
        let rate = baseband.sample_rate_hz;
        let first = ((start_s - REACH_S - baseband.start_s) * rate).floor() as i64;
        let step = Complex64::cis(-std::f64::consts::TAU * (tone_hz - baseband.center_hz) / rate);
        let mut phasor = Complex64::new(1.0, 0.0);
        let sums = (0..num_pieces)
            .map(|index| {
                let mut sum = Complex64::default();
                for i in 0..piece {
                    let at = usize::try_from(first + (index * piece + i) as i64).ok();
                    let sample = at.and_then(|at| baseband.samples.get(at)).copied().unwrap_or(Complex32::ZERO);
                    sum += phasor * Complex64::new(f64::from(sample.re), f64::from(sample.im));
                    phasor *= step;
                }
                sum
            })
            .collect();
        let lead_s = baseband.start_s + first as f64 / rate - start_s;
        Self { sums, lead_s, piece_s: piece as f64 / rate, rate }
    }

    /// Running sums of the pieces, turned by a further frequency, so that every window costs one subtraction.
    fn running_sums(&self, shift_hz: f64, sums: &mut [Complex64]) {
        let step = Complex64::cis(-std::f64::consts::TAU * shift_hz * self.piece_s);
        let mut phasor = Complex64::new(1.0, 0.0);
        let mut sum = Complex64::default();
        sums[0] = sum;
        for (out, piece) in sums[1..].iter_mut().zip(&self.sums) {
            sum += phasor * piece;
            phasor *= step;
            *out = sum;
        }
    }

    /// Sum up to an instant, relative to the group's coarse start.
    fn until(&self, sums: &[Complex64], instant_s: f64) -> Complex64 {
        let position = ((instant_s - self.lead_s) / self.piece_s).clamp(0.0, (sums.len() - 1) as f64);
        let index = (position as usize).min(sums.len() - 2);
        sums[index] + (sums[index + 1] - sums[index]) * (position - index as f64)
    }

    /// Energy of the tone in the window that starts `delay_s` after the coarse start.
    fn energy(&self, sums: &[Complex64], delay_s: f64, group_s: f64) -> f64 {
        let sum = self.until(sums, delay_s + group_s) - self.until(sums, delay_s);
        sum.norm_sqr() / (self.rate * self.rate * group_s)
    }
}
