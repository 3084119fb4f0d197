//! Every cell, first tone and start tested against the energies of a chain of repetitions.

use crate::spec::nprach::{Format, NUM_CELL_IDS, first_tone_shifts};
use crate::statistics::ln_gamma_tail;

use super::hops::BLOCK_TONES;

/// Lanes of the sums over one cell's first tones; those beyond the block repeat its lowest tones.
const LANES: usize = 16;
/// Length of a row that goes round far enough for every rotation.
const ROUND: usize = BLOCK_TONES + LANES;
/// Longest preamble.
const MAX_REPETITIONS: usize = 128;

/// First tones of all cells' repetitions relative to the first one's.
pub(super) struct Cells {
    format: Format,
    /// `[repetition][cell]`.
    shifts: Vec<u8>,
}

/// The best account of a chain of repetitions.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Account {
    /// Position in the chain of the preamble's first repetition; negative where it was not heard.
    pub(super) start: i64,
    /// Position of the first and number of the repetitions heard.
    pub(super) first: usize,
    pub(super) heard: usize,
    /// A cell that hops like this, and the first tone of repetition 0 (heard or not).
    pub(super) cell_id: u16,
    pub(super) first_tone: u8,
    /// Negative logarithm of the probability that noise does as well, and what it must be for one false alarm an
    /// hour and 10 MHz.
    pub(super) nats: f64,
    pub(super) nats_needed: f64,
    /// Standard deviations by which it excels what all cells and first tones reach at this place.
    pub(super) distinction: f32,
}

impl Account {
    /// How far it lies above what is needed.
    pub(super) fn margin(&self) -> f64 {
        self.nats - self.nats_needed
    }
}

/// Logarithm of the number of tests an hour over 10 MHz: starts, frequencies, formats and distinct patterns.
pub(super) fn ln_tests(repetitions: usize) -> f64 {
    match repetitions {
        0 | 1 => 27.8,
        2 => 30.8,
        3 | 4 => 34.7,
        _ => 35.1,
    }
}

impl Cells {
    pub(super) fn new(format: Format) -> Self {
        let mut shifts = vec![0; MAX_REPETITIONS * usize::from(NUM_CELL_IDS)];
        for cell_id in 0..NUM_CELL_IDS {
            for (repetition, shift) in first_tone_shifts(cell_id, format, MAX_REPETITIONS).into_iter().enumerate() {
                shifts[repetition * usize::from(NUM_CELL_IDS) + usize::from(cell_id)] = shift;
            }
        }
        Self { format, shifts }
    }

    pub(super) fn format(&self) -> Format {
        self.format
    }

    /// First tone of `repetition` of a cell's preamble that starts on tone `first_tone`.
    pub(super) fn first_tone(&self, cell_id: u16, first_tone: u8, repetition: usize) -> u8 {
        (first_tone + self.shifts(repetition)[usize::from(cell_id)]) % self.format.subcarriers()
    }

    pub(super) fn shifts(&self, repetition: usize) -> &[u8] {
        &self.shifts[repetition * usize::from(NUM_CELL_IDS)..][..usize::from(NUM_CELL_IDS)]
    }

    /// The best account of the repetitions of a chain.
    ///
    /// `energies[gaps][k * block + n]`: energy at position `k` of the chain, `gaps` of the standard's gaps later, of a
    /// repetition that starts on tone `n`. `starts`: positions that may be the first; `cut_after`: nothing was heard
    /// after the chain, so that a preamble may go on.
    pub(super) fn explain(
        &self,
        energies: &[Vec<f32>],
        starts: std::ops::Range<i64>,
        cut_after: bool,
    ) -> Option<Account> {
        let block = BLOCK_TONES;
        let groups = self.format.groups() as f64;
        let chain = energies.first()?.len() / block;
        // Every row goes round, so that a rotation is a window.
        let round: Vec<Vec<f32>> = energies
            .iter()
            .map(|rows| rows.chunks_exact(block).flat_map(|row| row.iter().cycle().take(ROUND).copied()).collect())
            .collect();
        let mut sums = vec![[0.0f32; LANES]; usize::from(NUM_CELL_IDS)];
        let bounds = Bounds::new(energies, block);
        let mut best: Option<Account> = None;
        for start in starts {
            if !self.may_excel(&bounds, start, chain, cut_after, best.map_or(0.0, |best| best.margin())) {
                continue;
            }
            let first = start.max(0) as usize;
            let skipped = (first as i64 - start) as usize;
            sums.fill([0.0; LANES]);
            for position in first..chain.min((start + MAX_REPETITIONS as i64).max(0) as usize) {
                let repetition = skipped + position - first;
                let Some(rows) = round.get(repetition / self.format.repetitions_before_gap()) else { break };
                add_rotated(&mut sums, self.shifts(repetition), &rows[position * ROUND..][..ROUND]);
                let heard = position - first + 1;
                let complete = (repetition + 1).is_power_of_two();
                if !(complete || cut_after && position + 1 == chain) {
                    continue;
                }
                let (index, highest) = highest(sums.as_flattened());
                let (cell_id, first_tone) = ((index / LANES) as u16, (index % LANES % block) as u8);
                let nats = -ln_gamma_tail(groups * heard as f64, f64::from(highest));
                let nats_needed = ln_tests(heard);
                if best.is_some_and(|best| nats - nats_needed <= best.margin()) {
                    continue;
                }
                let repetitions = (0..heard).map(|k| {
                    let tone = self.first_tone(cell_id, first_tone, skipped + k);
                    let rows = &round[(skipped + k) / self.format.repetitions_before_gap()];
                    rows[(first + k) * ROUND + usize::from(tone)]
                });
                if !is_steady(repetitions.collect(), self.format.groups() as f32) {
                    continue;
                }
                best = Some(Account {
                    start,
                    first,
                    heard,
                    cell_id,
                    first_tone,
                    nats,
                    nats_needed,
                    distinction: distinction(sums.as_flattened(), highest),
                });
            }
        }
        best
    }

    /// Whether any cell could explain what follows `start` by more than `margin` above what is needed: none explains
    /// more than the best first tone of every repetition.
    fn may_excel(&self, bounds: &Bounds, start: i64, chain: usize, cut_after: bool, margin: f64) -> bool {
        let first = start.max(0) as usize;
        let skipped = (first as i64 - start) as usize;
        let mut bound = 0.0;
        for position in first..chain.min((start + MAX_REPETITIONS as i64).max(0) as usize) {
            let repetition = skipped + position - first;
            let Some(best) = bounds.of(repetition / self.format.repetitions_before_gap(), position) else { break };
            bound += f64::from(best);
            let heard = position - first + 1;
            if !((repetition + 1).is_power_of_two() || cut_after && position + 1 == chain) {
                continue;
            }
            let nats = -ln_gamma_tail((self.format.groups() * heard) as f64, bound);
            if nats - ln_tests(heard) > margin {
                return true;
            }
        }
        false
    }
}

/// The best first tone's energy at every position, with every number of gaps before it.
struct Bounds(Vec<Vec<f32>>);

impl Bounds {
    fn new(energies: &[Vec<f32>], block: usize) -> Self {
        let best = |row: &[f32]| row.iter().copied().fold(0.0, f32::max);
        Self(energies.iter().map(|rows| rows.chunks_exact(block).map(best).collect()).collect())
    }

    fn of(&self, gaps: usize, position: usize) -> Option<f32> {
        self.0.get(gaps)?.get(position).copied()
    }
}

#[multiversion::multiversion(targets = "simd")]
fn add_rotated(sums: &mut [[f32; LANES]], shifts: &[u8], row: &[f32]) {
    for (sums, &shift) in sums.iter_mut().zip(shifts) {
        let rotated = &row[usize::from(shift)..][..LANES];
        for (sum, energy) in sums.iter_mut().zip(rotated) {
            *sum += energy;
        }
    }
}

fn distinction(sums: &[f32], highest: f32) -> f32 {
    let count = sums.len() as f32;
    let mean = sums.iter().sum::<f32>() / count;
    let variance = sums.iter().map(|sum| (sum - mean).powi(2)).sum::<f32>() / count;
    (highest - mean) / variance.sqrt().max(f32::MIN_POSITIVE)
}

/// Seven in eight repetitions hold their share of what the stronger half does, within what noise takes from them.
fn is_steady(mut energies: Vec<f32>, noise: f32) -> bool {
    energies.sort_unstable_by(f32::total_cmp);
    let upper = &energies[energies.len() / 2..];
    let excess = (upper.iter().sum::<f32>() / upper.len() as f32 - noise).max(0.0);
    let least = noise + 0.45 * excess - 1.3 * (noise + 2.0 * excess).sqrt();
    8 * energies.iter().filter(|energy| **energy < least).count() <= energies.len()
}

fn highest(sums: &[f32]) -> (usize, f32) {
    let highest = sums.iter().fold(f32::MIN, |highest, sum| highest.max(*sum));
    (sums.iter().position(|sum| *sum == highest).unwrap_or_default(), highest)
}
