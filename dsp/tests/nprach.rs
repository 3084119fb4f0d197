//! The preamble detector from outside: bars of sensitivity, false alarms, scenes that others made.
//!
//! `CELLSWEEP_SHARED` names the folder of the captures (else `../shared` beside the workspace; absent, those tests
//! skip); `CELLSWEEP_TRIALS` the number of trials of every measurement, and with it every capture is heard, which takes
//! minutes, not only those with a preamble.
#![allow(clippy::disallowed_methods, reason = "these tests read captures")]
#![allow(clippy::unwrap_used, reason = "a test that cannot unwrap has failed")]

#[path = "nprach/air.rs"]
mod air;
#[path = "nprach/listen.rs"]
mod listen;

use air::{Noise, Preamble};
use dsp::finding::Finding;
use dsp::spec::nprach::Format;
use listen::{Scene, heard};

/// Whether a finding is this preamble: format, start within 0.1 ms, a cell set that holds the right one, and the
/// block within 100 Hz of an origin that the hops allow.
fn is(finding: &Finding, preamble: &Preamble) -> bool {
    let p = &finding.parameters;
    let first_tone_hz = finding.segments[0].center_hz;
    p.format == Some(preamble.format.number())
        && (finding.extent.start_s - preamble.start_s).abs() < 1e-4
        && (first_tone_hz - preamble.tone_hz(0)).abs() < 100.0
        && p.cell_ids.as_ref().is_none_or(|ids| ids.contains(&preamble.cell_id))
}

fn trials(default: usize) -> usize {
    std::env::var("CELLSWEEP_TRIALS").ok().and_then(|n| n.parse().ok()).unwrap_or(default)
}

/// Share of random preambles found, each in noise of its own.
fn found(format: Format, repetitions: usize, snr_db: f64, trials: usize, seed: u64) -> f64 {
    let mut noise = Noise::new(seed);
    let mut hits = 0;
    for _ in 0..trials {
        let preamble = Preamble::random(&mut noise, format, repetitions, snr_db);
        let rate = 240e3;
        let mut samples = noise.samples((rate * (preamble.end_s() + 0.08)) as usize);
        preamble.add_to(&mut samples, rate);
        let findings = heard(&samples, rate, Some(1.0 / rate as f32));
        let hit = findings.iter().any(|finding| is(finding, &preamble));
        hits += usize::from(hit);
        if !hit && std::env::var_os("CELLSWEEP_TRIALS").is_some() {
            eprintln!("missed {preamble:?}: {findings:?}");
        }
    }
    hits as f64 / trials as f64
}

/// At 1 dB above the bar of every repetition number up to 32 at least 99 % are found: of few trials all but one must be.
#[test]
fn sensitivity_is_within_a_decibel_of_the_bars() {
    for (repetitions, bar_db) in [(1, 4.5), (2, 2.5), (4, 0.5), (8, -1.7), (32, -5.7)] {
        let trials = trials(8);
        for above_db in [0.0, 1.0] {
            let share = found(Format::Zero, repetitions, bar_db + above_db, trials, 7 + repetitions as u64);
            eprintln!("format 0, {repetitions} repetitions, {:+.1} dB: {share:.3} of {trials}", bar_db + above_db);
            if above_db > 0.0 {
                assert!(share * trials as f64 > trials as f64 * 0.97 - 1.1, "{repetitions} repetitions: {share}");
            }
        }
    }
}

#[test]
fn format_1_is_told_from_format_0() {
    let trials = trials(5);
    for (repetitions, snr_db) in [(1, 12.0), (1, 30.0), (4, 6.0), (8, 0.0)] {
        let share = found(Format::One, repetitions, snr_db, trials, 99);
        assert!(share * trials as f64 > trials as f64 * 0.97 - 1.1, "{repetitions} repetitions: {share}");
    }
}

/// What of a strong preamble leaks into the time after it is no further repetition.
#[test]
fn strong_preambles_are_as_long_as_they_are() {
    let mut noise = Noise::new(45);
    for format in [Format::Zero, Format::One] {
        for repetitions in [1, 2, 4] {
            for _ in 0..trials(4) {
                let preamble = Preamble::random(&mut noise, format, repetitions, 45.0);
                let rate = 240e3;
                let mut samples = noise.samples((rate * (preamble.end_s() + 0.08)) as usize);
                preamble.add_to(&mut samples, rate);
                let findings = heard(&samples, rate, Some(1.0 / rate as f32));
                let whole = |f: &Finding| is(f, &preamble) && f.parameters.repetitions == Some(repetitions as u16);
                assert!(findings.iter().any(whole), "{preamble:?}: {findings:?}");
            }
        }
    }
}

/// Tones of 1.25 kHz, whose groups last longer.
#[test]
fn format_2_is_heard_below_format_0() {
    let trials = trials(6);
    for (repetitions, snr_db) in [(1, 4.0), (2, 2.0), (8, -2.5), (16, -4.0)] {
        let share = found(Format::Two, repetitions, snr_db, trials, 17);
        eprintln!("format 2, {repetitions} repetitions, {snr_db:+.1} dB: {share:.3} of {trials}");
        assert!(share * trials as f64 > trials as f64 * 0.97 - 1.1, "{repetitions} repetitions: {share}");
    }
}

/// From eight repetitions on one cell is left; with two, the true one is among few.
#[test]
fn hops_name_the_cell() {
    let mut noise = Noise::new(5);
    for (repetitions, most) in [(2, 100), (4, 20), (8, 1), (16, 1)] {
        let preamble = Preamble::random(&mut noise, Format::Zero, repetitions, 12.0);
        let mut samples = noise.samples(60_000);
        preamble.add_to(&mut samples, 240e3);
        let findings = heard(&samples, 240e3, Some(1.0 / 240e3));
        assert_eq!(findings.len(), 1, "{findings:?}");
        let ids = findings[0].parameters.cell_ids.clone().unwrap_or_default();
        assert!(ids.contains(&preamble.cell_id) && ids.len() <= most, "{repetitions}: {ids:?}");
    }
}

/// A preamble of which the stream holds only the end, or only the beginning.
#[test]
fn preambles_are_found_that_the_stream_cuts() {
    let mut noise = Noise::new(11);
    let rate = 240e3;
    let mut samples = noise.samples((0.2 * rate) as usize);
    let early = Preamble { start_s: -0.0448, ..Preamble::new(Format::Zero, 145, 3, 16, -60e3, 10.0) };
    let late = Preamble { start_s: 0.15, ..Preamble::new(Format::Zero, 77, 5, 32, 20e3, 10.0) };
    early.add_to(&mut samples, rate);
    late.add_to(&mut samples, rate);
    let findings = heard(&samples, rate, Some(1.0 / rate as f32));
    for (preamble, heard_s) in [(&early, 0.0448), (&late, 0.05)] {
        let finding = findings
            .iter()
            .find(|f| f.parameters.cell_ids.as_ref().is_some_and(|ids| ids.contains(&preamble.cell_id)))
            .unwrap_or_else(|| panic!("{preamble:?} not in {findings:?}"));
        assert!(finding.extent.duration_s() > heard_s - 0.0057, "{finding:?}");
    }
}

/// Two preambles that hop through the same block at once.
#[test]
fn preambles_are_found_that_hop_through_each_other() {
    let mut noise = Noise::new(12);
    let rate = 240e3;
    let mut samples = noise.samples((0.15 * rate) as usize);
    let one = Preamble { start_s: 0.03, ..Preamble::new(Format::Zero, 9, 7, 8, -20e3, 18.0) };
    let two = Preamble { first_tone: 2, start_s: 0.03002, block_hz: -20.3e3, snr_db: 9.0, ..one.clone() };
    one.add_to(&mut samples, rate);
    two.add_to(&mut samples, rate);
    let findings = heard(&samples, rate, Some(1.0 / rate as f32));
    assert!([&one, &two].iter().all(|p| findings.iter().any(|f| is(f, p))), "{findings:?}");
    assert_eq!(findings.len(), 2);
}

#[test]
fn noise_holds_no_preamble() {
    let seconds = trials(20);
    let mut noise = Noise::new(3);
    let samples = noise.samples(240_000 * seconds);
    let findings = heard(&samples, 240e3, None);
    assert!(findings.is_empty(), "{findings:?}");
}

/// Tones that hop at random over twelve channels, and a keyed carrier: the nearest that is no preamble.
#[test]
fn random_hoppers_are_no_preambles() {
    let mut noise = Noise::new(8);
    let rate = 240e3;
    let mut samples = noise.samples((2.0 * rate) as usize);
    for index in 0..1428 {
        let hz = -60e3 + 3750.0 * (noise.uniform() * 12.0).floor();
        air::add_tone(&mut samples, rate, index as f64 * 1.4e-3, 1.4e-3, hz, 15.0, &mut noise);
    }
    for index in 0..178 {
        air::add_tone(&mut samples, rate, index as f64 * 11.2e-3, 5.6e-3, 40e3, 25.0, &mut noise);
        air::add_tone(&mut samples, rate, index as f64 * 11.2e-3, 1.4e-3, 60e3, 25.0, &mut noise);
    }
    let findings = heard(&samples, rate, Some(1.0 / rate as f32));
    assert!(findings.is_empty(), "{findings:?}");
}

/// A downlink without traffic: reference symbols of two ports on every third subcarrier, which never rest and
/// raise the mean floor. Patterns of hops go from one of them to the next.
#[test]
fn reference_symbols_of_an_empty_downlink_are_no_preambles() {
    let rate = 240e3;
    let mut noise = Noise::new(31);
    for _ in 0..20 {
        let mut samples = noise.samples((0.07 * rate) as usize);
        for slot in 0..140 {
            for symbol in [0.0, 4.0] {
                for subcarrier in -2..=2 {
                    let start_s = (f64::from(slot) + symbol / 7.0) * 0.5e-3;
                    let hz = 7e3 + 45e3 * f64::from(subcarrier);
                    air::add_tone(&mut samples, rate, start_s, 0.5e-3 / 7.0, hz, 18.0, &mut noise);
                }
            }
        }
        let findings = heard(&samples, rate, Some(2.0 / rate as f32));
        assert!(findings.is_empty(), "{findings:?}");
    }
}

/// Every preamble of the scenes that the bars allow is found and named, and nothing else is.
#[test]
fn scenes_are_heard_rightly() {
    let mut missed = Vec::new();
    let mut false_alarms = Vec::new();
    let all = std::env::var_os("CELLSWEEP_TRIALS").is_some();
    for scene in Scene::all().into_iter().filter(|scene| all || scene.has_preamble()) {
        let findings = scene.findings();
        for truth in scene.preambles() {
            if !findings.iter().any(|f| truth.is(f)) {
                missed.push(format!("{}: {truth:?}", scene.name()));
            }
        }
        for finding in &findings {
            if !scene.preambles().iter().any(|truth| truth.is(finding)) {
                false_alarms.push(format!("{}: {:?} {:?}", scene.name(), finding.extent, finding.parameters));
            }
        }
    }
    assert!(missed.is_empty() && false_alarms.is_empty(), "missed {missed:#?}\nfalse {false_alarms:#?}");
}
