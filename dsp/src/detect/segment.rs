//! Bursts cut out of the plane of time and frequency.
//!
//! In: rows of whitened power with their marks, from [`super::energy`]. Out: [`Candidate`]s, one per contiguous
//! stretch at one frequency, after it has ended.
//! Method: marked cells that touch form a patch; a patch is taken apart into rectangles of even power; rectangles
//! that continue each other are one burst; edges are placed where the power crosses half of the burst's own.
//! What is only the skirt of a stronger burst is counted and dropped; what may be its image or otherwise the
//! receiver's fault is handed on with a [`Doubt`].

mod piece;

use std::ops::Range;

use super::candidate::{Candidate, Doubt};
use super::energy::ActivityRow;
use super::rectangles::{Cutter, Rectangle, evidence};
use crate::finding::{Rejection, Segment};
use crate::grid::Grid;
use crate::stft::NOISE_BANDWIDTH_BINS;
use piece::Piece;

/// Rows taken apart at a time.
const CHUNK_ROWS: usize = 128;
/// Marked cells this near to each other belong together.
const GAP_ROWS: usize = 3;
const GAP_BINS: usize = 1;
/// Cells that are passed over at once where none is marked.
const MARKS_AT_ONCE: usize = 64;
/// A patch may hold this many times as many cells as were marked in it; a thinner one is taken run by run.
const MAX_RUNS_PER_ROW_OF_CHUNK: usize = 128;
/// Log likelihood that a box needs to be marked, and the longest a burst is waited for.
const MARK_EVIDENCE: f64 = 21.0;
const MAX_REACH_ROWS: f64 = 48.0;
/// Two rectangles continue each other where they share this much of their joint band…
const SHARED_BAND: f64 = 0.6;
/// … and differ by no more than this in level (5 dB).
const CONTINUES_RATIO: f64 = 3.2;
/// Log likelihood over noise of a whole burst: a chance of e^-34 among some 1e12 rectangles an hour and 10 MHz.
const MIN_EVIDENCE: f64 = 34.0;
/// Bursts followed at a time.
const MAX_OPEN: usize = 4096;
/// A shadow is weaker than its cause by at least this (6 dB).
const SHADOW_RATIO: f64 = 4.0;
/// A transmitter's skirt is this much weaker (28 dB), and within this many bandwidths and this far.
const SKIRT_RATIO: f64 = 630.0;
const SKIRT_BANDWIDTHS: f64 = 3.0;
const SKIRT_REACH_HZ: f64 = 30e3;
/// Its shoulder is this much weaker (20 dB), and right beside it.
const SHOULDER_RATIO: f64 = 100.0;
const SHOULDER_BANDWIDTHS: f64 = 0.2;
/// The slope of its own spectrum is beside it, weaker by this (8 dB), and narrower than any allocation, or else it falls
/// off: the half near to the stronger burst is above the other by this (1.8 dB; a band's sidelobes fall with the
/// distance from its edge).
const SLOPE_RATIO: f64 = 6.3;
const SLOPE_BINS: f64 = 5.0;
const SLOPE_WIDTH_HZ: f64 = 35e3;
const SLOPE_MAX_WIDTH_HZ: f64 = 150e3;
const SLOPE_FALL: f64 = 1.5;
/// A keyed signal of power `B` leaves `SIDELOBE · B / bins²` a bin; pieces are held to be that up to these factors.
const SIDELOBE: f64 = 0.4;
const SIDELOBE_MARGIN: f64 = 4.0;
const EDGE_MARGIN: f64 = 20.0;
/// A mirror image is this much weaker (15 dB).
const IMAGE_RATIO: f64 = 32.0;
/// Share of its time that a shadow must lie within its cause.
const SHADOW_OVERLAP: f64 = 0.7;
/// Pieces, next below in frequency, among which the rest of a symbol is sought.
const MAX_BELOW: usize = 64;
/// Frames up to which a piece is short: at a stronger burst's edge it is that edge; over this share of the band, a click.
const SHORT_FRAMES: f64 = 3.5;
const CLICK_BAND_SHARE: f64 = 0.75;

#[derive(Debug, Clone, Copy)]
struct Run {
    row: usize,
    bin: usize,
    bin_end: usize,
    parent: usize,
}

#[derive(Debug, Clone, Copy)]
struct Open {
    piece: Piece,
    duration_s: f64,
    shadow_s: f64,
}

/// Follows bursts across the stream; allocates nothing after construction.
pub struct Segmentation {
    grid: Grid,
    power: Vec<f32>,
    active: Vec<bool>,
    first_frame: u64,
    num_rows: usize,
    runs: Vec<Run>,
    row_runs: Vec<Range<usize>>,
    bounds: Vec<Rectangle>,
    parts: Vec<Rectangle>,
    pieces: Vec<Piece>,
    profile: Vec<f64>,
    cutter: Cutter,
    open: Vec<Open>,
    rejections: Vec<(Rejection, u64)>,
}

impl Segmentation {
    /// Room for one grid.
    pub fn new(grid: &Grid) -> Self {
        let bins = grid.fft_len();
        let max_runs = CHUNK_ROWS * MAX_RUNS_PER_ROW_OF_CHUNK.min(bins / 2);
        Self {
            grid: *grid,
            power: vec![0.0; CHUNK_ROWS * bins],
            active: vec![false; CHUNK_ROWS * bins],
            first_frame: 0,
            num_rows: 0,
            runs: Vec::with_capacity(max_runs),
            row_runs: Vec::with_capacity(CHUNK_ROWS),
            bounds: Vec::with_capacity(max_runs),
            parts: Vec::with_capacity(max_runs),
            pieces: Vec::with_capacity(max_runs),
            profile: Vec::with_capacity(bins.max(CHUNK_ROWS)),
            cutter: Cutter::new(CHUNK_ROWS, bins),
            open: Vec::with_capacity(MAX_OPEN),
            rejections: REASONS.iter().map(|&reason| (Rejection { detector: DETECTOR, reason }, 0)).collect(),
        }
    }

    /// Takes one row; bursts that have ended go to `ended`. `floor` is the noise power of each bin.
    pub fn push(&mut self, row: &ActivityRow<'_>, floor: &[f32], ended: &mut impl FnMut(Candidate, Doubt)) {
        let bins = self.grid.fft_len();
        if self.num_rows == 0 {
            self.first_frame = row.frame;
        }
        let at = self.num_rows * bins;
        self.power[at..at + bins].copy_from_slice(row.power);
        self.active[at..at + bins].copy_from_slice(row.active);
        self.num_rows += 1;
        if self.num_rows == CHUNK_ROWS {
            self.close_chunk(floor, ended);
        }
    }

    /// Ends every burst.
    pub fn finish(&mut self, floor: &[f32], ended: &mut impl FnMut(Candidate, Doubt)) {
        self.close_chunk(floor, ended);
        self.end_before(f64::INFINITY, ended);
    }

    /// Forgets what is on the air; frames count from 0 again.
    pub fn restart(&mut self) {
        self.open.clear();
        self.num_rows = 0;
        self.first_frame = 0;
    }

    /// Start of the oldest burst that has not ended, or of the rows not looked at yet: nothing that is announced
    /// later starts before.
    pub fn settled_s(&self) -> f64 {
        let waiting = (self.first_frame as f64 - GAP_ROWS as f64) * self.grid.hop_s();
        self.open.iter().map(|open| open.piece.start_s).fold(waiting, f64::min)
    }

    /// What was dropped, by reason.
    pub fn rejections(&self) -> &[(Rejection, u64)] {
        &self.rejections
    }

    fn reject(&mut self, reason: &'static str) {
        if let Some((_, count)) = self.rejections.iter_mut().find(|(r, _)| r.reason == reason) {
            *count += 1;
        }
    }

    fn close_chunk(&mut self, floor: &[f32], ended: &mut impl FnMut(Candidate, Doubt)) {
        self.find_runs();
        self.join_runs();
        self.pieces.clear();
        for index in 0..self.bounds.len() {
            self.take_apart(self.bounds[index], floor);
        }
        self.join_symbols();
        self.mark_shadows();
        self.pieces.sort_unstable_by(|a, b| a.start_s.total_cmp(&b.start_s).then(a.low_hz.total_cmp(&b.low_hz)));
        for index in 0..self.pieces.len() {
            self.continue_or_open(self.pieces[index]);
        }
        self.first_frame += self.num_rows as u64;
        self.num_rows = 0;
        self.end_before(self.grid.middle_s(self.first_frame), ended);
    }

    fn find_runs(&mut self) {
        let bins = self.grid.fft_len();
        self.runs.clear();
        self.row_runs.clear();
        for row in 0..self.num_rows {
            let first = self.runs.len();
            let marks = &self.active[row * bins..(row + 1) * bins];
            let mut bin = 0;
            while bin < bins {
                if bin.is_multiple_of(MARKS_AT_ONCE) {
                    let next = &marks[bin..bins.min(bin + MARKS_AT_ONCE)];
                    if !next.iter().fold(false, |any, mark| any | mark) {
                        bin += next.len();
                        continue;
                    }
                }
                if !marks[bin] {
                    bin += 1;
                    continue;
                }
                let start = bin;
                while bin < bins && marks[bin] {
                    bin += 1;
                }
                let (parent, full) = (self.runs.len(), self.runs.len() == self.runs.capacity());
                match self.runs[first..].last_mut() {
                    Some(last) if start - last.bin_end <= GAP_BINS => last.bin_end = bin,
                    _ if !full => self.runs.push(Run { row, bin: start, bin_end: bin, parent }),
                    _ => {}
                }
            }
            self.row_runs.push(first..self.runs.len());
        }
        if self.runs.len() == self.runs.capacity() {
            self.reject(TOO_MANY);
        }
    }

    fn root(&mut self, mut run: usize) -> usize {
        while self.runs[run].parent != run {
            self.runs[run].parent = self.runs[self.runs[run].parent].parent;
            run = self.runs[run].parent;
        }
        run
    }

    /// Joins runs of neighbouring rows that touch; leaves the bounding rectangles in `bounds`.
    fn join_runs(&mut self) {
        for row in 1..self.row_runs.len() {
            for above in row.saturating_sub(GAP_ROWS)..row {
                let (mut a, a_end) = (self.row_runs[above].start, self.row_runs[above].end);
                let (mut b, b_end) = (self.row_runs[row].start, self.row_runs[row].end);
                while a < a_end && b < b_end {
                    let (ra, rb) = (self.runs[a], self.runs[b]);
                    if ra.bin < rb.bin_end + GAP_BINS && rb.bin < ra.bin_end + GAP_BINS {
                        let (root_a, root_b) = (self.root(a), self.root(b));
                        let (low, high) = (root_a.min(root_b), root_a.max(root_b));
                        self.runs[high].parent = low;
                    }
                    if ra.bin_end < rb.bin_end { a += 1 } else { b += 1 }
                }
            }
        }
        self.bounds.clear();
        for index in 0..self.runs.len() {
            let root = self.root(index);
            let Run { row, bin, bin_end, .. } = self.runs[index];
            if root == index {
                // A root is the first of its runs, so its rectangle exists before any other run needs it.
                self.runs[index].row = self.bounds.len();
                self.bounds.push(Rectangle { row, row_end: row + 1, bin, bin_end });
            } else {
                let bounds = &mut self.bounds[self.runs[root].row];
                bounds.row_end = bounds.row_end.max(row + 1);
                bounds.bin = bounds.bin.min(bin);
                bounds.bin_end = bounds.bin_end.max(bin_end);
            }
        }
    }

    /// Takes a patch apart and measures its pieces.
    fn take_apart(&mut self, patch: Rectangle, floor: &[f32]) {
        let bins = self.grid.fft_len();
        // Two cells of surroundings let the edges be found outside of the marks.
        let around = Rectangle {
            row: patch.row.saturating_sub(2),
            row_end: (patch.row_end + 2).min(self.num_rows),
            bin: patch.bin.saturating_sub(2),
            bin_end: (patch.bin_end + 2).min(bins),
        };
        let power = &self.power;
        self.cutter.load(around.row_end - around.row, around.bin_end - around.bin, |row| {
            &power[(around.row + row) * bins + around.bin..(around.row + row) * bins + around.bin_end]
        });
        let local =
            Rectangle { row: 0, row_end: around.row_end - around.row, bin: 0, bin_end: around.bin_end - around.bin };
        self.parts.clear();
        self.cutter.cut(local, &mut self.parts);
        for index in 0..self.parts.len() {
            if self.pieces.len() < self.pieces.capacity() {
                let piece = self.measure(&around, self.parts[index], floor);
                self.pieces.push(piece);
            }
        }
    }

    /// Joins pieces that are one short symbol: no two frames see all of it, so its spectrum seems uneven. What lasts is
    /// left in pieces, as it may be several transmitters'.
    fn join_symbols(&mut self) {
        self.pieces.sort_unstable_by(|a, b| a.low_hz.total_cmp(&b.low_hz).then(a.start_s.total_cmp(&b.start_s)));
        let hop_s = self.grid.hop_s();
        let mut kept = 0usize;
        for index in 0..self.pieces.len() {
            let above = self.pieces[index];
            let nearby = kept.saturating_sub(MAX_BELOW)..kept;
            match nearby.rev().find(|&below| self.pieces[below].is_one_symbol_with(&above, hop_s)) {
                Some(below) => self.pieces[below] = self.pieces[below].beside(&above),
                None => {
                    self.pieces[kept] = above;
                    kept += 1;
                }
            }
        }
        self.pieces.truncate(kept);
    }

    /// Places the edges of a part where its power crosses half of its own, to a fraction of a cell.
    fn measure(&mut self, around: &Rectangle, part: Rectangle, floor: &[f32]) -> Piece {
        let grid = self.grid;
        let (rows, bins) = (around.row_end - around.row, around.bin_end - around.bin);
        let sum = self.cutter.sum(&part);
        let cells = part.cells() as f64;
        let mean = sum / cells;
        let half = 1.0 + (mean - 1.0) / 2.0;

        self.profile.clear();
        for row in 0..rows {
            self.profile.push(self.cutter.mean(&Rectangle { row, row_end: row + 1, ..part }));
        }
        let (first, last) = half_crossings(&self.profile, part.row, part.row_end, half);
        let frame = (self.first_frame + around.row as u64) as f64;
        let cut_off = around.row + part.row_end == self.num_rows && self.num_rows == CHUNK_ROWS;
        let continued = around.row + part.row == 0;
        // At a chunk's border the edge is the border.
        let start = if continued { frame - 0.5 } else { frame + first };
        let end = if cut_off { frame + part.row_end as f64 - 0.5 } else { frame + last };

        self.profile.clear();
        for bin in 0..bins {
            self.profile.push(self.cutter.mean(&Rectangle { bin, bin_end: bin + 1, ..part }));
        }
        // The spectrum of one subcarrier is round: half of the mean over its bins is nearer to its edge than half of
        // its peak.
        let (low, high) = half_crossings(&self.profile, part.bin, part.bin_end, half);
        let middle = (part.bin + part.bin_end).div_ceil(2);
        let (lower, upper) =
            (Rectangle { bin_end: middle, ..part }, Rectangle { bin: middle.min(part.bin_end - 1), ..part });
        let floor_bins = &floor[around.bin + part.bin..around.bin + part.bin_end];
        Piece {
            start_s: (start + 1.0) * grid.hop_s(),
            end_s: (end + 1.0) * grid.hop_s(),
            low_hz: grid.frequency_hz(around.bin as f64 + low),
            high_hz: grid.frequency_hz(around.bin as f64 + high),
            cells,
            sum,
            mean,
            halves: (self.cutter.mean(&lower).max(1.0) - 1.0, self.cutter.mean(&upper).max(1.0) - 1.0),
            cut_off,
            shadow: None,
            doubt: Doubt::default(),
            floor: floor_bins.iter().map(|f| f64::from(*f)).sum::<f64>() / floor_bins.len() as f64,
        }
    }

    /// Finds the pieces that are only shadows of stronger ones.
    fn mark_shadows(&mut self) {
        self.pieces.sort_unstable_by(|a, b| b.mean.total_cmp(&a.mean));
        let (band_hz, bin_hz, hop_s) = (self.grid.sample_rate_hz(), self.grid.bin_hz(), self.grid.hop_s());
        for weak in 0..self.pieces.len() {
            let w = self.pieces[weak];
            let duration_s = w.end_s - w.start_s;
            if duration_s < SHORT_FRAMES * hop_s && w.high_hz - w.low_hz > CLICK_BAND_SHARE * band_hz {
                self.pieces[weak].shadow = Some(CLICK);
                continue;
            }
            let width_hz = (w.high_hz - w.low_hz).max(1.0);
            let center_hz = (w.low_hz + w.high_hz) / 2.0;
            for strong in 0..weak {
                let s = self.pieces[strong];
                if s.mean < SHADOW_RATIO * w.mean {
                    break;
                }
                let ratio = (s.mean - 1.0) / (w.mean - 1.0).max(1e-3);
                let (s_width_hz, s_center_hz) = (s.high_hz - s.low_hz, (s.low_hz + s.high_hz) / 2.0);
                let from_edge_s = |edge_s: f64| (w.start_s - edge_s).abs().max((w.end_s - edge_s).abs());
                let at_an_edge = from_edge_s(s.start_s).min(from_edge_s(s.end_s)) < SHORT_FRAMES * hop_s;
                let shared_s = w.end_s.min(s.end_s) - w.start_s.max(s.start_s);
                if shared_s < SHADOW_OVERLAP * duration_s && !at_an_edge {
                    continue;
                }
                // Sidelobes fall with the square of the distance, around the edge of the sampled band too; where a burst
                // begins or ends they are broader.
                let straight_hz = (center_hz - s_center_hz).abs();
                let bins = (straight_hz.min(band_hz - straight_hz) / bin_hz).max(1.0);
                let sidelobe = SIDELOBE * s.mean * (s_width_hz / bin_hz).max(1.0) / (bins * bins);
                let margin = if at_an_edge { EDGE_MARGIN } else { SIDELOBE_MARGIN };
                let apart_hz = (w.low_hz - s.high_hz).max(s.low_hz - w.high_hz);
                let mirrored_hz = w.high_hz.min(-s.low_hz) - w.low_hz.max(-s.high_hz);
                let skirt = ratio > SKIRT_RATIO && apart_hz < SKIRT_BANDWIDTHS * s_width_hz + SKIRT_REACH_HZ
                    || ratio > SHOULDER_RATIO && apart_hz < SHOULDER_BANDWIDTHS * s_width_hz;
                let (near, far) = if center_hz > s_center_hz { w.halves } else { (w.halves.1, w.halves.0) };
                let falls = near > SLOPE_FALL * far;
                let slope = ratio > SLOPE_RATIO
                    && apart_hz < SLOPE_BINS * bin_hz
                    && width_hz < s_width_hz / 2.0
                    && s_width_hz > SLOPE_WIDTH_HZ
                    && (width_hz < SLOPE_WIDTH_HZ || width_hz < SLOPE_MAX_WIDTH_HZ && falls);
                let piece = &mut self.pieces[weak];
                if skirt || slope || w.mean - 1.0 < margin * sidelobe {
                    piece.shadow = Some(SKIRT);
                }
                piece.doubt.mirrored |= ratio > IMAGE_RATIO && mirrored_hz > 0.5 * width_hz && apart_hz > 0.0;
                piece.doubt.outshone = piece.doubt.outshone.max(ratio * s.floor / w.floor);
            }
        }
    }

    fn continue_or_open(&mut self, piece: Piece) {
        let (hop_s, bin_hz) = (self.grid.hop_s(), self.grid.bin_hz());
        let reach_s = reach_rows(&piece, bin_hz) * hop_s;
        let slack_hz = 1.5 * self.grid.bin_hz();
        let best = self
            .open
            .iter_mut()
            .filter(|open| {
                let reach_s = reach_s.max(reach_rows(&open.piece, bin_hz) * hop_s);
                piece.start_s < open.piece.end_s + reach_s && piece.start_s > open.piece.start_s - reach_s
            })
            .filter_map(|open| {
                let o = &open.piece;
                let shared = o.high_hz.min(piece.high_hz) - o.low_hz.max(piece.low_hz) + slack_hz;
                let joint = o.high_hz.max(piece.high_hz) - o.low_hz.min(piece.low_hz) + slack_hz;
                let ratio = (o.mean / piece.mean).max(piece.mean / o.mean);
                (shared > SHARED_BAND * joint && ratio < CONTINUES_RATIO).then_some((shared / joint, open))
            })
            .max_by(|a, b| a.0.total_cmp(&b.0));
        let duration_s = piece.end_s - piece.start_s;
        let shadow_s = if piece.shadow.is_some() { duration_s } else { 0.0 };
        if let Some((_, open)) = best {
            let o = &mut open.piece;
            if piece.end_s <= o.end_s {
                return; // a splinter of what is known already
            }
            let share = piece.cells / (o.cells + piece.cells);
            o.low_hz += (piece.low_hz - o.low_hz) * share;
            o.high_hz += (piece.high_hz - o.high_hz) * share;
            o.floor += (piece.floor - o.floor) * share;
            o.cells += piece.cells;
            o.sum += piece.sum;
            o.mean = o.sum / o.cells;
            o.end_s = o.end_s.max(piece.end_s);
            o.cut_off = piece.cut_off;
            o.shadow = o.shadow.or(piece.shadow);
            o.doubt.mirrored |= piece.doubt.mirrored;
            o.doubt.outshone = o.doubt.outshone.max(piece.doubt.outshone);
            open.duration_s += duration_s;
            open.shadow_s += shadow_s;
        } else if self.open.len() < MAX_OPEN {
            self.open.push(Open { piece, duration_s, shadow_s });
        } else {
            self.reject(TOO_MANY);
        }
    }

    /// Announces the bursts that no piece from `now_s` on can continue, in order of their start.
    fn end_before(&mut self, now_s: f64, ended: &mut impl FnMut(Candidate, Doubt)) {
        self.open.sort_unstable_by(|a, b| a.piece.start_s.total_cmp(&b.piece.start_s));
        let mut kept = 0;
        for index in 0..self.open.len() {
            let open = self.open[index];
            let reach_s = reach_rows(&open.piece, self.grid.bin_hz()) * self.grid.hop_s();
            if open.piece.end_s + reach_s >= now_s {
                self.open[kept] = open;
                kept += 1;
                continue;
            }
            match open.piece.shadow {
                Some(reason) if open.shadow_s > 0.5 * open.duration_s => self.reject(reason),
                _ if evidence(open.piece.cells, open.piece.sum) < MIN_EVIDENCE => self.reject(WEAK),
                _ => ended(self.candidate(&open.piece), open.piece.doubt),
            }
        }
        self.open.truncate(kept);
    }

    fn candidate(&self, piece: &Piece) -> Candidate {
        let bandwidth_hz = (piece.high_hz - piece.low_hz).max(self.grid.bin_hz());
        let frames = ((piece.end_s - piece.start_s) / self.grid.hop_s()).max(1.0);
        // Powers of a tone spread over the window's bandwidth: the sum over bins counts it 1.5 times.
        let signal = (piece.sum - piece.cells) / frames * piece.floor / NOISE_BANDWIDTH_BINS;
        let noise = piece.floor / NOISE_BANDWIDTH_BINS * bandwidth_hz / self.grid.bin_hz();
        let signal = signal.max(noise * 1e-3);
        Candidate {
            extent: Segment {
                start_s: piece.start_s.max(0.0),
                end_s: piece.end_s,
                center_hz: (piece.low_hz + piece.high_hz) / 2.0,
                bandwidth_hz,
            },
            power_dbfs: (10.0 * signal.log10()) as f32,
            snr_db: (10.0 * (signal / noise).log10()) as f32,
        }
    }
}

const DETECTOR: &str = "energy";
const SKIRT: &str = "spectral skirt of a stronger burst";
const CLICK: &str = "click";
const WEAK: &str = "not above the noise for long enough";
const TOO_MANY: &str = "more bursts than can be followed";
const REASONS: [&str; 4] = [SKIRT, CLICK, WEAK, TOO_MANY];

/// Rows that a burst may be missing for and still go on: as long as a box of its width and level needs to be marked.
fn reach_rows(piece: &Piece, bin_hz: f64) -> f64 {
    let bins = ((piece.high_hz - piece.low_hz) / bin_hz).max(1.0);
    let gain_a_row = evidence(bins, bins * piece.mean.max(1.0));
    (MARK_EVIDENCE / gain_a_row.max(1e-6)).clamp((GAP_ROWS + 1) as f64, MAX_REACH_ROWS)
}

/// Fractional positions at which `profile` falls to `half` at either end of the range, by linear interpolation between
/// the middles of cells. Beyond the neighbouring cell is another's ground.
fn half_crossings(profile: &[f64], from: usize, to: usize, half: f64) -> (f64, f64) {
    let bright = |&i: &usize| profile[i] >= half;
    let first = (from..to).find(bright).unwrap_or(from);
    let last = (from..to).rev().find(bright).unwrap_or(to - 1);
    let between = |inside: usize, outside: Option<usize>| {
        let Some(&low) = outside.and_then(|outside| profile.get(outside)) else { return 0.5 };
        let high = profile[inside];
        if high > low && high > half { ((high - half) / (high - low)).clamp(0.0, 1.0) } else { 0.5 }
    };
    let start = first as f64 - between(first, first.checked_sub(1));
    let end = last as f64 + between(last, Some(last + 1));
    (start, end.max(start))
}
