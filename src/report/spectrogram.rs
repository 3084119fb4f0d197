//! A picture of a burst, from the capture it was found in.

use std::path::Path;

use base64::Engine;
use captures::{Capture, OpenOptions};
use dsp::grid::Grid;
use dsp::stft::Stft;
use num_complex::Complex32;

use super::session::{Burst, Pass};

/// Longest stretch that is drawn.
const MAX_S: f64 = 0.5;
/// Narrowest band that is drawn.
const MIN_BAND_HZ: f64 = 100e3;
/// Power range from the darkest to the brightest.
const RANGE_DB: f32 = 45.0;
/// Columns and rows at the most.
const MAX_COLUMNS: usize = 800;
const MAX_ROWS: usize = 256;

/// The capture of a pass, where it still is where its record says and still holds what it held.
pub(super) fn reopen(pass: &Pass) -> Option<Capture> {
    let options = OpenOptions {
        sample_rate_hz: Some(pass.capture.sample_rate_hz),
        format: pass.capture.datatype.parse().ok(),
        center_frequency_hz: pass.capture.center_frequency_hz,
        ..OpenOptions::default()
    };
    let capture = captures::open(Path::new(&pass.capture.path), &options).ok()?;
    let same = pass.capture.sha256.is_none() || capture.sha256().ok() == pass.capture.sha256;
    same.then_some(capture)
}

/// A PNG as a data address: time to the right, frequency upwards, 3.75 kHz a row or more.
pub(super) fn data_address(capture: &mut Capture, burst: &Burst) -> Option<String> {
    let (rate_hz, samples) = (capture.info().sample_rate_hz, capture.info().samples);
    let grid = Grid::new(rate_hz).ok()?;
    let length_s = (burst.end_s - burst.start_s).min(MAX_S);
    let margin_s = (0.2 * length_s).max(2e-3);
    let first = (((burst.start_s - margin_s) * rate_hz).max(0.0) as u64).min(samples);
    let count = ((length_s + 2.0 * margin_s) * rate_hz) as usize;
    let mut buffer = vec![Complex32::ZERO; count.max(grid.fft_len())];
    capture.seek(first).ok()?;
    let mut held = 0;
    while held < buffer.len() {
        match capture.read(&mut buffer[held..]).ok()? {
            0 => break,
            read => held += read,
        }
    }
    let frames = held.checked_sub(grid.fft_len())? / grid.hop() + 1;
    let half_hz = (1.5 * burst.bandwidth_hz).max(MIN_BAND_HZ / 2.0);
    let bin = |hz: f64| (grid.bin(hz).round().max(0.0) as usize).min(grid.fft_len() - 1);
    let (low, high) = (bin(burst.center_hz - half_hz), bin(burst.center_hz + half_hz));
    let image = Image::draw(&grid, &buffer[..held], frames, low, high);
    let png = image.png()?;
    Some(format!("data:image/png;base64,{}", base64::engine::general_purpose::STANDARD.encode(png)))
}

struct Image {
    columns: usize,
    rows: usize,
    /// Power of each pixel, row by row from the highest frequency.
    power: Vec<f32>,
}

impl Image {
    fn draw(grid: &Grid, samples: &[Complex32], frames: usize, low: usize, high: usize) -> Self {
        let (columns, rows) = (frames.min(MAX_COLUMNS), (high - low + 1).min(MAX_ROWS));
        let mut stft = Stft::new(grid);
        let mut power = vec![0f32; columns * rows];
        for frame in 0..frames {
            let begin = frame * grid.hop();
            let spectrum = stft.transform(&samples[begin..begin + grid.fft_len()]);
            let column = frame * columns / frames;
            for (index, value) in spectrum[low..=high].iter().enumerate() {
                let row = rows - 1 - index * rows / (high - low + 1);
                let pixel = &mut power[row * columns + column];
                *pixel = pixel.max(value.norm_sqr());
            }
        }
        Self { columns, rows, power }
    }

    fn png(&self) -> Option<Vec<u8>> {
        let brightest = self.power.iter().copied().fold(f32::MIN_POSITIVE, f32::max);
        let shade = |power: &f32| {
            let below_db = 10.0 * (power.max(f32::MIN_POSITIVE) / brightest).log10();
            (255.0 * (1.0 + below_db / RANGE_DB).clamp(0.0, 1.0)) as u8
        };
        let pixels: Vec<u8> = self.power.iter().map(shade).collect();
        let mut bytes = Vec::new();
        let mut encoder = png::Encoder::new(&mut bytes, self.columns as u32, self.rows as u32);
        encoder.set_color(png::ColorType::Grayscale);
        encoder.set_depth(png::BitDepth::Eight);
        let mut writer = encoder.write_header().ok()?;
        writer.write_image_data(&pixels).ok()?;
        writer.finish().ok()?;
        Some(bytes)
    }
}
