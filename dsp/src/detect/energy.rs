//! Which cells of time and frequency hold a signal.
//!
//! In: whitened powers (power over noise floor), one row of bins a frame. Out: the same rows, some frames later, with
//! each cell marked as signal or not.
//! Method: boxes of several lengths and widths are tested from the smallest to the largest, each against the
//! threshold of its stated false-alarm rate; what a smaller box has claimed counts as noise for the larger ones, so
//! that a strong burst is outlined closely and a weak one is still found by its sum. Cells that a stronger signal's
//! spectral sidelobes reach are not available to weaker ones.
//! Ignores: shape. What belongs together is the segmentation's question.

use crate::grid::Grid;
use crate::statistics::gamma_threshold;

/// Probability that one box of noise passes its threshold.
const FALSE_ALARM_PER_BOX: f64 = 1e-9;
/// A box's mean must exceed the floor by this much (0.4 dB) whatever its size: the floor itself is no better known.
const FLOOR_UNCERTAINTY: f64 = 1.1;
/// Frames of the boxes tested, one level each.
const LEVEL_FRAMES: [usize; 5] = [1, 3, 8, 24, 64];
/// Widths of the boxes tested: a tone, a subcarrier, three, half a resource block, one, two, six, twenty-five.
const WIDTHS_HZ: [f64; 9] = [3750.0, 7500.0, 15e3, 45e3, 90e3, 180e3, 360e3, 1080e3, 4500e3];
/// What one cell may contribute to a box of many: a click or a spur is not a wide signal.
const CELL_CAP: f32 = 12.0;
/// Boxes of more cells than this are capped.
const UNCAPPED_CELLS: usize = 4;

/// Correlation in power of neighbouring cells of half-overlapped Hann frames: next bin, next but one, next frame.
const NEXT_BIN: f64 = 4.0 / 9.0;
const NEXT_BIN_BUT_ONE: f64 = 1.0 / 36.0;
const NEXT_FRAME: f64 = 1.0 / 36.0;

/// Bins over which a source of sidelobes is summed.
const SOURCE_BINS: usize = 8;
/// A source matters from this sum of whitened powers on.
const SOURCE_MINIMUM: f32 = 60.0;
/// Sidelobes of keyed and of SC-FDMA signals fall with the square of the distance: a source of power `B` leaves
/// `SIDELOBE · B / bins²` a bin (for one subcarrier, four bins wide, the sinc's mean of `8 / (π bins)²` of its peak).
const SIDELOBE: f32 = 0.4;
/// A cell counts as its own signal only this far above the sidelobes expected there (exponential powers).
const SIDELOBE_MARGIN: f32 = 8.0;
/// Bins whose mean is this far above the sidelobes expected there hold a signal of their own. (A wide flat signal's
/// own parts put a sixth of its level on each other.)
const OWN_SIGNAL: f32 = 3.0;

/// Independent exponential powers that a sum over `frames × bins` is worth.
pub fn independent_cells(frames: usize, bins: usize) -> f64 {
    let (d, w) = (frames as f64, bins as f64);
    let over_bins = 1.0 + 2.0 * ((w - 1.0).max(0.0) * NEXT_BIN + (w - 2.0).max(0.0) * NEXT_BIN_BUT_ONE) / w;
    let over_frames = 1.0 + 2.0 * (d - 1.0) * NEXT_FRAME / d;
    d * w / (over_bins * over_frames)
}

struct Level {
    frames: usize,
    stride: usize,
    /// `(bins, stride in bins, threshold of the sum)`, narrow to wide.
    boxes: Vec<(usize, usize, f32)>,
    /// Rows this level has tested so far.
    next_row: u64,
}

/// One row as it leaves: marks are final.
#[derive(Debug, Clone, Copy)]
pub struct ActivityRow<'a> {
    /// Index of the frame.
    pub frame: u64,
    /// Whitened power of each bin; 1 where a stronger signal's sidelobes hide the cell.
    pub power: &'a [f32],
    /// True where the cell belongs to a signal.
    pub active: &'a [bool],
}

/// Marks active cells; allocates nothing after construction.
pub struct Energy {
    num_bins: usize,
    depth: usize,
    levels: Vec<Level>,
    /// `[row % depth][bin]`
    power: Vec<f32>,
    unclaimed: Vec<f32>,
    active: Vec<bool>,
    sidelobes: Vec<f32>,
    sums: Vec<f32>,
    prefix: Vec<f64>,
    next_frame: u64,
    next_out: u64,
}

impl Energy {
    /// Plans the boxes for one grid.
    pub fn new(grid: &Grid) -> Self {
        let num_bins = grid.fft_len();
        let levels: Vec<Level> = LEVEL_FRAMES
            .iter()
            .map(|&frames| {
                let mut widths: Vec<usize> = WIDTHS_HZ
                    .iter()
                    .map(|hz| (hz / grid.bin_hz()).round() as usize)
                    .filter(|&w| w <= num_bins)
                    .collect();
                widths.dedup();
                let boxes = widths.iter().map(|&w| (w, (w / 4).max(1), threshold(frames, w))).collect();
                Level { frames, stride: (frames / 4).max(1), boxes, next_row: 0 }
            })
            .collect();
        let depth = LEVEL_FRAMES.iter().sum::<usize>() + LEVEL_FRAMES.len();
        Self {
            num_bins,
            depth,
            levels,
            power: vec![0.0; depth * num_bins],
            unclaimed: vec![0.0; depth * num_bins],
            active: vec![false; depth * num_bins],
            sidelobes: vec![0.0; num_bins.div_ceil(SOURCE_BINS)],
            sums: vec![0.0; num_bins],
            prefix: vec![0.0; num_bins + 1],
            next_frame: 0,
            next_out: 0,
        }
    }

    /// Takes the whitened powers of the next frame; hands on the rows that have become final.
    ///
    /// # Panics
    /// if `power.len()` is not the number of bins.
    pub fn push(&mut self, power: &[f32], mut row: impl FnMut(ActivityRow<'_>)) {
        assert_eq!(power.len(), self.num_bins, "powers of a frame of {} bins", self.num_bins);
        let slot = (self.next_frame % self.depth as u64) as usize * self.num_bins;
        self.power[slot..slot + self.num_bins].copy_from_slice(power);
        self.hide_sidelobes(slot);
        let (clean, raw) = (&mut self.unclaimed[slot..slot + self.num_bins], &self.power[slot..slot + self.num_bins]);
        clean.copy_from_slice(raw);
        self.active[slot..slot + self.num_bins].fill(false);
        self.next_frame += 1;
        let mut final_rows = self.next_frame;
        for index in 0..self.levels.len() {
            final_rows = self.test_level(index, final_rows);
        }
        while self.next_out < final_rows {
            self.hand_on(&mut row);
        }
    }

    /// Hands on what is still waiting; the larger boxes that would need later frames are not tested.
    pub fn finish(&mut self, mut row: impl FnMut(ActivityRow<'_>)) {
        while self.next_out < self.next_frame {
            self.hand_on(&mut row);
        }
    }

    fn hand_on(&mut self, row: &mut impl FnMut(ActivityRow<'_>)) {
        let slot = (self.next_out % self.depth as u64) as usize * self.num_bins;
        row(ActivityRow {
            frame: self.next_out,
            power: &self.power[slot..slot + self.num_bins],
            active: &self.active[slot..slot + self.num_bins],
        });
        self.next_out += 1;
    }

    /// Sets to 1 the cells that a stronger signal's sidelobes account for.
    fn hide_sidelobes(&mut self, slot: usize) {
        let power = &mut self.power[slot..slot + self.num_bins];
        self.sidelobes.fill(0.0);
        let num_blocks = self.sidelobes.len();
        let mut any = false;
        for source in 0..num_blocks {
            let cells = &power[source * SOURCE_BINS..((source + 1) * SOURCE_BINS).min(power.len())];
            let sum: f32 = cells.iter().sum();
            if sum < SOURCE_MINIMUM {
                continue;
            }
            any = true;
            // Beyond this distance less than a third of the noise is left.
            let reach = ((SIDELOBE * sum / 0.3).sqrt() / SOURCE_BINS as f32) as usize;
            for block in source.saturating_sub(reach)..=(source + reach).min(num_blocks - 1) {
                let bins = (block.abs_diff(source) * SOURCE_BINS) as f32;
                if bins > 0.0 {
                    self.sidelobes[block] += SIDELOBE * sum / (bins * bins);
                }
            }
        }
        if !any {
            return;
        }
        for (cells, &expected) in power.chunks_mut(SOURCE_BINS).zip(&self.sidelobes) {
            let mean = cells.iter().sum::<f32>() / cells.len() as f32;
            if expected > 0.3 && mean < OWN_SIGNAL * expected {
                for p in cells.iter_mut().filter(|p| **p < SIDELOBE_MARGIN * expected) {
                    *p = 1.0;
                }
            }
        }
    }

    /// Tests every box of one level that ends before row `available`; returns how many rows are final after it.
    fn test_level(&mut self, index: usize, available: u64) -> u64 {
        let Level { frames, stride, next_row, .. } = self.levels[index];
        let mut next = next_row;
        while next + frames as u64 <= available {
            self.test_boxes(index, next, frames);
            next += stride as u64;
        }
        self.levels[index].next_row = next;
        next.min(available)
    }

    fn test_boxes(&mut self, index: usize, first_row: u64, frames: usize) {
        let n = self.num_bins;
        let slot = |row: usize| ((first_row + row as u64) % self.depth as u64) as usize * n;
        self.sums.fill(0.0);
        for row in 0..frames {
            let cells = &self.unclaimed[slot(row)..slot(row) + n];
            if frames > UNCAPPED_CELLS {
                for (sum, p) in self.sums.iter_mut().zip(cells) {
                    *sum += p.min(CELL_CAP);
                }
            } else {
                for (sum, p) in self.sums.iter_mut().zip(cells) {
                    *sum += p;
                }
            }
        }
        let mut stale = true;
        for &(width, stride, threshold) in &self.levels[index].boxes {
            if stale {
                let cap = if frames * width > UNCAPPED_CELLS { CELL_CAP * frames as f32 } else { f32::INFINITY };
                let mut total = 0.0;
                for (prefix, sum) in self.prefix[1..].iter_mut().zip(&self.sums) {
                    total += f64::from(sum.min(cap));
                    *prefix = total;
                }
                stale = false;
            }
            let mut claimed_to = 0;
            for low in (0..=n - width).step_by(stride) {
                if (self.prefix[low + width] - self.prefix[low]) as f32 <= threshold {
                    continue;
                }
                stale = true;
                let from = low.max(claimed_to);
                claimed_to = low + width;
                self.sums[from..claimed_to].fill(frames as f32);
                for row in 0..frames {
                    let slot = slot(row);
                    self.unclaimed[slot + from..slot + claimed_to].fill(1.0);
                    self.active[slot + from..slot + claimed_to].fill(true);
                }
            }
            // Until the sums are capped the prefix is exact for narrow boxes only.
            stale |= frames * width <= UNCAPPED_CELLS;
        }
    }
}

fn threshold(frames: usize, bins: usize) -> f32 {
    let cells = (frames * bins) as f64;
    let shape = independent_cells(frames, bins);
    let noise = gamma_threshold(shape, FALSE_ALARM_PER_BOX.ln()) / shape * cells;
    noise.max(FLOOR_UNCERTAINTY * cells) as f32
}

#[cfg(test)]
mod tests {
    use super::*;

    fn exponential(state: &mut u64) -> f32 {
        *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        -((((*state >> 11) as f64 + 0.5) / (1u64 << 53) as f64).ln() as f32)
    }

    /// Activity of `frames` rows whose mean is `mean(frame, bin)`.
    fn activity(frames: u64, mean: impl Fn(u64, usize) -> f32) -> Vec<Vec<bool>> {
        let mut energy = Energy::new(&Grid::new(960e3).unwrap());
        let (mut state, mut rows) = (3, Vec::new());
        for frame in 0..frames {
            let power: Vec<f32> = (0..256).map(|bin| exponential(&mut state) * mean(frame, bin)).collect();
            energy.push(&power, |row| {
                assert_eq!(row.frame, rows.len() as u64);
                rows.push(row.active.to_vec());
            });
        }
        energy.finish(|row| rows.push(row.active.to_vec()));
        rows
    }

    #[test]
    fn noise_marks_nothing() {
        let rows = activity(20_000, |_, _| 1.0);
        assert_eq!(rows.len(), 20_000);
        assert!(rows.iter().flatten().filter(|a| **a).count() < 200);
    }

    #[test]
    fn a_strong_burst_is_outlined() {
        let rows = activity(400, |t, k| if (100..160).contains(&t) && (60..108).contains(&k) { 100.0 } else { 1.0 });
        let inside = (100..160).map(|t| rows[t][60..108].iter().filter(|a| **a).count()).sum::<usize>();
        assert!(inside > 60 * 48 * 95 / 100, "{inside}");
        let far = |t: usize, k: usize| !(76..184).contains(&t) || !(36..132).contains(&k);
        let outside =
            rows.iter().enumerate().flat_map(|(t, row)| row.iter().enumerate().filter(move |(k, a)| **a && far(t, *k)));
        assert_eq!(outside.count(), 0);
    }

    /// One resource block for one subframe at 0 dB: the radiometer's bound is near -0.8 dB.
    #[test]
    fn a_burst_at_the_noise_is_found_by_its_sum() {
        let rows = activity(400, |t, k| if (200..208).contains(&t) && (60..108).contains(&k) { 2.0 } else { 1.0 });
        let inside = (200..208).map(|t| rows[t][60..108].iter().filter(|a| **a).count()).sum::<usize>();
        assert!(inside > 8 * 48 / 2, "{inside}");
    }
}
