//! Repetitions added up by doubling: what cannot be heard in one repetition is heard in many.
//!
//! In: for every block origin the best hop pattern's energy, one row a step. Out: sums over 1, 2, 4, … 128 repetitions.
//! Method: `A_2R(t) = A_R(t) + A_R(t - R repetitions)`, each half limited, so that one strong half is not enough.
//! Ignores: that the first tones of successive repetitions obey the cell's sequence; the refinement tests that.

use crate::spec::nprach::Format;

use super::hops::Ring;

/// Numbers of repetitions added: 1, 2, 4, … 128.
pub(super) const NUM_LEVELS: usize = 8;
/// Mean of every level in noise, quantised.
const MEAN: u8 = 32;
/// What the sum of two halves is reduced by to keep that mean, where a level keeps the unit of its halves.
const SURPLUS: [u8; NUM_LEVELS] = [0, 31, 0, 33, 0, 32, 0, 32];
/// Thresholds of every level, quantised: exceeded once in some 10⁸ cells of noise at the low levels, in 10⁶ to 10⁷ at
/// the high ones, which cost the most sensitivity. Level 0 counts quarters of
/// the noise's mean energy, and the unit doubles with every second level.
const THRESHOLDS: [u8; NUM_LEVELS] = [116, 129, 92, 106, 77, 90, 73, 87];

/// Chunks on either side that are compared, and those of them that one preamble may fill.
const NEAR_CHUNKS: usize = 10;
const OWN_CHUNKS: usize = 2;
/// Values of every level that the highest of a chunk of noise exceeds once in twenty times.
const ELEVATED: [u8; NUM_LEVELS] = [62, 74, 60, 70, 58, 67, 58, 68];

/// A sum that stands out.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Peak {
    /// Repetitions added: `1 << level`.
    pub(super) level: usize,
    /// Cell the block starts at.
    pub(super) cell: usize,
    /// Excess over the noise's mean, 1 at threshold.
    pub(super) score: f32,
}

/// The sums of one format.
pub(super) struct Levels {
    rings: Vec<Ring>,
    /// Steps between the halves of a level; the first has none.
    delays: Vec<usize>,
    /// Steps taken.
    num_steps: usize,
    /// Highest value of every chunk, and the number of elevated ones before it.
    highest: Vec<u8>,
    elevated: Vec<u32>,
}

impl Levels {
    /// As many levels as `history_bytes` allow, for rows of `num_cells` cells, one every `step_s`.
    pub(super) fn new(format: Format, num_cells: usize, step_s: f64, history_bytes: usize) -> Self {
        let delay = |level: usize| (format.repetition_start_s(1 << (level - 1)) / step_s).round() as usize;
        let mut delays = vec![0];
        let mut bytes = 0;
        for level in 1..NUM_LEVELS {
            bytes += (delay(level) + 1) * num_cells;
            if bytes > history_bytes {
                break;
            }
            delays.push(delay(level));
        }
        let depth = |level: usize| delays.get(level + 1).copied().unwrap_or_default();
        Self {
            rings: (0..delays.len()).map(|level| Ring::new(num_cells, depth(level))).collect(),
            delays,
            num_steps: 0,
            highest: Vec::with_capacity(num_cells),
            elevated: Vec::with_capacity(num_cells + 1),
        }
    }

    /// Highest number of repetitions added up.
    pub(super) fn most_repetitions(&self) -> usize {
        1 << (self.rings.len() - 1)
    }

    /// Forgets everything.
    pub(super) fn clear(&mut self) {
        self.rings.iter_mut().for_each(Ring::clear);
        self.num_steps = 0;
    }

    /// The row to be filled before [`Self::sum`].
    pub(super) fn row(&mut self) -> &mut [u8] {
        self.num_steps += 1;
        self.rings[0].advance()
    }

    /// Adds up what ends at the newest row and reports the highest peak of every `chunk` cells of every level.
    pub(super) fn sum(&mut self, chunk: usize, mut report: impl FnMut(Peak)) {
        let mut steps_needed = 0;
        for level in 0..self.rings.len() {
            steps_needed += self.delays[level];
            if level > 0 {
                let (halves, sums) = self.rings.split_at_mut(level);
                let half = &halves[level - 1];
                let (old, new) = (half.row(self.delays[level]), half.row(0));
                add_halves(old, new, level, sums[0].advance());
            }
            if self.num_steps <= steps_needed {
                continue;
            }
            let threshold = THRESHOLDS[level];
            let row = self.rings[level].row(0);
            if highest(row) < threshold {
                continue;
            }
            self.highest.clear();
            self.highest.extend(row.chunks(chunk).map(highest));
            self.elevated.clear();
            self.elevated.push(0);
            for highest in &self.highest {
                let before = self.elevated.last().copied().unwrap_or_default();
                self.elevated.push(before + u32::from(*highest > ELEVATED[level]));
            }
            for (index, &highest) in self.highest.iter().enumerate() {
                if highest >= threshold && !is_wide(&self.elevated, index) {
                    let cells = &row[index * chunk..];
                    let cell = index * chunk + cells.iter().position(|c| *c == highest).unwrap_or_default();
                    let score = f32::from(highest - MEAN) / f32::from(threshold - MEAN);
                    report(Peak { level, cell, score });
                }
            }
        }
    }
}

/// Whether most of the chunks around one are elevated too: what stands out over more than the 180 kHz of a carrier is
/// not one preamble nor many, but the structure of something wide.
fn is_wide(elevated: &[u32], index: usize) -> bool {
    let last = elevated.len() - 1;
    let count = |from: usize, to: usize| elevated[to] - elevated[from];
    let (low, high) = (index.saturating_sub(NEAR_CHUNKS), (index + NEAR_CHUNKS + 1).min(last));
    let (own_low, own_high) = (index.saturating_sub(OWN_CHUNKS), (index + OWN_CHUNKS + 1).min(last));
    let others = (high - low) - (own_high - own_low);
    others >= NEAR_CHUNKS - OWN_CHUNKS && 2 * (count(low, high) - count(own_low, own_high)) as usize > others
}

/// Highest value of a half that counts: 0.75 of what the whole needs above its mean, so that the other half must bring
/// the rest.
const HALF_LIMITS: [u8; NUM_LEVELS] = half_limits();

const fn half_limits() -> [u8; NUM_LEVELS] {
    let mut limits = [u8::MAX; NUM_LEVELS];
    let mut level = 1;
    while level < NUM_LEVELS {
        // Levels of odd number keep the unit of their halves, the others double it.
        let excess = (THRESHOLDS[level] - MEAN) as u32 * if level % 2 == 1 { 3 } else { 6 } / 4;
        limits[level] = MEAN + if excess > 223 { 223 } else { excess as u8 };
        level += 1;
    }
    limits
}

fn add_halves(old: &[u8], new: &[u8], level: usize, sum: &mut [u8]) {
    let limit = HALF_LIMITS[level];
    if level % 2 == 1 { add_less(old, new, limit, SURPLUS[level], sum) } else { average(old, new, limit, sum) }
}

#[multiversion::multiversion(targets = "simd")]
fn add_less(old: &[u8], new: &[u8], limit: u8, surplus: u8, sum: &mut [u8]) {
    for ((sum, old), new) in sum.iter_mut().zip(old).zip(new) {
        let both = u16::from((*old).min(limit)) + u16::from((*new).min(limit));
        *sum = both.saturating_sub(u16::from(surplus)).min(255) as u8;
    }
}

#[multiversion::multiversion(targets = "simd")]
fn average(old: &[u8], new: &[u8], limit: u8, sum: &mut [u8]) {
    for ((sum, old), new) in sum.iter_mut().zip(old).zip(new) {
        *sum = ((u16::from((*old).min(limit)) + u16::from((*new).min(limit)) + 1) >> 1) as u8;
    }
}

#[multiversion::multiversion(targets = "simd")]
fn highest(cells: &[u8]) -> u8 {
    cells.iter().fold(0, |highest, cell| highest.max(*cell))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Fills a level's rows for `steps` steps with `value(step)` everywhere and collects the levels that report.
    fn reported(steps: usize, value: impl Fn(usize) -> u8) -> Vec<usize> {
        let mut levels = Levels::new(Format::Zero, 64, Format::Zero.repetition_s() / 21.0, usize::MAX);
        let mut seen = vec![];
        for step in 0..steps {
            levels.row().fill(value(step));
            levels.sum(64, |peak| seen.push(peak.level));
        }
        seen.sort_unstable();
        seen.dedup();
        seen
    }

    #[test]
    fn repetitions_add_up_and_noise_does_not() {
        assert!(reported(2000, |_| MEAN).is_empty());
        // A sixth of a single repetition's threshold, eight times in a row.
        let weak = reported(2000, |step| if (400..568).contains(&step) && step % 21 == 1 { 62 } else { MEAN });
        assert!(weak.contains(&3) && !weak.contains(&0), "{weak:?}");
    }

    #[test]
    fn one_strong_repetition_is_one_repetition() {
        assert_eq!(reported(2000, |step| if step == 700 { 254 } else { MEAN }), [0]);
    }

    /// Wider than a carrier: no preamble, however strong; as wide as a preamble's origins: one.
    #[test]
    fn what_stands_out_far_and_wide_is_no_preamble() {
        let reports = |chunks: std::ops::Range<usize>| {
            let mut levels = Levels::new(Format::Zero, 64 * 40, Format::Zero.repetition_s() / 21.0, usize::MAX);
            let mut count = 0;
            for _ in 0..10 {
                let row = levels.row();
                row.fill(MEAN);
                row[64 * chunks.start..64 * chunks.end].fill(250);
                levels.sum(64, |_| count += 1);
            }
            count
        };
        assert_eq!((reports(0..40), reports(0..0)), (0, 0));
        assert!(reports(18..22) > 0);
    }

    #[test]
    fn little_history_leaves_the_low_levels() {
        let levels = Levels::new(Format::Zero, 1000, 0.0056 / 21.0, 100_000);
        assert_eq!(levels.rings.len(), 3);
    }
}
