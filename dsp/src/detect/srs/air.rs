//! A burst that another encoder (srsRAN) made, where this machine holds it, in noise; and what must not be named.

use super::*;
use crate::detect::pucch::vectors::Vector;

const RATE_HZ: f64 = 7.68e6;

/// A seeded draw (SplitMix64), uniform over ±1.
fn draw(state: &mut u64) -> f64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let z = (*state ^ (*state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    (z ^ (z >> 31)) as f64 / 2f64.powi(63) - 1.0
}

/// Noise of mean power 1, near enough Gaussian.
fn noise(state: &mut u64) -> Complex32 {
    let mut part = || ((0..6).map(|_| draw(state)).sum::<f64>() / 2.0) as f32;
    Complex32::new(part(), part())
}

/// The frames of the energy stage blur a symbol over this much on either side.
const BLUR_S: f64 = 0.11e-3;

fn seen(truth: &Segment, state: &mut u64) -> Segment {
    Segment {
        start_s: truth.start_s - BLUR_S + 0.05e-3 * draw(state),
        end_s: truth.end_s + BLUR_S + 0.05e-3 * draw(state),
        center_hz: truth.center_hz + 6e3 * draw(state),
        bandwidth_hz: truth.bandwidth_hz + 8e3 * draw(state),
    }
}

#[test]
fn symbols_in_noise_are_named() {
    let Some(vector) = Vector::open("srs_25prb") else { return };
    let mut state = 1;
    for (truth, snr_db) in vector.segments().into_iter().zip([40.0, 20.0, 6.0]) {
        let (mut samples, center_hz, start_s) = vector.zoomed(truth.center_hz + 1.3e3, RATE_HZ);
        let density = (10f64.powf(-snr_db / 10.0) * RATE_HZ / truth.bandwidth_hz).sqrt() as f32;
        samples.iter_mut().for_each(|sample| *sample += noise(&mut state) * density);
        let baseband = Baseband { samples: &samples, sample_rate_hz: RATE_HZ, center_hz, start_s };
        let candidate = Candidate { extent: seen(&truth, &mut state), power_dbfs: -6.0, snr_db: snr_db as f32 - 6.0 };
        let found = classify(&baseband, &candidate).unwrap();
        assert_eq!((found.technology, found.channel), (Technology::Lte, Channel::Srs));
        assert!((found.extent.start_s - truth.start_s).abs() < 2e-6, "{snr_db} {found:?}");
        assert!((found.extent.end_s - truth.end_s).abs() < 2e-6, "{snr_db} {found:?}");
        let sigma_hz = found.parameters.frequency_sigma_hz.unwrap();
        assert!((found.extent.center_hz - truth.center_hz).abs() < 4.0 * sigma_hz + 10.0, "{snr_db} {found:?}");
        assert!(sigma_hz < 300.0);
        assert!((f64::from(found.snr_db) - snr_db).abs() < 2.0, "{snr_db} {found:?}");
        let p = &found.parameters;
        assert_eq!((p.n_prb, p.base_sequence, p.cyclic_shift), (Some(20), Some(10), Some(3)));
        assert!(p.cell_ids.as_ref().unwrap().contains(&70));
    }
}

/// Random values on the same comb, random samples, a click, and a preamble of NR (L = 139 at 30 kHz, repeated).
#[test]
fn nothing_else_is_a_sounding_signal() {
    let mut state = 2;
    let truth = Segment { start_s: 1e-3, end_s: 1.0713e-3, center_hz: 0.0, bandwidth_hz: 3.6e6 };
    for i in 0..60 {
        let chirp = |n: u64| Complex32::cis((std::f64::consts::PI * (7 * n * (n + 1)) as f64 / 139.0) as f32) / 11.0;
        let preamble: Vec<Complex32> = (0..139).map(chirp).collect();
        let random: Vec<Complex32> = (0..120).map(|_| noise(&mut state) / 11.0).collect();
        let values = if i % 4 == 3 { &preamble } else { &random };
        let lasts_s = if i % 8 == 3 { 133e-6 } else { 71.3e-6 };
        let samples: Vec<Complex32> = (0..16_000)
            .map(|n| {
                let time_s = f64::from(n) / RATE_HZ - truth.start_s;
                let on = (0.0..lasts_s).contains(&time_s);
                let tone = |(k, value): (usize, &Complex32)| {
                    let cycles = (k as f64 - (values.len() as f64 - 1.0) / 2.0) * 30e3 * (time_s - 4.7e-6);
                    value * Complex32::cis((TAU * cycles.fract()) as f32)
                };
                let signal: Complex32 = match i % 4 {
                    0 | 3 if on => values.iter().enumerate().map(tone).sum(),
                    1 if on => noise(&mut state),
                    2 if (0.0..0.3e-6).contains(&time_s) => Complex32::new(30.0, 0.0),
                    _ => Complex32::ZERO,
                };
                signal + noise(&mut state) * 0.1
            })
            .collect();
        let baseband = Baseband { samples: &samples, sample_rate_hz: RATE_HZ, center_hz: 0.0, start_s: 0.0 };
        let truth = Segment { bandwidth_hz: values.len() as f64 * 30e3, ..truth };
        let candidate = Candidate { extent: seen(&truth, &mut state), power_dbfs: -6.0, snr_db: 10.0 };
        assert!(classify(&baseband, &candidate).is_err(), "{i}");
    }
}

#[test]
fn garbage_is_turned_down() {
    let extent = Segment { start_s: 1e-3, end_s: 1.3e-3, center_hz: 0.0, bandwidth_hz: 3.6e6 };
    let ask = |samples: &[Complex32], extent, rate_hz| {
        let baseband = Baseband { samples, sample_rate_hz: rate_hz, center_hz: 0.0, start_s: 0.0 };
        classify(&baseband, &Candidate { extent, power_dbfs: -30.0, snr_db: 10.0 })
    };
    let nan = vec![Complex32::new(f32::NAN, f32::INFINITY); 16_000];
    assert!(ask(&nan, extent, RATE_HZ).is_err());
    assert!(ask(&[Complex32::ZERO; 16_000], extent, RATE_HZ).is_err());
    assert!(ask(&[], extent, RATE_HZ).is_err());
    assert!(ask(&nan, extent, 7.0e6).is_err() && ask(&nan, extent, f64::NAN).is_err());
    assert!(ask(&nan, Segment { start_s: f64::NAN, ..extent }, RATE_HZ).is_err());
    assert!(ask(&nan, Segment { center_hz: f64::NAN, ..extent }, RATE_HZ).is_err());
}
