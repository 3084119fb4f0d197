//! `info`: what a capture says of itself, and what its samples say.

use anyhow::Result;
use captures::{Capture, CaptureInfo};
use dsp::grid::Grid;
use dsp::stft::Stft;
use num_complex::Complex32;
use serde::Serialize;

use crate::cli::InfoArgs;
use crate::source::capture_file::full_scale;
use crate::source::vetted;

/// Samples that are looked at; the whole of a short capture, else pieces spread over all of it.
const MAX_SAMPLES: u64 = 20_000_000;
/// Pieces of a long capture.
const NUM_PIECES: u64 = 64;
/// Columns of the small spectrum.
const COLUMNS: usize = 64;
/// Share of the power that lies within the occupied bandwidth (Rec. ITU-R SM.443).
const OCCUPIED_SHARE: f64 = 0.99;
/// Steps of the small spectrum, 3 dB each from its lowest column.
const STEPS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
const STEP_DB: f64 = 3.0;

#[derive(Serialize)]
struct Info {
    path: String,
    sample_rate_hz: f64,
    center_frequency_hz: Option<f64>,
    samples: u64,
    duration_s: f64,
    datatype: String,
    channel: usize,
    channels: usize,
    part: usize,
    parts: usize,
    gaps: usize,
    datetime: Option<String>,
    description: Option<String>,
    recorder: Option<String>,
    annotations: usize,
    warnings: Vec<String>,
    samples_measured: u64,
    level_dbfs: Option<f64>,
    peak_dbfs: Option<f64>,
    dc_dbfs: Option<f64>,
    /// Samples with a component at full scale.
    clipped_samples: u64,
    /// Samples that are no numbers.
    invalid_samples: u64,
    occupied: Option<Occupied>,
    spectrum: Option<Spectrum>,
    analysable: bool,
}

/// The band that holds 99 % of the power.
#[derive(Serialize)]
struct Occupied {
    bandwidth_hz: f64,
    center_hz: f64,
}

/// Mean power of equal parts of the band, lowest frequency first.
#[derive(Serialize)]
struct Spectrum {
    column_hz: f64,
    dbfs: Vec<f64>,
}

pub(super) fn run(args: &InfoArgs) -> Result<()> {
    let mut capture = vetted::open(&args.capture, &args.open.open_options())?;
    let told = capture.info().clone();
    let measured = Measured::of(&mut capture)?;
    let info = info(&told, &measured);
    let text = if args.json { format!("{}\n", serde_json::to_string(&info)?) } else { described(&info) };
    super::print(text.as_bytes())
}

/// Sums over the samples that are looked at.
#[derive(Default)]
struct Measured {
    samples: u64,
    power: f64,
    peak: f32,
    sum: (f64, f64),
    clipped: u64,
    invalid: u64,
    /// Sum of the power of each bin over frames, and the frames; empty where the rate has no grid.
    bins: Vec<f64>,
    frames: u64,
}

impl Measured {
    /// Looks at the samples, from the beginning or in pieces spread over all.
    fn of(capture: &mut Capture) -> Result<Self> {
        let info = capture.info();
        let (num_samples, highest) = (info.samples, full_scale(info.format));
        let mut stft = Grid::new(info.sample_rate_hz).ok().map(|grid| (grid.fft_len(), Stft::new(&grid)));
        let mut measured = Self { bins: vec![0.0; stft.as_ref().map_or(0, |(len, _)| *len)], ..Self::default() };
        let (num_pieces, piece) =
            if num_samples <= MAX_SAMPLES { (1, num_samples) } else { (NUM_PIECES, MAX_SAMPLES / NUM_PIECES) };
        let mut buffer = vec![Complex32::ZERO; 65_536];
        for number in 0..num_pieces {
            // In u128, since a capture may be longer than the product allows.
            capture.seek((u128::from(num_samples - piece) * u128::from(number) / u128::from(NUM_PIECES - 1)) as u64)?;
            let mut left = piece;
            while left > 0 {
                let wanted = buffer.len().min(usize::try_from(left).unwrap_or(usize::MAX));
                let count = capture.read(&mut buffer[..wanted])?;
                if count == 0 {
                    break;
                }
                measured.add(&buffer[..count], highest);
                if let Some((len, stft)) = &mut stft {
                    measured.add_frames(&buffer[..count], *len, stft);
                }
                left -= count as u64;
            }
        }
        Ok(measured)
    }

    fn add(&mut self, samples: &[Complex32], highest: f32) {
        self.samples += samples.len() as u64;
        for sample in samples {
            if !(sample.re.is_finite() && sample.im.is_finite()) {
                self.invalid += 1;
                continue;
            }
            self.power += f64::from(sample.norm_sqr());
            self.peak = self.peak.max(sample.norm_sqr());
            self.sum.0 += f64::from(sample.re);
            self.sum.1 += f64::from(sample.im);
            self.clipped += u64::from(sample.re.abs() >= highest || sample.im.abs() >= highest);
        }
    }

    /// Spectra of the frames that lie within `samples`, side by side.
    fn add_frames(&mut self, samples: &[Complex32], len: usize, stft: &mut Stft) {
        for frame in samples.chunks_exact(len).filter(|frame| frame.iter().all(|s| s.norm_sqr().is_finite())) {
            let bins = stft.transform(frame);
            self.bins.iter_mut().zip(bins).for_each(|(sum, bin)| *sum += f64::from(bin.norm_sqr()));
            self.frames += 1;
        }
    }

    /// The band within which all but half a percent of the power at either end lies.
    fn occupied(&self, sample_rate_hz: f64) -> Option<Occupied> {
        let total: f64 = self.bins.iter().sum();
        if total <= 0.0 {
            return None;
        }
        let beyond = (1.0 - OCCUPIED_SHARE) / 2.0 * total;
        let edge = |bins: &mut dyn Iterator<Item = &f64>| {
            let mut sum = 0.0;
            bins.take_while(|power| {
                sum += **power;
                sum <= beyond
            })
            .count()
        };
        let (low, high) = (edge(&mut self.bins.iter()), self.bins.len() - edge(&mut self.bins.iter().rev()));
        let bin_hz = sample_rate_hz / self.bins.len() as f64;
        let middle = (low + high) as f64 / 2.0 - 0.5 - (self.bins.len() / 2) as f64;
        Some(Occupied { bandwidth_hz: (high - low) as f64 * bin_hz, center_hz: middle * bin_hz })
    }

    fn spectrum(&self, sample_rate_hz: f64) -> Option<Spectrum> {
        if self.frames == 0 {
            return None;
        }
        let edge = |column: usize| column * self.bins.len() / COLUMNS;
        let column = |column: usize| {
            let power: f64 = self.bins[edge(column)..edge(column + 1)].iter().sum();
            // The window spreads a tone's power over one bin and a half.
            let mean = power / self.frames as f64 / dsp::stft::NOISE_BANDWIDTH_BINS;
            dbfs(mean).unwrap_or(-200.0)
        };
        Some(Spectrum { column_hz: sample_rate_hz / COLUMNS as f64, dbfs: (0..COLUMNS).map(column).collect() })
    }
}

fn dbfs(power: f64) -> Option<f64> {
    (power > 0.0).then(|| (10.0 * power.log10() * 100.0).round() / 100.0)
}

fn info(told: &CaptureInfo, measured: &Measured) -> Info {
    let count = measured.samples.saturating_sub(measured.invalid).max(1) as f64;
    let dc = (measured.sum.0.powi(2) + measured.sum.1.powi(2)) / (count * count);
    let late = told.stretches.first().is_some_and(|first| first.time > 0);
    Info {
        path: told.path.display().to_string(),
        sample_rate_hz: told.sample_rate_hz,
        center_frequency_hz: told.center_frequency_hz,
        samples: told.samples,
        duration_s: told.duration_s(),
        datatype: told.format.to_string(),
        channel: told.channel,
        channels: told.num_channels,
        part: told.part,
        parts: told.num_parts,
        gaps: told.stretches.len() - 1 + usize::from(late),
        datetime: told.datetime.clone(),
        description: told.description.clone(),
        recorder: told.recorder.clone(),
        annotations: told.annotations.len(),
        warnings: told.warnings.clone(),
        samples_measured: measured.samples,
        level_dbfs: dbfs(measured.power / count),
        peak_dbfs: dbfs(f64::from(measured.peak)),
        dc_dbfs: dbfs(dc),
        clipped_samples: measured.clipped,
        invalid_samples: measured.invalid,
        occupied: measured.occupied(told.sample_rate_hz),
        spectrum: measured.spectrum(told.sample_rate_hz),
        analysable: Grid::new(told.sample_rate_hz).is_ok(),
    }
}

fn described(info: &Info) -> String {
    let or_unknown = |value: Option<String>| value.unwrap_or_else(|| "not told".to_owned());
    let level = |value: Option<f64>| value.map_or_else(|| "silence".to_owned(), |db| format!("{db:.1} dBFS"));
    let mut lines = vec![
        format!("{}", info.path),
        format!("  sample rate   {} S/s", info.sample_rate_hz),
        format!("  centre        {}", or_unknown(info.center_frequency_hz.map(|hz| format!("{:.6} MHz", hz / 1e6)))),
        format!("  samples       {} ({:.6} s, {})", info.samples, info.duration_s, info.datatype),
        format!("  recorded      {}", or_unknown(info.datetime.clone())),
        format!("  with          {}", or_unknown(info.recorder.clone())),
        format!("  description   {}", or_unknown(info.description.clone())),
        format!("  annotations   {}", info.annotations),
        format!("  mean level    {}", level(info.level_dbfs)),
        format!("  peak          {}", level(info.peak_dbfs)),
        format!("  DC            {}", level(info.dc_dbfs)),
        format!("  clipped       {} samples", info.clipped_samples),
    ];
    if info.channels > 1 {
        lines.insert(4, format!("  channel       {} of {}, counted from 0 (--channel)", info.channel, info.channels));
    }
    if info.parts > 1 {
        lines.insert(4, format!("  part          {} of {}, counted from 0 (--center)", info.part, info.parts));
    }
    if info.gaps > 0 {
        lines.insert(4, format!("  gaps          {}", info.gaps));
    }
    if info.invalid_samples > 0 {
        lines.push(format!("  no numbers    {} samples", info.invalid_samples));
    }
    if let Some(occupied) = &info.occupied {
        let (width, middle) = (occupied.bandwidth_hz / 1e3, occupied.center_hz / 1e3);
        lines.push(format!("  occupied      {width:.1} kHz around {middle:+.1} kHz hold 99 % of the power"));
    }
    if let Some(spectrum) = &info.spectrum {
        let lowest = spectrum.dbfs.iter().copied().fold(f64::INFINITY, f64::min);
        let step = |db: &f64| STEPS[(((db - lowest) / STEP_DB) as usize).min(STEPS.len() - 1)];
        lines.push(format!("  spectrum      {}", spectrum.dbfs.iter().map(step).collect::<String>()));
        lines.push(format!(
            "                {:.1} kHz a column, {STEP_DB} dB a step from {lowest:.1} dBFS",
            spectrum.column_hz / 1e3
        ));
    }
    if info.samples_measured < info.samples {
        lines.push(format!("  ({} samples were looked at, spread over all)", info.samples_measured));
    }
    if !info.analysable {
        lines.push("  cannot be analysed: the sample rate must lie between 240 kS/s and 61.44 MS/s".to_owned());
    }
    lines.extend(info.warnings.iter().map(|warning| format!("  warning       {warning}")));
    lines.push(String::new());
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use std::f64::consts::TAU;

    use super::*;

    #[test]
    fn a_tone_is_found_where_it_is() {
        let rate_hz = 960e3;
        let grid = Grid::new(rate_hz).unwrap();
        let tone = |n: usize| 0.5 * Complex32::cis((TAU * (157.5e3 / rate_hz * n as f64).fract()) as f32);
        let samples: Vec<Complex32> = (0..100_000).map(tone).collect();
        let mut measured = Measured { bins: vec![0.0; grid.fft_len()], ..Measured::default() };
        measured.add(&samples, 1.0);
        measured.add_frames(&samples, grid.fft_len(), &mut Stft::new(&grid));
        let occupied = measured.occupied(rate_hz).unwrap();
        assert!(
            (occupied.center_hz - 157.5e3).abs() < 1.0 && occupied.bandwidth_hz < 12e3,
            "{}",
            occupied.bandwidth_hz
        );
        let spectrum = measured.spectrum(rate_hz).unwrap();
        let strongest = (0..COLUMNS).max_by(|a, b| spectrum.dbfs[*a].total_cmp(&spectrum.dbfs[*b])).unwrap();
        assert_eq!(strongest, 42, "column of 15 kHz that holds 157.5 kHz above the middle");
        assert!((spectrum.dbfs[strongest] - -6.02).abs() < 0.3, "{}", spectrum.dbfs[strongest]);
    }

    #[test]
    fn clipping_and_what_is_no_number_are_counted() {
        let mut measured = Measured::default();
        measured.add(&[Complex32::new(1.0, 0.0), Complex32::new(f32::NAN, 0.0), Complex32::new(0.1, -0.2)], 1.0);
        assert_eq!((measured.samples, measured.clipped, measured.invalid), (3, 1, 1));
        assert!(measured.occupied(1e6).is_none() && measured.spectrum(1e6).is_none());
    }
}
