//! The noise floor of every bin, learnt while the band is in use.
//!
//! In: power spectra, one a frame. Out: mean noise power of each bin.
//! Method: averages of 8 frames; the lower quartile of 64 of them (68 ms), which holds while a bin is in use for half
//! of the time; the lower quartile of the last 60 such estimates (4 s), so that a
//! long burst does not become its own floor; then, where a bin stands above the median of
//! its neighbourhood, the median, because a signal that is always on is not noise.
//! Reference: the bias of a quartile of gamma variables is divided out; a test measures it.
//! Ignores: signals wider than the neighbourhood and on for more than three quarters of the time raise the floor.

use crate::grid::Grid;
use crate::statistics::gamma_threshold;

/// Bins whose columns are sorted side by side.
const LANES: usize = 16;
/// Frames averaged before ordering.
const FRAMES_PER_AVERAGE: usize = 8;
/// Averages ordered for one estimate.
const AVERAGES_PER_ESTIMATE: usize = 64;
/// Estimates remembered.
const NUM_ESTIMATES: usize = 60;
/// Relative spread of one estimate (measured: 0.2 dB).
const ESTIMATE_SPREAD: f32 = 0.045;
/// Half width of the neighbourhood, and of the smoothing within it.
const NEIGHBOURHOOD_HZ: f64 = 180e3;
const SMOOTHING_HZ: f64 = 15e3;
/// A bin this much above its neighbourhood holds a standing signal (8 dB); below it a spur is the bin's own noise.
const STANDING_RATIO: f32 = 6.3;
/// Bins this much above their neighbourhood do not count for their neighbours (2 dB).
const OUTLIER_RATIO: f32 = 1.6;
/// What was such a spur stays one down to this (1 dB): between the two ratios the floor would jump, and a line that stands
/// all the time would seem to begin.
const STILL_OUTLIER_RATIO: f32 = 1.25;
/// Neighbours on either side without which nothing can stand out.
const MIN_NEIGHBOURS: usize = 4;

/// Frames after which the first floor is known.
pub const FRAMES_TO_PRIME: usize = FRAMES_PER_AVERAGE * AVERAGES_PER_ESTIMATE;

/// Learns the floor; allocates nothing after construction.
pub struct NoiseFloor {
    num_bins: usize,
    neighbourhood_bins: usize,
    smoothing_bins: usize,
    /// Mean over exponential noise of the lower quartile of averages of 8, relative to the mean power.
    quartile_bias: f32,
    sum: Vec<f32>,
    frames_in_sum: usize,
    /// `[average][bin]`.
    averages: Vec<f32>,
    num_averages: usize,
    /// `[estimate][bin]`, a ring.
    estimates: Vec<f32>,
    num_estimates: usize,
    next_estimate: usize,
    /// Levels of a neighbourhood in order.
    window: Vec<f32>,
    typical: Vec<f32>,
    level_log: Vec<f32>,
    spur: Vec<bool>,
    floor: Vec<f32>,
}

impl NoiseFloor {
    /// A floor not yet known, for one grid.
    pub fn new(grid: &Grid) -> Self {
        let num_bins = grid.fft_len();
        let bins = |hz: f64| (hz / grid.bin_hz()).round() as usize;
        Self {
            num_bins,
            neighbourhood_bins: bins(NEIGHBOURHOOD_HZ),
            smoothing_bins: bins(SMOOTHING_HZ),
            quartile_bias: quartile_bias(),
            sum: vec![0.0; num_bins],
            frames_in_sum: 0,
            averages: vec![0.0; num_bins * AVERAGES_PER_ESTIMATE],
            num_averages: 0,
            estimates: vec![0.0; num_bins * NUM_ESTIMATES],
            num_estimates: 0,
            next_estimate: 0,
            window: Vec::with_capacity(2 * bins(NEIGHBOURHOOD_HZ) + 2),
            typical: vec![0.0; num_bins],
            level_log: vec![0.0; num_bins],
            spur: vec![false; num_bins],
            floor: vec![0.0; num_bins],
        }
    }

    /// Takes one frame's powers; true where the floor has been learnt anew.
    ///
    /// # Panics
    /// if `power.len()` is not the number of bins.
    pub fn push(&mut self, power: &[f32]) -> bool {
        assert_eq!(power.len(), self.num_bins, "powers of a frame of {} bins", self.num_bins);
        add(&mut self.sum, power);
        self.frames_in_sum += 1;
        if self.frames_in_sum == FRAMES_PER_AVERAGE {
            self.close_average();
        }
        if self.num_averages == AVERAGES_PER_ESTIMATE {
            self.close_estimate();
            return true;
        }
        false
    }

    /// Learns from what there is, where a stream ends before the first estimate is complete.
    pub fn finish(&mut self) {
        if self.is_known() {
            return;
        }
        if self.num_averages == 0 && self.frames_in_sum > 0 {
            self.close_average();
        }
        if self.num_averages > 0 {
            self.close_estimate();
        }
    }

    /// A floor has been learnt.
    pub fn is_known(&self) -> bool {
        self.num_estimates > 0
    }

    /// Mean noise power of each bin; zeros until [`Self::is_known`].
    pub fn power(&self) -> &[f32] {
        &self.floor
    }

    fn close_average(&mut self) {
        let row = &mut self.averages[self.num_averages * self.num_bins..][..self.num_bins];
        let scale = 1.0 / self.frames_in_sum as f32;
        for (average, sum) in row.iter_mut().zip(&mut self.sum) {
            // What is no number is no noise either.
            *average = if sum.is_finite() { *sum * scale } else { f32::MAX };
            *sum = 0.0;
        }
        self.num_averages += 1;
        self.frames_in_sum = 0;
    }

    fn close_estimate(&mut self) {
        let row = &mut self.estimates[self.next_estimate * self.num_bins..][..self.num_bins];
        lower_quartiles(&self.averages[..self.num_averages * self.num_bins], 1.0 / self.quartile_bias, row);
        self.num_averages = 0;
        self.next_estimate = (self.next_estimate + 1) % NUM_ESTIMATES;
        self.num_estimates = (self.num_estimates + 1).min(NUM_ESTIMATES);
        let bias = 1.0 + ESTIMATE_SPREAD * normal_quartile(self.num_estimates);
        let estimates = &self.estimates[..self.num_estimates * self.num_bins];
        lower_quartiles(estimates, 1.0 / bias, &mut self.typical);
        self.smooth_over_frequency();
    }

    /// A bin that stands out of its neighbourhood takes the neighbourhood's median; the rest is smoothed by local
    /// parabolas, which follow the slopes of a receiver's filter.
    fn smooth_over_frequency(&mut self) {
        let last = self.num_bins - 1;
        self.window.clear();
        let (mut from, mut to) = (0, 0);
        for bin in 0..self.num_bins {
            // Symmetric, so that a slope leaves the median unbiased.
            let reach = self.neighbourhood_bins.min(bin).min(last - bin);
            while to <= bin + reach {
                self.window.insert(place(&self.window, self.typical[to]), self.typical[to]);
                to += 1;
            }
            while from < bin - reach {
                self.window.remove(place(&self.window, self.typical[from]));
                from += 1;
            }
            let median = self.window[(self.window.len() - 1) / 2];
            let own = self.typical[bin];
            let ratio = if self.spur[bin] { STILL_OUTLIER_RATIO } else { OUTLIER_RATIO };
            let outlier = reach >= MIN_NEIGHBOURS && own > median * ratio;
            self.level_log[bin] = if outlier { median } else { own }.max(f32::MIN_POSITIVE).ln();
            self.spur[bin] = outlier && own < median * STANDING_RATIO;
        }
        for bin in 0..self.num_bins {
            let reach = self.smoothing_bins.min(bin).min(last - bin);
            let around = &self.level_log[bin - reach..=bin + reach];
            self.floor[bin] = if self.spur[bin] { self.typical[bin] } else { parabola_at_middle(around).exp() };
        }
    }
}

/// Value at the middle of the least-squares parabola through an odd number of evenly spaced values (Savitzky-Golay).
fn parabola_at_middle(values: &[f32]) -> f32 {
    let reach = (values.len() / 2) as i64;
    if reach < 2 {
        return values[values.len() / 2];
    }
    let scale = ((4 * reach * reach - 1) * (2 * reach + 3)) as f32;
    let weight = |j: i64| (3 * (3 * reach * reach + 3 * reach - 1 - 5 * j * j)) as f32 / scale;
    values.iter().zip(-reach..=reach).map(|(value, j)| value * weight(j)).sum()
}

#[multiversion::multiversion(targets = "simd")]
fn add(sums: &mut [f32], values: &[f32]) {
    for (sum, value) in sums.iter_mut().zip(values) {
        *sum += value;
    }
}

/// Where `value` stands, or would stand, among values in order.
fn place(ordered: &[f32], value: f32) -> usize {
    ordered.partition_point(|other| other.total_cmp(&value).is_lt())
}

/// The value of every bin that a quarter of its rows lie below, times `scale`; as many bins to a row as `quartiles`
/// has, no more than [`AVERAGES_PER_ESTIMATE`] rows.
#[multiversion::multiversion(targets = "simd")]
fn lower_quartiles(rows: &[f32], scale: f32, quartiles: &mut [f32]) {
    let num_bins = quartiles.len();
    let mut columns = [[f32::MAX; LANES]; AVERAGES_PER_ESTIMATE];
    for (first, quartiles) in (0..num_bins).step_by(LANES).zip(quartiles.chunks_mut(LANES)) {
        let mut count = 0;
        for (column, row) in columns.iter_mut().zip(rows.chunks_exact(num_bins)) {
            column[..quartiles.len()].copy_from_slice(&row[first..first + quartiles.len()]);
            count += 1;
        }
        if count == 0 {
            return;
        }
        sort_columns(&mut columns[..count]);
        for (quartile, value) in quartiles.iter_mut().zip(columns[(count - 1) / 4]) {
            *quartile = value * scale;
        }
    }
}

/// Sorts many columns side by side (Batcher's merge exchange; Knuth 5.2.2, algorithm M).
#[inline(always)]
fn sort_columns(rows: &mut [[f32; LANES]]) {
    let highest = rows.len().next_power_of_two() / 2;
    let mut p = highest;
    while p > 0 {
        let (mut q, mut r, mut d) = (highest, 0, p);
        loop {
            for low in 0..rows.len() - d {
                if low & p != r {
                    continue;
                }
                let (a, b) = (rows[low], rows[low + d]);
                for lane in 0..LANES {
                    rows[low][lane] = a[lane].min(b[lane]);
                }
                for lane in 0..LANES {
                    rows[low + d][lane] = a[lane].max(b[lane]);
                }
            }
            if q == p {
                break;
            }
            (d, q, r) = (q - p, q / 2, p);
        }
        p /= 2;
    }
}

/// Where the lower quartile that [`lower_quartiles`] takes of `count` normal values lies, in standard deviations.
fn normal_quartile(count: usize) -> f32 {
    if count < 2 {
        return 0.0;
    }
    // Blom's plotting position and Tukey's lambda approximation of the normal quantile.
    let p = (((count - 1) / 4) as f32 + 0.625) / (count as f32 + 0.25);
    5.5556 * (1.0 - ((1.0 - p) / p).powf(0.1186))
}

/// Lower quartile of an average of 8 exponential powers of mean 1. Half-overlapped Hann frames correlate by 1/36 in
/// power, which the shape allows for.
fn quartile_bias() -> f32 {
    let n = FRAMES_PER_AVERAGE as f64;
    let shape = n * n / (n + 2.0 * (n - 1.0) / 36.0);
    (gamma_threshold(shape, 0.75f64.ln()) / shape) as f32
}

#[cfg(test)]
mod tests {
    use super::*;

    fn uniform(state: &mut u64) -> f64 {
        *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((*state >> 11) as f64 + 0.5) / (1u64 << 53) as f64
    }

    /// Feeds exponential powers; `signal(frame, bin)` is added to the mean.
    fn learn(frames: usize, signal: impl Fn(usize, usize) -> f32) -> Vec<f32> {
        let grid = Grid::new(960e3).unwrap();
        let mut floor = NoiseFloor::new(&grid);
        let mut state = 7;
        for frame in 0..frames {
            let power: Vec<f32> =
                (0..256).map(|bin| -(uniform(&mut state).ln() as f32) * (1.0 + signal(frame, bin))).collect();
            floor.push(&power);
        }
        floor.finish();
        floor.power().to_vec()
    }

    fn mean_db(floor: &[f32]) -> f32 {
        10.0 * (floor.iter().sum::<f32>() / floor.len() as f32).log10()
    }

    #[test]
    fn columns_are_sorted_whatever_their_length() {
        let mut state = 5;
        for len in 1..=64 {
            let mut rows: Vec<[f32; LANES]> =
                (0..len).map(|_| std::array::from_fn(|_| uniform(&mut state) as f32)).collect();
            sort_columns(&mut rows);
            assert!(rows.windows(2).all(|pair| (0..LANES).all(|lane| pair[0][lane] <= pair[1][lane])), "{len}");
        }
    }

    #[test]
    fn noise_alone_has_no_bias() {
        let floor = learn(4096, |_, _| 0.0);
        assert!(mean_db(&floor).abs() < 0.1, "{}", mean_db(&floor));
        assert!(floor.iter().all(|f| (10.0 * f.log10()).abs() < 0.6));
    }

    #[test]
    fn a_band_in_use_half_of_the_time_raises_it_by_little() {
        // Bursts of 60 frames, each bin at its own times.
        let floor = learn(8192, |frame, bin| if (frame / 60 + bin / 16) % 2 == 0 { 100.0 } else { 0.0 });
        assert!((-0.2..1.2).contains(&mean_db(&floor)), "{}", mean_db(&floor));
    }

    #[test]
    fn a_burst_longer_than_the_floor_has_learnt_does_not_become_it() {
        let floor = learn(4096, |frame, bin| if frame > 1100 && (100..103).contains(&bin) { 1.5 } else { 0.0 });
        assert!(floor[101] < 1.25, "{}", floor[101]);
    }

    #[test]
    fn a_standing_tone_does_not_become_the_floor() {
        let floor = learn(2048, |_, bin| if (100..103).contains(&bin) { 1000.0 } else { 0.0 });
        assert!(floor[101] < 1.3, "{}", floor[101]);
    }

    /// A weak line about the ratio from which it is a spur: its bin's floor does not fall to its neighbours'.
    #[test]
    fn a_spur_stays_one_while_it_fades_a_little() {
        let line = |frame: usize| if frame < 1536 { 0.9 } else { 0.4 };
        let floor = learn(6144, |frame, bin| if bin == 101 { line(frame) } else { 0.0 });
        assert!((1.25..1.6).contains(&floor[101]), "{}", floor[101]);
        let never_more = learn(6144, |_, bin| if bin == 101 { 0.4 } else { 0.0 });
        assert!(never_more[101] < 1.2, "{}", never_more[101]);
    }

    #[test]
    fn a_parabola_is_its_own_smoothing() {
        for reach in 0..6i32 {
            let values: Vec<f32> = (-reach..=reach).map(|j| 3.0 + 0.5 * j as f32 - 0.25 * (j * j) as f32).collect();
            assert!((parabola_at_middle(&values) - 3.0).abs() < 1e-4);
        }
    }

    #[test]
    fn a_short_stream_still_has_a_floor() {
        let floor = learn(20, |_, _| 0.0);
        assert!(mean_db(&floor).abs() < 1.5, "{}", mean_db(&floor));
    }
}
