//! A radio's samples: what they hold is found, what is lost is counted, what fails is told.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::bench::{BENCH, NUM_SAMPLES, RATE_HZ, lines, said, summary};

#[test]
fn a_radio_finds_what_the_recording_of_it_holds() {
    let Some(bench) = &*BENCH else { return };
    for format in ["ci16_le", "cu8"] {
        let recorded = bench.analyze(format, NUM_SAMPLES);
        let live = bench.sweep_once(format, "");
        assert!(live.status.success(), "{}", said(&live));
        assert!(lines(&recorded, "burst").len() >= 2, "the scene must hold something to find");
        for record in ["burst", "transmitter"] {
            assert_eq!(lines(&live, record), lines(&recorded, record), "{format}");
        }
        let summary = summary(&live);
        assert_eq!((&summary["samples_processed"], &summary["samples_dropped"]), (&NUM_SAMPLES.into(), &0.into()));
        let capture: Value = serde_json::from_str(lines(&live, "capture")[0]).expect("a record");
        assert_eq!(capture["path"], "virtual receiver");
        assert_eq!(capture["datatype"], format);
        assert_eq!(capture["center_frequency_hz"], 842_590_000.0);
        assert!(capture["samples"].is_null() && capture["duration_s"].is_null() && capture["sha256"].is_null());
    }
}

/// Twelve bits in sixteen: the same codes are 24.08 dB louder.
#[test]
fn levels_are_those_of_the_device_s_own_full_scale() {
    let Some(bench) = &*BENCH else { return };
    let powers = |device: &str| -> Vec<f64> {
        let output = bench.sweep_once("ci16_le", device);
        let power = |line: &&str| serde_json::from_str::<Value>(line).expect("a record")["power_dbfs"].as_f64();
        lines(&output, "burst").iter().map(|line| power(line).expect("a level")).collect()
    };
    let (sixteen, twelve) = (powers(""), powers(",full_scale=2048"));
    assert!(!sixteen.is_empty() && sixteen.len() == twelve.len());
    for (sixteen, twelve) in sixteen.iter().zip(&twelve) {
        assert!((twelve - sixteen - 20.0 * 16f64.log10()).abs() < 0.011, "{sixteen} and {twelve} dBFS");
    }
}

#[test]
fn what_the_radio_loses_is_counted_to_the_sample() {
    let Some(bench) = &*BENCH else { return };
    // At 60 000, 120 000 … 360 000 of the 384 000 samples; by the driver's word and the clock, or the clock alone.
    let lost = 6 * 7001;
    for word in ["", ",silent_gaps=1"] {
        let output = bench.sweep_once("ci16_le", &format!(",overflow_every=60000,overflow_lost=7001{word}"));
        assert!(output.status.success(), "{}", said(&output));
        let summary = summary(&output);
        assert_eq!(summary["samples_dropped"], lost, "{word}");
        assert_eq!(summary["samples_processed"], NUM_SAMPLES - lost, "{word}");
        let blind_s = summary["blind_s"].as_f64().expect("a time");
        assert!((blind_s - lost as f64 / RATE_HZ as f64).abs() < 1e-6);
    }
}

#[test]
fn a_loss_that_nothing_measures_is_told() {
    let Some(bench) = &*BENCH else { return };
    let output = bench.sweep_once("ci16_le", ",stamp=0,overflow_every=60000,overflow_lost=7001");
    assert!(output.status.success(), "{}", said(&output));
    // The seventh comes at 420 000 of the radio's samples, of which 377 994 have arrived.
    assert_eq!(summary(&output)["samples_dropped"], 7);
    assert!(said(&output).contains("cut 7 times"), "{}", said(&output));
}

#[test]
fn passing_errors_are_passed_over() {
    let Some(bench) = &*BENCH else { return };
    let output = bench.sweep_once("ci16_le", ",errors_at=100000,errors=5");
    assert!(output.status.success(), "{}", said(&output));
    assert_eq!(summary(&output)["samples_processed"], NUM_SAMPLES);
}

#[test]
fn when_the_radio_is_lost_its_findings_are_kept() {
    let Some(bench) = &*BENCH else { return };
    let recorded = bench.analyze("ci16_le", 300_000);
    let output = bench.sweep_once("ci16_le", ",lost_at=300000");
    assert_eq!(output.status.code(), Some(1));
    assert!(said(&output).contains("the radio is lost"), "{}", said(&output));
    assert!(!lines(&recorded, "burst").is_empty(), "the scene must hold something to find");
    for record in ["burst", "transmitter"] {
        assert_eq!(lines(&output, record), lines(&recorded, record));
    }
    assert_eq!(summary(&output)["samples_processed"], 300_000);
}

#[test]
fn a_driver_that_hangs_is_given_up() {
    let Some(bench) = &*BENCH else { return };
    for fault in [",hang_at=300000", ",silent_at=300000"] {
        let output = bench.sweep_once("ci16_le", fault);
        assert_eq!(output.status.code(), Some(1), "{fault}");
        assert!(said(&output).contains("no sample came for 2 s"), "{fault}: {}", said(&output));
        assert!(!lines(&output, "transmitter").is_empty(), "{fault}");
        summary(&output);
    }
}

/// Bursts come as they are heard, and Ctrl-C ends a sweep in order.
#[test]
fn an_interrupt_ends_a_sweep_in_order() {
    let Some(bench) = &*BENCH else { return };
    let args = bench.sweep("ci16_le", ",realtime=1");
    let mut sweep = bench
        .command(&args.iter().map(String::as_str).collect::<Vec<_>>())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program runs");
    let mut records = BufReader::new(sweep.stdout.take().expect("a pipe")).lines().map(|line| line.expect("text"));
    assert!(records.by_ref().any(|line| line.contains("\"record\":\"burst\"")));
    let pid = sweep.id().to_string();
    assert!(Command::new("kill").args(["-INT", &pid]).status().expect("kill runs").success());
    assert!(records.last().expect("a last record").contains("\"record\":\"summary\""));
    assert_eq!(sweep.wait().expect("an end").code(), Some(0));
}
