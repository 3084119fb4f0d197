//! Weak narrow bursts that last: what no box of 64 frames tells from noise.
//!
//! In: rows of whitened power with their marks, from [`super::energy`]. Out: [`Candidate`]s of one to twelve bins and
//! 30 ms to a second, after they have ended.
//! Method: means over 16 frames; boxes of 16, 64 and 256 such means over one, two and four bins against the threshold
//! of their stated false-alarm rate; then, within the last second, the stretch of time whose sum stands out most, gaps
//! of 40 ms in it or not. An absolute floor is not known well enough for that: a burst must also stand out of the same
//! bins at other times and of other bins at the same time.
//! Ignores: what is strong enough for the boxes of [`super::energy`], and what a strong signal's skirts reach.

use super::candidate::Candidate;
use super::energy::{ActivityRow, threshold};
use crate::finding::Segment;
use crate::grid::Grid;
use crate::stft::NOISE_BANDWIDTH_BINS;

/// Frames of one mean.
const FRAMES: usize = 16;
/// Means of the boxes tested, and their widths in bins.
const LENGTHS: [usize; 3] = [16, 64, 256];
const WIDTHS: [usize; 3] = [1, 2, 4];
/// Probability that one box of noise passes.
const FALSE_ALARM_PER_BOX: f64 = 1e-10;
/// Means kept (1.1 s).
const DEPTH: usize = 512;
/// Means without signal after which a burst has ended (94 ms): uplink gaps last 40 ms, and as much again may pass until
/// what follows a gap makes up for it.
const QUIET: u64 = 44;
/// A mean above this is strong enough for smaller boxes; its skirts fall with the square of the distance, down to
/// [`SKIRT`].
const STRONG: f32 = 3.0;
const SIDELOBE: f32 = 0.4;
const SKIRT: f32 = 0.1;
/// Log likelihood over noise of a whole burst.
const MIN_EVIDENCE: f64 = 34.0;
/// Contrast to other times and other bins, in standard deviations and at least this ratio (0.4 dB).
const CONTRAST_SIGMA: f64 = 7.0;
const MIN_CONTRAST: f64 = 1.1;
/// Where there is too little to compare with, only this mean will do (2.5 dB).
const PLAIN_MEAN: f64 = 1.8;
/// Means at other times without which there is too little.
const MIN_OFF: usize = 24;
/// Bins on either side that are compared, and how far from the burst's edge they begin.
const SIDE_BINS: usize = 8;
const SIDE_APART: usize = 3;
const MIN_SIDE_BINS: usize = 3;
/// Widest burst, bins.
const MAX_WIDTH: usize = 12;
/// Share of it that smaller boxes have marked from which on it is theirs.
const MARKED_SHARE: f64 = 0.75;
/// Share of its time that one burst already told must cover to be the same.
const TOLD_SHARE: f64 = 0.6;
/// Bursts told that are remembered, and the shortest.
const MAX_TOLD: usize = 256;
const MIN_TOLD_S: f64 = 15e-3;
/// Bursts waited for at a time.
const MAX_WAITING: usize = 1024;

/// A band in which something stood out, and the row when it is to be looked at.
#[derive(Debug, Clone, Copy)]
struct Waiting {
    bin: usize,
    width: usize,
    due: u64,
}

/// The bins of a burst, and its edges between them.
struct Outline {
    low: usize,
    high: usize,
    low_hz: f64,
    high_hz: f64,
}

struct Level {
    length: usize,
    thresholds: [f32; WIDTHS.len()],
    /// Sums over the last four quarters of the length, and over the one under way: `[quarter][bin]`.
    quarters: [Vec<f32>; 4],
    under_way: Vec<f32>,
    rows: usize,
    num_quarters: usize,
}

/// Finds lasting bursts; allocates nothing after construction.
pub struct Lasting {
    grid: Grid,
    levels: Vec<Level>,
    /// `[mean % DEPTH][bin]`
    means: Vec<f32>,
    /// Cells of each mean that smaller boxes have marked.
    marked: Vec<u8>,
    sum: Vec<f32>,
    marks: Vec<u8>,
    frames: usize,
    num_means: u64,
    boxes: Vec<f32>,
    skirt: Vec<bool>,
    waiting: Vec<Waiting>,
    /// Bursts that smaller boxes have found, a ring.
    told: Vec<Segment>,
    next_told: usize,
    series: Vec<f64>,
}

impl Lasting {
    /// Room for one grid.
    pub fn new(grid: &Grid) -> Self {
        let bins = grid.fft_len();
        let zeros = || vec![0.0; bins];
        let levels = LENGTHS.map(|length| Level {
            length,
            thresholds: WIDTHS.map(|width| threshold(length * FRAMES, width, FALSE_ALARM_PER_BOX) / FRAMES as f32),
            quarters: std::array::from_fn(|_| zeros()),
            under_way: zeros(),
            rows: 0,
            num_quarters: 0,
        });
        Self {
            grid: *grid,
            levels: levels.into(),
            means: vec![1.0; DEPTH * bins],
            marked: vec![0; DEPTH * bins],
            sum: zeros(),
            marks: vec![0; bins],
            frames: 0,
            num_means: 0,
            boxes: zeros(),
            skirt: vec![false; bins],
            waiting: Vec::with_capacity(MAX_WAITING),
            told: Vec::with_capacity(MAX_TOLD),
            next_told: 0,
            series: Vec::with_capacity(DEPTH),
        }
    }

    /// How long before the newest row a burst that is yet to be announced may have begun.
    pub fn horizon_s(&self) -> f64 {
        ((DEPTH + 2) * FRAMES) as f64 * self.grid.hop_s()
    }

    /// Forgets everything; frames count from 0 again.
    pub fn restart(&mut self) {
        self.frames = 0;
        self.num_means = 0;
        self.waiting.clear();
        self.told.clear();
        for level in &mut self.levels {
            level.rows = 0;
            level.num_quarters = 0;
        }
    }

    /// Remembers a burst that smaller boxes have found.
    pub fn note(&mut self, extent: &Segment) {
        let narrow = extent.bandwidth_hz < 2.0 * MAX_WIDTH as f64 * self.grid.bin_hz();
        if !narrow || extent.duration_s() < MIN_TOLD_S {
            return;
        }
        if self.told.len() < MAX_TOLD {
            self.told.push(*extent);
        } else {
            self.told[self.next_told % MAX_TOLD] = *extent;
        }
        self.next_told = (self.next_told + 1) % MAX_TOLD;
    }

    /// Takes one row; bursts that have ended go to `ended`. `floor` is the noise power of each bin.
    pub fn push(&mut self, row: &ActivityRow<'_>, floor: &[f32], ended: &mut impl FnMut(Candidate)) {
        if self.frames == 0 {
            self.sum.fill(0.0);
            self.marks.fill(0);
        }
        add_row(row.power, row.active, &mut self.sum, &mut self.marks);
        self.frames += 1;
        if self.frames == FRAMES {
            self.frames = 0;
            self.close_mean();
            self.look(false, floor, ended);
        }
    }

    /// Ends every burst.
    pub fn finish(&mut self, floor: &[f32], ended: &mut impl FnMut(Candidate)) {
        self.look(true, floor, ended);
    }

    fn row(&self, index: u64) -> usize {
        (index % DEPTH as u64) as usize * self.grid.fft_len()
    }

    fn close_mean(&mut self) {
        let bins = self.grid.fft_len();
        let at = self.row(self.num_means);
        scale_row(&self.sum, 1.0 / FRAMES as f32, &mut self.means[at..at + bins]);
        self.marked[at..at + bins].copy_from_slice(&self.marks);
        self.hide_strong(at);
        self.num_means += 1;
        for index in 0..self.levels.len() {
            let level = &mut self.levels[index];
            if level.rows == 0 {
                level.under_way.fill(0.0);
            }
            add(&mut level.under_way, &self.means[at..at + bins]);
            level.rows += 1;
            if level.rows == level.length / 4 {
                level.rows = 0;
                level.quarters.rotate_left(1);
                std::mem::swap(&mut level.quarters[3], &mut level.under_way);
                level.num_quarters += 1;
                if level.num_quarters >= 4 {
                    self.test(index);
                }
            }
        }
    }

    /// Sets to 1 the means that are strong, and those that a strong one's skirts reach.
    fn hide_strong(&mut self, at: usize) {
        let means = &mut self.means[at..at + self.grid.fft_len()];
        if !any_above(means, STRONG) {
            return;
        }
        self.skirt.fill(false);
        for bin in 0..means.len() {
            if means[bin] > STRONG {
                let reach = (SIDELOBE / SKIRT * means[bin]).sqrt() as usize + 1;
                self.skirt[bin.saturating_sub(reach)..(bin + reach + 1).min(means.len())].fill(true);
            }
        }
        for (mean, skirt) in means.iter_mut().zip(&self.skirt) {
            if *skirt {
                *mean = 1.0;
            }
        }
    }

    /// Notes where a box of one length that ends now stands out.
    fn test(&mut self, index: usize) {
        let Self { levels, boxes, waiting, num_means, .. } = self;
        let level = &levels[index];
        boxes.copy_from_slice(&level.quarters[0]);
        level.quarters[1..].iter().for_each(|quarter| add(boxes, quarter));
        for (&width, &threshold) in WIDTHS.iter().zip(&level.thresholds) {
            // What is looked for is rare: a look at the means of single bins leaves most bands out.
            if !any_above(boxes, threshold / width as f32) {
                continue;
            }
            for bin in 0..=boxes.len() - width {
                if boxes[bin..bin + width].iter().sum::<f32>() <= threshold {
                    continue;
                }
                let near = |other: &Waiting| bin < other.bin + other.width + 1 && other.bin < bin + width + 1;
                if waiting.len() < MAX_WAITING && !waiting.iter().any(near) {
                    waiting.push(Waiting { bin, width, due: *num_means + QUIET });
                }
            }
        }
    }

    /// Looks at the bands whose time has come.
    fn look(&mut self, last: bool, floor: &[f32], ended: &mut impl FnMut(Candidate)) {
        let mut index = 0;
        while index < self.waiting.len() {
            let waiting = self.waiting[index];
            if !last && waiting.due > self.num_means {
                index += 1;
                continue;
            }
            match self.measure(waiting, floor) {
                // It may go on: wait, unless its beginning would be lost.
                Some((_, from, to)) if !last && to + QUIET > self.num_means && from > self.oldest() => {
                    self.waiting[index].due = to + QUIET;
                    index += 1;
                }
                found => {
                    self.waiting.swap_remove(index);
                    self.reset_sums(waiting);
                    if let Some((Some(candidate), from, to)) = found {
                        self.forget(waiting, from, to);
                        ended(candidate);
                    }
                }
            }
        }
    }

    fn oldest(&self) -> u64 {
        self.num_means.saturating_sub(DEPTH as u64)
    }

    fn near(&self, band: Waiting) -> std::ops::Range<usize> {
        band.bin.saturating_sub(MAX_WIDTH)..(band.bin + band.width + MAX_WIDTH).min(self.grid.fft_len())
    }

    /// What is told is noise from now on.
    fn forget(&mut self, band: Waiting, from: u64, to: u64) {
        let bins = self.near(band);
        for row in from..to {
            let at = self.row(row);
            self.means[at..][bins.clone()].fill(1.0);
        }
    }

    /// What has been looked at does not call for another look.
    fn reset_sums(&mut self, band: Waiting) {
        let bins = self.near(band);
        for level in &mut self.levels {
            let noise = (level.length / 4) as f32;
            level.quarters.iter_mut().for_each(|quarter| quarter[bins.clone()].fill(noise));
            level.under_way[bins.clone()].fill(level.rows as f32);
        }
    }

    /// Mean over some bins from one row to another.
    fn mean(&self, bins: std::ops::Range<usize>, from: u64, to: u64) -> f64 {
        let rows = (from..to).map(|row| self.means[self.row(row)..][bins.clone()].iter().sum::<f32>());
        rows.map(f64::from).sum::<f64>() / ((to - from) as f64 * bins.len() as f64).max(1.0)
    }

    /// The stretch of rows that stands out most in a band, with the candidate it makes if it stands out enough.
    fn measure(&mut self, band: Waiting, floor: &[f32]) -> Option<(Option<Candidate>, u64, u64)> {
        let (from, to) = self.stretch(band.bin, band.bin + band.width)?;
        // The box may have lain beside the burst.
        let outline = self.outline(band, from, to)?;
        let (from, to) = self.stretch(outline.low, outline.high)?;
        Some((self.candidate(&outline, from, to, floor), from, to))
    }

    fn stretch(&mut self, low: usize, high: usize) -> Option<(u64, u64)> {
        let oldest = self.oldest();
        let mut series = std::mem::take(&mut self.series);
        series.clear();
        series.extend((oldest..self.num_means).map(|row| self.mean(low..high, row, row + 1)));
        let stretch = standing_out(&series);
        self.series = series;
        stretch.map(|(from, to)| (oldest + from as u64, oldest + to as u64))
    }

    /// The bins around that have half of the strongest one's excess, and where exactly it falls to that half.
    fn outline(&self, band: Waiting, from: u64, to: u64) -> Option<Outline> {
        let num_bins = self.grid.fft_len();
        let excess = |bin: usize| self.mean(bin..bin + 1, from, to) - 1.0;
        let near = band.bin.saturating_sub(2)..(band.bin + band.width + 2).min(num_bins);
        let peak_bin = near.max_by(|a, b| excess(*a).total_cmp(&excess(*b)))?;
        let half = excess(peak_bin) / 2.0;
        let (mut low, mut high) = (peak_bin, peak_bin + 1);
        while low > 0 && excess(low - 1) > half && high - low < MAX_WIDTH {
            low -= 1;
        }
        while high < num_bins && excess(high) > half && high - low < MAX_WIDTH {
            high += 1;
        }
        let edge = |inside: usize, outside: Option<usize>| {
            let Some(outside) = outside.filter(|bin| *bin < num_bins) else { return 0.5 };
            let (at, beyond) = (excess(inside), excess(outside));
            ((at - half) / (at - beyond).max(1e-6)).clamp(0.0, 1.0)
        };
        let low_hz = self.grid.frequency_hz(low as f64 - edge(low, low.checked_sub(1)));
        let high_hz = self.grid.frequency_hz((high - 1) as f64 + edge(high - 1, Some(high)));
        Some(Outline { low, high, low_hz, high_hz })
    }

    fn candidate(&self, outline: &Outline, from: u64, to: u64, floor: &[f32]) -> Option<Candidate> {
        let Outline { low, high, low_hz, high_hz } = *outline;
        let mean = self.mean(low..high, from, to);
        let rows = (to - from) as f64;
        let cells = rows * (FRAMES * (high - low)) as f64 * 0.5;
        let evidence = cells * (mean - 1.0 - mean.max(1e-9).ln());
        if mean < MIN_CONTRAST || evidence < MIN_EVIDENCE || !self.stands_out(low, high, from, to, mean) {
            return None;
        }
        let marked =
            (from..to).map(|row| self.marked[self.row(row)..][low..high].iter().map(|m| u64::from(*m)).sum::<u64>());
        if marked.sum::<u64>() as f64 > MARKED_SHARE * 2.0 * cells {
            return None;
        }
        let floor = floor[low..high].iter().map(|f| f64::from(*f)).sum::<f64>() / (high - low) as f64;
        let bandwidth_hz = high_hz - low_hz;
        let signal = (mean - 1.0) * (high - low) as f64 * floor / NOISE_BANDWIDTH_BINS;
        let noise = floor / NOISE_BANDWIDTH_BINS * bandwidth_hz / self.grid.bin_hz();
        let first = self.grid.middle_s(0) - 0.5 * self.grid.hop_s();
        let instant = |row: u64| first + (row * FRAMES as u64) as f64 * self.grid.hop_s();
        let extent =
            Segment { start_s: instant(from), end_s: instant(to), center_hz: (low_hz + high_hz) / 2.0, bandwidth_hz };
        let known =
            |told: &Segment| told.shared_s(&extent) > TOLD_SHARE * extent.duration_s() && told.shared_hz(&extent) > 0.0;
        (!self.told.iter().any(known)).then(|| Candidate {
            extent,
            power_dbfs: (10.0 * signal.log10()) as f32,
            snr_db: (10.0 * (signal / noise).log10()) as f32,
        })
    }

    /// It is no error of the floor: the same bins are quieter at other times, other bins at the same time.
    fn stands_out(&self, low: usize, high: usize, from: u64, to: u64, mean: f64) -> bool {
        let frames = FRAMES as f64 * 0.9;
        let on = (to - from) as f64 * (high - low) as f64 * frames;
        let contrast = |other: f64, cells: f64| {
            mean / other > MIN_CONTRAST.max(1.0 + CONTRAST_SIGMA * (2.25 / on + 2.25 / cells.max(1.0)).sqrt())
        };
        let oldest = self.oldest();
        let off_rows = (from - oldest) + (self.num_means - to);
        let in_time = if (off_rows as usize) < MIN_OFF {
            mean > PLAIN_MEAN
        } else {
            let before = self.mean(low..high, oldest, from) * (from - oldest) as f64;
            let after = self.mean(low..high, to, self.num_means) * (self.num_means - to) as f64;
            contrast((before + after) / off_rows as f64, off_rows as f64 * (high - low) as f64 * frames)
        };
        let last = self.grid.fft_len();
        let below = low.saturating_sub(SIDE_APART + SIDE_BINS)..low.saturating_sub(SIDE_APART);
        let above = (high + SIDE_APART).min(last)..(high + SIDE_APART + SIDE_BINS).min(last);
        // At the very edge of the band there is nothing to compare with.
        if below.len().min(above.len()) < MIN_SIDE_BINS {
            return false;
        }
        // The quieter side counts: a neighbour may be on the other.
        let (below_mean, above_mean) = (self.mean(below.clone(), from, to), self.mean(above.clone(), from, to));
        let (quieter, bins) =
            if below_mean < above_mean { (below_mean, below.len()) } else { (above_mean, above.len()) };
        in_time && contrast(quieter, (to - from) as f64 * bins as f64 * frames)
    }
}

/// The stretch of a series of means that makes a signal of one level most likely, noise being 1; its level is found by
/// turns.
fn standing_out(series: &[f64]) -> Option<(usize, usize)> {
    let mut level: f64 = 1.5;
    let mut best = None;
    for _ in 0..4 {
        // Where the two likelihoods of an exponential power cross.
        let middle = level.ln() / (1.0 - 1.0 / level);
        let (mut sum, mut from, mut most) = (0.0, 0, 0.0);
        best = None;
        for (index, value) in series.iter().enumerate() {
            if sum <= 0.0 {
                (sum, from) = (0.0, index);
            }
            sum += value - middle;
            if sum > most {
                most = sum;
                best = Some((from, index + 1));
            }
        }
        let (from, to) = best?;
        level = (series[from..to].iter().sum::<f64>() / (to - from) as f64).max(1.05);
    }
    best
}

#[multiversion::multiversion(targets = "simd")]
fn add_row(power: &[f32], active: &[bool], sums: &mut [f32], marks: &mut [u8]) {
    for (sum, power) in sums.iter_mut().zip(power) {
        *sum += *power;
    }
    for (mark, active) in marks.iter_mut().zip(active) {
        *mark += u8::from(*active);
    }
}

#[multiversion::multiversion(targets = "simd")]
fn scale_row(values: &[f32], scale: f32, out: &mut [f32]) {
    for (out, value) in out.iter_mut().zip(values) {
        *out = value * scale;
    }
}

#[multiversion::multiversion(targets = "simd")]
fn add(sums: &mut [f32], values: &[f32]) {
    for (sum, value) in sums.iter_mut().zip(values) {
        *sum += value;
    }
}

#[multiversion::multiversion(targets = "simd")]
fn any_above(values: &[f32], threshold: f32) -> bool {
    values.iter().fold(false, |any, value| any | (*value > threshold))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn exponential(state: &mut u64) -> f32 {
        *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        -((((*state >> 11) as f64 + 0.5) / (1u64 << 53) as f64).ln() as f32)
    }

    fn found(frames: u64, mean: impl Fn(u64, usize) -> f32) -> Vec<Candidate> {
        let grid = Grid::new(240e3).unwrap();
        let mut lasting = Lasting::new(&grid);
        let (floor, active) = (vec![1e-6; 64], vec![false; 64]);
        let (mut state, mut candidates) = (9, Vec::new());
        for frame in 0..frames {
            let power: Vec<f32> = (0..64).map(|bin| exponential(&mut state) * mean(frame, bin)).collect();
            let row = ActivityRow { frame, power: &power, active: &active };
            lasting.push(&row, &floor, &mut |candidate| candidates.push(candidate));
        }
        lasting.finish(&floor, &mut |candidate| candidates.push(candidate));
        candidates
    }

    #[test]
    fn a_weak_long_burst_is_one_whatever_its_gap() {
        // 15 kHz at -3 dB: two stretches of 256 ms with 40 ms between them.
        let on = |frame: u64| (3000..4920).contains(&frame) || (5220..7140).contains(&frame);
        let candidates = found(12_000, |frame, bin| if on(frame) && (30..34).contains(&bin) { 1.5 } else { 1.0 });
        assert_eq!(candidates.len(), 1, "{candidates:?}");
        let extent = candidates[0].extent;
        assert!((extent.start_s - 0.4).abs() < 6e-3 && (extent.end_s - 0.952).abs() < 6e-3, "{extent:?}");
        assert!(extent.center_hz.abs() < 2.5e3 && (9e3..21e3).contains(&extent.bandwidth_hz), "{extent:?}");
    }

    #[test]
    fn noise_and_what_is_wrong_with_the_floor_are_no_bursts() {
        assert!(found(40_000, |_, _| 1.0).is_empty());
        // A floor that is 0.6 dB too low in some bins, and a gain that rises for half a second.
        assert!(found(20_000, |_, bin| if (20..24).contains(&bin) { 1.15 } else { 1.0 }).is_empty());
        assert!(found(20_000, |frame, _| if (5000..9000).contains(&frame) { 1.3 } else { 1.0 }).is_empty());
    }

    #[test]
    fn a_strong_burst_is_left_to_the_others() {
        let candidates = found(8000, |frame, bin| match bin {
            30..34 if (2000..5000).contains(&frame) => 300.0,
            36..40 if (2000..5000).contains(&frame) => 1.6,
            _ => 1.0,
        });
        assert!(candidates.is_empty(), "{candidates:?}");
    }
}
