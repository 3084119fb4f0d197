//! The sample path: from samples to candidates, one short-time transform serving everything.
//!
//! In: samples of one stream in blocks of any size. Out: [`Event`]s, the same ones at the same samples whatever the
//! blocks. After construction nothing here allocates.

use num_complex::Complex32;

use crate::carrier::Carrier;
use crate::detect::candidate::{Candidate, Doubt};
use crate::detect::edges::Edges;
use crate::detect::energy::{ActivityRow, Energy};
use crate::detect::lasting::Lasting;
use crate::detect::nprach::{REFINE_MARGIN_S, Search, Seed};
use crate::detect::npusch;
use crate::detect::prach;
use crate::detect::segment::Segmentation;
use crate::fault::{Fault, FaultTest};
use crate::finding::Rejection;
use crate::floor::{FRAMES_TO_PRIME, NoiseFloor};
use crate::grid::{Grid, UnsupportedRate};
use crate::history::{History, Kept, Stretch};
use crate::overload::Overload;
use crate::spec::prach::BANDWIDTH_HZ;
use crate::stft::{NOISE_BANDWIDTH_BINS, Stft};

/// Time of one display row.
const ROW_S: f64 = 0.032;
/// Columns of a display row at the most.
pub const MAX_COLUMNS: usize = 1024;
/// Samples kept for zooming in: this long where it fits…
pub const HISTORY_S: f64 = 3.0;
/// … into this many (48 MB).
const MAX_HISTORY_SAMPLES: usize = 12_000_000;

/// A bin this far above the noise is occupied (1 frame of noise in 55), averaged over this many frames (0.14 s).
const OCCUPIED: f32 = 4.0;
const OCCUPANCY_FRAMES: f32 = 1024.0;
/// Where this share of cells within this distance of a seed is occupied, wide signals show every pattern of hops.
const CROWDED_SHARE: f32 = 0.3;
const CROWD_REACH_HZ: f64 = 300e3;

/// A preamble may begin this long before its seed: all but the seed's shortest part of the longest format.
const WIDE_BEFORE_SEED_S: f64 = 2e-3;

/// A burst weaker than another by this spectral density (10 dB) may be a product of its clipping.
const PRODUCT_RATIO: f64 = 10.0;

/// Edges are refined by no more than this; and how long rows may wait before they are final.
const EDGE_SLACK_S: f64 = 30e-3;

/// Seeds that may end in one frame without room being made for more.
const MAX_SEEDS: usize = 256;
const MAX_WIDE_SEEDS: usize = 4096;

/// Spectrum over the time of one display row, lowest frequency first; each column holds an equal share of the band.
#[derive(Debug, Default)]
pub struct Row {
    /// Last instant, seconds from the stream's first sample.
    pub end_s: f64,
    /// Mean power of a bin in each column, relative to full scale.
    pub mean: Vec<f32>,
    /// Strongest power of a bin in each column.
    pub peak: Vec<f32>,
    /// Noise power of a bin in each column; zeros until it is known.
    pub floor: Vec<f32>,
}

impl Row {
    /// Becomes a copy of `other` within the memory it has.
    pub fn copy_from(&mut self, other: &Self) {
        self.end_s = other.end_s;
        self.mean.clone_from(&other.mean);
        self.peak.clone_from(&other.peak);
        self.floor.clone_from(&other.floor);
    }
}

/// What the front end tells.
pub enum Event<'a> {
    /// A burst has ended, the receiver was overloaded during it or not; the samples around it are still there.
    Candidate(Candidate, bool, &'a Samples<'a>),
    /// A preamble may have ended; with the noise power in 1 Hz there.
    Preamble(Seed, f32, bool, &'a Samples<'a>),
    /// A preamble of six resource blocks may have ended; with the noise power in 1 Hz there.
    WidePreamble(prach::Seed, f32, bool, &'a Samples<'a>),
    /// A display row is complete.
    Row(&'a Row),
}

/// Recent samples by their time in the stream.
pub struct Samples<'a> {
    history: &'a History,
    sample_rate_hz: f64,
}

impl Samples<'_> {
    /// Samples from `start_s` to `end_s` as far as they are kept, with the instant of the first.
    pub fn between(&self, start_s: f64, end_s: f64) -> (f64, Kept<'_>) {
        let position = |seconds: f64| (seconds * self.sample_rate_hz).max(0.0) as u64;
        let (from, samples) = self.history.between(position(start_s), position(end_s));
        (from as f64 / self.sample_rate_hz, samples)
    }
}

/// What is learnt of one band, for a receiver that is tuned to several in turn.
pub struct Place {
    carrier: Carrier,
    floor: NoiseFloor,
    occupancy: Vec<f32>,
}

/// Finds candidates in one stream.
pub struct FrontEnd {
    grid: Grid,
    history: History,
    overload: Overload,
    stft: Stft,
    carrier: Carrier,
    floor: NoiseFloor,
    fault: FaultTest,
    faults: Faults,
    energy: Energy,
    segmentation: Segmentation,
    lasting: Lasting,
    edges: Edges,
    preambles: Search,
    seeds: Vec<Seed>,
    wide_preambles: prach::Gate,
    wide_seeds: Vec<prach::Seed>,
    /// Share of recent frames in which each bin was well above the noise.
    occupancy: Vec<f32>,
    /// Seeds not looked at, as they lay in the midst of wide signals.
    crowded_out: u64,
    /// Position of the first sample since the last gap; frames count from here.
    base: u64,
    /// Frames whose powers the floor has learnt, and frames searched; the latter wait for the first floor.
    learnt: u64,
    searched: u64,
    /// Of the frame last transformed.
    samples: Vec<Complex32>,
    power: Vec<f32>,
    whitened: Vec<f32>,
    row: Row,
    /// Of each bin over the frames of the row under way.
    row_sum: Vec<f32>,
    row_peak: Vec<f32>,
    row_frames: usize,
    frames_per_row: usize,
}

impl FrontEnd {
    /// A front end for one sample rate; `full_scale` is the largest value a component of the samples can take.
    ///
    /// # Errors
    /// [`UnsupportedRate`] where no grid exists for the rate.
    pub fn new(sample_rate_hz: f64, full_scale: f32) -> Result<Self, UnsupportedRate> {
        let grid = Grid::new(sample_rate_hz)?;
        let bins = grid.fft_len();
        let columns = bins.min(MAX_COLUMNS);
        let wanted = (HISTORY_S * sample_rate_hz) as usize;
        let history_len = wanted.min(MAX_HISTORY_SAMPLES).max((FRAMES_TO_PRIME + 2) * grid.hop() + 8 * bins);
        let zeros = vec![0.0; columns];
        Ok(Self {
            grid,
            history: History::new(history_len, 0),
            overload: Overload::new(sample_rate_hz, full_scale),
            stft: Stft::new(&grid),
            carrier: Carrier::default(),
            floor: NoiseFloor::new(&grid),
            fault: FaultTest::new(&grid, full_scale),
            faults: Faults::default(),
            energy: Energy::new(&grid),
            segmentation: Segmentation::new(&grid),
            lasting: Lasting::new(&grid),
            edges: Edges::new(&grid),
            preambles: Search::new(&grid),
            seeds: Vec::with_capacity(MAX_SEEDS),
            wide_preambles: prach::Gate::new(&grid),
            wide_seeds: Vec::with_capacity(MAX_WIDE_SEEDS),
            occupancy: vec![0.0; bins],
            crowded_out: 0,
            base: 0,
            learnt: 0,
            searched: 0,
            samples: vec![Complex32::default(); bins],
            power: vec![0.0; bins],
            whitened: vec![0.0; bins],
            row: Row { end_s: 0.0, mean: zeros.clone(), peak: zeros.clone(), floor: zeros },
            row_sum: vec![0.0; bins],
            row_peak: vec![0.0; bins],
            row_frames: 0,
            frames_per_row: ((ROW_S / grid.hop_s()).round() as usize).max(1),
        })
    }

    /// Looks for wide preambles everywhere, not only where there is energy: far slower, and finds weaker ones.
    #[must_use]
    pub fn thorough(mut self) -> Self {
        self.wide_preambles = prach::Gate::thorough(&self.grid);
        self
    }

    /// A band of which nothing is known.
    pub fn new_place(&self) -> Place {
        Place {
            carrier: Carrier::default(),
            floor: NoiseFloor::new(&self.grid),
            occupancy: vec![0.0; self.occupancy.len()],
        }
    }

    /// Exchanges what is known of the present band for what is known of another, after a [`skip`](Self::skip).
    pub fn exchange(&mut self, place: &mut Place) {
        std::mem::swap(&mut self.carrier, &mut place.carrier);
        std::mem::swap(&mut self.floor, &mut place.floor);
        std::mem::swap(&mut self.occupancy, &mut place.occupancy);
        self.row_frames = 0;
    }

    /// The grid everything is sought on.
    pub fn grid(&self) -> &Grid {
        &self.grid
    }

    /// Overloads so far.
    pub fn overload(&self) -> &Overload {
        &self.overload
    }

    /// Position after the newest sample, gaps included.
    pub fn position(&self) -> u64 {
        self.history.end()
    }

    /// Nothing announced later starts before this instant.
    pub fn settled_s(&self) -> f64 {
        let base_s = self.base as f64 / self.grid.sample_rate_hz();
        let searched_s = self.grid.middle_s(self.searched);
        let preambles_s = self.preambles.horizon_s() + REFINE_MARGIN_S;
        let wide_preambles_s = self.wide_preambles.horizon_s() + WIDE_BEFORE_SEED_S;
        // What a detector finds may begin before its candidate.
        let before_s = EDGE_SLACK_S + npusch::LATE_S;
        let lasting_s = self.lasting.horizon_s() + before_s;
        let ended_s = self.segmentation.settled_s() - before_s;
        base_s + ended_s.min(searched_s - preambles_s.max(wide_preambles_s).max(lasting_s))
    }

    /// What was turned down on the way, by reason.
    pub fn rejections(&self) -> impl Iterator<Item = (Rejection, u64)> {
        let crowded = Rejection { detector: "nprach", reason: "in the midst of wide signals" };
        let too_many = self.wide_preambles.rejections();
        self.segmentation
            .rejections()
            .iter()
            .copied()
            .chain(self.faults.rejections())
            .chain([(crowded, self.crowded_out), too_many])
    }

    /// Takes the next samples.
    pub fn push(&mut self, samples: &[Complex32], event: &mut impl FnMut(Event<'_>)) {
        let mut rest = samples;
        while !rest.is_empty() {
            let hop = self.grid.hop() as u64;
            // To the next frame's end and no further, so that what is kept does not depend on the block.
            let due = self.base + self.learnt * hop + self.grid.fft_len() as u64;
            let (head, tail) = rest.split_at(rest.len().min((due - self.history.end()) as usize));
            self.history.push(head);
            self.overload.push(head);
            rest = tail;
            if self.history.end() == due {
                self.take_frame(event);
            }
        }
    }

    /// `lost` samples are missing here: what is on the air is ended, and time goes on after the gap.
    pub fn skip(&mut self, lost: u64, event: &mut impl FnMut(Event<'_>)) {
        self.move_to(self.history.end() + lost, event);
    }

    /// The stream goes on elsewhere: what is on the air is ended.
    pub fn move_to(&mut self, position: u64, event: &mut impl FnMut(Event<'_>)) {
        self.finish(event);
        self.restart(position);
    }

    /// Ends everything that is on the air.
    pub fn finish(&mut self, event: &mut impl FnMut(Event<'_>)) {
        if self.learnt > 0 {
            if !self.floor.is_known() {
                self.floor.finish();
                self.carrier.settle();
            }
            self.search_waiting(event);
        }
        self.preambles.finish(&mut self.seeds);
        self.announce_preambles(event);
        self.wide_preambles.finish(&mut self.wide_seeds);
        self.announce_wide_preambles(event);
        self.segment(true, event);
    }

    /// Cuts bursts out of the frame just whitened, or out of all that is left.
    fn segment(&mut self, finish: bool, event: &mut impl FnMut(Event<'_>)) {
        let Self { energy, segmentation, floor, history, overload, grid, base, whitened, .. } = self;
        let Self { fault, faults, carrier, lasting, edges, .. } = self;
        let tell = Announcer { history, overload, grid, base: *base };
        let floor = floor.power();
        let mut ended = |mut candidate: Candidate, doubt| {
            if let Some(reason) = tell.fault(&candidate, doubt, carrier, fault, floor) {
                faults.count(reason);
                return None;
            }
            let frame = |index, samples: &mut [Complex32]| copy_frame(history, grid, *base, index, samples);
            edges.refine(&mut candidate, floor, frame);
            tell.candidate(candidate, event);
            Some(candidate.extent)
        };
        let mut push = |row: ActivityRow<'_>| {
            segmentation.push(&row, floor, &mut |candidate, doubt| {
                ended(candidate, doubt).iter().for_each(|extent| lasting.note(extent));
            });
            lasting.push(&row, floor, &mut |candidate| {
                ended(candidate, Doubt::default());
            });
        };
        if finish {
            energy.finish(push);
            segmentation.finish(floor, &mut |candidate, doubt| {
                ended(candidate, doubt).iter().for_each(|extent| lasting.note(extent));
            });
            lasting.finish(floor, &mut |candidate| {
                ended(candidate, Doubt::default());
            });
        } else {
            energy.push(whitened, &mut push);
        }
    }

    /// Begins anew at `begin`; the floor is kept, as the band is the same.
    fn restart(&mut self, begin: u64) {
        self.history.restart(begin);
        self.energy = Energy::new(&self.grid);
        self.seeds.clear();
        self.segmentation.restart();
        self.lasting.restart();
        self.overload.restart();
        self.base = begin;
        self.learnt = 0;
        self.searched = 0;
    }

    fn take_frame(&mut self, event: &mut impl FnMut(Event<'_>)) {
        let known = self.floor.is_known();
        let frame = self.learnt;
        self.transform(frame, true);
        self.floor.push(&self.power);
        self.learnt += 1;
        self.add_to_row(frame, event);
        if known {
            self.search(event);
        } else if self.floor.is_known() {
            self.carrier.settle();
            self.search_waiting(event);
        }
    }

    /// Searches the frames that waited for the first floor.
    fn search_waiting(&mut self, event: &mut impl FnMut(Event<'_>)) {
        while self.searched < self.learnt {
            self.transform(self.searched, false);
            self.search(event);
        }
    }

    fn transform(&mut self, frame: u64, learn: bool) {
        let Self { history, stft, carrier, power, base, grid, samples, .. } = self;
        copy_frame(history, grid, *base, frame, samples);
        let spectrum = stft.transform(samples);
        if learn {
            carrier.learn(spectrum);
        }
        carrier.remove(spectrum);
        powers(spectrum, power);
    }

    /// Searches the frame just transformed.
    fn search(&mut self, event: &mut impl FnMut(Event<'_>)) {
        let products = self.products();
        whiten(&self.power, self.floor.power(), products, &mut self.whitened, &mut self.occupancy);
        self.segment(false, event);
        self.preambles.push(self.searched, self.stft.spectrum(), self.floor.power(), &mut self.seeds);
        self.announce_preambles(event);
        self.wide_preambles.push(self.searched, &self.whitened, &mut self.wide_seeds);
        self.announce_wide_preambles(event);
        self.searched += 1;
    }

    /// Power a bin that clipping may have put into the frame now searched.
    fn products(&self) -> f32 {
        let (grid, frame) = (&self.grid, self.searched);
        let (begin_s, end_s) = (grid.middle_s(frame) - grid.hop_s(), grid.middle_s(frame) + grid.hop_s());
        if !self.overload.during(begin_s, end_s) && !self.overload.counting() {
            return 0.0;
        }
        self.overload.products(&self.samples) * NOISE_BANDWIDTH_BINS as f32 / grid.fft_len() as f32
    }

    fn announce_preambles(&mut self, event: &mut impl FnMut(Event<'_>)) {
        let Self { seeds, floor, history, overload, grid, base, occupancy, crowded_out, .. } = self;
        let tell = Announcer { history, overload, grid, base: *base };
        for seed in seeds.drain(..) {
            let bin = |hz: f64| (grid.bin(hz).max(0.0) as usize).min(occupancy.len() - 1);
            let around = &occupancy[bin(seed.block_low_hz - CROWD_REACH_HZ)..=bin(seed.block_high_hz + CROWD_REACH_HZ)];
            if around.iter().sum::<f32>() > CROWDED_SHARE * around.len() as f32 {
                *crowded_out += 1;
            } else {
                tell.preamble(seed, floor.power(), event);
            }
        }
    }

    fn announce_wide_preambles(&mut self, event: &mut impl FnMut(Event<'_>)) {
        let Self { wide_seeds, floor, history, overload, grid, base, .. } = self;
        let tell = Announcer { history, overload, grid, base: *base };
        for seed in wide_seeds.drain(..) {
            tell.wide_preamble(seed, floor.power(), event);
        }
    }

    fn add_to_row(&mut self, frame: u64, event: &mut impl FnMut(Event<'_>)) {
        if self.row_frames == 0 {
            self.row_sum.fill(0.0);
            self.row_peak.fill(0.0);
        }
        accumulate(&self.power, &mut self.row_sum, &mut self.row_peak);
        self.row_frames += 1;
        if self.row_frames < self.frames_per_row {
            return;
        }
        let (bins, columns) = (self.power.len(), self.row.mean.len());
        for column in 0..columns {
            let cells = column * bins / columns..(column + 1) * bins / columns;
            let mean = |values: &[f32]| values.iter().sum::<f32>() / values.len() as f32;
            self.row.mean[column] = mean(&self.row_sum[cells.clone()]) / self.row_frames as f32;
            self.row.floor[column] = mean(&self.floor.power()[cells.clone()]);
            self.row.peak[column] = self.row_peak[cells].iter().fold(0.0, |peak, p| peak.max(*p));
        }
        self.row.end_s = self.base as f64 / self.grid.sample_rate_hz() + self.grid.middle_s(frame);
        self.row_frames = 0;
        event(Event::Row(&self.row));
    }
}

/// Brings the samples of a frame; whether all of them are kept.
fn copy_frame(history: &History, grid: &Grid, base: u64, frame: u64, samples: &mut [Complex32]) -> bool {
    let begin = base + frame * grid.hop() as u64;
    let (from, kept) = history.between(begin, begin + samples.len() as u64);
    let whole = from == begin && kept.len() == samples.len();
    if whole {
        kept.copy_to(0, samples);
    }
    whole
}

#[multiversion::multiversion(targets = "simd")]
fn powers(spectrum: &[Complex32], powers: &mut [f32]) {
    for (power, value) in powers.iter_mut().zip(spectrum) {
        *power = value.re * value.re + value.im * value.im;
    }
}

/// Powers over the noise, and how often each bin is well above it.
#[multiversion::multiversion(targets = "simd")]
fn whiten(power: &[f32], floor: &[f32], products: f32, whitened: &mut [f32], occupancy: &mut [f32]) {
    let cells = power.iter().zip(floor).zip(whitened.iter_mut().zip(occupancy));
    for ((power, floor), (whitened, share)) in cells {
        *whitened = power / (floor + products);
        let now = if *whitened > OCCUPIED { 1.0 } else { 0.0 };
        *share += (now - *share) / OCCUPANCY_FRAMES;
    }
}

#[multiversion::multiversion(targets = "simd")]
fn accumulate(power: &[f32], sums: &mut [f32], peaks: &mut [f32]) {
    for ((power, sum), peak) in power.iter().zip(sums).zip(peaks) {
        *sum += power;
        *peak = if *power > *peak { *power } else { *peak };
    }
}

/// Bursts that were the receiver's own, by the reason.
#[derive(Debug, Default)]
struct Faults {
    counts: [u64; FAULTS.len()],
}

const CARRIER: &str = "the receiver's own carrier";
const IMAGE: &str = "mirror image of a stronger burst";
const PRODUCT: &str = "product of clipping";
const FAULTS: [&str; 3] = [CARRIER, IMAGE, PRODUCT];

impl Faults {
    fn count(&mut self, reason: &'static str) {
        if let Some(index) = FAULTS.iter().position(|fault| *fault == reason) {
            self.counts[index] += 1;
        }
    }

    fn rejections(&self) -> impl Iterator<Item = (Rejection, u64)> {
        FAULTS.iter().zip(self.counts).map(|(&reason, count)| (Rejection { detector: "energy", reason }, count))
    }
}

/// Turns times since the last gap into times of the stream.
struct Announcer<'a> {
    history: &'a History,
    overload: &'a Overload,
    grid: &'a Grid,
    base: u64,
}

impl Announcer<'_> {
    /// Which of the receiver's faults accounts for a candidate, whose times count from the last gap.
    fn fault(
        &self,
        candidate: &Candidate,
        doubt: Doubt,
        carrier: &Carrier,
        test: &mut FaultTest,
        floor: &[f32],
    ) -> Option<&'static str> {
        let extent = &candidate.extent;
        let bin_hz = self.grid.bin_hz();
        let power = 10f32.powf(candidate.power_dbfs / 10.0);
        if extent.center_hz.abs() < bin_hz && extent.bandwidth_hz < 4.0 * bin_hz && carrier.explains(power) {
            return Some(CARRIER);
        }
        let position = |seconds: f64| self.base + (seconds * self.grid.sample_rate_hz()).round().max(0.0) as u64;
        let mut explains = |fault| {
            let hop_s = self.grid.hop_s();
            let (_, samples) = self.history.between(position(extent.start_s - hop_s), position(extent.end_s + hop_s));
            test.explains(fault, &samples, extent.low_hz(), extent.high_hz(), floor)
        };
        if doubt.mirrored && explains(Fault::Image) {
            return Some(IMAGE);
        }
        let clipped = self.overload.during(extent.start_s, extent.end_s);
        if clipped && doubt.outshone > PRODUCT_RATIO && explains(Fault::Clipping) {
            return Some(PRODUCT);
        }
        None
    }

    fn candidate(&self, mut candidate: Candidate, event: &mut impl FnMut(Event<'_>)) {
        let base_s = self.base as f64 / self.grid.sample_rate_hz();
        let clipped = self.overload.during(candidate.extent.start_s, candidate.extent.end_s);
        candidate.extent.start_s += base_s;
        candidate.extent.end_s += base_s;
        event(Event::Candidate(candidate, clipped, &self.samples()));
    }

    fn preamble(&self, mut seed: Seed, floor: &[f32], event: &mut impl FnMut(Event<'_>)) {
        let noise_per_hz = self.noise_per_hz(floor, seed.block_low_hz, seed.block_top_hz());
        let base_s = self.base as f64 / self.grid.sample_rate_hz();
        let clipped = self.overload.during(seed.start_s, seed.end_s);
        seed.start_s += base_s;
        seed.end_s += base_s;
        event(Event::Preamble(seed, noise_per_hz, clipped, &self.samples()));
    }

    fn wide_preamble(&self, mut seed: prach::Seed, floor: &[f32], event: &mut impl FnMut(Event<'_>)) {
        let half_hz = 0.5 * BANDWIDTH_HZ;
        let noise_per_hz = self.noise_per_hz(floor, seed.center_hz - half_hz, seed.center_hz + half_hz);
        let base_s = self.base as f64 / self.grid.sample_rate_hz();
        let clipped = self.overload.during(seed.start_s, seed.end_s);
        seed.start_s += base_s;
        seed.end_s += base_s;
        event(Event::WidePreamble(seed, noise_per_hz, clipped, &self.samples()));
    }

    /// Mean noise power in 1 Hz between two frequencies.
    fn noise_per_hz(&self, floor: &[f32], low_hz: f64, high_hz: f64) -> f32 {
        let bin = |hz: f64| (self.grid.bin(hz).max(0.0) as usize).min(floor.len() - 1);
        let block = &floor[bin(low_hz)..=bin(high_hz)];
        let mean = block.iter().sum::<f32>() / block.len() as f32;
        mean / (NOISE_BANDWIDTH_BINS * self.grid.bin_hz()) as f32
    }

    fn samples(&self) -> Samples<'_> {
        Samples { history: self.history, sample_rate_hz: self.grid.sample_rate_hz() }
    }
}
