//! Power over time and frequency.

use anyhow::{Context, Result, anyhow, bail};
use captures::Capture;
use dsp::grid::Grid;
use dsp::stft::Stft;
use num_complex::Complex32;
use plotters::coord::Shift;
use plotters::drawing::DrawingArea;
use plotters::element::{BitMapElement, Rectangle, Text};
use plotters::prelude::DrawingBackend;
use plotters::style::{Color, IntoFont, RGBColor};

use super::canvas::{Canvas, Drawing, Drawn, FONT, Ink, builder, color_of};
use crate::heat::inferno;
use crate::report::session::Burst;

/// Power range from the darkest to the brightest.
const RANGE_DB: f32 = 45.0;
/// Samples read at once.
const CHUNK_SAMPLES: usize = 1 << 20;

/// The part of a capture that is drawn, offsets from its centre.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Part {
    /// First instant, seconds from the first sample.
    pub(crate) start_s: f64,
    /// Length; beyond the end it is cut.
    pub(crate) duration_s: f64,
    /// Lowest frequency.
    pub(crate) low_hz: f64,
    /// Highest frequency.
    pub(crate) high_hz: f64,
}

/// The strongest power in each pixel.
pub(crate) struct Picture {
    pub(crate) columns: usize,
    pub(crate) rows: usize,
    /// Row by row from the highest frequency.
    power: Vec<f32>,
    /// What is drawn, to the nearest bin and frame.
    part: Part,
}

impl Picture {
    /// Reads a part of a capture; the picture has this many columns and rows at the most, none narrower than a frame
    /// or a bin of 3.75 kHz.
    ///
    /// # Errors
    /// where the rate cannot be analysed, samples cannot be read, or the part holds less than one frame.
    pub(crate) fn of(capture: &mut Capture, part: Part, most: (usize, usize)) -> Result<Self> {
        let (rate_hz, samples) = (capture.info().sample_rate_hz, capture.info().samples);
        let path = capture.info().path.display().to_string();
        let grid = Grid::new(rate_hz).map_err(|error| anyhow!("{path}: {error}"))?;
        let (len, hop) = (grid.fft_len(), grid.hop());
        let first = ((part.start_s * rate_hz).max(0.0) as u64).min(samples);
        let count = ((part.duration_s * rate_hz).max(0.0) as u64).max(len as u64).min(samples - first);
        if count < len as u64 {
            bail!("{path}: has {count} samples from {} s on, too few to draw; choose another --start", part.start_s);
        }
        let frames = ((count - len as u64) / hop as u64 + 1) as usize;
        let bin = |hz: f64| (grid.bin(hz).round().max(0.0) as usize).min(len - 1);
        let (low, high) = (bin(part.low_hz), bin(part.high_hz).max(bin(part.low_hz)));
        let (columns, rows) = (frames.min(most.0.max(1)), (high - low + 1).min(most.1.max(1)));
        let hertz = |bin: usize| (bin as f64 - len as f64 / 2.0) * grid.bin_hz();
        let part = Part {
            start_s: first as f64 / rate_hz,
            duration_s: frames as f64 * hop as f64 / rate_hz,
            low_hz: hertz(low) - 0.5 * grid.bin_hz(),
            high_hz: hertz(high) + 0.5 * grid.bin_hz(),
        };
        let mut picture = Self { columns, rows, power: vec![0.0; columns * rows], part };
        let mut stft = Stft::new(&grid);
        capture.seek(first).with_context(|| path.clone())?;
        let mut held: Vec<Complex32> = Vec::new();
        let mut frame = 0;
        let mut chunk = vec![Complex32::ZERO; CHUNK_SAMPLES.max(len)];
        while frame < frames {
            let read = capture.read(&mut chunk).with_context(|| path.clone())?;
            if read == 0 {
                break;
            }
            held.extend_from_slice(&chunk[..read]);
            let mut begin = 0;
            while frame < frames && begin + len <= held.len() {
                let spectrum = stft.transform(&held[begin..begin + len]);
                picture.add(frame * columns / frames, &spectrum[low..=high]);
                begin += hop;
                frame += 1;
            }
            held.drain(..begin);
        }
        Ok(picture)
    }

    fn add(&mut self, column: usize, spectrum: &[Complex32]) {
        for (index, value) in spectrum.iter().enumerate() {
            let row = self.rows - 1 - index * self.rows / spectrum.len();
            let pixel = &mut self.power[row * self.columns + column];
            *pixel = pixel.max(value.norm_sqr());
        }
    }

    /// Brightness of each pixel, 0 to 1.
    pub(crate) fn shades(&self) -> impl Iterator<Item = f32> {
        let brightest = self.power.iter().copied().fold(f32::MIN_POSITIVE, f32::max);
        self.power.iter().map(move |power| {
            let below_db = 10.0 * (power.max(f32::MIN_POSITIVE) / brightest).log10();
            (1.0 + below_db / RANGE_DB).clamp(0.0, 1.0)
        })
    }

    /// Colours stretched to `width` by `height` pixels, red, green, blue.
    fn pixels(&self, width: usize, height: usize) -> Vec<u8> {
        let shades: Vec<[u8; 3]> = self.shades().map(inferno).collect();
        let source = |x: usize, y: usize| shades[y * self.rows / height * self.columns + x * self.columns / width];
        (0..height).flat_map(|y| (0..width).flat_map(move |x| source(x, y))).collect()
    }
}

/// Draws a part of a capture with the bursts that `bursts` tell of.
///
/// # Errors
/// where the capture cannot be read or the picture cannot be written.
pub(crate) fn of_capture(capture: &mut Capture, part: Part, bursts: &[Burst], canvas: &Canvas) -> Result<()> {
    let (width, height) = (canvas.size.0 as usize, canvas.size.1 as usize);
    let picture = Picture::of(capture, part, (width, height))?;
    let center_hz = capture.info().center_frequency_hz;
    canvas.show(&Chart { picture: &picture, bursts, center_hz })
}

struct Chart<'a> {
    picture: &'a Picture,
    bursts: &'a [Burst],
    center_hz: Option<f64>,
}

impl Drawing for Chart<'_> {
    fn draw<B: DrawingBackend>(&self, area: &DrawingArea<B, Shift>, canvas: &Canvas, ink: Ink) -> Drawn {
        let part = self.picture.part;
        // A radio frequency in megahertz where it is known, an offset in kilohertz where not.
        let (origin_hz, unit_hz, name) = match self.center_hz {
            Some(center_hz) => (center_hz, 1e6, "MHz"),
            None => (0.0, 1e3, "kHz from the centre"),
        };
        let up = |offset_hz: f64| (origin_hz + offset_hz) / unit_hz;
        let (start_s, end_s) = (part.start_s, part.start_s + part.duration_s);
        let (low, high) = (up(part.low_hz), up(part.high_hz));
        let mut builder = builder(area, canvas, ink, 80);
        let said = |error: &dyn std::fmt::Display| error.to_string();
        let mut chart = builder.build_cartesian_2d(start_s..end_s, low..high).map_err(|e| said(&e))?;
        let decimals = digits((high - low) / 8.0);
        chart
            .configure_mesh()
            .disable_mesh()
            .axis_style(ink.ink)
            .label_style((FONT, 16).into_font().color(&ink.ink))
            .x_desc("seconds")
            .y_desc(name)
            .x_label_formatter(&|x| format!("{x:.*}", digits(part.duration_s / 8.0)))
            .y_label_formatter(&|y| format!("{y:.decimals$}"))
            .draw()
            .map_err(|e| said(&e))?;
        let (width, height) = chart.plotting_area().dim_in_pixel();
        let pixels = self.picture.pixels(width as usize, height as usize);
        let image = BitMapElement::with_owned_buffer((start_s, high), (width, height), pixels)
            .ok_or("the picture has no room")?;
        chart.draw_series([image]).map_err(|e| said(&e))?;
        for burst in self.bursts.iter().filter(|burst| burst.start_s < end_s && burst.end_s > start_s) {
            let half_hz = 0.5 * burst.bandwidth_hz;
            let (below, above) = (up(burst.center_hz - half_hz).max(low), up(burst.center_hz + half_hz).min(high));
            if below >= above {
                continue;
            }
            let (from_s, to_s) = (burst.start_s.max(start_s), burst.end_s.min(end_s));
            let color = lighter(color_of(&burst.technology));
            let outline = Rectangle::new([(from_s, below), (to_s, above)], color.stroke_width(2));
            chart.draw_series([outline]).map_err(|e| said(&e))?;
            let label = Text::new(burst.channel.clone(), (from_s, above), (FONT, 14).into_font().color(&color));
            chart.draw_series([label]).map_err(|e| said(&e))?;
        }
        Ok(())
    }
}

/// A colour that stands out of the dark of a spectrogram.
fn lighter(color: RGBColor) -> RGBColor {
    let lift = |value: u8| 255 - (255 - value) / 2;
    RGBColor(lift(color.0), lift(color.1), lift(color.2))
}

/// Decimals that tell steps of this size apart.
pub(super) fn digits(step: f64) -> usize {
    (-step.abs().max(1e-9).log10()).ceil().clamp(0.0, 6.0) as usize
}
