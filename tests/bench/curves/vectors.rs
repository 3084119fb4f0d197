//! Noise-free bursts that another encoder made, at random places in noise.

use std::path::{Path, PathBuf};

use dsp::synth::random::Random;
use num_complex::Complex32;
use serde_json::Value;

use crate::trials::{Capture, Sent};

/// One burst with what is known of it.
pub(crate) struct Vector {
    pub(crate) name: String,
    pub(crate) channel: &'static str,
    pub(crate) bar_db: f64,
    sample_rate_hz: f64,
    samples: Vec<Complex32>,
    /// Pieces, relative to the first sample.
    pieces: Vec<Sent>,
}

/// Quiet between copies.
const REST_S: f64 = 0.02;
/// Noise power in the whole band.
const NOISE: f64 = 1e-4;

/// All that are there, by name; a line says so where there is none.
pub(crate) fn all() -> Vec<Vector> {
    let shared = std::env::var_os("CELLSWEEP_SHARED")
        .map_or_else(|| concat!(env!("CARGO_MANIFEST_DIR"), "/../shared").into(), PathBuf::from);
    let Ok(entries) = std::fs::read_dir(shared.join("vectors")) else {
        eprintln!("skipped: no vectors in {}", shared.display());
        return Vec::new();
    };
    let mut paths: Vec<PathBuf> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "json"));
    paths.sort();
    paths.iter().map(|path| read(path)).collect()
}

fn read(path: &Path) -> Vector {
    let text = std::fs::read_to_string(path).expect("a description");
    let told: Value = serde_json::from_str(&text).expect("JSON");
    let number = |value: &Value, name: &str| value[name].as_f64().expect("a number");
    let sample_rate_hz = number(&told, "sample_rate_hz");
    let bytes = std::fs::read(path.with_extension("cf32")).expect("samples");
    let samples = bytes.chunks_exact(8).map(|pair| {
        let component = |at: usize| f32::from_le_bytes([pair[at], pair[at + 1], pair[at + 2], pair[at + 3]]);
        Complex32::new(component(0), component(4))
    });
    let segments = told["segments"].as_array().expect("segments");
    let pieces = segments.iter().map(|segment| {
        let start_s = number(segment, "start_sample") / sample_rate_hz;
        Sent {
            start_s,
            end_s: start_s + number(segment, "n_samples") / sample_rate_hz,
            center_hz: number(segment, "center_hz"),
            bandwidth_hz: number(segment, "bandwidth_hz"),
            cell_id: told["params"]["cell_id"].as_u64(),
        }
    });
    let pieces: Vec<Sent> = pieces.collect();
    let on_s: f64 = pieces.iter().map(|piece| piece.end_s - piece.start_s).sum();
    let channel = match told["kind"].as_str() {
        Some(kind) if kind.ends_with("prach") => "prach",
        Some(kind) if kind.ends_with("pucch") => "pucch",
        Some(kind) if kind.ends_with("srs") => "srs",
        _ => "pusch",
    };
    let blocks = segments[0]["n_prb"].as_u64().unwrap_or(1);
    let bar_db = match channel {
        "prach" => -7.0,
        "pucch" => 6.0,
        "srs" => 8.0,
        _ => pusch_bar_db(blocks, on_s),
    };
    let name = path.file_stem().expect("a name").to_string_lossy().into_owned();
    Vector { name, channel, bar_db, sample_rate_hz, samples: samples.collect(), pieces }
}

/// One subframe of so many blocks; four or sixteen subframes of up to three blocks gain 4.5 and 7 dB.
fn pusch_bar_db(blocks: u64, on_s: f64) -> f64 {
    let single = match blocks {
        1 => 6.0,
        2 => 1.5,
        3 => -1.5,
        4 | 5 => -3.0,
        _ => -5.0,
    };
    let gain = match on_s {
        _ if blocks > 3 => 0.0,
        seconds if seconds > 15.5e-3 => 7.0,
        seconds if seconds > 3.5e-3 => 4.5,
        _ => 0.0,
    };
    single - gain
}

impl Vector {
    /// Its length in samples.
    pub(crate) fn len(&self) -> usize {
        self.samples.len()
    }

    /// `copies` of it in noise, each with a phase, a fraction of a sample and a carrier error of its own.
    pub(crate) fn capture(&self, snr_db: f64, copies: usize, seed: u64) -> Capture {
        let mut random = Random::new(seed);
        let every = self.samples.len() + (REST_S * self.sample_rate_hz) as usize;
        let num_samples = every * copies + every / 2;
        let sigma = NOISE.sqrt();
        let mut samples: Vec<Complex32> = (0..num_samples)
            .map(|_| {
                let noise = random.gaussian() * sigma;
                Complex32::new(noise.re as f32, noise.im as f32)
            })
            .collect();
        let bandwidth_hz = self.pieces[0].bandwidth_hz;
        let amplitude = (10f64.powf(snr_db / 10.0) * NOISE * bandwidth_hz / self.sample_rate_hz).sqrt();
        let mut sent = Vec::new();
        for copy in 0..copies {
            let first = every * copy + every / 4 + random.below((every / 4) as u64) as usize;
            let error_hz = 1000.0 * (2.0 * random.uniform() - 1.0);
            let phase = random.uniform();
            for (index, value) in self.samples.iter().enumerate() {
                let turns = (phase + error_hz * index as f64 / self.sample_rate_hz).fract();
                samples[first + index] +=
                    value * Complex32::from_polar(amplitude as f32, (std::f64::consts::TAU * turns) as f32);
            }
            let at_s = first as f64 / self.sample_rate_hz;
            sent.extend(self.pieces.iter().map(|piece| Sent {
                start_s: piece.start_s + at_s,
                end_s: piece.end_s + at_s,
                center_hz: piece.center_hz + error_hz,
                ..*piece
            }));
        }
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("vector.cf32");
        let bytes: Vec<u8> = samples.iter().flat_map(|s| [s.re.to_le_bytes(), s.im.to_le_bytes()]).flatten().collect();
        std::fs::write(&path, bytes).expect("a capture");
        let rate = format!("{}", self.sample_rate_hz);
        let options = ["--rate", &rate, "--format", "cf32_le", "--center", "842.5M"].map(str::to_owned).to_vec();
        Capture { path, options, sent, _folder: folder }
    }
}
