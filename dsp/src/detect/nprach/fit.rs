//! Start and frequency of a preamble whose hops are known, by maximum likelihood.
//!
//! With an unknown phase in every symbol group the likelihood is the energy that the groups' tones explain; both are
//! found by maximising it, one after the other.

use num_complex::{Complex32, Complex64};

use crate::baseband::Baseband;
use crate::spec::nprach::Format;

use super::plane::ROWS_PER_GROUP;

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

/// One symbol group's samples, and where they stand.
struct Group {
    samples: Vec<Complex32>,
    /// Instant of the first sample relative to the group's start at the coarse start.
    lead_s: f64,
    tone_hz: f64,
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
    let reach_s = 2.5 * group_s / ROWS_PER_GROUP as f64;
    let groups: Vec<Group> = tones
        .iter()
        .zip(offsets_s)
        .map(|(tone, offset_s)| {
            let from_s = start_s + offset_s - reach_s;
            let (first, samples) = super::refine::samples_between(baseband, from_s, from_s + group_s + 2.0 * reach_s);
            Group {
                samples,
                lead_s: baseband.start_s + first as f64 / rate - (start_s + offset_s),
                tone_hz: block_hz + f64::from(*tone) * format.spacing_hz() - baseband.center_hz,
            }
        })
        .collect();
    let (mut delay_s, mut shift_hz) = (0.0, 0.0);
    let mut spacing_hz = 0.25 / group_s;
    let mut spacing_s = group_s / ROWS_PER_GROUP as f64 / 2.0;
    for _ in 0..3 {
        shift_hz = maximum(shift_hz, spacing_hz, 4, |hz| {
            groups.iter().map(|g| Sums::new(g, hz, rate).energy(delay_s, group_s)).sum()
        });
        let sums: Vec<Sums> = groups.iter().map(|g| Sums::new(g, shift_hz, rate)).collect();
        for _ in 0..4 {
            delay_s = maximum(delay_s, spacing_s, 4, |s| sums.iter().map(|sum| sum.energy(s, group_s)).sum())
                .clamp(-reach_s, reach_s);
            spacing_s *= 0.4;
        }
        spacing_s = group_s / ROWS_PER_GROUP as f64 / 8.0;
        spacing_hz *= 0.3;
    }
    let mut powers: Vec<f64> =
        groups.iter().map(|g| Sums::new(g, shift_hz, rate).energy(delay_s, group_s) / group_s).collect();
    let explained = powers.iter().sum::<f64>() * group_s;
    let middle = powers.len() / 2;
    let limit = 6.3 * *powers.select_nth_unstable_by(middle, f64::total_cmp).1;
    let power = (powers.iter().map(|p| p.min(limit)).sum::<f64>() / powers.len() as f64) as f32;
    (power > 0.0).then_some(Fit { format, start_s: start_s + delay_s, block_hz: block_hz + shift_hz, power, explained })
}

/// The best of `2 reach + 1` values around `from`, and between its neighbours by a parabola.
fn maximum(from: f64, spacing: f64, reach: i32, value: impl Fn(f64) -> f64) -> f64 {
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

/// Running sums of a group's samples mixed down by its tone, so that every window costs one subtraction.
struct Sums {
    sums: Vec<Complex64>,
    lead_s: f64,
    rate: f64,
}

impl Sums {
    fn new(group: &Group, shift_hz: f64, rate: f64) -> Self {
        let step = Complex64::cis(-std::f64::consts::TAU * (group.tone_hz + shift_hz) / rate);
        let mut phasor = Complex64::new(1.0, 0.0);
        let mut sum = Complex64::default();
        let mut sums = Vec::with_capacity(group.samples.len() + 1);
        sums.push(sum);
        for sample in &group.samples {
            sum += phasor * Complex64::new(f64::from(sample.re), f64::from(sample.im));
            phasor *= step;
            sums.push(sum);
        }
        Self { sums, lead_s: group.lead_s, rate }
    }

    /// Sum up to an instant, relative to the group's coarse start.
    fn until(&self, instant_s: f64) -> Complex64 {
        let position = ((instant_s - self.lead_s) * self.rate).clamp(0.0, (self.sums.len() - 1) as f64);
        let index = (position as usize).min(self.sums.len().saturating_sub(2));
        let next = self.sums.get(index + 1).unwrap_or(&self.sums[index]);
        self.sums[index] + (next - self.sums[index]) * (position - index as f64)
    }

    /// Energy of the tone in the window that starts `delay_s` after the coarse start.
    fn energy(&self, delay_s: f64, group_s: f64) -> f64 {
        let sum = self.until(delay_s + group_s) - self.until(delay_s);
        sum.norm_sqr() / (self.rate * self.rate * group_s)
    }
}
