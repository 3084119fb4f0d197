//! First stage: where a preamble may be, streaming.
//!
//! In: whitened powers of every frame of the grid. Out: seeds, boxes of about 1.05 MHz and 0.9 ms or more that hold
//! more energy than noise does.
//! Method: limited powers summed over sub-bands and frames. Sub-bands that stand out of a box count as much as its
//! median, so that a resource block inside of it or a neighbour beside it neither passes for a preamble nor hides one.
//! The threshold passes 2 % of boxes of noise; what is then more than can be looked at is dropped, weakest first.
//! A thorough gate is open everywhere, in steps of the raster of channels.
//! Ignores: captures narrower than a preamble, which cannot hold one.

use crate::finding::Rejection;
use crate::grid::Grid;
use crate::spec::prach::{OCCUPIED_HZ, SEQUENCE_S};

/// Width of a sub-band, and sub-bands of a box.
const SUB_BAND_HZ: f64 = 60e3;
const SUB_BANDS: usize = 17;
/// Frames of a box: as long as the shortest preamble.
const FRAMES: usize = 7;
/// Powers count up to this; limited powers of noise then have this mean and variance.
const LIMIT: f32 = 4.0;
const LIMITED_MEAN: f32 = 0.981_68;
const LIMITED_VARIANCE: f64 = 0.853_1;
/// Sum of the power correlations of a Hann window's neighbouring bins, and of half-overlapped frames.
const BIN_CORRELATION: f64 = 1.944;
const FRAME_CORRELATION: f64 = 1.056;
/// Standard deviations of noise above its mean that open the gate: 2 % of boxes.
const OPEN_SIGMAS: f64 = 2.05;
/// A sub-band this much above the median of its box belongs to something else (four deviations of noise) …
const FOREIGN_RATIO: f32 = 1.6;
/// … and makes the box this much worse than one without it.
const FOREIGN_PENALTY: f32 = 0.01;
/// A preamble's band ends with a step: this many sub-bands, this many away from the box, hold less than half of the
/// excess, or no more than noise does. A seed without one on one side or on both counts for less when there are too many.
const BESIDE_SUB_BANDS: usize = 3;
const BESIDE_GAP: usize = 1;
const STEP_SHARE: f32 = 0.5;
const STEP_NOISE: f32 = 0.25;
const STEP_WEIGHTS: [f32; 3] = [0.02, 0.5, 1.0];
/// Peaks closer than this in frequency, or with no longer a pause in time, are one seed.
const APART_SUB_BANDS: usize = 6;
const PAUSE_FRAMES: u64 = 3;
/// Longest seed; the longest preamble lasts 2.3 ms.
const MAX_FRAMES: usize = 24;
/// Share of a seed's strongest excess that still belongs to it, where that stands out of its noise.
const KEPT_SHARE: f32 = 0.6;
const CLEAR_EXCESS: f32 = 0.4;
/// Seeds are chosen among those that end within this many frames (20 ms) of each other …
const INTERVAL_FRAMES: u64 = 150;
/// … no more than this many a second …
const MAX_SEEDS_PER_S: f64 = 1200.0;
/// … and than this many samples a second need to be brought to baseband for, at this time each.
const MAX_SAMPLES_PER_S: f64 = 35e6;
const SEED_S: f64 = 2.9e-3;
/// Steps of a gate that is open everywhere; half a step costs a preamble 5 % of its energy.
const STRIDE_FRAMES: u64 = 48;
const STRIDE_HZ: f64 = 100e3;
/// Time the baseband should reach before a seed's start and after its end; a seed of a thorough gate may hold any part
/// of a preamble.
const MARGIN_S: f64 = 0.9e-3;
const THOROUGH_MARGIN_S: f64 = 2.0e-3;
/// Seeds growing at one time, and ending in one interval, without room being made for more.
const MAX_GROWING: usize = 1024;
const MAX_ENDED: usize = 4096;

/// A region that may hold preambles.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Seed {
    /// First instant that may belong to one.
    pub start_s: f64,
    /// Last instant that may belong to one.
    pub end_s: f64,
    /// Middle of the band.
    pub center_hz: f64,
    /// What it is worth to look at: excess of the box's limited power over the noise, less where it goes on beside.
    pub worth: f32,
    /// Whether it is to be searched whatever that costs.
    pub thorough: bool,
}

impl Seed {
    /// From when to when the refinement wants samples.
    pub fn wanted_s(&self) -> (f64, f64) {
        let margin_s = if self.thorough { THOROUGH_MARGIN_S } else { MARGIN_S };
        (self.start_s - margin_s, self.end_s + margin_s)
    }
}

#[derive(Clone, Copy)]
struct Growing {
    first: u64,
    len: usize,
    levels: [f32; MAX_FRAMES],
    best: f32,
    position: usize,
    /// See [`Seed::worth`].
    worth: f32,
}

/// The streaming gate; allocates nothing after construction.
pub struct Gate {
    grid: Grid,
    bins_per_sub: usize,
    threshold: f32,
    thorough: bool,
    seeds_per_interval: usize,
    /// `[frame][sub-band]`, a ring, and its sum over frames.
    ring: Vec<f32>,
    sums: Vec<f32>,
    /// As `ring` and `sums`, of powers that are not limited.
    full_ring: Vec<f32>,
    full_sums: Vec<f32>,
    levels: Vec<f32>,
    num_frames: u64,
    next_frame: u64,
    growing: Vec<Growing>,
    ended: Vec<Seed>,
    dropped: u64,
}

impl Gate {
    /// A gate for the whole band of a grid.
    pub fn new(grid: &Grid) -> Self {
        Self::with(grid, false)
    }

    /// A gate that is open everywhere.
    pub fn thorough(grid: &Grid) -> Self {
        Self::with(grid, true)
    }

    fn with(grid: &Grid, thorough: bool) -> Self {
        let bins_per_sub = ((SUB_BAND_HZ / grid.bin_hz()).round() as usize).max(1);
        let num_subs = grid.fft_len() / bins_per_sub;
        let cells = (SUB_BANDS * bins_per_sub * FRAMES) as f64 / (BIN_CORRELATION * FRAME_CORRELATION);
        let sigma = (LIMITED_VARIANCE / cells).sqrt() / f64::from(LIMITED_MEAN);
        let per_s = MAX_SEEDS_PER_S.min(MAX_SAMPLES_PER_S / (grid.sample_rate_hz() * SEED_S));
        Self {
            grid: *grid,
            bins_per_sub,
            threshold: (1.0 + OPEN_SIGMAS * sigma) as f32,
            thorough,
            seeds_per_interval: ((per_s * INTERVAL_FRAMES as f64 * grid.hop_s()).round() as usize).max(1),
            ring: vec![0.0; num_subs * FRAMES],
            sums: vec![0.0; num_subs],
            full_ring: vec![0.0; num_subs * FRAMES],
            full_sums: vec![0.0; num_subs],
            levels: vec![0.0; (num_subs + 1).saturating_sub(SUB_BANDS)],
            num_frames: 0,
            next_frame: 0,
            growing: Vec::with_capacity(MAX_GROWING),
            ended: Vec::with_capacity(MAX_ENDED),
            dropped: 0,
        }
    }

    /// Seeds that were not looked at, as there were too many.
    pub fn rejections(&self) -> (Rejection, u64) {
        (Rejection { detector: "prach", reason: "more places to look at than time" }, self.dropped)
    }

    /// How long before the newest frame a seed that is yet to be announced may have begun.
    pub fn horizon_s(&self) -> f64 {
        let thorough_s = 2.0 * STRIDE_FRAMES as f64 * self.grid.hop_s() + THOROUGH_MARGIN_S;
        let gated_s = (INTERVAL_FRAMES as f64 + MAX_FRAMES as f64 + PAUSE_FRAMES as f64 + FRAMES as f64 + 2.0)
            * self.grid.hop_s();
        gated_s.max(thorough_s)
    }

    /// Takes frame `index` (powers relative to the noise, lowest frequency first), and appends the seeds that have
    /// ended. A jump of `index` starts anew.
    pub fn push(&mut self, index: u64, whitened: &[f32], seeds: &mut Vec<Seed>) {
        if self.levels.is_empty() {
            return;
        }
        if index != self.next_frame {
            self.finish(seeds);
            self.next_frame = index;
        }
        self.next_frame += 1;
        if self.thorough {
            if (index + 1).is_multiple_of(STRIDE_FRAMES) {
                self.everywhere(index + 1 - STRIDE_FRAMES, index, seeds);
            }
            return;
        }
        self.add(whitened);
        if self.num_frames >= FRAMES as u64 {
            self.measure();
            for position in 0..self.levels.len() {
                if self.is_peak(position) {
                    self.grow(index, position);
                }
            }
        }
        self.close(index);
        if (index + 1).is_multiple_of(INTERVAL_FRAMES) {
            self.emit(seeds);
        }
    }

    /// The stream is over or interrupted: announces what is still open.
    pub fn finish(&mut self, seeds: &mut Vec<Seed>) {
        if self.thorough && !self.levels.is_empty() {
            let rest = self.next_frame % STRIDE_FRAMES;
            if rest > 0 {
                self.everywhere(self.next_frame - rest, self.next_frame - 1, seeds);
            }
        }
        self.close(u64::MAX);
        self.emit(seeds);
        self.ring.fill(0.0);
        self.full_ring.fill(0.0);
        self.num_frames = 0;
        self.next_frame = 0;
    }

    /// Seeds over the whole band for periods that begin in frames `first` to `last`.
    fn everywhere(&self, first: u64, last: u64, seeds: &mut Vec<Seed>) {
        let half_hz = 0.5 * (self.grid.sample_rate_hz() - OCCUPIED_HZ).max(0.0);
        let half_steps = (half_hz / STRIDE_HZ).ceil() as i64;
        seeds.extend((-half_steps..=half_steps).map(|step| Seed {
            start_s: self.grid.middle_s(first) - self.grid.hop_s(),
            end_s: self.grid.middle_s(last) + SEQUENCE_S,
            center_hz: step as f64 * STRIDE_HZ,
            worth: 1.0,
            thorough: true,
        }));
    }

    fn add(&mut self, whitened: &[f32]) {
        let num_subs = self.sums.len();
        let first = (self.num_frames % FRAMES as u64) as usize * num_subs;
        let row = &mut self.ring[first..first + num_subs];
        let full_row = &mut self.full_ring[first..first + num_subs];
        let cells = (self.bins_per_sub * FRAMES) as f32;
        for ((value, full), powers) in row.iter_mut().zip(full_row).zip(whitened.chunks_exact(self.bins_per_sub)) {
            *value = powers.iter().map(|power| power.min(LIMIT)).sum::<f32>() / (LIMITED_MEAN * cells);
            *full = powers.iter().sum::<f32>() / cells;
        }
        self.num_frames += 1;
        sum_rows(&self.ring, &mut self.sums);
        sum_rows(&self.full_ring, &mut self.full_sums);
    }

    fn measure(&mut self) {
        let mut total: f32 = self.sums[..SUB_BANDS - 1].iter().sum();
        for position in 0..self.levels.len() {
            total += self.sums[position + SUB_BANDS - 1];
            let mean = total / SUB_BANDS as f32;
            self.levels[position] =
                if mean > self.threshold { own_level(&self.sums[position..position + SUB_BANDS]) } else { 0.0 };
            total -= self.sums[position];
        }
    }

    fn is_peak(&self, position: usize) -> bool {
        let level = self.levels[position];
        let low = position.saturating_sub(APART_SUB_BANDS);
        let high = (position + APART_SUB_BANDS + 1).min(self.levels.len());
        level > self.threshold
            && self.levels[low..position].iter().all(|other| *other < level)
            && self.levels[position + 1..high].iter().all(|other| *other <= level)
    }

    /// Sides on which the band of a box ends with a step.
    fn steps(&self, position: usize) -> usize {
        let excess = |subs: &[f32]| subs.iter().sum::<f32>() / subs.len().max(1) as f32 - 1.0;
        let own = excess(&self.full_sums[position..position + SUB_BANDS]);
        let below = position.saturating_sub(BESIDE_GAP + BESIDE_SUB_BANDS)..position.saturating_sub(BESIDE_GAP);
        let above = (position + SUB_BANDS + BESIDE_GAP).min(self.full_sums.len())
            ..(position + SUB_BANDS + BESIDE_GAP + BESIDE_SUB_BANDS).min(self.full_sums.len());
        [below, above]
            .into_iter()
            .filter(|range| {
                range.is_empty() || excess(&self.full_sums[range.clone()]) < (STEP_SHARE * own).max(STEP_NOISE)
            })
            .count()
    }

    fn grow(&mut self, index: u64, position: usize) {
        let level = self.levels[position];
        let worth = (level - 1.0) * STEP_WEIGHTS[self.steps(position)];
        let room = self.growing.len() < MAX_GROWING;
        let home = self.growing.iter_mut().find(|g| {
            g.position.abs_diff(position) <= APART_SUB_BANDS
                && index < g.first + (g.len as u64) + PAUSE_FRAMES
                && index < g.first + MAX_FRAMES as u64
        });
        match home {
            Some(g) => {
                let at = (index - g.first) as usize;
                g.levels[at] = g.levels[at].max(level);
                g.len = g.len.max(at + 1);
                if level > g.best {
                    g.best = level;
                    g.position = position;
                }
                g.worth = g.worth.max(worth);
            }
            None if room => {
                let mut levels = [0.0; MAX_FRAMES];
                levels[0] = level;
                self.growing.push(Growing { first: index, len: 1, levels, best: level, position, worth });
            }
            None => self.dropped += 1,
        }
    }

    /// Ends what has grown no more for a while, or as long as it may.
    fn close(&mut self, index: u64) {
        let mut i = 0;
        while i < self.growing.len() {
            let g = self.growing[i];
            let over = index >= g.first + g.len as u64 + PAUSE_FRAMES || index >= g.first + MAX_FRAMES as u64;
            if !over {
                i += 1;
                continue;
            }
            self.growing.swap_remove(i);
            if self.ended.len() < MAX_ENDED {
                let seed = self.seed(&g);
                self.ended.push(seed);
            } else {
                self.dropped += 1;
            }
        }
    }

    fn seed(&self, g: &Growing) -> Seed {
        let excess = g.best - 1.0;
        let kept = if excess > CLEAR_EXCESS { 1.0 + KEPT_SHARE * excess } else { self.threshold };
        let levels = &g.levels[..g.len];
        let first = levels.iter().position(|level| *level >= kept).unwrap_or(0) as u64;
        let last = levels.iter().rposition(|level| *level >= kept).unwrap_or(0) as u64;
        // The box that ends with a frame reaches half a box either side of its middle frame.
        let middle_s = |frame: u64| self.grid.middle_s(frame) - (FRAMES / 2) as f64 * self.grid.hop_s();
        let half_s = 0.5 * FRAMES as f64 * self.grid.hop_s();
        let middle_bin = (g.position * self.bins_per_sub) as f64 + 0.5 * (SUB_BANDS * self.bins_per_sub) as f64 - 0.5;
        Seed {
            start_s: middle_s(g.first + first) - half_s,
            end_s: middle_s(g.first + last) + half_s.max(0.5 * SEQUENCE_S),
            center_hz: self.grid.frequency_hz(middle_bin),
            worth: g.worth,
            thorough: false,
        }
    }

    fn emit(&mut self, seeds: &mut Vec<Seed>) {
        let order = |a: &Seed, b: &Seed| a.start_s.total_cmp(&b.start_s).then(a.center_hz.total_cmp(&b.center_hz));
        if self.ended.len() > self.seeds_per_interval {
            self.ended.sort_unstable_by(|a, b| b.worth.total_cmp(&a.worth).then(order(a, b)));
            self.dropped += (self.ended.len() - self.seeds_per_interval) as u64;
            self.ended.truncate(self.seeds_per_interval);
        }
        self.ended.sort_unstable_by(order);
        seeds.append(&mut self.ended);
    }
}

/// Mean of a box's sub-bands, those that stand out counted as its median.
fn own_level(subs: &[f32]) -> f32 {
    let mut sorted = [0.0f32; SUB_BANDS];
    sorted.copy_from_slice(subs);
    let median = *sorted.select_nth_unstable_by(SUB_BANDS / 2, f32::total_cmp).1;
    let (mut sum, mut foreign) = (0.0, 0.0);
    for level in subs {
        if *level > FOREIGN_RATIO * median {
            foreign += 1.0;
            sum += median;
        } else {
            sum += level;
        }
    }
    sum / SUB_BANDS as f32 - FOREIGN_PENALTY * foreign
}

/// Sums rows of `sums.len()` values.
fn sum_rows(rows: &[f32], sums: &mut [f32]) {
    sums.fill(0.0);
    for row in rows.chunks_exact(sums.len()) {
        for (sum, value) in sums.iter_mut().zip(row) {
            *sum += value;
        }
    }
}
