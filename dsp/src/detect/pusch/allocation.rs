//! Which resource blocks a burst occupies: by the power of its subcarriers and the place the energy stage saw it at.

use crate::spec::lte::{BLOCK_HZ, BLOCK_SUBCARRIERS, MAX_BLOCKS, SUBCARRIER_HZ, is_allocation};

/// How far a candidate's middle and width are trusted; beyond a few of these they were cut by something else.
const CENTER_SIGMA_HZ: f64 = 4e3;
const WIDTH_SIGMA_HZ: f64 = 8e3;
const MOST_DOUBT_NATS: f64 = 18.0;

/// Subcarriers looked at beyond the ends of an allocation.
const OUTSIDE: i32 = 6;

/// Power over the mean beyond which a subcarrier outside belongs to somebody else.
const MAX_OUTSIDE: f64 = 0.5;

/// A run of whole resource blocks.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Allocation {
    pub(super) num_blocks: u16,
    /// Its lowest subcarrier, in spacings from the baseband's centre.
    pub(super) low: i32,
    /// How much better it fits than others, up to a constant.
    pub(super) nats: f64,
}

impl Allocation {
    pub(super) fn num_subcarriers(&self) -> usize {
        usize::from(self.num_blocks * BLOCK_SUBCARRIERS)
    }

    /// Middle of its band, from the baseband's centre.
    pub(super) fn center_hz(&self, offset_hz: f64) -> f64 {
        offset_hz + (f64::from(self.low) + (self.num_subcarriers() as f64 - 1.0) / 2.0) * SUBCARRIER_HZ
    }
}

/// Mean powers of neighbouring subcarriers.
pub(super) struct Profile<'a> {
    pub(super) low: i32,
    pub(super) powers: &'a [f32],
    /// Powers averaged in each.
    pub(super) num_averaged: usize,
    /// Noise power of a subcarrier.
    pub(super) noise: f64,
}

/// Numbers of blocks that a burst of `bandwidth_hz` may have.
pub(super) fn block_numbers(bandwidth_hz: f64) -> impl Iterator<Item = u16> {
    let slack_hz = 70e3 + 0.12 * bandwidth_hz;
    (1..=MAX_BLOCKS).filter(|&n| is_allocation(n)).filter(move |&n| {
        let missing_hz = f64::from(n) * BLOCK_HZ - bandwidth_hz;
        (-slack_hz.min(0.45 * bandwidth_hz)..slack_hz).contains(&missing_hz)
    })
}

/// The allocations that fit best, best first.
pub(super) fn fitting(
    profile: &Profile<'_>,
    offset_hz: f64,
    center_hz: f64,
    bandwidth_hz: f64,
    most: usize,
) -> Vec<Allocation> {
    let mut all = Vec::new();
    let end = profile.low + profile.powers.len() as i32;
    for num_blocks in block_numbers(bandwidth_hz) {
        let width = i32::from(num_blocks * BLOCK_SUBCARRIERS);
        let reach_hz = 30e3 + (f64::from(num_blocks) * BLOCK_HZ - bandwidth_hz).abs() / 2.0;
        let middle = (center_hz - offset_hz) / SUBCARRIER_HZ - (f64::from(width) - 1.0) / 2.0;
        let reach = reach_hz / SUBCARRIER_HZ;
        for low in (middle - reach).ceil() as i32..=(middle + reach).floor() as i32 {
            if low < profile.low || low + width > end {
                continue;
            }
            let mut allocation = Allocation { num_blocks, low, nats: 0.0 };
            let off = (allocation.center_hz(offset_hz) - center_hz) / CENTER_SIGMA_HZ;
            let wide = (f64::from(num_blocks) * BLOCK_HZ - bandwidth_hz) / WIDTH_SIGMA_HZ;
            let doubt = (off * off + wide * wide) / 2.0;
            allocation.nats = contrast_nats(profile, low, width) - doubt.min(MOST_DOUBT_NATS);
            all.push(allocation);
        }
    }
    all.sort_by(|a, b| b.nats.total_cmp(&a.nats));
    all.truncate(most);
    all
}

/// How well powers of the subcarriers near both ends go with an allocation that ends there.
fn contrast_nats(profile: &Profile<'_>, low: i32, width: i32) -> f64 {
    let power = |k: i32| f64::from(profile.powers[(k - profile.low) as usize]);
    let mean = (low..low + width).map(power).sum::<f64>() / f64::from(width);
    let noise = profile.noise.min(0.8 * mean);
    // Half way between what is expected inside and outside, by the logarithm of the likelihood ratio; no subcarrier
    // alone may decide.
    let weight = profile.num_averaged as f64;
    let merit = |k: i32| {
        let power = power(k).min(mean / MAX_OUTSIDE);
        (weight * ((noise / mean).ln() + power / noise - power / mean)).clamp(-6.0, 6.0)
    };
    let end = profile.low + profile.powers.len() as i32;
    let inside = OUTSIDE.min(width / 2);
    let low_end =
        (low..low + inside).map(merit).sum::<f64>() - (profile.low.max(low - OUTSIDE)..low).map(merit).sum::<f64>();
    let high = low + width;
    let high_end =
        (high - inside..high).map(merit).sum::<f64>() - (high..end.min(high + OUTSIDE)).map(merit).sum::<f64>();
    low_end + high_end
}
