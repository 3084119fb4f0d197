//! Energy along the hop patterns of a repetition, and the best of them over a block of tones.
//!
//! In: matched energies, one row a frame. Out: for every cell a block may start at, the strongest repetition that ends
//! now, whatever its first tone. Method: first tones that hop alike share one sum (TS 36.211 §10.1.6.1: four ways for
//! formats 0 and 1, eight for format 2). The two halves of a repetition lie far apart in frequency; neither counts much
//! more than the other does, or a strong signal that does not hop would pass for half of a preamble.

use crate::grid::Grid;
use crate::spec::nprach::Format;

use super::energy::{CELLS_PER_BIN, UNIT};

/// Windows of one repetition at the most: two in each of six groups.
const MAX_WINDOWS: usize = 12;
/// Cells summed at a time.
const LANES: usize = 64;
/// What one half may exceed the other by, eight times the noise's mean energy.
const UNEVEN: u16 = 8 * UNIT as u16;

/// Windows of the energies' length in one group, whose energies add up.
pub(super) const fn windows(format: Format) -> usize {
    match format {
        Format::Zero | Format::One => 1,
        Format::Two => 2,
    }
}

/// Cells and frames between the symbol groups of one format.
#[derive(Debug, Clone)]
pub(super) struct Steps {
    pub(super) format: Format,
    /// Frames from the first window's row to every window's.
    pub(super) frames: Vec<usize>,
    /// Cells up to every tone of a block.
    pub(super) tones: Vec<usize>,
    /// Hops that differ, as cells from the first group's to every group's.
    patterns: Vec<Vec<isize>>,
    /// Which of them each first tone takes.
    pattern_of: Vec<usize>,
}

impl Steps {
    pub(super) fn new(grid: &Grid, format: Format) -> Self {
        let cell_hz = grid.bin_hz() / CELLS_PER_BIN as f64;
        let cells = |tones: f64| (tones * format.spacing_hz() / cell_hz).round();
        let windows = windows(format);
        let num_windows = windows * format.groups();
        let frame = |i: usize| (i as f64 / windows as f64 * format.group_s() / grid.hop_s()).round() as usize;
        let mut patterns: Vec<Vec<isize>> = Vec::new();
        let mut pattern_of = Vec::new();
        for first in 0..format.subcarriers() {
            let hops = format.hops(first);
            let pattern: Vec<isize> =
                hops.iter().map(|tone| cells(f64::from(*tone) - f64::from(first)) as isize).collect();
            let known = patterns.iter().position(|known| *known == pattern);
            pattern_of.push(known.unwrap_or(patterns.len()));
            if known.is_none() {
                patterns.push(pattern);
            }
        }
        Self {
            format,
            frames: (0..num_windows).map(frame).collect(),
            tones: (0..format.subcarriers()).map(|n| cells(f64::from(n)) as usize).collect(),
            patterns,
            pattern_of,
        }
    }

    /// Cells a pattern may reach beyond those its block starts at.
    pub(super) fn reach(&self) -> usize {
        self.tones.last().copied().unwrap_or_default() + self.patterns.iter().map(|p| excursion(p)).max().unwrap_or(0)
    }

    /// Frames from the first window's row to the last one's.
    pub(super) fn span(&self) -> usize {
        self.frames.last().copied().unwrap_or_default()
    }
}

fn excursion(pattern: &[isize]) -> usize {
    pattern.iter().map(|cells| cells.unsigned_abs()).max().unwrap_or_default()
}

/// Rows of equal length, of which the last few are remembered.
pub(super) struct Ring {
    rows: Vec<u8>,
    row_len: usize,
    next: usize,
    depth: usize,
}

impl Ring {
    /// Remembers rows up to `delay` before the newest.
    pub(super) fn new(row_len: usize, delay: usize) -> Self {
        Self { rows: vec![0; row_len * (delay + 1)], row_len, next: 0, depth: delay + 1 }
    }

    /// The row to be written now, which becomes the newest.
    pub(super) fn advance(&mut self) -> &mut [u8] {
        let at = self.next;
        self.next = (self.next + 1) % self.depth;
        &mut self.rows[at * self.row_len..][..self.row_len]
    }

    /// Forgets everything.
    pub(super) fn clear(&mut self) {
        self.rows.fill(0);
    }

    /// The row written `delay` rows before the newest.
    ///
    /// # Panics
    /// if more than the remembered delay is asked for.
    pub(super) fn row(&self, delay: usize) -> &[u8] {
        assert!(delay < self.depth, "row {delay} back of {} remembered", self.depth);
        let at = (self.next + 2 * self.depth - 1 - delay) % self.depth;
        &self.rows[at * self.row_len..][..self.row_len]
    }
}

/// Sums along the patterns of one format.
pub(super) struct HopSum {
    steps: Steps,
    /// What a sum is multiplied by, in 1/256, so that the mean of the best in noise is that of the levels.
    scale: u16,
    pattern: Vec<u8>,
}

impl HopSum {
    /// For rows of `row_len` cells.
    pub(super) fn new(steps: Steps, row_len: usize) -> Self {
        let scale = match steps.format {
            Format::Zero | Format::One => 128,
            Format::Two => 51,
        };
        Self { steps, scale, pattern: vec![0; row_len] }
    }

    /// For every cell a block may start at, the best of the repetitions whose last window ends now; `pad` is the
    /// padding of the energies' rows, at least [`Steps::reach`].
    pub(super) fn best(&mut self, energies: &Ring, pad: usize, best: &mut [u8]) {
        let Self { steps, scale, pattern: sums } = self;
        best.fill(0);
        for (index, pattern) in steps.patterns.iter().enumerate() {
            let reach = excursion(pattern);
            let inner = reach..sums.len() - reach;
            let mut rows: [&[u8]; MAX_WINDOWS] = [&[]; MAX_WINDOWS];
            for (window, (row, frame)) in rows.iter_mut().zip(&steps.frames).enumerate() {
                let cells = pattern[window / windows(steps.format)];
                let first = inner.start.wrapping_add_signed(cells);
                *row = &energies.row(steps.span() - frame)[first..first + inner.len()];
            }
            add(&rows[..steps.frames.len()], *scale, &mut sums[inner]);
            for (tone, cells) in steps.tones.iter().enumerate() {
                if steps.pattern_of[tone] == index {
                    raise(best, &sums[pad + cells..]);
                }
            }
        }
    }
}

#[multiversion::multiversion(targets = "simd")]
fn add(rows: &[&[u8]], scale: u16, sums: &mut [u8]) {
    const HALF: u16 = 128;
    let most = (u16::MAX - HALF) / scale;
    let (early, late) = rows.split_at(rows.len() / 2);
    let mut start = 0;
    for sums in sums.chunks_mut(LANES) {
        let half = |rows: &[&[u8]]| {
            let mut lanes = [0u16; LANES];
            for row in rows {
                for (lane, energy) in lanes.iter_mut().zip(&row[start..start + sums.len()]) {
                    *lane += u16::from(*energy);
                }
            }
            lanes
        };
        let (early, late) = (half(early), half(late));
        for ((sum, early), late) in sums.iter_mut().zip(&early).zip(&late) {
            let both = (*early).min(late + UNEVEN) + (*late).min(early + UNEVEN);
            *sum = ((both.min(most) * scale + HALF) >> 8) as u8;
        }
        start += sums.len();
    }
}

#[multiversion::multiversion(targets = "simd")]
fn raise(best: &mut [u8], candidates: &[u8]) {
    for (best, candidate) in best.iter_mut().zip(candidates) {
        *best = (*best).max(*candidate);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The best sum of a repetition whose tones hold `energies`, the rest nothing.
    fn best(energies: [u8; 4]) -> u8 {
        let grid = Grid::new(240e3).unwrap_or_else(|e| panic!("{e}"));
        let steps = Steps::new(&grid, Format::Zero);
        let (pad, cells) = (steps.reach(), grid.fft_len() * CELLS_PER_BIN);
        let mut ring = Ring::new(cells + 2 * pad, steps.span());
        let hops = Format::Zero.hops(3);
        let (origin, span) = (100, steps.span());
        for frame in 0..=span {
            let row = ring.advance();
            row.fill(0);
            for ((tone, at), energy) in hops.iter().zip(&steps.frames).zip(energies) {
                if *at == frame {
                    row[pad + origin + steps.tones[usize::from(*tone)]] = energy;
                }
            }
        }
        let mut best = vec![0; cells];
        HopSum::new(steps, cells + 2 * pad).best(&ring, pad, &mut best);
        best[origin]
    }

    #[test]
    fn four_tones_add_up_and_two_are_half_at_most() {
        assert_eq!(best([30, 50, 40, 60]), 90);
        // What does not hop: both groups of one half, nothing in the other.
        assert_eq!(best([120, 120, 0, 0]), 32);
    }
}
