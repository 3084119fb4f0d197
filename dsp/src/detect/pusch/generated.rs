//! Generated transmissions in noise: the bars of sensitivity, and what must not be taken for one.

use super::vectors::Capture;
use super::*;
use crate::spec::lte::{BLOCK_SUBCARRIERS, subcarrier_hz};
use crate::spec::npusch::{SYMBOLS_PER_SLOT, Spacing};
use crate::synth::Waveform;
use crate::synth::pusch::Allocation;
use crate::synth::random::Random;
use crate::synth::sc_fdma::ScFdma;
use num_complex::Complex64;

const RATE_HZ: f64 = 1.92e6;
const LEAD_S: f64 = 3e-3;

/// A transmission with power 1 in noise, and where the energy stage would see it.
fn transmission(allocation: &Allocation, snr_db: f64, random: &mut Random) -> (Capture, Segment) {
    let waveform = allocation.waveform(random).unwrap();
    received(&waveform, allocation, snr_db, random)
}

/// The same with data in place of the reference symbols.
fn without_reference(allocation: &Allocation, snr_db: f64, random: &mut Random) -> (Capture, Segment) {
    let tones = usize::from(BLOCK_SUBCARRIERS * allocation.num_prb);
    let mut planner = FftPlanner::new();
    let mut values = Vec::new();
    for _ in 0..usize::from(allocation.subframes) * 2 * SYMBOLS_PER_SLOT {
        let quadrant = |bits: u64| Complex32::cis(std::f32::consts::FRAC_PI_4 * (2 * (bits >> 62) + 1) as f32);
        let mut symbol: Vec<Complex32> = (0..tones).map(|_| quadrant(random.bits()) / tones as f32).collect();
        planner.plan_fft_forward(tones).process(&mut symbol);
        values.extend(symbol);
    }
    let lowest_hz = subcarrier_hz(BLOCK_SUBCARRIERS * allocation.first_prb, allocation.carrier_prb);
    let waveform = ScFdma::new(Spacing::Wide, lowest_hz, tones, values, false);
    received(&waveform, allocation, snr_db, random)
}

fn received(waveform: &ScFdma, allocation: &Allocation, snr_db: f64, random: &mut Random) -> (Capture, Segment) {
    let offset_hz = 4e3 * (random.uniform() - 0.5);
    let start_s = LEAD_S + random.uniform() * 1e-3;
    let duration_s = f64::from(allocation.subframes) * 1e-3;
    let num_samples = ((start_s + duration_s + LEAD_S) * RATE_HZ) as usize;
    let samples = (0..num_samples).map(|n| n as f64 / RATE_HZ - start_s).map(|t| {
        let on = (0.0..duration_s).contains(&t);
        let value = if on { waveform.at(t) } else { Complex64::ZERO };
        Complex32::new(value.re as f32, value.im as f32)
    });
    let mut capture = Capture { samples: samples.collect(), rate_hz: RATE_HZ };
    let bandwidth_hz = f64::from(allocation.num_prb) * BLOCK_HZ;
    capture.impair(snr_db, bandwidth_hz, offset_hz, random);
    let (low_hz, high_hz) = waveform.band_hz();
    let mut off = |most: f64| most * (2.0 * random.uniform() - 1.0);
    let seen = Segment {
        start_s: start_s + off(80e-6),
        end_s: start_s + duration_s + off(80e-6),
        center_hz: (low_hz + high_hz) / 2.0 + offset_hz + off(2e3),
        bandwidth_hz: bandwidth_hz + off(3e3),
    };
    (capture, seen)
}

fn allocation(num_prb: u16, subframes: u16, random: &mut Random) -> Allocation {
    Allocation {
        cell_id: random.below(504) as u16,
        carrier_prb: 6,
        first_prb: random.below(u64::from(7 - num_prb)) as u16,
        num_prb,
        subframes,
        first_subframe: random.below(10_240),
        cyclic_shift: random.below(12) as u8,
    }
}

/// The signal-to-noise ratios per subcarrier from which 99 in 100 are to be identified.
#[test]
fn transmissions_are_identified_at_their_bars() {
    const TRIALS: u64 = 40;
    const LEAST: u64 = 36;
    let mut missed = Vec::new();
    let mut detector = Detector::default();
    for (num_prb, subframes, snr_db) in
        [(1, 1, 6.0), (1, 4, 1.0), (1, 16, -2.5), (2, 1, 1.5), (3, 1, -1.5), (6, 1, -5.0)]
    {
        let (mut named, mut wrong, mut blocks) = (0, 0, 0);
        for trial in 0..TRIALS {
            let mut random = Random::stream(u64::from(100 * num_prb + subframes), trial);
            let allocation = allocation(num_prb, subframes, &mut random);
            let (capture, seen) = transmission(&allocation, snr_db, &mut random);
            let Ok(found) = capture.classify(&mut detector, seen, snr_db as f32) else { continue };
            named += 1;
            blocks += u64::from(found.parameters.n_prb == Some(num_prb));
            let u = found.parameters.base_sequence;
            wrong += u64::from(u.is_some_and(|u| u16::from(u) != allocation.cell_id % 30));
        }
        let bar = format!(
            "{num_prb} blocks, {subframes} ms, {snr_db} dB: {named} named, {wrong} wrong, {blocks} of {TRIALS}"
        );
        eprintln!("{bar}");
        missed.extend((named < LEAST || wrong > 0 || blocks < named).then_some(bar));
    }
    assert!(missed.is_empty(), "{missed:?}");
}

/// Of data without reference symbols hardly anything passes for a shared channel: no more than the stated odds make
/// likely.
#[test]
fn data_without_reference_symbols_are_refused() {
    let mut detector = Detector::default();
    let mut taken = Vec::new();
    for trial in 0..120 {
        let mut random = Random::stream(77, trial);
        let num_prb = [1, 1, 2, 3, 4, 6][trial as usize % 6];
        let subframes = [1, 2, 4, 8][trial as usize % 4];
        let allocation = allocation(num_prb, subframes, &mut random);
        let (capture, seen) = without_reference(&allocation, 20.0, &mut random);
        taken.extend(capture.classify(&mut detector, seen, 20.0));
    }
    assert!(taken.is_empty(), "{taken:?}");
}
