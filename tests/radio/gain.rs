//! The gain: chosen from the noise and from clipping, without moving levels; and other faults of a receiver's settings.

use serde_json::Value;

use crate::bench::{BENCH, NUM_SAMPLES, lines, said, summary};

fn powers(output: &std::process::Output) -> Vec<f64> {
    let burst = |line: &&str| serde_json::from_str::<Value>(line).expect("a record");
    let named: Vec<Value> =
        lines(output, "burst").iter().map(burst).filter(|burst| burst["channel"] == "npusch1").collect();
    named.iter().map(|burst| burst["power_dbfs"].as_f64().expect("a level")).collect()
}

/// 40 dB too much: the gain comes down in steps that are told, and the bursts are as loud before and after in what is
/// said of them.
#[test]
fn clipping_takes_the_gain_down_and_levels_stay() {
    let Some(bench) = &*BENCH else { return };
    // At 20 dB, the receiver's in the beginning, the device's -40 dBFS are +6: six steps of 6 dB at the most follow.
    let device = ",realtime=0.5,gain_ref=-26,retune_delay=4800";
    let mut args = bench.sweep("ci16_le", device);
    args.extend(["--duration", "3"].map(str::to_owned));
    let output = bench.run(&args);
    assert!(output.status.success(), "{}", said(&output));
    assert!(
        said(&output).contains("gain 14.0 dB instead of 20.0 dB, as the radio was overloaded"),
        "{}",
        said(&output)
    );
    let summary = summary(&output);
    assert!(summary["clipped_s"].as_f64().is_some_and(|seconds| seconds > 0.0), "{summary}");
    let told = said(&output);
    let last = told.lines().rev().find_map(|line| line.split_once(": gain ")?.1.split(' ').next());
    let gain_db: f64 = last.and_then(|db| db.parse().ok()).expect("a gain");
    // The file's -40 dBFS were heard at -26 dB. At the antenna the device is as loud as at the first gain of 20 dB.
    let powers = powers(&output);
    assert!((powers.last().expect("a burst") - (gain_db - 14.0)).abs() < 1.0, "{powers:?} at {gain_db} dB");
    let levels: Vec<f64> = lines(&output, "transmitter")
        .iter()
        .map(|line| serde_json::from_str(line).expect("a record"))
        .filter(|transmitter: &Value| transmitter["technology"] == "nb-iot")
        .filter_map(|transmitter| transmitter["parameters"]["proximity"]["latest_db"].as_f64())
        .collect();
    assert!(!levels.is_empty() && levels.iter().all(|db| (db - 6.0).abs() < 1.5), "{levels:?}");
}

#[test]
fn the_rate_that_the_radio_has_counts() {
    let Some(bench) = &*BENCH else { return };
    let mut args = bench.sweep("ci16_le", ",rate=960000");
    let rate = args.iter().position(|arg| arg == "960k").expect("a rate");
    args[rate] = "1M".to_owned();
    args.extend(["--duration", "0.4"].map(str::to_owned));
    let output = bench.run(&args);
    let capture: Value = serde_json::from_str(lines(&output, "capture")[0]).expect("a record");
    assert_eq!(capture["sample_rate_hz"], 960_000.0);
    assert_eq!(lines(&output, "burst"), lines(&bench.analyze("ci16_le", NUM_SAMPLES), "burst"));
}

#[test]
fn flags_that_mean_nothing_do_nothing() {
    let Some(bench) = &*BENCH else { return };
    let output = bench.sweep_once("ci16_le", ",garbage_flags=1");
    assert!(output.status.success(), "{}", said(&output));
    assert_eq!(summary(&output)["samples_dropped"], 0);
    assert_eq!(lines(&output, "burst"), lines(&bench.analyze("ci16_le", NUM_SAMPLES), "burst"));
}
