//! Bursts through a receiver, as the energy stage would hand them over, and what must not pass for them.

use std::path::PathBuf;

use num_complex::Complex64;

use super::*;
use crate::spec::npusch::{Format, Modulation, Spacing};
use crate::synth::fsk::Fsk;
use crate::synth::gsm::GsmBurst;
use crate::synth::npusch::Grant;
use crate::synth::pusch::Allocation;
use crate::synth::random::Random;
use crate::synth::tone::Tone;
use crate::synth::{Emission, Receiver, Stream, Waveform};
use crate::zoom::Zoom;

const RATE_HZ: f64 = 2.4e6;
const START_S: f64 = 6e-3;
const NOISE_DBFS: f64 = -40.0;

/// What the detector says of `waveform` at `snr_db` in its own band, seen as `seen` of its band and time.
fn heard(
    waveform: Box<dyn Waveform>,
    snr_db: f64,
    carrier_hz: f64,
    seen: impl Fn(Segment) -> Segment,
    random: &mut Random,
) -> (Segment, Result<Finding, Rejection>) {
    let bandwidth_hz = waveform.occupied_hz().max(4e3);
    let power = 10f64.powf((NOISE_DBFS + snr_db) / 10.0) * bandwidth_hz / RATE_HZ;
    let start_s = START_S + random.uniform() * 1e-3;
    let (low_hz, high_hz) = waveform.band_hz();
    let truth = Segment {
        start_s,
        end_s: start_s + waveform.duration_s(),
        center_hz: carrier_hz + (low_hz + high_hz) / 2.0,
        bandwidth_hz,
    };
    let gain = Complex64::from_polar(power.sqrt(), random.uniform() * std::f64::consts::TAU);
    let emission = Emission { waveform, start_s, carrier_hz, gain, ramp_s: 8e-6 };
    let receiver = Receiver::ideal(RATE_HZ, NOISE_DBFS);
    let mut stream = Stream::new(&receiver, vec![emission], random.bits()).unwrap();
    let mut samples = vec![Complex32::ZERO; ((truth.end_s + 6e-3) * RATE_HZ) as usize];
    stream.fill(&mut samples);
    let extent = seen(truth);
    let short = extent.duration_s() <= MAX_BURST_S;
    let in_seen_db = 10.0 * (bandwidth_hz / extent.bandwidth_hz).log10();
    let candidate =
        Candidate { extent, power_dbfs: (10.0 * power.log10()) as f32, snr_db: (snr_db + in_seen_db) as f32 };
    let mut zoom = Zoom::new(RATE_HZ, if short { 480e3 } else { 240e3 });
    let first = ((extent.start_s - 5e-3) * RATE_HZ) as usize;
    let mut out = Vec::new();
    let zoomed = zoom.extract(&samples[first..], extent.center_hz, &mut out);
    let baseband = Baseband {
        samples: &out,
        sample_rate_hz: zoomed.sample_rate_hz,
        center_hz: zoomed.center_hz,
        start_s: first as f64 / RATE_HZ,
    };
    (truth, Detector::default().classify(&baseband, &candidate))
}

/// Edges as the energy stage sees them.
fn rough(random: &mut Random) -> impl Fn(Segment) -> Segment + use<> {
    let off = |random: &mut Random, most: f64| (2.0 * random.uniform() - 1.0) * most;
    let (start, end, center) = (off(random, 80e-6), off(random, 80e-6), off(random, 15e3));
    move |truth| Segment {
        start_s: truth.start_s + start,
        end_s: truth.end_s + end,
        center_hz: truth.center_hz + center,
        bandwidth_hz: 170e3,
    }
}

fn carrier_hz(random: &mut Random) -> f64 {
    (random.uniform() - 0.5) * 1.5e6
}

/// 8 dB over the channel for a normal burst, 10 for the shorter access burst: each named with its training sequence.
#[test]
fn bursts_are_named_with_their_training_sequence() {
    let mut random = Random::new(41);
    for (burst, snr_db) in [(Burst::Normal, 8.0), (Burst::Access, 10.0)] {
        let trials = 100;
        let mut right = 0;
        for trial in 0..trials {
            let code = trial % burst.num_training();
            let waveform = Box::new(GsmBurst::new(burst, Some(code), &mut random).unwrap());
            let (carrier, seen) = (carrier_hz(&mut random), rough(&mut random));
            let (truth, outcome) = heard(waveform, snr_db, carrier, seen, &mut random);
            let Ok(found) = outcome else { continue };
            let channel = if burst == Burst::Normal { Channel::GsmNormal } else { Channel::GsmAccess };
            assert_eq!((found.channel, found.confidence > 0.9), (channel, true));
            assert!((found.extent.center_hz - truth.center_hz).abs() < 1e3, "{}", found.extent.center_hz - carrier);
            if found.parameters.training_sequence == Some(code as u8) {
                right += 1;
                assert!((found.extent.start_s - truth.start_s).abs() < 1.0 / SYMBOL_RATE_HZ);
                assert!((f64::from(found.snr_db) - snr_db).abs() < 1.5, "{}", found.snr_db);
            }
        }
        assert!(right >= 97, "{burst:?}: {right} of {trials}");
    }
}

/// The energy stage often cuts a burst into pieces: any of them leads to the whole.
#[test]
fn a_piece_of_a_burst_leads_to_the_whole() {
    let mut random = Random::new(42);
    for offset_hz in [-70e3, 40e3, 80e3] {
        let waveform = Box::new(GsmBurst::new(Burst::Normal, Some(5), &mut random).unwrap());
        let carrier = carrier_hz(&mut random);
        let seen =
            move |truth: Segment| Segment { center_hz: truth.center_hz + offset_hz, bandwidth_hz: 40e3, ..truth };
        let (truth, outcome) = heard(waveform, 15.0, carrier, seen, &mut random);
        let found = outcome.unwrap();
        assert_eq!(found.parameters.training_sequence, Some(5));
        assert!((found.extent.center_hz - truth.center_hz).abs() < 1e3);
    }
}

/// Modulation, length and turns of the phase name a burst of unknown bits, less surely.
#[test]
fn without_a_training_sequence_the_modulation_is_the_proof() {
    let mut random = Random::new(43);
    let mut named = 0;
    for _ in 0..50 {
        let waveform = Box::new(GsmBurst::new(Burst::Normal, None, &mut random).unwrap());
        let (carrier, seen) = (carrier_hz(&mut random), rough(&mut random));
        let (_, outcome) = heard(waveform, 12.0, carrier, seen, &mut random);
        let Ok(found) = outcome else { continue };
        named += 1;
        assert_eq!(found.parameters.training_sequence, None);
        assert!(found.confidence <= MOST_WITHOUT_TRAINING);
    }
    assert!(named >= 47, "{named}");
}

/// Telegrams on the very tones of GSM with slower data, resource blocks of LTE and of NB-IoT, tones, noise alone: none
/// of 300 passes.
#[test]
fn nothing_else_passes() {
    let mut random = Random::new(44);
    let length_s = Burst::Normal.num_symbols() as f64 / SYMBOL_RATE_HZ;
    for trial in 0..300 {
        let waveform: Box<dyn Waveform> = match trial % 5 {
            0 => Box::new(Fsk::new(length_s, SYMBOL_RATE_HZ / 8.0, SYMBOL_RATE_HZ / 4.0, &mut random).unwrap()),
            1 => Box::new(Fsk::new(length_s, 100e3, 50e3, &mut random).unwrap()),
            2 => {
                let allocation = Allocation {
                    cell_id: 77,
                    carrier_prb: 6,
                    first_prb: 2,
                    num_prb: 1,
                    subframes: 1,
                    first_subframe: 3,
                    cyclic_shift: 0,
                };
                Box::new(allocation.waveform(&mut random).unwrap())
            }
            3 => Box::new(
                Grant {
                    format: Format::One,
                    spacing: Spacing::Wide,
                    tones: 12,
                    first_subcarrier: 0,
                    modulation: Modulation::Qpsk,
                    resource_units: 1,
                    repetitions: 1,
                    cell_id: 17,
                    rnti: 61,
                    first_slot: 0,
                }
                .waveform(&mut random)
                .unwrap(),
            ),
            _ => Box::new(Tone { duration_s: length_s }),
        };
        let (carrier, snr_db) = (carrier_hz(&mut random), if trial % 2 == 0 { 20.0 } else { -30.0 });
        let cut = |truth: Segment| Segment { end_s: truth.end_s.min(truth.start_s + length_s), ..truth };
        let (_, outcome) = heard(waveform, snr_db, carrier, cut, &mut random);
        assert!(outcome.is_err(), "{trial}: {outcome:?}");
    }
}

/// A carrier off the air, as its traffic channels and its beacon stay on (downlink, which looks the same).
#[test]
#[allow(clippy::disallowed_methods, reason = "a test reads the captures it is judged by")]
fn a_carrier_off_the_air_shows_its_training_sequence() {
    let shared = std::env::var_os("CELLSWEEP_SHARED")
        .map_or_else(|| concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared").into(), PathBuf::from);
    let path = shared.join("recordings/real/gsm_dl_953p6M_dec64.sigmf-data");
    let Ok(bytes) = std::fs::read(&path) else {
        eprintln!("skipped: no {}", path.display());
        return;
    };
    let value = |b: &[u8]| f32::from_le_bytes([b[0], b[1], b[2], b[3]]);
    let samples: Vec<Complex32> = bytes.chunks_exact(8).map(|b| Complex32::new(value(b), value(&b[4..]))).collect();
    let mut zoom = Zoom::new(1e6, 240e3);
    let mut out = Vec::new();
    let zoomed = zoom.extract(&samples, 5e3, &mut out);
    let baseband =
        Baseband { samples: &out, sample_rate_hz: zoomed.sample_rate_hz, center_hz: zoomed.center_hz, start_s: 0.0 };
    let mut named = 0;
    for i in 0..60 {
        let start_s = 2e-3 + f64::from(i) * 1.2e-3;
        let extent = Segment { start_s, end_s: start_s + 1.8e-3, center_hz: 5e3, bandwidth_hz: 200e3 };
        let power_dbfs = (10.0 * mean_power(&out).log10()) as f32;
        let candidate = Candidate { extent, power_dbfs, snr_db: 25.0 };
        let Ok(found) = Detector::default().classify(&baseband, &candidate) else { continue };
        named += 1;
        assert_eq!(found.parameters.training_sequence, Some(0));
        assert!((found.extent.center_hz - 8.7e3).abs() < 300.0, "{}", found.extent.center_hz);
    }
    // Base stations' own bursts lie between, some of them without the sequence.
    assert!(named >= 40, "{named}");
}
