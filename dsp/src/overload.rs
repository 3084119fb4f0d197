//! When the receiver was driven beyond its range.
//!
//! In: samples. Out: which milliseconds were overloaded.
//! Method: components at or beyond full scale are counted; more than one in ten thousand of a millisecond's, and at
//! least two, is an overload. How strong the products are that the limit makes follows from the same count.

use std::collections::VecDeque;

use num_complex::Complex32;

use crate::statistics::gamma_threshold;

/// Time over which is counted.
const WINDOW_S: f64 = 1e-3;
/// Share of components at full scale that is an overload.
const OVERLOAD_SHARE: f64 = 1e-4;
/// Overloaded stretches remembered.
const MAX_REMEMBERED: usize = 4096;

/// The products of clipping are denser than their mean over the band by up to this much where they are densest (6 dB).
const PRODUCT_DENSITY: f64 = 4.0;

/// Highest power of the products of clipping per unit of bandwidth, as a share of the band, where `share` of all
/// components are at `full_scale`.
///
/// Components of a sum of many signals are normal: of those beyond `t` standard deviations, a share of `2 Q(t)`, the
/// overshoot is nearly exponential with a mean of `1 / t`.
pub fn product_density(share: f64, full_scale: f32) -> f32 {
    if share <= 0.0 {
        return 0.0;
    }
    let square = 2.0 * gamma_threshold(0.5, share.min(0.5).ln());
    let overshoot = 2.0 / (square * square);
    (PRODUCT_DENSITY * 2.0 * share * overshoot) as f32 * full_scale * full_scale
}

/// Counts samples at full scale.
pub struct Overload {
    full_scale: f32,
    window_samples: usize,
    counted: usize,
    at_full_scale: usize,
    overloaded_windows: u64,
    now: bool,
    /// Overloaded stretches in windows since the start, oldest first.
    stretches: VecDeque<(u64, u64)>,
    window: u64,
}

impl Overload {
    /// `full_scale`: the largest value a component of this receiver can take.
    pub fn new(sample_rate_hz: f64, full_scale: f32) -> Self {
        Self {
            full_scale,
            window_samples: ((sample_rate_hz * WINDOW_S).round() as usize).max(1),
            counted: 0,
            at_full_scale: 0,
            overloaded_windows: 0,
            now: false,
            stretches: VecDeque::with_capacity(MAX_REMEMBERED),
            window: 0,
        }
    }

    /// Share of components at full scale.
    pub fn share(&self, samples: &[Complex32]) -> f64 {
        let beyond = |component: f32| usize::from(component.abs() >= self.full_scale);
        let count: usize = samples.iter().map(|s| beyond(s.re) + beyond(s.im)).sum();
        count as f64 / (2 * samples.len()).max(1) as f64
    }

    /// Highest power of the products of clipping in a frame of these samples, of the whole band's width.
    pub fn products(&self, samples: &[Complex32]) -> f32 {
        product_density(self.share(samples), self.full_scale)
    }

    /// Takes the next samples.
    pub fn push(&mut self, mut samples: &[Complex32]) {
        while !samples.is_empty() {
            let (head, rest) = samples.split_at(samples.len().min(self.window_samples - self.counted));
            self.at_full_scale += count_beyond(head, self.full_scale);
            self.counted += head.len();
            samples = rest;
            if self.counted == self.window_samples {
                self.close_window();
            }
        }
    }

    fn close_window(&mut self) {
        self.now = self.at_full_scale >= 2 && self.at_full_scale as f64 > OVERLOAD_SHARE * self.window_samples as f64;
        if self.now {
            self.overloaded_windows += 1;
            match self.stretches.back_mut() {
                Some((_, end)) if *end == self.window => *end += 1,
                _ => {
                    if self.stretches.len() == MAX_REMEMBERED {
                        self.stretches.pop_front();
                    }
                    self.stretches.push_back((self.window, self.window + 1));
                }
            }
        }
        self.window += 1;
        self.counted = 0;
        self.at_full_scale = 0;
    }

    /// Times count from 0 again; the total goes on.
    pub fn restart(&mut self) {
        self.stretches.clear();
        self.window = 0;
        self.counted = 0;
        self.at_full_scale = 0;
        self.now = false;
    }

    /// The last millisecond was overloaded.
    pub fn now(&self) -> bool {
        self.now
    }

    /// Overloaded time in all.
    pub fn total_s(&self) -> f64 {
        self.overloaded_windows as f64 * WINDOW_S
    }

    /// Components at full scale have been counted in the millisecond under way.
    pub fn counting(&self) -> bool {
        self.at_full_scale > 0
    }

    /// Some of the time from `start_s` to `end_s`, counted since the last restart, was overloaded.
    pub fn during(&self, start_s: f64, end_s: f64) -> bool {
        let (start, end) = (start_s / WINDOW_S, end_s / WINDOW_S);
        self.stretches.iter().rev().any(|&(from, to)| (from as f64) < end && (to as f64) > start)
    }
}

/// Samples of which a component is at least `full_scale`.
#[multiversion::multiversion(targets = "simd")]
fn count_beyond(samples: &[Complex32], full_scale: f32) -> usize {
    let beyond = |s: &Complex32| u32::from((s.re.abs() >= full_scale) | (s.im.abs() >= full_scale));
    samples.iter().map(beyond).sum::<u32>() as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Distortion of normal components by a limit, from its integral.
    #[test]
    fn products_are_as_strong_as_the_integral_says() {
        for (limit, share) in [(2.0f64, 0.0455), (2.5, 0.012_42), (3.0, 0.0027)] {
            let step = 1e-4;
            let density = |x: f64| (-x * x / 2.0).exp() / std::f64::consts::TAU.sqrt();
            let power: f64 = (0..60_000).map(|i| i as f64 * step).map(|o| o * o * density(limit + o) * step).sum();
            let expected = 2.0 * 2.0 * power / (limit * limit);
            let said = f64::from(product_density(share, 1.0)) / PRODUCT_DENSITY;
            assert!((0.8..2.0).contains(&(said / expected)), "{limit}: {said} for {expected}");
        }
        assert_eq!(product_density(0.0, 1.0), 0.0);
    }

    #[test]
    fn only_the_overloaded_time_counts() {
        let mut overload = Overload::new(1e6, 0.99);
        let quiet = vec![Complex32::new(0.5, -0.5); 5000];
        let loud = vec![Complex32::new(1.0, 0.0); 2000];
        for block in [&quiet, &loud, &quiet] {
            overload.push(block);
        }
        assert!((overload.total_s() - 0.002).abs() < 1e-9);
        assert!(overload.during(0.0055, 0.0056) && overload.during(0.0, 0.0051));
        assert!(!overload.during(0.0, 0.0049) && !overload.during(0.0071, 0.011));
        assert!(!overload.now());
    }
}
