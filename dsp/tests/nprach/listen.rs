//! The detector's stages put together as an application would, and captures with their truth.

use std::path::{Path, PathBuf};

use dsp::baseband::Baseband;
use dsp::detect::nprach::{REFINE_MARGIN_S, REFINE_RATE_HZ, Refiner, Search, Seed, is_echo};
use dsp::finding::Finding;
use dsp::floor::NoiseFloor;
use dsp::grid::Grid;
use dsp::stft::{NOISE_BANDWIDTH_BINS, Stft};
use num_complex::Complex32;
use serde_json::Value;

/// Every preamble of a stream; the noise power in 1 Hz is learnt where it is not given.
pub(crate) fn heard(samples: &[Complex32], rate: f64, noise_per_hz: Option<f32>) -> Vec<Finding> {
    let grid = Grid::new(rate).unwrap();
    let (len, hop) = (grid.fft_len(), grid.hop());
    let frames = || samples.windows(len).step_by(hop);
    let mut stft = Stft::new(&grid);
    let bin_hz = (grid.bin_hz() * NOISE_BANDWIDTH_BINS) as f32;
    let floor = match noise_per_hz {
        Some(noise) => vec![noise * bin_hz; len],
        None => {
            let mut floor = NoiseFloor::new(&grid);
            for frame in frames() {
                let power: Vec<f32> = stft.transform(frame).iter().map(|x| x.norm_sqr()).collect();
                floor.push(&power);
            }
            floor.finish();
            floor.power().to_vec()
        }
    };
    let mut search = Search::new(&grid);
    let mut seeds = Vec::new();
    for (index, frame) in frames().enumerate() {
        search.push(index as u64, stft.transform(frame), &floor, &mut seeds);
    }
    search.finish(&mut seeds);
    let refiner = Refiner::default();
    let findings: Vec<Finding> = seeds
        .iter()
        .filter_map(|seed| {
            let bin = (grid.bin(seed.center_hz()).round().max(0.0) as usize).min(len - 1);
            refiner.refine(&zoom(samples, rate, seed).as_baseband(), seed, floor[bin] / bin_hz).ok()
        })
        .flatten()
        .collect();
    findings.iter().filter(|finding| !is_echo(finding, findings.iter())).cloned().collect()
}

struct Zoom {
    samples: Vec<Complex32>,
    rate: f64,
    center_hz: f64,
    start_s: f64,
}

impl Zoom {
    fn as_baseband(&self) -> Baseband<'_> {
        Baseband { samples: &self.samples, sample_rate_hz: self.rate, center_hz: self.center_hz, start_s: self.start_s }
    }
}

/// Mixes, filters (Blackman, 16 periods of the new rate on either side) and thins out.
fn zoom(samples: &[Complex32], rate: f64, seed: &Seed) -> Zoom {
    let at = |s: f64| ((s * rate).max(0.0) as usize).min(samples.len());
    let (first, last) = (at(seed.start_s - REFINE_MARGIN_S), at(seed.end_s + REFINE_MARGIN_S));
    let center_hz = seed.center_hz();
    let mixed = |i: usize| {
        let turns = (center_hz * i as f64 / rate).fract();
        samples[i] * Complex32::cis((-std::f64::consts::TAU * turns) as f32)
    };
    let thin = ((rate / REFINE_RATE_HZ) as usize).max(1);
    let start_s = first as f64 / rate;
    if thin == 1 {
        return Zoom { samples: (first..last).map(mixed).collect(), rate, center_hz, start_s };
    }
    let half = 16 * thin;
    let taps: Vec<f32> = (0..=2 * half)
        .map(|i| {
            let x = std::f64::consts::PI * (i as f64 - half as f64) / thin as f64;
            let window = 0.42 + 0.5 * (x / 16.0).cos() + 0.08 * (x / 8.0).cos();
            let sinc = if x == 0.0 { 1.0 } else { (0.9 * x).sin() / (0.9 * x) };
            (sinc * window * 0.9 / thin as f64) as f32
        })
        .collect();
    let from = first.saturating_sub(half);
    let near: Vec<Complex32> = (from..(last + half).min(samples.len())).map(mixed).collect();
    let samples = (first..last)
        .step_by(thin)
        .map(|middle| {
            taps.iter()
                .enumerate()
                .filter_map(|(i, tap)| Some(near.get((middle + i).checked_sub(half + from)?)? * tap))
                .sum()
        })
        .collect();
    Zoom { samples, rate: rate / thin as f64, center_hz, start_s }
}

/// What is known of one preamble of a capture.
#[derive(Debug)]
pub(crate) struct Truth {
    start_s: f64,
    center_hz: f64,
    format: u64,
    repetitions: u64,
    cell_id: u64,
    snr_db: f64,
}

impl Truth {
    /// Format, start (0.2 ms), cell and, where the hops leave the block's origin open, one of the blocks they allow.
    pub(crate) fn is(&self, finding: &Finding) -> bool {
        let p = &finding.parameters;
        let away_hz = (finding.extent.center_hz - self.center_hz).abs();
        let away_hz = if self.repetitions < 16 {
            (away_hz / 7500.0 - (away_hz / 7500.0).round()).abs() * 7500.0
        } else {
            away_hz
        };
        p.format.map(u64::from) == Some(self.format)
            && p.repetitions.map(u64::from) == Some(self.repetitions)
            && (finding.extent.start_s - self.start_s).abs() < 2e-4
            && (finding.extent.center_hz - self.center_hz).abs() < 20e3
            && away_hz < 100.0
            && p.cell_ids.as_ref().is_none_or(|ids| ids.iter().any(|id| u64::from(*id) == self.cell_id))
    }
}

/// A capture with its truth.
pub(crate) struct Scene {
    stem: PathBuf,
}

impl Scene {
    /// Every scene and recording of the shared folder; none where there is no such folder.
    pub(crate) fn all() -> Vec<Self> {
        let default = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared");
        let shared = std::env::var_os("CELLSWEEP_SHARED").map_or(default, PathBuf::from);
        let mut scenes: Vec<Self> = ["scenes", "recordings/real"]
            .iter()
            .filter_map(|folder| std::fs::read_dir(shared.join(folder)).ok())
            .flatten()
            .filter_map(|entry| Some(entry.ok()?.path()))
            .filter(|path| path.extension().is_some_and(|e| e == "sigmf-meta"))
            .map(|path| Self { stem: path.with_extension("") })
            .collect();
        scenes.sort_by(|a, b| a.stem.cmp(&b.stem));
        if scenes.is_empty() {
            eprintln!("skipped: no captures in {}", shared.display());
        }
        scenes
    }

    pub(crate) fn name(&self) -> String {
        self.stem.file_name().unwrap_or_default().to_string_lossy().into_owned()
    }

    fn json(&self, extension: &str) -> Value {
        let path = self.stem.with_extension(extension);
        serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap()
    }

    /// Preambles that the bars ask for, 1 dB spared; format 2 lasts longer and is asked for 4.5 dB lower.
    pub(crate) fn preambles(&self) -> Vec<Truth> {
        let bar_db = |repetitions: u64| match repetitions {
            1 => 5.5,
            2 => 3.5,
            4 => 1.5,
            8 => -0.7,
            16 => -2.5,
            32 => -4.7,
            64 => -6.5,
            _ => -8.4,
        };
        let truth = self.json("truth.json");
        let number = |v: &Value| v.as_u64().unwrap_or_default();
        let real = |v: &Value| v.as_f64().unwrap_or_default();
        let bursts = truth["bursts"].as_array().cloned().unwrap_or_default();
        bursts
            .iter()
            .filter(|b| b["kind"] == "nprach")
            .map(|b| Truth {
                start_s: real(&b["start_s"]),
                center_hz: real(&b["center_hz"]),
                format: number(&b["params"]["format"]),
                repetitions: number(&b["params"]["repetitions"]),
                cell_id: number(&b["params"]["cell_id"]),
                snr_db: real(&b["snr_db"]),
            })
            .filter(|t| t.snr_db >= bar_db(t.repetitions) - if t.format == 2 { 4.5 } else { 0.0 })
            .collect()
    }

    /// Some preamble is in it, however weak.
    pub(crate) fn has_preamble(&self) -> bool {
        let truth = self.json("truth.json");
        truth["bursts"].as_array().is_some_and(|bursts| bursts.iter().any(|b| b["kind"] == "nprach"))
    }

    pub(crate) fn findings(&self) -> Vec<Finding> {
        let meta = self.json("sigmf-meta");
        let rate = meta["global"]["core:sample_rate"].as_f64().unwrap();
        let datatype = meta["global"]["core:datatype"].as_str().unwrap_or_default().to_owned();
        let bytes = std::fs::read(self.stem.with_extension("sigmf-data")).unwrap();
        let values: Vec<f32> = match datatype.as_str() {
            "ci16_le" => bytes.chunks_exact(2).map(|b| f32::from(i16::from_le_bytes([b[0], b[1]])) / 32768.0).collect(),
            "cf32_le" => bytes.chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect(),
            "cu8" => bytes.iter().map(|b| (f32::from(*b) - 127.5) / 128.0).collect(),
            "ci8" => bytes.iter().map(|b| f32::from(*b as i8) / 128.0).collect(),
            other => panic!("{}: datatype {other}", self.name()),
        };
        let samples: Vec<Complex32> = values.chunks_exact(2).map(|v| Complex32::new(v[0], v[1])).collect();
        if Grid::new(rate).is_ok() { heard(&samples, rate, None) } else { Vec::new() }
    }
}
