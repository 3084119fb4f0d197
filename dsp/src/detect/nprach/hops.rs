//! Energy along the four hop patterns of a repetition, and the best of them over a block of twelve tones.

use crate::grid::Grid;
use crate::spec::nprach::Format;

use super::energy::CELLS_PER_BIN;

/// Tones of a block.
pub(super) const BLOCK_TONES: usize = 12;

/// Cells and frames between the symbol groups of one format.
#[derive(Debug, Clone)]
pub(super) struct Steps {
    /// Frames from a group to the next, and to the one after.
    pub(super) group: usize,
    pub(super) two_groups: usize,
    /// Cells up to tone 0, 1, …, 11.
    pub(super) tones: [usize; BLOCK_TONES],
}

impl Steps {
    pub(super) fn new(grid: &Grid, format: Format) -> Self {
        let frames = |groups: f64| (groups * format.group_s() / grid.hop_s()).round() as usize;
        let cell_hz = grid.bin_hz() / CELLS_PER_BIN as f64;
        let tones = std::array::from_fn(|n| (n as f64 * format.spacing_hz() / cell_hz).round() as usize);
        Self { group: frames(1.0), two_groups: frames(2.0), tones }
    }

    /// Cells a pattern may reach beyond those its block starts at.
    pub(super) fn reach(&self) -> usize {
        self.tones[1] + self.tones[6] + self.tones[11] + 1
    }

    /// Frames from the first group's row to the last one's.
    pub(super) fn span(&self) -> usize {
        self.group + self.two_groups
    }
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

/// Pairs of neighbouring groups of one format, then repetitions.
pub(super) struct HopSum {
    steps: Steps,
    /// Sums of two groups that hop one tone up, or down; padded like the energies.
    up: Ring,
    down: Ring,
    patterns: [Vec<u8>; 4],
}

impl HopSum {
    pub(super) fn new(steps: Steps, row_len: usize) -> Self {
        Self {
            up: Ring::new(row_len, steps.two_groups),
            down: Ring::new(row_len, steps.two_groups),
            patterns: std::array::from_fn(|_| vec![0; row_len]),
            steps,
        }
    }

    /// Takes the energies of now and of one group before.
    pub(super) fn push(&mut self, energies: &Ring) {
        let one = self.steps.tones[1];
        let (before, now) = (energies.row(self.steps.group), energies.row(0));
        let inner = one..before.len() - one;
        add(&before[inner.clone()], &now[2 * one..], &mut self.up.advance()[inner.clone()]);
        add(&before[inner.clone()], &now[..now.len() - 2 * one], &mut self.down.advance()[inner]);
    }

    /// For every cell a block may start at, the best of the repetitions that end now, in half the energies' unit;
    /// `pad` is the padding of the energies' rows, at least [`Steps::reach`].
    pub(super) fn best(&mut self, pad: usize, best: &mut [u8]) {
        let (one, six) = (self.steps.tones[1], self.steps.tones[6]);
        let outer = one + six;
        let first = [self.up.row(self.steps.two_groups), self.down.row(self.steps.two_groups)];
        let second = [self.down.row(0), self.up.row(0)];
        let inner = outer..first[0].len() - outer;
        // (first pair, shift from the first tone to the third)
        for (i, pattern) in self.patterns.iter_mut().enumerate() {
            let odd = i % 2;
            let third = match i {
                0 => outer + one + six,
                1 => outer - one + six,
                2 => outer + one - six,
                _ => outer - one - six,
            };
            average(&first[odd][inner.clone()], &second[odd][third..], &mut pattern[inner.clone()]);
        }
        best.fill(0);
        for n in 0..BLOCK_TONES {
            // Even tones hop up first, the lower six hop up by six (TS 36.211 §10.1.6.1).
            let pattern = &self.patterns[n % 2 + if n < 6 { 0 } else { 2 }];
            raise(best, &pattern[pad + self.steps.tones[n]..]);
        }
    }
}

#[multiversion::multiversion(targets = "simd")]
fn add(a: &[u8], b: &[u8], sum: &mut [u8]) {
    for ((sum, a), b) in sum.iter_mut().zip(a).zip(b) {
        *sum = a.wrapping_add(*b);
    }
}

#[multiversion::multiversion(targets = "simd")]
fn average(a: &[u8], b: &[u8], mean: &mut [u8]) {
    for ((mean, a), b) in mean.iter_mut().zip(a).zip(b) {
        *mean = ((u16::from(*a) + u16::from(*b) + 1) >> 1) as u8;
    }
}

#[multiversion::multiversion(targets = "simd")]
fn raise(best: &mut [u8], candidates: &[u8]) {
    for (best, candidate) in best.iter_mut().zip(candidates) {
        *best = (*best).max(*candidate);
    }
}
