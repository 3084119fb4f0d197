//! Captures that others made, where this machine holds them: what must be recognised and what must not.

use super::generated::Draw;
use super::*;
use num_complex::{Complex32, Complex64};
use serde_json::Value;
use std::f64::consts::{PI, TAU};
use std::path::{Path, PathBuf};

fn shared() -> PathBuf {
    std::env::var_os("CELLSWEEP_SHARED")
        .map_or_else(|| concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared").into(), PathBuf::from)
}

fn with(path: &Path, extension: &str) -> PathBuf {
    PathBuf::from(format!("{}.{extension}", path.display()))
}

/// A capture and what is known of it.
struct Scene {
    samples: Vec<Complex32>,
    rate_hz: f64,
    truth: Value,
}

impl Scene {
    #[allow(clippy::disallowed_methods, reason = "a test reads the captures it is judged by")]
    fn open(path: &Path) -> Option<Self> {
        let truth: Value = serde_json::from_str(&std::fs::read_to_string(with(path, "truth.json")).ok()?).unwrap();
        let bytes = std::fs::read(with(path, "sigmf-data")).unwrap();
        let datatype = truth["datatype"].as_str().unwrap();
        let value: fn(&[u8]) -> f32 = match datatype.trim_end_matches("_le") {
            "cu8" => |b| (f32::from(b[0]) - 127.5) / 127.5,
            "ci8" => |b| f32::from(b[0] as i8) / 128.0,
            "ci16" => |b| f32::from(i16::from_le_bytes([b[0], b[1]])) / 32768.0,
            "cf32" => |b| f32::from_le_bytes([b[0], b[1], b[2], b[3]]),
            other => panic!("datatype {other}"),
        };
        let width = match datatype.trim_end_matches("_le") {
            "cf32" => 4,
            "ci16" => 2,
            _ => 1,
        };
        let samples = bytes.chunks_exact(2 * width).map(|b| Complex32::new(value(b), value(&b[width..]))).collect();
        Some(Self { samples, rate_hz: truth["sample_rate_hz"].as_f64().unwrap(), truth })
    }

    /// Windowed-sinc interpolation at any instant, after a turn down by `center_hz`.
    fn baseband(&self, center_hz: f64, from_s: f64, to_s: f64) -> (Vec<Complex32>, f64) {
        let reach = 10.0 / RATE_HZ;
        let cutoff = 0.95 * RATE_HZ.min(self.rate_hz);
        let first = ((from_s * self.rate_hz) as isize - 100).max(0) as usize;
        let last = (((to_s + reach) * self.rate_hz) as usize + 100).min(self.samples.len());
        let turned: Vec<Complex32> = (first..last)
            .map(|i| {
                let turn = Complex64::from_polar(1.0, -TAU * (center_hz * i as f64 / self.rate_hz).fract());
                self.samples[i] * Complex32::new(turn.re as f32, turn.im as f32)
            })
            .collect();
        let start_s = from_s.max(0.0);
        let count = ((to_s.min(self.samples.len() as f64 / self.rate_hz) - start_s) * RATE_HZ) as usize;
        let over = 64.0;
        let table: Vec<f32> = (0..=(reach * self.rate_hz * over) as usize + 1)
            .map(|i| {
                let t = i as f64 / over / self.rate_hz;
                let x = PI * cutoff * t;
                let sinc = if x.abs() < 1e-9 { 1.0 } else { x.sin() / x };
                let w = (t / reach).min(1.0);
                (sinc * (0.42 + 0.5 * (PI * w).cos() + 0.08 * (2.0 * PI * w).cos()) * cutoff / self.rate_hz) as f32
            })
            .collect();
        let samples = (0..count)
            .map(|k| {
                let x = (start_s + k as f64 / RATE_HZ) * self.rate_hz;
                let lo = ((x - reach * self.rate_hz).ceil().max(first as f64)) as usize;
                let hi = ((x + reach * self.rate_hz).floor().min(last as f64 - 1.0)) as usize;
                (lo..=hi).map(|i| turned[i - first] * table[((i as f64 - x).abs() * over) as usize]).sum()
            })
            .collect();
        (samples, start_s)
    }
}

/// Mean power inside `extent`, by transforms of 128 samples.
fn band_power(baseband: &Baseband, extent: &Segment) -> f64 {
    let at = |t: f64| ((t - baseband.start_s) * RATE_HZ).max(0.0) as usize;
    let piece = &baseband.samples[at(extent.start_s)..at(extent.end_s).min(baseband.samples.len())];
    let fft = rustfft::FftPlanner::new().plan_fft_forward(128);
    let (mut sum, mut count) = (0.0, 0.0);
    for chunk in piece.chunks_exact(128) {
        let mut buffer = chunk.to_vec();
        fft.process(&mut buffer);
        for (i, z) in buffer.iter().enumerate() {
            let f = ((i as f64 + 64.0) % 128.0 - 64.0) * RATE_HZ / 128.0 + baseband.center_hz;
            if (f - extent.center_hz).abs() <= extent.bandwidth_hz / 2.0 + 1000.0 {
                sum += f64::from(z.norm_sqr()) / 16384.0;
            }
        }
        count += 1.0;
    }
    if count > 0.0 { sum / count } else { 1e-9 }
}

/// What the detector says of `extent`, seen through edges that are a little wrong.
fn outcome(scene: &Scene, truth: &Segment, snr_db: f64, draw: &mut Draw) -> Result<Finding, Rejection> {
    let extent = Segment {
        start_s: (truth.start_s + draw.within(0.15e-3)).max(0.0),
        end_s: truth.end_s + draw.within(0.15e-3),
        center_hz: truth.center_hz + draw.within(1.5e3),
        bandwidth_hz: truth.bandwidth_hz,
    };
    let center_hz = extent.center_hz + 300.0;
    let (samples, start_s) = scene.baseband(center_hz, extent.start_s - MARGIN_S, extent.end_s + MARGIN_S);
    let baseband = Baseband { samples: &samples, sample_rate_hz: RATE_HZ, center_hz, start_s };
    let (power, snr) = (band_power(&baseband, &extent), 10f64.powf(snr_db / 10.0));
    let power_dbfs = (10.0 * (power * snr / (1.0 + snr)).log10()) as f32;
    classify(&baseband, &Candidate { extent, power_dbfs, snr_db: snr_db as f32 })
}

/// Every transmission of the channel in a capture is recognised, channel and place; every fourth where there are many.
fn assert_all_recognised(path: &str) {
    let Some(scene) = Scene::open(&shared().join(path)) else {
        eprintln!("skipped: no {path} among the shared captures");
        return;
    };
    let mut draw = Draw(12345);
    let bursts: Vec<&Value> =
        scene.truth["bursts"].as_array().unwrap().iter().filter(|b| channel(b).is_some()).collect();
    for burst in bursts.iter().step_by(bursts.len().div_ceil(20)) {
        let (truth, snr_db) = (segment(burst), burst["snr_db"].as_f64().unwrap());
        let finding = outcome(&scene, &truth, snr_db, &mut draw).unwrap_or_else(|r| panic!("{}: {burst}", r.reason));
        assert_eq!(Some(finding.channel), channel(burst), "{burst}");
        assert!((finding.extent.start_s - truth.start_s).abs() < 0.1e-3, "{burst}");
        assert!((finding.extent.end_s - truth.end_s).abs() < 0.1e-3, "{burst}");
        assert_eq!(finding.extent.bandwidth_hz, truth.bandwidth_hz);
    }
}

/// No piece of anything else in a capture passes, whatever width it seems to have.
fn assert_others_rejected(path: &str) {
    let Some(scene) = Scene::open(&shared().join(path)) else {
        eprintln!("skipped: no {path} among the shared captures");
        return;
    };
    let mut draw = Draw(54321);
    for burst in scene.truth["bursts"].as_array().unwrap().iter().filter(|b| channel(b).is_none()) {
        let whole = segment(burst);
        for _ in 0..3 {
            let length_s = [2e-3, 4e-3, 8e-3, 16e-3, 32e-3][draw.below(5)];
            let middle = (whole.start_s + whole.end_s) / 2.0;
            let start_s = middle + draw.within((whole.duration_s() - length_s).max(0.0) / 2.0) - length_s / 2.0;
            let piece = Segment {
                start_s,
                end_s: start_s + length_s,
                center_hz: whole.center_hz + draw.within((whole.bandwidth_hz / 2.0).min(scene.rate_hz / 2.5)),
                bandwidth_hz: [3750.0, 15e3, 45e3, 90e3, 180e3][draw.below(5)],
            };
            assert!(outcome(&scene, &piece, 12.0, &mut draw).is_err(), "{piece:?} of {burst}");
        }
    }
}

fn segment(burst: &Value) -> Segment {
    let number = |key: &str| burst[key].as_f64().unwrap();
    Segment {
        start_s: number("start_s"),
        end_s: number("end_s"),
        center_hz: number("center_hz"),
        bandwidth_hz: number("bandwidth_hz"),
    }
}

fn channel(burst: &Value) -> Option<Channel> {
    match burst["kind"].as_str()? {
        "npusch1" => Some(Channel::Npusch1),
        "npusch2" => Some(Channel::Npusch2),
        _ => None,
    }
}

/// A device heard on a commercial network.
#[test]
fn transmissions_heard_on_the_air() {
    assert_all_recognised("recordings/real/v16_beacon_nbiot_ul_832M3_640k");
}

#[test]
fn transmissions_of_another_simulator() {
    assert_all_recognised("scenes/pub02_npusch_clean");
    assert_all_recognised("scenes/pub04_rtl_mixed");
}

/// Base sequences that hop, from a transmitter someone else wrote.
#[test]
fn transmissions_of_another_transmitter() {
    assert_all_recognised("scenes/sonica_v1_npusch12_native");
}

#[test]
fn other_signals_are_rejected() {
    assert_others_rejected("scenes/pub05_crowded");
    assert_others_rejected("scenes/pub08_confounders_only");
}

#[test]
fn other_uplinks_are_rejected() {
    assert_others_rejected("scenes/lte_a1_6prb_1m92");
}
