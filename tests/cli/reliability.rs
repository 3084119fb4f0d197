//! Confidence means what it says: of all bursts said with 0.9, nine in ten are right.

use crate::program::PROGRAM;

#[allow(dead_code, reason = "the measurement of curves says more of each case")]
#[path = "../bench/curves/cases.rs"]
mod cases;
#[allow(dead_code, reason = "the measurement of curves counts more")]
#[path = "../bench/curves/trials.rs"]
mod trials;

use cases::{CASES, Kind};
use trials::{Said, interval};

/// SNR of the transmissions, relative to the bar of their kind: where doubt is, and where there should be none.
const POINTS_DB: [f64; 3] = [-2.0, 1.0, 6.0];
const TRIALS: usize = 6;
/// Confidences that are judged together.
const BINS: [(f64, f64); 4] = [(0.5, 0.8), (0.8, 0.95), (0.95, 0.99), (0.99, 1.01)];
/// A bin of fewer bursts tells nothing.
const FEWEST: usize = 12;

/// Receiver faults together, levels about the threshold; long transmissions are left to the measurement of curves.
#[test]
fn confidence_is_not_more_than_experience() {
    let short = CASES.iter().enumerate().filter(|(_, case)| case.kind.duration_s() < 0.07);
    let mut said: Vec<Said> = Vec::new();
    for (index, case) in short.filter(|(_, case)| !matches!(case.kind, Kind::Nprach { format: 2, .. })) {
        for (point, apart_db) in POINTS_DB.iter().enumerate() {
            let seed = (7000 + 10 * index + point) as u64;
            let capture = trials::simulated(&case.scene(case.bar_db + apart_db, TRIALS, seed, true));
            said.extend(trials::run(PROGRAM, &capture, case.kind.channel()).said);
        }
    }
    assert!(said.len() > 150, "only {} bursts were named: nothing to judge by", said.len());
    for (low, high) in BINS {
        let bin: Vec<&Said> = said.iter().filter(|s| (low..high).contains(&s.confidence)).collect();
        let right = bin.iter().filter(|s| s.right).count();
        let mean = bin.iter().map(|s| s.confidence).sum::<f64>() / bin.len().max(1) as f64;
        let (_, at_most) = interval(right, bin.len());
        eprintln!("said {mean:.3}: {right} of {} right", bin.len());
        assert!(bin.len() < FEWEST || mean <= at_most + 0.01, "said {mean:.3} of {}, {right} right", bin.len());
    }
}
