//! Scenes.
use super::*;
use crate::baseband::Baseband;
use crate::detect::candidate::Candidate;
use crate::finding::Segment;
use crate::spec::npusch::Spacing;
use num_complex::{Complex32, Complex64};
use serde_json::Value;
use std::f64::consts::{PI, TAU};
use std::path::{Path, PathBuf};

pub(super) fn shared() -> PathBuf {
    std::env::var_os("CELLSWEEP_SHARED")
        .map_or_else(|| concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared").into(), PathBuf::from)
}

/// A capture and what is known of it.
pub(super) struct Scene {
    samples: Vec<Complex32>,
    rate_hz: f64,
    pub(super) truth: Value,
}

impl Scene {
    pub(super) fn open(path: &Path) -> Option<Self> {
        let truth: Value = serde_json::from_str(&std::fs::read_to_string(path.with_extension("truth.json")).ok()?).unwrap();
        let bytes = std::fs::read(path.with_extension("sigmf-data")).unwrap();
        let datatype = truth["datatype"].as_str().unwrap();
        let value: Box<dyn Fn(&[u8]) -> f32> = match datatype.trim_end_matches("_le") {
            "cu8" => Box::new(|b| (f32::from(b[0]) - 127.5) / 127.5),
            "ci8" => Box::new(|b| f32::from(b[0] as i8) / 128.0),
            "ci16" => Box::new(|b| f32::from(i16::from_le_bytes([b[0], b[1]])) / 32768.0),
            "cf32" => Box::new(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]])),
            other => panic!("datatype {other}"),
        };
        let width = if datatype.starts_with("cf32") { 4 } else if datatype.starts_with("ci16") { 2 } else { 1 };
        let samples =
            bytes.chunks_exact(2 * width).map(|b| Complex32::new(value(b), value(&b[width..]))).collect();
        Some(Self { samples, rate_hz: truth["sample_rate_hz"].as_f64().unwrap(), truth })
    }

    /// Windowed-sinc interpolation at any instant, after a turn down by `center_hz`.
    pub(super) fn baseband(&self, center_hz: f64, from_s: f64, to_s: f64) -> (Vec<Complex32>, f64) {
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
        // kernel table
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

/// A generator of numbers in 0..1.
pub(super) struct Draw(pub(super) u64);
impl Draw {
    pub(super) fn unit(&mut self) -> f64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as f64 / (1u64 << 53) as f64
    }
    pub(super) fn within(&mut self, reach: f64) -> f64 {
        (2.0 * self.unit() - 1.0) * reach
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
            if (f - extent.center_hz).abs() <= extent.bandwidth_hz / 2.0 + 1000.0 { sum += f64::from(z.norm_sqr()) / 16384.0; }
        }
        count += 1.0;
    }
    sum / count
}

fn try_single(scene: &Scene, label: &str, extent: Segment, snr_db: f64, draw: &mut Draw) {
    let jittered = Segment {
        start_s: (extent.start_s + draw.within(0.15e-3)).max(0.0),
        end_s: extent.end_s + draw.within(0.15e-3),
        center_hz: extent.center_hz + draw.within(1.5e3),
        bandwidth_hz: extent.bandwidth_hz.max(3000.0),
    };
    let (samples, start_s) = scene.baseband(jittered.center_hz + 300.0, jittered.start_s - MARGIN_S, jittered.end_s + MARGIN_S);
    let baseband = Baseband { samples: &samples, sample_rate_hz: RATE_HZ, center_hz: jittered.center_hz + 300.0, start_s };
    let (power, snr) = (band_power(&baseband, &jittered), 10f64.powf(snr_db / 10.0));
    let power_dbfs = (10.0 * (power * snr / (1.0 + snr)).log10()) as f32;
    let candidate = Candidate { extent: jittered, power_dbfs, snr_db: snr_db as f32 };
    let clock = std::time::Instant::now();
    let outcome = classify(&baseband, &candidate);
    let took = clock.elapsed().as_secs_f64() * 1e3;
    let line = match &outcome {
        Ok(f) => format!("{} start {:+.3} end {:+.3} ms centre {:+.0} Hz bw {} snr {:+.1} conf {:.3} metric {:.1} u {:?} cells {:?} ru {:?} {:?}", f.channel.name(),
            (f.extent.start_s - extent.start_s) * 1e3, (f.extent.end_s - extent.end_s) * 1e3, f.extent.center_hz - extent.center_hz, f.extent.bandwidth_hz, f64::from(f.snr_db) - snr_db, f.confidence, f.parameters.metric.unwrap(),
            f.parameters.base_sequence, f.parameters.cell_ids.as_ref().map(|c| c.len()), f.parameters.resource_units, f.parameters.modulation),
        Err(r) => format!("rejected: {}", r.reason),
    };
    eprintln!("{label:40} {:6.1} ms {snr_db:5.1} dB {:7.0} | {line} | {took:.1}", extent.duration_s() * 1e3, extent.bandwidth_hz);
}

#[test]
fn table() {
    let only = std::env::var("ONLY").unwrap_or_default();
    let mut draw = Draw(12345);
    let mut paths: Vec<PathBuf> = ["scenes", "recordings/real"].iter().flat_map(|d| std::fs::read_dir(shared().join(d)).unwrap())
        .map(|e| e.unwrap().path()).filter(|p| p.extension().is_some_and(|e| e == "sigmf-data")).collect();
    paths.sort();
    for path in paths {
        let name = path.file_stem().unwrap().to_string_lossy().to_string();
        if !name.contains(&only) { continue; }
        let Some(scene) = Scene::open(&path) else { continue };
        for b in scene.truth["bursts"].as_array().unwrap() {
            let num = |k: &str| b[k].as_f64().unwrap_or(0.0);
            let extent = Segment { start_s: num("start_s"), end_s: num("end_s"), center_hz: num("center_hz"), bandwidth_hz: num("bandwidth_hz") };
            let kind = b["kind"].as_str().unwrap();
            let p = if b["params"].is_object() { &b["params"] } else { &b["parameters"] };
            let label = format!("{} {} {} {} {}", &name[..name.len().min(9)], kind, p["spacing_hz"].as_f64().unwrap_or(0.0), p["modulation"].as_str().unwrap_or(""), p["cell_id"].as_i64().map_or(-1, |x| x % 16));
            let snr = num("snr_db");
            if kind.starts_with("npusch") {
                try_single(&scene, &label, extent, snr, &mut draw);
            } else if extent.bandwidth_hz < 400e3 || kind.starts_with("confounder") {
                if extent.bandwidth_hz < 300e3 && extent.duration_s() < 0.2 { try_single(&scene, &format!("{label} whole"), extent, snr, &mut draw); }
                for _ in 0..4 {
                    let length = [4e-3, 8e-3, 16e-3, 32e-3, 64e-3][(draw.unit() * 5.0) as usize];
                    let start = extent.start_s + draw.unit() * (extent.duration_s() - length).max(0.0);
                    let piece = Segment { start_s: start, end_s: (start + length).min(extent.end_s), center_hz: extent.center_hz + if extent.bandwidth_hz > 20e3 { draw.within((extent.bandwidth_hz / 2.0).min(scene.rate_hz / 2.2)) } else { 0.0 }, bandwidth_hz: [3750.0, 15e3, 15e3, 45e3, 90e3, 180e3][(draw.unit() * 6.0) as usize] };
                    try_single(&scene, &label, piece, snr.max(10.0), &mut draw);
                }
            }
        }
    }
}
