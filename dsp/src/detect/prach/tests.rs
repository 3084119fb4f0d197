//! Other people's preambles, and generated ones in noise.

use num_complex::{Complex32, Complex64};
use serde_json::Value;
use std::path::PathBuf;

use super::*;
use crate::baseband::Baseband;
use crate::finding::{Channel, Finding, Rejection};
use crate::frontend::{Event, FrontEnd};
use crate::judge::Judge;
use crate::spec::prach::{BANDWIDTH_HZ, Format};
use crate::synth::lte_preamble::LtePreamble;
use crate::synth::pusch::Allocation;
use crate::synth::random::Random;
use crate::synth::{Emission, Receiver, Stream, Waveform};
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

/// What the refiner says of what a seed names.
fn refined(samples: &[Complex32], rate_hz: f64, seed: &Seed) -> Result<Vec<Finding>, Rejection> {
    let (start_s, end_s) = seed.wanted_s();
    let first = (start_s * rate_hz).max(0.0) as usize;
    let last = ((end_s * rate_hz) as usize).min(samples.len());
    let mut zoomed = Vec::new();
    let zoom = Zoom::new(rate_hz, REFINE_RATE_HZ).extract(&samples[first..last], seed.center_hz, &mut zoomed);
    let baseband = Baseband {
        samples: &zoomed,
        sample_rate_hz: zoom.sample_rate_hz,
        center_hz: zoom.center_hz,
        start_s: first as f64 / rate_hz,
    };
    let noise_per_hz = (10f64.powf(NOISE_DBFS / 10.0) / 1.92e6) as f32;
    Refiner::default().refine(&baseband, seed, noise_per_hz)
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
            refined(&padded, rate_hz, &seed(center_hz + 41e3, start_s + pad_s - 0.1e-3, end_s + pad_s + 0.1e-3))
                .unwrap();
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

fn seed(center_hz: f64, start_s: f64, end_s: f64) -> Seed {
    Seed { start_s, end_s, center_hz, worth: 1.0, thorough: false }
}

fn emission(sent: &Sent) -> Emission {
    let waveform = LtePreamble::new(sent.format, sent.root, sent.shift, 0.0).unwrap();
    placed(Box::new(waveform), sent.start_s, sent.carrier_hz, sent.snr_db)
}

/// `snr_db` is within the band of a preamble.
fn placed(waveform: Box<dyn Waveform>, start_s: f64, carrier_hz: f64, snr_db: f64) -> Emission {
    let noise_dbfs = NOISE_DBFS + 10.0 * (BANDWIDTH_HZ / 1.92e6).log10();
    let gain = Complex64::from_polar(10f64.powf((noise_dbfs + snr_db) / 20.0), 1.0);
    Emission { waveform, start_s, carrier_hz, gain, ramp_s: 2e-6 }
}

fn air(emissions: Vec<Emission>, rate_hz: f64, seconds: f64, seed: u64) -> Vec<Complex32> {
    let mut samples = vec![Complex32::ZERO; (seconds * rate_hz) as usize];
    let noise_dbfs = NOISE_DBFS + 10.0 * (rate_hz / 1.92e6).log10();
    Stream::new(&Receiver::ideal(rate_hz, noise_dbfs), emissions, seed).unwrap().fill(&mut samples);
    samples
}

/// A preamble of any root, shift, timing and carrier.
fn draw(random: &mut Random, format: Format, start_s: f64, snr_db: f64) -> Sent {
    Sent {
        format,
        root: 1 + random.below(838) as u16,
        shift: random.below(839) as u16,
        start_s: start_s + 1e-3 * random.uniform(),
        carrier_hz: 100e3 * (random.uniform() - 0.5),
        snr_db,
    }
}

/// A seed as the gate would place it.
fn around(sent: &Sent, random: &mut Random) -> Seed {
    let start_s = sent.start_s + 0.2e-3 * (random.uniform() - 0.5);
    seed(0.0, start_s, start_s + sent.format.duration_s())
}

fn is_right(found: &Finding, sent: &Sent) -> bool {
    // A start is known to within a few samples over the SNR.
    let close_s = 12e-6 / 10f64.powf(sent.snr_db / 10.0).min(1.0);
    found.parameters.root == Some(sent.root) && (found.extent.start_s - sent.start_s).abs() < close_s
}

/// How many of 40 preambles are found beside what `others` sends with them.
fn found_of_40(snr_db: f64, others: impl Fn(&Sent, &mut Random) -> Vec<Emission>) -> usize {
    let mut random = Random::new(3);
    (0..40)
        .filter(|trial| {
            let sent = draw(&mut random, Format::Zero, 2e-3, snr_db);
            let mut emissions = others(&sent, &mut random);
            emissions.push(emission(&sent));
            let samples = air(emissions, 1.92e6, 5e-3, *trial);
            let found = refined(&samples, 1.92e6, &around(&sent, &mut random));
            found.is_ok_and(|found| found.iter().any(|found| is_right(found, &sent)))
        })
        .count()
}

#[test]
fn a_seed_holds_a_weak_preamble_whatever_its_root_delay_and_carrier() {
    let found = found_of_40(-8.5, |_, _| Vec::new());
    assert!(found >= 39, "{found}");
}

#[test]
fn a_preamble_ten_times_stronger_hides_none() {
    let found = found_of_40(-7.5, |sent, random| {
        let other = draw(random, Format::Zero, 2e-3, 2.5);
        vec![emission(&Sent { start_s: sent.start_s + 1e-6, carrier_hz: sent.carrier_hz + 90.0, ..other })]
    });
    assert!(found >= 38, "{found}");
}

#[test]
fn a_resource_block_ten_times_denser_hides_none() {
    let found = found_of_40(-7.0, |sent, random| {
        let allocation = Allocation {
            cell_id: 1,
            carrier_prb: 6,
            first_prb: random.below(6) as u16,
            num_prb: 1,
            subframes: 1,
            first_subframe: 0,
            cyclic_shift: 0,
        };
        let waveform = Box::new(allocation.waveform(random).unwrap());
        // A sixth of the band, 10 dB more in every hertz.
        vec![placed(waveform, sent.start_s, sent.carrier_hz, 10.0 - 7.8)]
    });
    assert!(found >= 38, "{found}");
}

/// What the streaming search and the refinement find in samples.
fn heard(samples: &[Complex32], rate_hz: f64, thorough: bool) -> Vec<Finding> {
    let front_end = FrontEnd::new(rate_hz, 10.0).unwrap();
    let mut front_end = if thorough { front_end.thorough() } else { front_end };
    let (mut zoom, mut refiner) = (Zoom::new(rate_hz, REFINE_RATE_HZ), Refiner::default());
    let mut judge = Judge::default();
    let mut hear = |event: Event<'_>| {
        let Event::WidePreamble(seed, noise_per_hz, _, kept) = event else { return };
        let (start_s, end_s) = seed.wanted_s();
        let (start_s, around) = kept.between(start_s, end_s);
        let mut zoomed = Vec::new();
        let zoom = zoom.extract(&around, seed.center_hz, &mut zoomed);
        let (sample_rate_hz, center_hz) = (zoom.sample_rate_hz, zoom.center_hz);
        let baseband = Baseband { samples: &zoomed, sample_rate_hz, center_hz, start_s };
        refiner.refine(&baseband, &seed, noise_per_hz).into_iter().flatten().for_each(|finding| judge.push(finding));
    };
    front_end.push(samples, &mut hear);
    front_end.finish(&mut hear);
    let mut findings = Vec::new();
    judge.finish(&mut |finding| findings.push(finding), &mut |_| {});
    findings
}

/// Preambles at one level in a stream: how many of them are named, and what else is.
fn heard_of(count: usize, snr_db: f64, every_s: f64, rate_hz: f64, thorough: bool) -> (usize, usize) {
    let mut random = Random::new(9);
    let sent: Vec<Sent> = (0..count)
        .map(|i| {
            let format = if thorough { Format::Zero } else { Format::ALL[i % 4] };
            let mut sent = draw(&mut random, format, 0.01 + every_s * i as f64, snr_db);
            sent.carrier_hz += (rate_hz - 1.3e6) * (random.uniform() - 0.5);
            sent
        })
        .collect();
    let emissions = sent.iter().map(emission).collect();
    let samples = air(emissions, rate_hz, 0.02 + every_s * sent.len() as f64, 1);
    let found = heard(&samples, rate_hz, thorough);
    let right = sent.iter().filter(|sent| found.iter().any(|found| is_right(found, sent))).count();
    let wrong = found.iter().filter(|found| !sent.iter().any(|sent| is_right(found, sent))).count();
    (right, wrong)
}

#[test]
fn a_stream_tells_each_weak_preamble_once() {
    let (right, wrong) = heard_of(40, -7.5, 0.015, 3.84e6, false);
    assert!(right >= 39 && wrong == 0, "{right} right, {wrong} wrong");
}

#[test]
fn a_thorough_search_finds_weaker_ones() {
    let (right, wrong) = heard_of(8, -10.0, 4e-3, 1.92e6, true);
    assert!(right >= 8 && wrong == 0, "{right} right, {wrong} wrong");
}

#[test]
fn noise_holds_no_preamble() {
    let found = heard(&air(Vec::new(), 3.84e6, 1.0, 5), 3.84e6, false);
    assert!(found.is_empty(), "{found:?}");
}

#[test]
fn garbage_holds_no_preamble() {
    let rate_hz = 1.92e6;
    for samples in [
        Vec::new(),
        vec![Complex32::new(f32::NAN, 0.0); 5000],
        vec![Complex32::new(f32::INFINITY, 1.0); 5000],
        vec![Complex32::new(1.0, 0.0); 5000],
        vec![Complex32::ZERO; 5000],
    ] {
        assert!(refined(&samples, rate_hz, &seed(0.0, 0.5e-3, 1.5e-3)).is_err());
    }
}
