//! Other people's preambles, and generated ones in noise.

use num_complex::{Complex32, Complex64};
use serde_json::Value;
use std::path::PathBuf;

use super::*;
use crate::baseband::Baseband;
use crate::finding::{Channel, Finding, Rejection};
use crate::spec::prach::{BANDWIDTH_HZ, Format};
use crate::synth::lte_preamble::LtePreamble;
use crate::synth::{Emission, Receiver, Stream};
use crate::zoom::Zoom;

const NOISE_DBFS: f64 = -40.0;

fn shared() -> PathBuf {
    std::env::var_os("CELLSWEEP_SHARED")
        .map_or_else(|| concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared").into(), PathBuf::from)
}

#[allow(clippy::disallowed_methods, reason = "a test reads the vectors it is judged by")]
fn vectors() -> Vec<(Value, Vec<Complex32>)> {
    let Ok(folder) = std::fs::read_dir(shared().join("vectors")) else { return Vec::new() };
    let mut paths: Vec<PathBuf> = folder.filter_map(|entry| Some(entry.ok()?.path())).collect();
    paths.sort();
    paths
        .iter()
        .filter(|path| path.extension().is_some_and(|e| e == "json"))
        .filter_map(|path| {
            let truth: Value = serde_json::from_str(&std::fs::read_to_string(path).ok()?).ok()?;
            (truth["kind"] == "lte-prach").then_some(())?;
            let bytes = std::fs::read(path.with_extension("cf32")).ok()?;
            let value = |b: &[u8]| f32::from_le_bytes([b[0], b[1], b[2], b[3]]);
            Some((truth, bytes.chunks_exact(8).map(|b| Complex32::new(value(b), value(&b[4..]))).collect()))
        })
        .collect()
}

/// What the refiner says of a capture's band around `center_hz` from `start_s` to `end_s`.
fn refined(
    samples: &[Complex32],
    rate_hz: f64,
    center_hz: f64,
    (start_s, end_s): (f64, f64),
) -> Result<Vec<Finding>, Rejection> {
    let first = ((start_s - REFINE_MARGIN_S) * rate_hz).max(0.0) as usize;
    let last = (((end_s + REFINE_MARGIN_S) * rate_hz) as usize).min(samples.len());
    let mut zoomed = Vec::new();
    let zoom = Zoom::new(rate_hz, REFINE_RATE_HZ).extract(&samples[first..last], center_hz, &mut zoomed);
    let baseband = Baseband {
        samples: &zoomed,
        sample_rate_hz: zoom.sample_rate_hz,
        center_hz: zoom.center_hz,
        start_s: first as f64 / rate_hz,
    };
    let noise_per_hz = (10f64.powf(NOISE_DBFS / 10.0) / 1.92e6) as f32;
    Refiner::default().refine(&baseband, &Seed { start_s, end_s, center_hz, worth: 1.0 }, noise_per_hz)
}

#[test]
fn other_peoples_preambles_have_their_names() {
    let vectors = vectors();
    if vectors.is_empty() {
        eprintln!("skipped: ../shared/vectors is not there");
        return;
    }
    for (truth, samples) in vectors {
        let rate_hz = truth["sample_rate_hz"].as_f64().unwrap();
        let (start, len) = (truth["start_sample"].as_f64().unwrap(), truth["n_active_span"].as_f64().unwrap());
        let (start_s, end_s) = (start / rate_hz, (start + len) / rate_hz);
        let center_hz = truth["segments"][0]["center_hz"].as_f64().unwrap();
        // Silence around it, and a middle that is not its own.
        let pad = (2e-3 * rate_hz) as usize;
        let mut padded = vec![Complex32::ZERO; pad];
        padded.extend(&samples);
        padded.extend(vec![Complex32::ZERO; pad]);
        let pad_s = pad as f64 / rate_hz;
        let found =
            refined(&padded, rate_hz, center_hz + 41e3, (start_s + pad_s - 0.1e-3, end_s + pad_s + 0.1e-3)).unwrap();
        let params = &truth["params"];
        let what = format!("{} {found:?}", truth["file"]);
        assert_eq!(found.len(), 1, "{what}");
        let (e, p) = (found[0].extent, &found[0].parameters);
        assert_eq!(found[0].channel, Channel::Prach);
        assert_eq!(p.format.map(u64::from), params["format"].as_u64(), "{what}");
        assert_eq!(p.root.map(u64::from), params["u"].as_u64(), "{what}");
        assert_eq!(p.cyclic_shift.map(u64::from), params["c_v"].as_u64(), "{what}");
        assert!((e.start_s - pad_s - start_s).abs() < 2e-6 && (e.end_s - pad_s - end_s).abs() < 2e-6, "{what}");
        assert!((e.center_hz - center_hz).abs() < 30.0, "{what}");
        assert!(found[0].power_dbfs.abs() < 0.2, "{what}");
    }
}

/// A preamble as the stream has it.
#[derive(Clone, Copy)]
struct Sent {
    format: Format,
    root: u16,
    shift: u16,
    start_s: f64,
    carrier_hz: f64,
    snr_db: f64,
}

fn emission(sent: &Sent) -> Emission {
    let noise_dbfs = NOISE_DBFS + 10.0 * (BANDWIDTH_HZ / 1.92e6).log10();
    Emission {
        waveform: Box::new(LtePreamble::new(sent.format, sent.root, sent.shift).unwrap()),
        start_s: sent.start_s,
        carrier_hz: sent.carrier_hz,
        gain: Complex64::from_polar(10f64.powf((noise_dbfs + sent.snr_db) / 20.0), 1.0),
        ramp_s: 2e-6,
    }
}

fn air(emissions: Vec<Emission>, seconds: f64, seed: u64) -> Vec<Complex32> {
    let mut samples = vec![Complex32::ZERO; (seconds * 1.92e6) as usize];
    Stream::new(&Receiver::ideal(1.92e6, NOISE_DBFS), emissions, seed).unwrap().fill(&mut samples);
    samples
}

fn uniform(state: &mut u64) -> f64 {
    *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
    (*state >> 11) as f64 / (1u64 << 53) as f64
}

fn draw(state: &mut u64, snr_db: f64) -> Sent {
    Sent {
        format: Format::Zero,
        root: 1 + (uniform(state) * 838.0) as u16,
        shift: (uniform(state) * 839.0) as u16,
        start_s: 2e-3 + uniform(state) * 1e-3,
        carrier_hz: (uniform(state) - 0.5) * 100e3,
        snr_db,
    }
}

fn box_of(sent: &Sent, state: &mut u64) -> (f64, f64) {
    let start_s = sent.start_s + (uniform(state) - 0.5) * 0.2e-3;
    (start_s, start_s + 0.933e-3)
}

fn right(found: &Result<Vec<Finding>, Rejection>, sent: &Sent) -> bool {
    found.as_ref().is_ok_and(|found| {
        found.iter().any(|f| f.parameters.root == Some(sent.root) && (f.extent.start_s - sent.start_s).abs() < 50e-6)
    })
}

#[test]
fn weak_preambles_are_found_whatever_their_root_delay_and_carrier() {
    let mut state = 3;
    let trials = 40;
    for (snr_db, least) in [(-7.5, 40), (-9.0, 39)] {
        let found = (0..trials)
            .filter(|trial| {
                let sent = draw(&mut state, snr_db);
                let samples = air(vec![emission(&sent)], 5e-3, *trial);
                right(&refined(&samples, 1.92e6, 0.0, box_of(&sent, &mut state)), &sent)
            })
            .count();
        assert!(found >= least, "{snr_db} dB: {found} of {trials}");
    }
}
