//! Energies of whole symbol groups over time and frequency, in samples brought to baseband.

use num_complex::Complex32;
use rustfft::FftPlanner;

use crate::baseband::Baseband;
use crate::spec::nprach::Format;

use super::Seed;

/// Rows in the length of one symbol group.
pub(super) const ROWS_PER_GROUP: usize = 8;
/// Energies above this many times the noise count little more, so that no strong cell passes for a pattern.
pub(super) const LIMIT: f32 = 16.0;
/// Tones around those of the blocks that the surroundings' level is learnt from.
const MARGIN_TONES: f64 = 9.0;
/// Ratio of the surroundings' level to the floor from which it replaces it (2.5 dB, as in the search).
const SURROUNDINGS_RATIO: f32 = 1.78;

/// `row` starts every eighth of a symbol group, `cell` is a frequency; energies are relative to the noise's mean.
pub(super) struct Plane {
    pub(super) format: Format,
    pub(super) num_rows: usize,
    pub(super) num_cells: usize,
    pub(super) cell_hz: f64,
    /// Frequency of cell 0 and start of row 0, on the stream's axes.
    pub(super) low_hz: f64,
    pub(super) start_s: f64,
    /// Cells up to each tone of a block.
    pub(super) tones: Vec<usize>,
    /// Limited and whitened: `[row][cell]`.
    limited: Vec<f32>,
    /// Relative to the noise alone.
    raw: Vec<f32>,
}

impl Plane {
    pub(super) fn new(baseband: &Baseband, format: Format, seed: &Seed, noise_per_hz: f32) -> Self {
        let rate = baseband.sample_rate_hz;
        let window = (format.group_s() * rate).round() as usize;
        // A quarter of the resolution, or finer.
        let fft_len = (window * 5 / 2).next_power_of_two();
        let cell_hz = rate / fft_len as f64;
        let spacing = format.spacing_hz();
        let block_tones = f64::from(format.subcarriers());
        let half_band = (0.5 * rate / cell_hz) as i64 - 1;
        let cell = |hz: f64| (((hz - baseband.center_hz) / cell_hz).floor() as i64).clamp(-half_band, half_band);
        let first = cell(seed.block_low_hz - MARGIN_TONES * spacing);
        let last = cell(seed.block_high_hz + (block_tones + MARGIN_TONES) * spacing);
        let num_cells = (last - first + 1) as usize;
        let row_s = format.group_s() / ROWS_PER_GROUP as f64;
        let duration_s = baseband.samples.len() as f64 / rate;
        let num_rows = ((duration_s - format.group_s()) / row_s).floor().max(-1.0) as i64 + 1;
        let num_rows = num_rows.max(0) as usize;
        let mut raw = vec![0.0f32; num_rows * num_cells];
        let fft = FftPlanner::new().plan_fft_forward(fft_len);
        let mut scratch = vec![Complex32::default(); fft.get_inplace_scratch_len()];
        let mut buffer = vec![Complex32::default(); fft_len];
        let scale = 1.0 / (noise_per_hz.max(f32::MIN_POSITIVE) * rate as f32 * window as f32);
        for (row, cells) in raw.chunks_exact_mut(num_cells).enumerate() {
            let at = (row as f64 * row_s * rate).round() as usize;
            let Some(samples) = baseband.samples.get(at..at + window) else { continue };
            buffer[..window].copy_from_slice(samples);
            buffer[window..].fill(Complex32::default());
            fft.process_with_scratch(&mut buffer, &mut scratch);
            for (i, energy) in cells.iter_mut().enumerate() {
                let k = (first + i as i64).rem_euclid(fft_len as i64) as usize;
                *energy = buffer[k].norm_sqr() * scale;
            }
        }
        let tones = (0..format.subcarriers()).map(|n| (f64::from(n) * spacing / cell_hz).round() as usize).collect();
        let mut plane = Self {
            format,
            num_rows,
            num_cells,
            cell_hz,
            low_hz: baseband.center_hz + first as f64 * cell_hz,
            start_s: baseband.start_s,
            tones,
            limited: vec![0.0; num_rows * num_cells],
            raw,
        };
        plane.whiten();
        plane
    }

    /// Divides by the geometric mean of the surroundings where that stands above the floor, and limits.
    fn whiten(&mut self) {
        const MEAN_OVER_GEOMETRIC: f32 = 1.781;
        let reach = (8.0 * self.format.spacing_hz() / self.cell_hz) as usize;
        let mut sums = vec![0.0f64; self.num_cells + 1];
        let rows = self.raw.chunks_exact(self.num_cells).zip(self.limited.chunks_exact_mut(self.num_cells));
        for (raw, limited) in rows {
            for (i, energy) in raw.iter().enumerate() {
                sums[i + 1] = sums[i] + f64::from(energy.max(1e-6).ln());
            }
            for (i, out) in limited.iter_mut().enumerate() {
                let (low, high) = (i.saturating_sub(reach), (i + reach + 1).min(raw.len()));
                let level = MEAN_OVER_GEOMETRIC * ((sums[high] - sums[low]) / (high - low) as f64).exp() as f32;
                *out = limit(if level > SURROUNDINGS_RATIO { raw[i] / level } else { raw[i] });
            }
        }
    }

    /// Limited energy, zero outside the plane.
    pub(super) fn limited(&self, row: usize, cell: usize) -> f32 {
        if row < self.num_rows && cell < self.num_cells { self.limited[row * self.num_cells + cell] } else { 0.0 }
    }

    /// Energy of a group without a limit, 0 outside.
    pub(super) fn raw(&self, row: usize, cell: usize) -> f32 {
        if cell < self.num_cells { self.raw.get(row * self.num_cells + cell).copied().unwrap_or(0.0) } else { 0.0 }
    }

    /// Limited energies of a row.
    pub(super) fn limited_row(&self, row: usize) -> &[f32] {
        &self.limited[row * self.num_cells..][..self.num_cells]
    }

    /// Energy at a frequency of the stream's axis, relative to the noise; zero outside the plane.
    pub(super) fn raw_at(&self, row: usize, hz: f64) -> f32 {
        self.index(row, hz).map_or(0.0, |index| self.raw[index])
    }

    /// Limited energy at a frequency of the stream's axis; zero outside the plane.
    pub(super) fn limited_at(&self, row: usize, hz: f64) -> f32 {
        self.index(row, hz).map_or(0.0, |index| self.limited[index])
    }

    fn index(&self, row: usize, hz: f64) -> Option<usize> {
        let cell = ((hz - self.low_hz) / self.cell_hz).round();
        (row < self.num_rows && cell >= 0.0 && (cell as usize) < self.num_cells)
            .then(|| row * self.num_cells + cell as usize)
    }

    /// Row that starts nearest to an instant, where there is one.
    pub(super) fn row_at(&self, instant_s: f64) -> Option<usize> {
        let row = ((instant_s - self.start_s) / self.row_s()).round();
        (row >= 0.0 && (row as usize) < self.num_rows).then_some(row as usize)
    }

    /// Distance of neighbouring rows.
    pub(super) fn row_s(&self) -> f64 {
        self.format.group_s() / ROWS_PER_GROUP as f64
    }

    /// Rows from the start of repetition 0 to the start of repetition `repetition`, gaps included.
    pub(super) fn repetition_rows(&self, repetition: usize) -> usize {
        (self.format.repetition_start_s(repetition) / self.row_s()).round() as usize
    }

    /// Takes out a symbol group that was accounted for, known to within `slack_s`: what its tone and its tone's sidelobes
    /// explain counts as noise.
    pub(super) fn mask(&mut self, start_s: f64, slack_s: f64, tone_hz: f64, energy: f32) {
        let (row_s, reach) = (self.row_s(), ROWS_PER_GROUP as f64);
        let first = ((start_s - slack_s - self.start_s) / row_s - reach).ceil().max(0.0) as usize;
        let end = ((start_s + slack_s - self.start_s) / row_s + reach).floor() + 1.0;
        let end = (end.max(0.0) as usize).min(self.num_rows);
        let tone_cell = (tone_hz - self.low_hz) / self.cell_hz;
        let cells_per_null = 1.0 / (self.format.group_s() * self.cell_hz);
        for cell in 0..self.num_cells {
            let nulls = (cell as f64 - tone_cell).abs() / cells_per_null;
            let explained = energy * (4.0 / (std::f64::consts::PI * nulls).powi(2).max(1.0)) as f32;
            for at in (first..end).map(|row| row * self.num_cells + cell) {
                if self.raw[at] < explained {
                    self.limited[at] = self.limited[at].min(1.0);
                }
            }
        }
    }
}

fn limit(energy: f32) -> f32 {
    if energy <= LIMIT { energy } else { LIMIT + 0.25 * (energy / LIMIT).ln() }
}
