//! Every cell, first tone and start tested against the energies of a chain of repetitions.

use crate::spec::nprach::{Format, NUM_CELL_IDS, first_tone_shifts};
use crate::statistics::ln_gamma_tail;

/// Lanes of the sums over one cell's first tones, a whole number of vectors; those beyond the block repeat its lowest
/// tones.
const LANES_OF_12: usize = 16;
const LANES_OF_36: usize = 48;
/// Starts that stand out by this many standard deviations less than the most are not tested against all cells.
const STANDING_SIGMAS: f32 = 2.5;
/// Energy of a group, in units of the noise's mean, that noise takes no tenth of.
const FAR_OUT: f32 = 100.0;
/// Longest preamble.
pub(super) const MAX_REPETITIONS: usize = 128;

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

/// Mean and deviation of the best of a block's patterns in noise (simulated; energies limited).
pub(super) const fn best_in_noise(format: Format) -> (f32, f32) {
    match format {
        Format::Zero | Format::One => (7.83, 1.82),
        Format::Two => (12.41, 1.97),
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
    /// repetition that starts on tone `n`; `groups(gaps, k, n, energies)` appends the energies of its groups without a
    /// limit. `starts`: positions that may be the first; `cut_after`: nothing was heard after the chain, so that a
    /// preamble may go on.
    pub(super) fn explain(
        &self,
        energies: &[Vec<f32>],
        starts: std::ops::Range<i64>,
        cut_after: bool,
        groups: &impl Fn(usize, usize, u8, &mut Vec<f32>),
    ) -> Option<Account> {
        match self.format {
            Format::Zero | Format::One => self.explain_in::<LANES_OF_12>(energies, starts, cut_after, groups),
            Format::Two => self.explain_in::<LANES_OF_36>(energies, starts, cut_after, groups),
        }
    }

    fn explain_in<const LANES: usize>(
        &self,
        energies: &[Vec<f32>],
        starts: std::ops::Range<i64>,
        cut_after: bool,
        groups: &impl Fn(usize, usize, u8, &mut Vec<f32>),
    ) -> Option<Account> {
        let block = usize::from(self.format.subcarriers());
        // Length of a row that goes round far enough for every rotation.
        let round_len = block + LANES;
        let num_groups = self.format.groups() as f64;
        let chain = energies.first()?.len() / block;
        // Every row goes round, so that a rotation is a window.
        let round: Vec<Vec<f32>> = energies
            .iter()
            .map(|rows| rows.chunks_exact(block).flat_map(|row| row.iter().cycle().take(round_len).copied()).collect())
            .collect();
        let mut sums = vec![[0.0f32; LANES]; usize::from(NUM_CELL_IDS)];
        let highs = Highs::new(energies, self.format);
        let standings: Vec<(i64, f32)> =
            starts.map(|start| (start, self.standing(&highs, start, chain, cut_after))).collect();
        let most = standings.iter().map(|(_, sigmas)| *sigmas).fold(0.0, f32::max);
        let mut best: Option<Account> = None;
        let mut alone = Vec::new();
        for (start, _) in standings.into_iter().filter(|(_, sigmas)| *sigmas > most - STANDING_SIGMAS) {
            let first = start.max(0) as usize;
            let skipped = (first as i64 - start) as usize;
            sums.fill([0.0; LANES]);
            for position in first..chain.min((start + MAX_REPETITIONS as i64).max(0) as usize) {
                let repetition = skipped + position - first;
                let Some(rows) = round.get(repetition / self.format.repetitions_before_gap()) else { break };
                add_rotated(&mut sums, self.shifts(repetition), &rows[position * round_len..][..round_len]);
                let heard = position - first + 1;
                let complete = (repetition + 1).is_power_of_two();
                if !(complete || cut_after && position + 1 == chain) {
                    continue;
                }
                let (index, highest) = highest(sums.as_flattened());
                let (cell_id, first_tone) = ((index / LANES) as u16, (index % LANES % block) as u8);
                let nats = -ln_gamma_tail(num_groups * heard as f64, f64::from(highest));
                let nats_needed = ln_tests(heard);
                if best.is_some_and(|best| nats - nats_needed <= best.margin()) {
                    continue;
                }
                let repetitions = (0..heard).map(|k| {
                    let tone = self.first_tone(cell_id, first_tone, skipped + k);
                    let rows = &round[(skipped + k) / self.format.repetitions_before_gap()];
                    rows[(first + k) * round_len + usize::from(tone)]
                });
                if !is_steady(repetitions.collect(), self.format.groups() as f32) {
                    continue;
                }
                if heard > 1 {
                    alone.clear();
                    for k in 0..heard {
                        let tone = self.first_tone(cell_id, first_tone, skipped + k);
                        groups((skipped + k) / self.format.repetitions_before_gap(), first + k, tone, &mut alone);
                    }
                    if !is_alike(&mut alone) {
                        continue;
                    }
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

    /// By how many standard deviations the best first tones of the repetitions from `start` on stand out of noise, as
    /// many of them as may be a preamble's.
    fn standing(&self, highs: &Highs, start: i64, chain: usize, cut_after: bool) -> f32 {
        let first = start.max(0) as usize;
        let skipped = (first as i64 - start) as usize;
        let per_gap = self.format.repetitions_before_gap();
        let (mut sum, mut most) = (0.0, f32::MIN);
        for position in first..chain.min((start + MAX_REPETITIONS as i64).max(0) as usize) {
            let repetition = skipped + position - first;
            let Some(excess) = highs.excess(repetition / per_gap, position) else { break };
            sum += excess;
            if (repetition + 1).is_power_of_two() || cut_after && position + 1 == chain {
                most = most.max(sum / ((position - first + 1) as f32).sqrt());
            }
        }
        most
    }
}

/// The best first tone's energy at every position, with every number of gaps before it: in standard deviations of noise,
/// from its mean.
struct Highs(Vec<Vec<f32>>);

impl Highs {
    fn new(energies: &[Vec<f32>], format: Format) -> Self {
        let (mean, sigma) = best_in_noise(format);
        let block = usize::from(format.subcarriers());
        let excess = |row: &[f32]| (row.iter().copied().fold(0.0, f32::max) - mean) / sigma;
        Self(energies.iter().map(|rows| rows.chunks_exact(block).map(excess).collect()).collect())
    }

    fn excess(&self, gaps: usize, position: usize) -> Option<f32> {
        self.0.get(gaps)?.get(position).copied()
    }
}

#[multiversion::multiversion(targets = "simd")]
fn add_rotated<const LANES: usize>(sums: &mut [[f32; LANES]], shifts: &[u8], row: &[f32]) {
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

/// Where groups stand far out of the noise, a preamble's are alike: seven in eight of them hold a tenth of what the
/// upper quarter does. The limit that keeps others' bursts from passing for a preamble hides how much less what leaks
/// into the next repetition is than the one before it.
fn is_alike(energies: &mut [f32]) -> bool {
    energies.sort_unstable_by(f32::total_cmp);
    let upper = energies[energies.len() * 3 / 4];
    upper < FAR_OUT || 8 * energies.iter().filter(|energy| **energy < 0.1 * upper).count() <= energies.len()
}

fn highest(sums: &[f32]) -> (usize, f32) {
    let highest = sums.iter().fold(f32::MIN, |highest, sum| highest.max(*sum));
    (sums.iter().position(|sum| *sum == highest).unwrap_or_default(), highest)
}
