//! First stage: where preambles may be, streaming.
//!
//! In: every frame of the grid with the noise floor. Out: seeds, regions of time and frequency worth a closer look.
//! Method: matched energies, hop patterns and repetitions summed up for every start and block origin; neighbouring
//! peaks are one seed. The thresholds admit about one seed of noise a minute and 10 MHz.

use num_complex::Complex32;

use crate::grid::Grid;
use crate::spec::nprach::Format;

use super::energy::{CELLS_PER_BIN, FRAMES_PER_SUM, ToneEnergy};
use super::hops::{HopSum, Ring, Steps, windows};
use super::hypotheses::MAX_REPETITIONS;
use super::levels::{Levels, Peak};

/// Frames from one row of sums to the next.
const fn frames_per_step(format: Format) -> usize {
    match format {
        Format::Zero | Format::One => 2,
        Format::Two => 4,
    }
}
/// Cells of which only the highest counts.
const CHUNK_CELLS: usize = 8 * CELLS_PER_BIN;
/// History of one format; a wider band gives up the highest repetition numbers first.
const HISTORY_BYTES: usize = 16 << 20;
/// Energies remembered for the groups of one repetition; where the longest format's do not fit it is not sought.
const ENERGIES_BYTES: usize = 8 << 20;
/// Widest range of block origins of one seed, so that a seed fits the refinement's band.
pub(super) const MAX_ORIGINS_HZ: f64 = 90e3;
/// Longest seed; the longest preamble lasts 0.9 s.
const MAX_SEED_S: f64 = 1.6;
/// Peaks of one preamble lie no further apart than this.
const JOIN_HZ: f64 = 30e3;
/// A peak below this share of the strongest adds no time to a seed.
const TRACE_SHARE: f32 = 0.6;

/// A region that may hold a preamble.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Seed {
    /// Format with the strongest evidence.
    pub format: Format,
    /// First instant that may belong to it.
    pub start_s: f64,
    /// Last instant that may belong to it.
    pub end_s: f64,
    /// Lowest frequency a block may start at (middle of its lowest tone).
    pub block_low_hz: f64,
    /// Highest frequency a block may start at.
    pub block_high_hz: f64,
    /// Repetitions of the strongest evidence.
    pub repetitions: u16,
    /// Strength of the evidence, 1.0 at threshold.
    pub metric: f32,
}

impl Seed {
    /// Length in time.
    pub fn duration_s(&self) -> f64 {
        self.end_s - self.start_s
    }

    /// Middle of the highest tone of all blocks it allows.
    pub fn block_top_hz(&self) -> f64 {
        self.block_high_hz + f64::from(self.format.subcarriers() - 1) * self.format.spacing_hz()
    }

    /// Middle of all blocks it allows: what the refinement's baseband should be centred on.
    pub fn center_hz(&self) -> f64 {
        0.5 * (self.block_low_hz + self.block_top_hz())
    }
}

struct Candidate {
    seed: Seed,
    last_frame: u64,
}

struct Sought {
    format: Format,
    steps: Steps,
    hops: HopSum,
    levels: Levels,
}

/// The streaming search. Allocates nothing in [`Search::push`] beyond a few seeds.
pub struct Search {
    grid: Grid,
    pad: usize,
    energy: ToneEnergy,
    energies: Ring,
    sought: Vec<Sought>,
    peaks: Vec<Peak>,
    candidates: Vec<Candidate>,
    num_rows: usize,
    next_frame: u64,
}

impl Search {
    /// A search over the whole band of a grid.
    pub fn new(grid: &Grid) -> Self {
        let num_cells = grid.fft_len() * CELLS_PER_BIN;
        let steps = Format::ALL.map(|format| Steps::new(grid, format));
        let fits = |steps: &Steps| {
            steps.format != Format::Two || (steps.span() + 1) * (num_cells + 2 * steps.reach()) <= ENERGIES_BYTES
        };
        let steps: Vec<Steps> = steps.into_iter().filter(fits).collect();
        let pad = steps.iter().map(Steps::reach).max().unwrap_or_default();
        let row_len = num_cells + 2 * pad;
        let energies = Ring::new(row_len, steps.iter().map(Steps::span).max().unwrap_or_default());
        let sought = |steps: Steps| {
            let step_s = frames_per_step(steps.format) as f64 * grid.hop_s();
            Sought {
                format: steps.format,
                hops: HopSum::new(steps.clone(), row_len),
                levels: Levels::new(steps.format, num_cells, step_s, HISTORY_BYTES),
                steps,
            }
        };
        Self {
            grid: *grid,
            pad,
            energy: ToneEnergy::new(grid),
            energies,
            sought: steps.into_iter().map(sought).collect(),
            peaks: Vec::with_capacity(1024),
            candidates: Vec::with_capacity(256),
            num_rows: 0,
            next_frame: 0,
        }
    }

    /// Takes frame `frame_index` (windowed spectrum, lowest frequency first) and the mean noise power of each bin on
    /// the same scale, and appends the seeds that have ended.
    ///
    /// A jump of `frame_index` starts the search anew.
    ///
    /// # Panics
    /// if `frame.len()` or `floor.len()` is not the grid's `fft_len`.
    pub fn push(&mut self, frame_index: u64, frame: &[Complex32], floor: &[f32], seeds: &mut Vec<Seed>) {
        if frame_index != self.next_frame {
            self.restart(seeds);
        }
        self.next_frame = frame_index + 1;
        let num_cells = self.grid.fft_len() * CELLS_PER_BIN;
        let row = &mut self.energies.advance()[self.pad..][..num_cells];
        if !self.energy.push(frame, floor, row) {
            row.fill(0);
            return;
        }
        self.num_rows += 1;
        for index in 0..self.sought.len() {
            let sought = &mut self.sought[index];
            let due = frame_index.is_multiple_of(frames_per_step(sought.format) as u64);
            if !due || self.num_rows <= sought.steps.span() {
                continue;
            }
            sought.hops.best(&self.energies, self.pad, sought.levels.row());
            self.peaks.clear();
            let peaks = &mut self.peaks;
            sought.levels.sum(CHUNK_CELLS, |peak| peaks.push(peak));
            let format = sought.format;
            for i in 0..self.peaks.len() {
                self.join(format, self.peaks[i], frame_index);
            }
        }
        self.emit(frame_index, seeds);
    }

    /// How long after its end a preamble may still be announced.
    pub fn delay_s(&self) -> f64 {
        quiet_s(Format::Two, MAX_SEED_S) + FRAMES_PER_SUM as f64 * self.grid.hop_s()
    }

    /// How long before the newest frame a preamble that is yet to be announced may have begun.
    pub fn horizon_s(&self) -> f64 {
        MAX_SEED_S + self.delay_s()
    }

    /// The stream is over: announces what is still open.
    pub fn finish(&mut self, seeds: &mut Vec<Seed>) {
        self.restart(seeds);
    }

    fn restart(&mut self, seeds: &mut Vec<Seed>) {
        seeds.extend(self.candidates.drain(..).map(|candidate| candidate.seed));
        self.energy.reset();
        self.energies.clear();
        self.num_rows = 0;
        for sought in &mut self.sought {
            sought.levels.clear();
        }
    }

    fn seed(&self, format: Format, peak: Peak, frame_index: u64) -> Seed {
        let repetitions = 1usize << peak.level;
        let middle_s = self.grid.middle_s(frame_index) - (FRAMES_PER_SUM / 2) as f64 * self.grid.hop_s();
        let end_s = middle_s + 0.5 / windows(format) as f64 * format.group_s();
        let span_s = format.repetition_start_s(repetitions - 1) + format.repetition_s();
        let low_hz = self.grid.frequency_hz(peak.cell as f64 / CELLS_PER_BIN as f64 - 0.5);
        Seed {
            format,
            start_s: end_s - span_s,
            end_s,
            block_low_hz: low_hz,
            block_high_hz: low_hz,
            repetitions: repetitions as u16,
            metric: peak.score,
        }
    }

    fn join(&mut self, format: Format, peak: Peak, frame_index: u64) {
        let seed = self.seed(format, peak, frame_index);
        // Single repetitions follow each other; so do sums over as many as there is memory for, if a preamble has more.
        let most = self.most_repetitions(format);
        let follows = seed.repetitions == 1 || usize::from(seed.repetitions) == most && most < MAX_REPETITIONS;
        let home = self.candidates.iter_mut().find(|candidate| {
            let known = &candidate.seed;
            let alike = (known.format == Format::Two) == (format == Format::Two);
            let single = known.repetitions == 1 && seed.repetitions == 1;
            let shared_s = seed.end_s.min(known.end_s) - seed.start_s.max(known.start_s);
            let shorter_s = seed.duration_s().min(known.duration_s());
            // Repetitions heard one by one follow each other; sums over many overlap.
            alike
                && (shared_s > 0.5 * shorter_s || single && shared_s > -format.repetition_s())
                && seed.block_low_hz >= known.block_low_hz - JOIN_HZ
                && seed.block_low_hz <= known.block_high_hz + JOIN_HZ
        });
        match home {
            Some(candidate) => {
                let known = &mut candidate.seed;
                // A strong preamble leaves traces in the sums over more repetitions than it has.
                let trace = seed.metric < TRACE_SHARE * known.metric
                    || seed.duration_s() > 1.3 * known.duration_s() && seed.metric < 0.9 * known.metric;
                let both_s = seed.end_s.max(known.end_s) - seed.start_s.min(known.start_s);
                let longest_s = if follows && known.repetitions == seed.repetitions {
                    MAX_SEED_S
                } else {
                    1.3 * seed.duration_s().max(known.duration_s())
                };
                if trace || both_s > longest_s {
                    return;
                }
                let low_hz = known.block_low_hz.min(seed.block_low_hz);
                let high_hz = known.block_high_hz.max(seed.block_high_hz);
                let fits = high_hz - low_hz <= MAX_ORIGINS_HZ;
                let merged = Seed {
                    start_s: known.start_s.min(seed.start_s),
                    end_s: known.end_s.max(seed.end_s),
                    block_low_hz: if fits { low_hz } else { known.block_low_hz },
                    block_high_hz: if fits { high_hz } else { known.block_high_hz },
                    ..if seed.metric > known.metric { seed } else { *known }
                };
                *known = merged;
                candidate.last_frame = frame_index;
            }
            None => self.candidates.push(Candidate { seed, last_frame: frame_index }),
        }
    }

    /// Highest number of repetitions added up.
    fn most_repetitions(&self, format: Format) -> usize {
        self.sought.iter().find(|sought| sought.format == format).map_or(1, |sought| sought.levels.most_repetitions())
    }

    fn emit(&mut self, frame_index: u64, seeds: &mut Vec<Seed>) {
        let mut index = 0;
        while index < self.candidates.len() {
            let Candidate { seed, last_frame } = &self.candidates[index];
            let since_s = (frame_index - last_frame) as f64 * self.grid.hop_s();
            if since_s > quiet_s(seed.format, seed.duration_s()) {
                seeds.push(self.candidates.swap_remove(index).seed);
            } else {
                index += 1;
            }
        }
    }
}

/// How long a candidate may still grow: while its latest half could be the first half of twice as many.
fn quiet_s(format: Format, span_s: f64) -> f64 {
    (0.6 * span_s).clamp(2.0 * format.repetition_s(), 0.5)
}
