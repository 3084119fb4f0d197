//! Which cells of time and frequency hold a signal.
//!
//! In: whitened powers (power over noise floor), one row of bins a frame. Out: the same rows, some frames later, with
//! each cell marked as signal or not.
//! Method: boxes of several lengths and widths are tested from the smallest to the largest, each against the
//! threshold of its stated false-alarm rate; what a smaller box has claimed counts as noise for the larger ones, so
//! that a strong burst is outlined closely and a weak one is still found by its sum. Cells that a stronger signal's
//! spectral sidelobes reach are not available to weaker ones.
//! Ignores: shape. What belongs together is the segmentation's question.

use std::ops::Range;

use crate::grid::Grid;
use crate::statistics::gamma_threshold;

/// Probability that one box of noise passes its threshold.
const FALSE_ALARM_PER_BOX: f64 = 1e-9;
/// A box's mean must exceed the floor by this much (0.4 dB) whatever its size: the floor itself is no better known.
const FLOOR_UNCERTAINTY: f64 = 1.1;
/// Frames of the boxes tested, one level each.
const LEVEL_FRAMES: [usize; 5] = [1, 3, 8, 24, 64];
/// Frames that are one block for the levels from the fourth on.
const BLOCK_FRAMES: usize = 8;
const FIRST_BLOCK_LEVEL: usize = 3;
/// Narrow boxes, bins: a tone, two, a subcarrier of 15 kHz; tested at every bin.
const NARROW_BINS: [usize; 3] = [1, 2, 4];
/// Wider boxes are sums of units of four bins: three subcarriers, half a resource block, one, two, six, twenty-five;
/// with their stride in units.
const UNIT_BINS: usize = 4;
const WIDE_UNITS: [(usize, usize); 6] = [(3, 1), (6, 2), (12, 3), (24, 6), (72, 18), (300, 75)];
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
    /// Thresholds of the sums of the narrow and the wide boxes; infinite where a box does not fit.
    narrow: [f32; NARROW_BINS.len()],
    wide: [f32; WIDE_UNITS.len()],
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
    levels: Vec<Level>,
    /// `[row % DEPTH][bin]`
    power: Vec<f32>,
    active: Vec<bool>,
    /// Power not claimed by a smaller box, `[row % UNCLAIMED_DEPTH][bin]`.
    unclaimed: Vec<f32>,
    /// Unclaimed power of whole blocks, `[block % BLOCK_DEPTH][bin]`.
    blocks: Vec<f32>,
    num_blocks: u64,
    block_sums: Vec<f32>,
    sidelobes: Vec<f32>,
    boxes: Boxes,
    next_frame: u64,
    next_out: u64,
}

/// Rows kept until no level can claim them any more, rows kept until they are part of a block, blocks kept.
const DEPTH: usize = 96;
const UNCLAIMED_DEPTH: usize = 32;
const BLOCK_DEPTH: usize = 12;

impl Energy {
    /// Plans the boxes for one grid.
    pub fn new(grid: &Grid) -> Self {
        let num_bins = grid.fft_len();
        let levels = LEVEL_FRAMES.iter().map(|&frames| {
            let fitting = |bins: usize| {
                if bins <= num_bins { threshold(frames, bins, FALSE_ALARM_PER_BOX) } else { f32::INFINITY }
            };
            let stride = if frames > BLOCK_FRAMES { frames.div_ceil(32) * BLOCK_FRAMES } else { (frames / 4).max(1) };
            let narrow = NARROW_BINS.map(fitting);
            let wide = WIDE_UNITS.map(|(units, _)| fitting(units * UNIT_BINS));
            Level { frames, stride, narrow, wide, next_row: 0 }
        });
        Self {
            num_bins,
            levels: levels.collect(),
            power: vec![0.0; DEPTH * num_bins],
            active: vec![false; DEPTH * num_bins],
            unclaimed: vec![0.0; UNCLAIMED_DEPTH * num_bins],
            blocks: vec![0.0; BLOCK_DEPTH * num_bins],
            num_blocks: 0,
            block_sums: vec![0.0; num_bins.div_ceil(SOURCE_BINS)],
            sidelobes: vec![0.0; num_bins.div_ceil(SOURCE_BINS)],
            boxes: Boxes::new(num_bins),
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
        let cells = self.row_cells(self.next_frame);
        self.power[cells.clone()].copy_from_slice(power);
        self.hide_sidelobes(cells.start);
        let unclaimed = self.unclaimed_cells(self.next_frame);
        self.unclaimed[unclaimed].copy_from_slice(&self.power[cells.clone()]);
        self.active[cells].fill(false);
        self.next_frame += 1;
        let mut final_rows = self.next_frame;
        for index in 0..self.levels.len() {
            if index == FIRST_BLOCK_LEVEL {
                self.close_blocks(final_rows);
                final_rows = self.num_blocks * BLOCK_FRAMES as u64;
            }
            final_rows = self.test_level(index, final_rows);
        }
        while self.next_out < final_rows {
            self.hand_on(&mut row);
        }
    }

    fn row_cells(&self, row: u64) -> Range<usize> {
        let at = (row % DEPTH as u64) as usize * self.num_bins;
        at..at + self.num_bins
    }

    fn unclaimed_cells(&self, row: u64) -> Range<usize> {
        let at = (row % UNCLAIMED_DEPTH as u64) as usize * self.num_bins;
        at..at + self.num_bins
    }

    fn block_cells(&self, block: u64) -> Range<usize> {
        let at = (block % BLOCK_DEPTH as u64) as usize * self.num_bins;
        at..at + self.num_bins
    }

    /// Hands on what is still waiting; the larger boxes that would need later frames are not tested.
    pub fn finish(&mut self, mut row: impl FnMut(ActivityRow<'_>)) {
        while self.next_out < self.next_frame {
            self.hand_on(&mut row);
        }
    }

    fn hand_on(&mut self, row: &mut impl FnMut(ActivityRow<'_>)) {
        let cells = self.row_cells(self.next_out);
        row(ActivityRow { frame: self.next_out, power: &self.power[cells.clone()], active: &self.active[cells] });
        self.next_out += 1;
    }

    /// Sets to 1 the cells that a stronger signal's sidelobes account for.
    fn hide_sidelobes(&mut self, slot: usize) {
        let power = &mut self.power[slot..slot + self.num_bins];
        sum_chunks(power, &mut self.block_sums);
        if !self.block_sums.iter().any(|sum| *sum >= SOURCE_MINIMUM) {
            return;
        }
        self.sidelobes.fill(0.0);
        let num_blocks = self.sidelobes.len();
        for source in 0..num_blocks {
            let sum = self.block_sums[source];
            if sum < SOURCE_MINIMUM {
                continue;
            }
            // Beyond this distance less than a third of the noise is left.
            let reach = ((SIDELOBE * sum / 0.3).sqrt() / SOURCE_BINS as f32) as usize;
            for block in source.saturating_sub(reach)..=(source + reach).min(num_blocks - 1) {
                let bins = (block.abs_diff(source) * SOURCE_BINS) as f32;
                if bins > 0.0 {
                    self.sidelobes[block] += SIDELOBE * sum / (bins * bins);
                }
            }
        }
        for ((cells, &expected), sum) in power.chunks_mut(SOURCE_BINS).zip(&self.sidelobes).zip(&self.block_sums) {
            let mean = sum / cells.len() as f32;
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

    /// Sums up the blocks whose rows the smaller boxes have done with.
    fn close_blocks(&mut self, final_rows: u64) {
        while (self.num_blocks + 1) * BLOCK_FRAMES as u64 <= final_rows {
            let cells = self.block_cells(self.num_blocks);
            let block = &mut self.blocks[cells];
            block.fill(0.0);
            for row in 0..BLOCK_FRAMES as u64 {
                let at = ((self.num_blocks * BLOCK_FRAMES as u64 + row) % UNCLAIMED_DEPTH as u64) as usize;
                add_capped(block, &self.unclaimed[at * self.num_bins..][..self.num_bins]);
            }
            self.num_blocks += 1;
        }
    }

    fn test_boxes(&mut self, index: usize, first_row: u64, frames: usize) {
        let first_block = first_row / BLOCK_FRAMES as u64;
        let num_blocks = (frames / BLOCK_FRAMES) as u64;
        let in_blocks = index >= FIRST_BLOCK_LEVEL;
        self.boxes.sums.fill(0.0);
        if in_blocks {
            for block in first_block..first_block + num_blocks {
                let cells = self.block_cells(block);
                add(&mut self.boxes.sums, &self.blocks[cells]);
            }
        } else {
            for row in first_row..first_row + frames as u64 {
                let cells = self.unclaimed_cells(row);
                let cells = &self.unclaimed[cells];
                if frames > UNCAPPED_CELLS {
                    add_capped(&mut self.boxes.sums, cells);
                } else {
                    add(&mut self.boxes.sums, cells);
                }
            }
        }
        let Self { boxes, levels, unclaimed, active, blocks, num_bins, .. } = self;
        let at = |row: u64, depth: usize| (row % depth as u64) as usize * *num_bins;
        boxes.test(&levels[index], |bins| {
            for row in first_row..first_row + frames as u64 {
                active[at(row, DEPTH)..][bins.clone()].fill(true);
                if !in_blocks {
                    unclaimed[at(row, UNCLAIMED_DEPTH)..][bins.clone()].fill(1.0);
                }
            }
            if in_blocks {
                for block in first_block..first_block + num_blocks {
                    blocks[at(block, BLOCK_DEPTH)..][bins.clone()].fill(BLOCK_FRAMES as f32);
                }
            }
        });
    }
}

/// The boxes of one level over one stretch of rows, from the narrowest to the widest.
struct Boxes {
    /// Unclaimed power of each bin over the rows.
    sums: Vec<f32>,
    pairs: Vec<f32>,
    fours: Vec<f32>,
    units: Vec<f32>,
    /// Sums over runs of units, from each unit on.
    wide: [Vec<f32>; WIDE_UNITS.len()],
}

impl Boxes {
    fn new(num_bins: usize) -> Self {
        let zeros = |len: usize| vec![0.0; len];
        let num_units = num_bins / UNIT_BINS;
        Self {
            sums: zeros(num_bins),
            pairs: zeros(num_bins - 1),
            fours: zeros(num_bins - 3),
            units: zeros(num_units),
            wide: WIDE_UNITS.map(|(units, _)| zeros((num_units + 1).saturating_sub(units))),
        }
    }

    /// Tells the ranges of bins that boxes above their threshold claim; what is claimed counts as noise from then on.
    fn test(&mut self, level: &Level, mut claim: impl FnMut(Range<usize>)) {
        let Self { sums, pairs, fours, units, wide } = self;
        let noise = level.frames as f32;
        let mut uncapped = level.frames <= UNCAPPED_CELLS;
        for (index, (&width, &threshold)) in NARROW_BINS.iter().zip(&level.narrow).enumerate() {
            if uncapped && level.frames * width > UNCAPPED_CELLS {
                cap(sums, CELL_CAP * noise);
                uncapped = false;
            }
            let runs: &[f32] = match index {
                0 => sums,
                1 => {
                    add_shifted(sums, 1, pairs);
                    pairs
                }
                _ => {
                    add_shifted(sums, 1, pairs);
                    add_shifted(pairs, 2, fours);
                    fours
                }
            };
            if !any_above(runs, threshold) {
                continue;
            }
            let mut claimed_to = 0;
            for low in 0..=sums.len() - width {
                let sum = match index {
                    0 => sums[low],
                    1 => pairs[low],
                    _ => fours[low],
                };
                if sum > threshold {
                    let bins = low.max(claimed_to)..low + width;
                    claimed_to = bins.end;
                    sums[bins.clone()].fill(noise);
                    claim(bins);
                }
            }
        }
        if uncapped {
            cap(sums, CELL_CAP * noise);
        }
        for (unit, bins) in units.iter_mut().zip(sums.chunks_exact(UNIT_BINS)) {
            *unit = bins.iter().sum();
        }
        let mut fresh = 0;
        for index in 0..WIDE_UNITS.len() {
            for made in fresh..=index {
                add_runs(units, wide, made);
            }
            fresh = index + 1;
            let ((width, stride), threshold) = (WIDE_UNITS[index], level.wide[index]);
            if !any_above(&wide[index], threshold) {
                continue;
            }
            let mut claimed_to = 0;
            for low in (0..wide[index].len()).step_by(stride) {
                if wide[index][low] > threshold {
                    let from = low.max(claimed_to);
                    claimed_to = low + width;
                    units[from..claimed_to].fill(noise * UNIT_BINS as f32);
                    claim(from * UNIT_BINS..claimed_to * UNIT_BINS);
                    fresh = 0;
                }
            }
        }
    }
}

/// Fills `wide[index]` from the units and the shorter runs.
fn add_runs(units: &[f32], wide: &mut [Vec<f32>; WIDE_UNITS.len()], index: usize) {
    let (shorter, longer) = wide.split_at_mut(index);
    let runs = &mut longer[0];
    match index {
        0 => add_all([units, from(units, 1), from(units, 2)], runs),
        1..=3 => {
            let half = WIDE_UNITS[index - 1].0;
            add_all([&shorter[index - 1], from(&shorter[index - 1], half)], runs);
        }
        4 => add_all([&shorter[3], from(&shorter[3], 24), from(&shorter[3], 48)], runs),
        _ => {
            let six = &shorter[4];
            add_all([six, from(six, 72), from(six, 144), from(six, 216), from(&shorter[2], 288)], runs);
        }
    }
}

/// What follows the first `count` values; nothing where there are fewer.
fn from(values: &[f32], count: usize) -> &[f32] {
    values.get(count..).unwrap_or_default()
}

fn add_shifted(values: &[f32], shift: usize, sums: &mut [f32]) {
    add_all([values, from(values, shift)], sums);
}

fn add_all<const N: usize>(terms: [&[f32]; N], sums: &mut [f32]) {
    let len = sums.len();
    if terms.iter().any(|term| term.len() < len) {
        return;
    }
    let (first, rest) = terms.split_at(1);
    sums.copy_from_slice(&first[0][..len]);
    for term in rest {
        add(sums, &term[..len]);
    }
}

#[multiversion::multiversion(targets = "simd")]
fn add(sums: &mut [f32], values: &[f32]) {
    for (sum, value) in sums.iter_mut().zip(values) {
        *sum += value;
    }
}

#[multiversion::multiversion(targets = "simd")]
fn add_capped(sums: &mut [f32], values: &[f32]) {
    for (sum, value) in sums.iter_mut().zip(values) {
        *sum += if *value < CELL_CAP { *value } else { CELL_CAP };
    }
}

#[multiversion::multiversion(targets = "simd")]
fn cap(values: &mut [f32], most: f32) {
    for value in values {
        *value = if *value < most { *value } else { most };
    }
}

/// Cheap where, as mostly, nothing is: no early end, so that it is done many at a time.
#[multiversion::multiversion(targets = "simd")]
fn any_above(values: &[f32], threshold: f32) -> bool {
    values.iter().fold(false, |any, value| any | (*value > threshold))
}

#[multiversion::multiversion(targets = "simd")]
fn sum_chunks(values: &[f32], sums: &mut [f32]) {
    let mut chunks = values.chunks_exact(SOURCE_BINS);
    let mut sums = sums.iter_mut();
    for (chunk, sum) in (&mut chunks).zip(&mut sums) {
        *sum = chunk.iter().sum();
    }
    if let Some(sum) = sums.next() {
        *sum = chunks.remainder().iter().sum();
    }
}

/// Sum of whitened powers that a box of noise exceeds with a given probability, and no error of the floor reaches.
pub(super) fn threshold(frames: usize, bins: usize, false_alarm: f64) -> f32 {
    let cells = (frames * bins) as f64;
    let shape = independent_cells(frames, bins);
    let noise = gamma_threshold(shape, false_alarm.ln()) / shape * cells;
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
