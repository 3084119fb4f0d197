//! Noise-free bursts that another encoder made, each with all its parameters, as the energy stage would hand them over.

use std::path::PathBuf;

use num_complex::Complex32;
use serde_json::Value;

use super::*;
use crate::synth::random::Random;
use crate::zoom::{FLAT_SHARE, Zoom};

fn vectors() -> Option<PathBuf> {
    let shared = std::env::var_os("CELLSWEEP_SHARED")
        .map_or_else(|| concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared").into(), PathBuf::from);
    let path = shared.join("vectors");
    if !path.is_dir() {
        eprintln!("skipped: no {}", path.display());
        return None;
    }
    Some(path)
}

/// A vector with silence about it.
pub(super) struct Capture {
    pub(super) samples: Vec<Complex32>,
    pub(super) rate_hz: f64,
}

impl Capture {
    #[allow(clippy::disallowed_methods, reason = "a test reads the captures it is judged by")]
    fn read(path: &std::path::Path, rate_hz: f64) -> Self {
        let bytes = std::fs::read(path).unwrap();
        let value = |b: &[u8]| f32::from_le_bytes([b[0], b[1], b[2], b[3]]);
        let padding = vec![Complex32::ZERO; (2e-3 * rate_hz) as usize];
        let burst = bytes.chunks_exact(8).map(|b| Complex32::new(value(b), value(&b[4..])));
        let samples = padding.iter().copied().chain(burst).chain(padding.iter().copied()).collect();
        Self { samples, rate_hz }
    }

    /// Adds noise so that a burst of power 1 and `bandwidth_hz` has `snr_db`; turns the carrier by `offset_hz`.
    pub(super) fn impair(&mut self, snr_db: f64, bandwidth_hz: f64, offset_hz: f64, random: &mut Random) {
        let noise = 10f64.powf(-snr_db / 10.0) * self.rate_hz / bandwidth_hz;
        for (n, sample) in self.samples.iter_mut().enumerate() {
            let turned = *sample
                * Complex32::cis((std::f64::consts::TAU * (offset_hz * n as f64 / self.rate_hz).fract()) as f32);
            let hiss = random.gaussian() * noise.sqrt();
            *sample = turned + Complex32::new(hiss.re as f32, hiss.im as f32);
        }
    }

    pub(super) fn classify(&self, detector: &mut Detector, extent: Segment, snr_db: f32) -> Result<Finding, Rejection> {
        let candidate = Candidate { extent, power_dbfs: 0.0, snr_db };
        let step = (0..).find(|step| {
            2.0 * FLAT_SHARE * 240e3 * 2f64.powi(*step) > extent.bandwidth_hz + 8e3 || extent.bandwidth_hz < 260e3
        });
        let mut zoom = Zoom::new(self.rate_hz, 240e3 * 2f64.powi(step.unwrap_or(0)));
        let from = ((extent.start_s - 1.2e-3) * self.rate_hz).max(0.0) as usize;
        let to = (((extent.end_s + 1.2e-3) * self.rate_hz) as usize).min(self.samples.len());
        let mut samples = Vec::new();
        let zoomed = zoom.extract(&self.samples[from..to], extent.center_hz, &mut samples);
        let baseband = Baseband {
            samples: &samples,
            sample_rate_hz: zoomed.sample_rate_hz,
            center_hz: zoomed.center_hz,
            start_s: from as f64 / self.rate_hz,
        };
        detector.classify(&baseband, &candidate)
    }
}

/// Every piece of every vector is named with its base sequences, blocks, edges and frequency.
#[test]
fn pieces_of_another_encoder_are_named() {
    let Some(folder) = vectors() else { return };
    let mut detector = Detector::default();
    let mut random = Random::new(5);
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    for path in files.iter().filter(|p| p.extension().is_some_and(|e| e == "json")) {
        let about: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
        if !about["kind"].as_str().unwrap().ends_with("pusch") {
            continue;
        }
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        let rate_hz = about["sample_rate_hz"].as_f64().unwrap();
        let mut capture = Capture::read(&path.with_extension("cf32"), rate_hz);
        let offset_hz = 1300.0;
        capture.impair(30.0, 1.08e6, offset_hz, &mut random);
        let mut slot = 0;
        for segment in about["segments"].as_array().unwrap() {
            let at = |key: &str| segment[key].as_f64().unwrap();
            let start_s = 2e-3 + at("start_sample") / rate_hz;
            let end_s = start_s + at("n_samples") / rate_hz;
            let truth =
                Segment { start_s, end_s, center_hz: at("center_hz") + offset_hz, bandwidth_hz: at("bandwidth_hz") };
            let seen = Segment {
                start_s: start_s - 60e-6,
                end_s: end_s + 60e-6,
                center_hz: truth.center_hz + 1500.0,
                bandwidth_hz: truth.bandwidth_hz - 3e3,
            };
            let snr_db = 30.0;
            let found =
                capture.classify(&mut detector, seen, snr_db).unwrap_or_else(|r| panic!("{name} {segment}: {r:?}"));
            let p = &found.parameters;
            let shown = format!("{name} {segment}: {found:?}");
            assert_eq!(found.channel, Channel::Pusch, "{shown}");
            assert_eq!(p.n_prb, Some(at("n_prb") as u16), "{shown}");
            assert!((found.extent.center_hz - truth.center_hz).abs() < 30.0, "{shown} {truth:?}");
            assert!((found.extent.start_s - truth.start_s).abs() < 1e-6, "{shown} {truth:?}");
            assert!((found.extent.end_s - truth.end_s).abs() < 1e-6, "{shown} {truth:?}");
            let subframes = about["params"]["subframes"].as_array().unwrap();
            let u: Vec<u64> =
                subframes.iter().flat_map(|s| s["u"].as_array().unwrap()).map(|u| u.as_u64().unwrap()).collect();
            let said: Vec<u64> = p.base_sequences.iter().map(|&u| u64::from(u)).collect();
            assert_eq!(said[..], u[slot..slot + said.len()], "{shown}");
            let cell = about["params"]["cell_id"].as_u64().unwrap() as u16;
            if about["params"]["delta_ss"] == 0 {
                assert!(p.cell_ids.as_ref().is_some_and(|ids| ids.contains(&cell)), "{cell} {shown}");
            }
            slot += (at("n_samples") / rate_hz / 0.5e-3).round() as usize;
        }
    }
}
