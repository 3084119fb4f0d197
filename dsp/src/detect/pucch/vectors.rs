//! Bursts that another encoder (srsRAN) made, where this machine holds them.

use std::path::PathBuf;

use num_complex::Complex32;
use serde_json::Value;

use super::*;
use crate::zoom::Zoom;

/// A noise-free burst and what is known of it.
pub(in crate::detect) struct Vector {
    samples: Vec<Complex32>,
    rate_hz: f64,
    truth: Value,
}

impl Vector {
    #[allow(clippy::disallowed_methods, reason = "a test reads the vectors it is judged by")]
    pub(in crate::detect) fn open(name: &str) -> Option<Self> {
        let shared = std::env::var_os("CELLSWEEP_SHARED")
            .map_or_else(|| concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared").into(), PathBuf::from);
        let path = shared.join("vectors").join(name);
        let (Ok(text), Ok(bytes)) =
            (std::fs::read_to_string(path.with_extension("json")), std::fs::read(path.with_extension("cf32")))
        else {
            eprintln!("skipped: no {}", path.display());
            return None;
        };
        let value = |b: &[u8]| f32::from_le_bytes([b[0], b[1], b[2], b[3]]);
        let truth: Value = serde_json::from_str(&text).unwrap();
        Some(Self {
            samples: bytes.chunks_exact(8).map(|b| Complex32::new(value(b), value(&b[4..]))).collect(),
            rate_hz: truth["sample_rate_hz"].as_f64().unwrap(),
            truth,
        })
    }

    pub(in crate::detect) fn segments(&self) -> Vec<Segment> {
        let number = |segment: &Value, key: &str| segment[key].as_f64().unwrap();
        let of = |segment: &Value| {
            let start_s = number(segment, "start_sample") / self.rate_hz;
            Segment {
                start_s,
                end_s: start_s + number(segment, "n_samples") / self.rate_hz,
                center_hz: number(segment, "center_hz"),
                bandwidth_hz: number(segment, "bandwidth_hz"),
            }
        };
        self.truth["segments"].as_array().unwrap().iter().map(of).collect()
    }

    /// Samples about `center_hz` at `rate_hz`, with the offset and the instant at which they stand.
    pub(in crate::detect) fn zoomed(&self, center_hz: f64, rate_hz: f64) -> (Vec<Complex32>, f64, f64) {
        let lead = (6e-3 * self.rate_hz) as usize;
        let mut padded = vec![Complex32::ZERO; lead];
        padded.extend(&self.samples);
        padded.resize(padded.len() + lead, Complex32::ZERO);
        let mut samples = Vec::new();
        let zoomed = Zoom::new(self.rate_hz, rate_hz).extract(&padded, center_hz, &mut samples);
        (samples, zoomed.center_hz, -(lead as f64) / self.rate_hz)
    }

    /// What the detector says of `extent`, seen through edges that are a little wrong and a carrier `error_hz` high.
    fn outcome(&self, extent: Segment, error_hz: f64) -> Result<Finding, Rejection> {
        let (samples, center_hz, start_s) = self.zoomed(extent.center_hz - error_hz, RATE_HZ);
        let baseband = Baseband { samples: &samples, sample_rate_hz: RATE_HZ, center_hz, start_s };
        let seen = Segment {
            start_s: extent.start_s - 0.04e-3,
            end_s: extent.end_s + 0.03e-3,
            center_hz,
            bandwidth_hz: 176e3,
        };
        let candidate = Candidate { extent: seen, power_dbfs: 0.0, snr_db: 40.0 };
        Detector::default().classify(&baseband, &candidate)
    }

    fn cell_id(&self) -> u16 {
        self.truth["params"]["cell_id"].as_u64().unwrap() as u16
    }
}

/// Several slots place the block to 100 Hz; at sixteen samples a symbol one slot has a bias of up to 250 Hz.
fn same(found: &Segment, truth: &Segment, error_hz: f64) -> bool {
    (found.start_s - truth.start_s).abs() < 4e-6
        && (found.end_s - truth.end_s).abs() < 4e-6
        && (found.center_hz - truth.center_hz).abs() < error_hz
}

#[test]
fn slots_of_one_side_are_one_finding_with_segments() {
    for (name, format, u) in [("pucch_f1a_6prb", 1, [26, 23]), ("pucch_f2_25prb", 2, [3, 3])] {
        let Some(vector) = Vector::open(name) else { continue };
        for (side, u) in u.into_iter().enumerate() {
            let truth: Vec<Segment> = vector.segments().into_iter().skip(side).step_by(2).collect();
            let extent = Segment { end_s: truth[truth.len() - 1].end_s, ..truth[0] };
            let found = vector.outcome(extent, 900.0).unwrap();
            assert_eq!((found.technology, found.channel), (Technology::Lte, Channel::Pucch), "{name}");
            assert!(found.segments.iter().zip(&truth).all(|(a, b)| same(a, b, 100.0)), "{name} {found:?}");
            assert_eq!(found.segments.len(), truth.len(), "{name}");
            let p = &found.parameters;
            assert_eq!((p.format, p.base_sequence), (Some(format), Some(u)), "{name}");
            assert_eq!(p.cell_ids.as_deref(), Some(&[vector.cell_id()][..]), "{name}");
        }
    }
}

#[test]
fn one_slot_tells_the_cell() {
    for name in ["pucch_f1a_6prb", "pucch_f2_25prb"] {
        let Some(vector) = Vector::open(name) else { continue };
        for truth in vector.segments() {
            let found = vector.outcome(truth, -1400.0).unwrap();
            assert!(found.segments.is_empty() && same(&found.extent, &truth, 250.0), "{name} {found:?} {truth:?}");
            assert!(found.parameters.cell_ids.unwrap().contains(&vector.cell_id()), "{name}");
            assert!(found.confidence > 0.99);
        }
    }
}

/// Between narrowbands LTE-M leaves out the last symbol and the first.
#[test]
fn transmissions_that_stay_are_those_of_machines() {
    let Some(vector) = Vector::open("ltem_pucch_f1a_25prb_hop2") else { return };
    for truth in vector.segments() {
        let found = vector.outcome(truth, 300.0).unwrap();
        assert_eq!((found.technology, found.channel), (Technology::LteM, Channel::Pucch));
        assert!(found.segments.is_empty() && same(&found.extent, &truth, 100.0), "{found:?} {truth:?}");
        assert_eq!(found.parameters.format, Some(1));
        assert_eq!(found.parameters.cell_ids.as_deref(), Some(&[vector.cell_id()][..]));
    }
}
