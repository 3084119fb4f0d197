//! Energy of tones of one symbol group's length, at any frequency and time.
//!
//! In: the frames of the grid. Out: one row a frame of matched energies, eight cells a bin, quantised.
//! Method: half-overlapped Hann frames add up to a constant, so that a coherent sum of nine of them is a matched
//! filter 1.33 ms long for every frequency. Cells are normalised by the noise floor, or by the geometric mean of their
//! surroundings where a strong signal's skirts lie above it.

use num_complex::Complex32;

use crate::grid::Grid;

/// Cells a bin is divided into.
pub(super) const CELLS_PER_BIN: usize = 8;
/// Frames that are added coherently.
pub(super) const FRAMES_PER_SUM: usize = 9;
/// Quantised value of a cell that holds as much as the noise does on average.
pub(super) const UNIT: u8 = 8;
/// Energies are limited to this many [`UNIT`]s, so that no single strong cell can pass for a hop pattern.
const LIMIT: f32 = 127.0;
/// Half width of the surroundings.
const SURROUNDINGS_HZ: f64 = 30e3;
/// `log2` of the ratio of the mean of exponential powers to their geometric mean: Euler's constant over ln 2.
const MEAN_OVER_GEOMETRIC_LOG2: f32 = 0.832_7;
/// The surroundings replace the floor where they stand 2.5 dB (two standard deviations) above it.
const SURROUNDINGS_LOG2: f32 = 0.83;

/// Sums frames and keeps the last of them.
pub(super) struct ToneEnergy {
    num_bins: usize,
    surroundings_bins: usize,
    /// Ring of frames with the alternating sign of odd bins taken out: `[frame][bin]`.
    re: Vec<f32>,
    im: Vec<f32>,
    next: usize,
    num_frames: usize,
    odd_frame: bool,
    inverse_floor: Vec<f32>,
    /// `[cell in bin][bin]`.
    planes: Vec<f32>,
    log_sums: Vec<f32>,
    words: Vec<u64>,
}

impl ToneEnergy {
    pub(super) fn new(grid: &Grid) -> Self {
        let num_bins = grid.fft_len();
        Self {
            num_bins,
            surroundings_bins: (SURROUNDINGS_HZ / grid.bin_hz()).round() as usize,
            re: vec![0.0; num_bins * FRAMES_PER_SUM],
            im: vec![0.0; num_bins * FRAMES_PER_SUM],
            next: 0,
            num_frames: 0,
            odd_frame: false,
            inverse_floor: vec![0.0; num_bins],
            planes: vec![0.0; num_bins * CELLS_PER_BIN],
            log_sums: vec![0.0; num_bins + 1],
            words: vec![0; num_bins],
        }
    }

    /// Takes a frame and fills `row` (eight cells a bin, lowest frequency first) with the energies of the last nine;
    /// false until there are nine.
    ///
    /// # Panics
    /// if `frame`, `floor` or `row` have another length than the grid's.
    pub(super) fn push(&mut self, frame: &[Complex32], floor: &[f32], row: &mut [u8]) -> bool {
        let num_bins = self.num_bins;
        assert_eq!((frame.len(), floor.len(), row.len()), (num_bins, num_bins, num_bins * CELLS_PER_BIN));
        let re = &mut self.re[self.next * num_bins..][..num_bins];
        let im = &mut self.im[self.next * num_bins..][..num_bins];
        let odd_sign = if self.odd_frame { -1.0 } else { 1.0 };
        split(frame, odd_sign, re, im);
        self.odd_frame = !self.odd_frame;
        self.next = (self.next + 1) % FRAMES_PER_SUM;
        self.num_frames = (self.num_frames + 1).min(FRAMES_PER_SUM);
        if self.num_frames < FRAMES_PER_SUM {
            return false;
        }
        for (inverse, &floor) in self.inverse_floor.iter_mut().zip(floor) {
            *inverse = if floor > 0.0 { f32::from(UNIT) / floor } else { 0.0 };
        }
        let oldest = self.next;
        let start = |age: usize| (oldest + age) % FRAMES_PER_SUM * num_bins;
        let re: [&[f32]; FRAMES_PER_SUM] = std::array::from_fn(|age| &self.re[start(age)..][..num_bins]);
        let im: [&[f32]; FRAMES_PER_SUM] = std::array::from_fn(|age| &self.im[start(age)..][..num_bins]);
        sum_coherently(re, im, &self.inverse_floor, &mut self.planes);
        self.whiten(row);
        true
    }

    /// Forgets the past: what comes next does not follow what came.
    pub(super) fn reset(&mut self) {
        self.num_frames = 0;
    }

    fn whiten(&mut self, row: &mut [u8]) {
        sum_logarithms(&self.planes, self.num_bins, &mut self.log_sums[1..]);
        // Running sum, so that every window costs one subtraction.
        let mut total = 0.0;
        for sum in &mut self.log_sums[1..] {
            total += *sum;
            *sum = total;
        }
        let scale = &mut self.inverse_floor;
        for (bin, scale) in scale.iter_mut().enumerate() {
            let low = bin.saturating_sub(self.surroundings_bins);
            let high = (bin + self.surroundings_bins + 1).min(self.num_bins);
            let cells = ((high - low) * CELLS_PER_BIN) as f32;
            let log2 =
                (self.log_sums[high] - self.log_sums[low]) / cells - f32::from(UNIT).log2() + MEAN_OVER_GEOMETRIC_LOG2;
            *scale = if log2 > SURROUNDINGS_LOG2 { (-log2).exp2() } else { 1.0 };
        }
        quantise(&self.planes, scale, &mut self.words);
        for (cells, word) in row.chunks_exact_mut(CELLS_PER_BIN).zip(&self.words) {
            cells.copy_from_slice(&word.to_le_bytes());
        }
    }
}

/// Noise power of the sum of nine frames at cell `j` from the bin's middle, relative to one frame's: neighbouring
/// Hann frames correlate by 1/6.
fn noise_gain(j: f64) -> f64 {
    let frames = FRAMES_PER_SUM as f64;
    frames + 2.0 * (frames - 1.0) / 6.0 * (std::f64::consts::PI * j / 8.0).cos()
}

#[multiversion::multiversion(targets = "simd")]
fn sum_coherently(re: [&[f32]; 9], im: [&[f32]; 9], scale: &[f32], planes: &mut [f32]) {
    const LANES: usize = 16;
    let num_bins = scale.len();
    let mut cos = [[0.0f32; 5]; 5];
    let mut sin = [[0.0f32; 5]; 5];
    let mut gain = [0.0f32; 5];
    for j in 0..5 {
        for p in 0..5 {
            let phase = std::f64::consts::PI * (j * p) as f64 / 8.0;
            (cos[j][p], sin[j][p]) = (phase.cos() as f32, phase.sin() as f32);
        }
        gain[j] = (1.0 / noise_gain(j as f64)) as f32;
    }
    let mut start = 0;
    while start < num_bins {
        let n = LANES.min(num_bins - start);
        let load = |row: &[f32]| {
            let mut lanes = [0.0f32; LANES];
            lanes[..n].copy_from_slice(&row[start..start + n]);
            lanes
        };
        let scale = load(scale);
        let (centre_re, centre_im) = (load(re[4]), load(im[4]));
        let mut sums = [[[0.0f32; LANES]; 4]; 4];
        for p in 1..5 {
            let (a, b) = (load(re[4 + p]), load(re[4 - p]));
            let (c, d) = (load(im[4 + p]), load(im[4 - p]));
            for l in 0..LANES {
                sums[p - 1][0][l] = a[l] + b[l];
                sums[p - 1][1][l] = c[l] + d[l];
                sums[p - 1][2][l] = a[l] - b[l];
                sums[p - 1][3][l] = c[l] - d[l];
            }
        }
        for j in 0..5 {
            let mut low = [0.0f32; LANES];
            let mut high = [0.0f32; LANES];
            for l in 0..LANES {
                let (mut even_re, mut even_im) = (centre_re[l], centre_im[l]);
                let (mut odd_re, mut odd_im) = (0.0f32, 0.0f32);
                for p in 1..5 {
                    even_re += sums[p - 1][0][l] * cos[j][p];
                    even_im += sums[p - 1][1][l] * cos[j][p];
                    odd_re += sums[p - 1][2][l] * sin[j][p];
                    odd_im += sums[p - 1][3][l] * sin[j][p];
                }
                // The sum at +j is even - i odd, at -j even + i odd.
                let g = gain[j] * scale[l];
                high[l] = ((even_re + odd_im).powi(2) + (even_im - odd_re).powi(2)) * g;
                low[l] = ((even_re - odd_im).powi(2) + (even_im + odd_re).powi(2)) * g;
            }
            planes[(4 - j) * num_bins + start..][..n].copy_from_slice(&low[..n]);
            if (1..4).contains(&j) {
                planes[(4 + j) * num_bins + start..][..n].copy_from_slice(&high[..n]);
            }
        }
        start += LANES;
    }
}

/// Sum over a bin's cells of the logarithm to base 2, by the exponent and a straight line through the mantissa.
#[multiversion::multiversion(targets = "simd")]
fn sum_logarithms(planes: &[f32], num_bins: usize, sums: &mut [f32]) {
    // The straight line lies 0.057 below the logarithm on average.
    sums.fill(0.057 * CELLS_PER_BIN as f32);
    for plane in planes.chunks_exact(num_bins) {
        for (sum, value) in sums.iter_mut().zip(plane) {
            *sum += (value.max(1e-3).to_bits() as i32 - 0x3f80_0000) as f32 * (1.0 / 8_388_608.0);
        }
    }
}

/// Rounds and packs the eight cells of a bin into one word, lowest frequency in the lowest byte.
#[multiversion::multiversion(targets = "simd")]
fn quantise(planes: &[f32], scale: &[f32], words: &mut [u64]) {
    /// Adding this leaves a small number's integer in the low bits of the sum.
    const TO_INTEGER: f32 = 8_388_608.0;
    words.fill(0);
    for (j, plane) in planes.chunks_exact(scale.len()).enumerate() {
        for ((word, value), scale) in words.iter_mut().zip(plane).zip(scale) {
            let rounded = ((value * scale).min(LIMIT) + TO_INTEGER).to_bits() & 0x7f;
            *word |= u64::from(rounded) << (8 * j);
        }
    }
}

/// Splits a frame into planes and multiplies its odd bins by `odd_sign`.
#[multiversion::multiversion(targets = "simd")]
fn split(frame: &[Complex32], odd_sign: f32, re: &mut [f32], im: &mut [f32]) {
    let pairs = re.chunks_exact_mut(2).zip(im.chunks_exact_mut(2));
    for (pair, (re, im)) in frame.chunks_exact(2).zip(pairs) {
        (re[0], im[0]) = (pair[0].re, pair[0].im);
        (re[1], im[1]) = (pair[1].re * odd_sign, pair[1].im * odd_sign);
    }
}
