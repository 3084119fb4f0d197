//! Bands wider than the radio: hops, stays where something is found, and what is told of the coverage.

use serde_json::Value;

use crate::bench::{BENCH, lines, said, summary};

/// Runs a headless sweep of the virtual receiver, whose file was heard around `at_hz`.
fn sweep(at_hz: &str, device: &str, args: &[&str]) -> Option<std::process::Output> {
    let bench = BENCH.as_ref()?;
    let file = bench.samples("ci16_le");
    let device = format!("driver=virtual,file={},at={at_hz}{device}", file.display());
    let fixed = ["sweep", "--rate", "960k", "--headless", "--device", &device];
    Some(bench.cellsweep(&fixed.iter().chain(args).copied().collect::<Vec<_>>()))
}

/// The round goes on over an empty band; a retune costs what the device takes for it, 20 ms here.
#[test]
fn every_part_of_a_band_has_its_turn() {
    for clock in [",clock=1", ",clock=0,stamp=0"] {
        let device = format!(",realtime=0.6,retune_delay=19200{clock}");
        let Some(output) = sweep("100e6", &device, &["--range", "842.0M:843.6M", "--duration", "5"]) else { return };
        assert!(output.status.success(), "{}", said(&output));
        let capture: Value = serde_json::from_str(lines(&output, "capture")[0]).expect("a record");
        let centers = capture["hop_centers_hz"].as_array().expect("a list");
        assert_eq!(centers.len(), 3, "usable are 768 kHz of 960");
        assert_eq!(capture["center_frequency_hz"], centers[0]);
        let summary = summary(&output);
        let coverage = &summary["coverage"];
        let figure = |value: &Value| value.as_f64().expect("a figure");
        assert!(coverage["retunes"].as_u64().expect("a count") >= 4, "{coverage}");
        // Without a clock, a driver that lets nothing wait gives no sign of its delay but the samples themselves.
        let retune_s = figure(&coverage["retune_s"]);
        assert!((0.002..0.1).contains(&retune_s), "{retune_s}");
        assert!(clock.contains("stamp=0") || retune_s > 0.02, "{retune_s}");
        let band = &coverage["bands"][0];
        let (heard_s, blind_s) = (figure(&band["heard_s"]), figure(&band["blind_s"]));
        assert!((heard_s + blind_s - 5.0).abs() < 1.0 && (0.3..2.2).contains(&heard_s), "{band}");
        let catch: Vec<f64> = (0..3).map(|index| figure(&band["catch_probability"][index]["probability"])).collect();
        assert!(catch[0] < catch[1] && catch[2] == 1.0, "{catch:?}");
    }
}

/// What is found is found at its radio frequency, wherever the radio is tuned, and the radio stays with it.
#[test]
fn a_find_is_where_it_is_and_holds_the_radio() {
    let args = ["--range", "842.0M:843.6M", "--duration", "4", "--block-ms", "100"];
    let Some(output) = sweep("842.59e6", ",realtime=0.4", &args) else { return };
    assert!(output.status.success(), "{}", said(&output));
    let bursts: Vec<Value> =
        lines(&output, "burst").iter().map(|line| serde_json::from_str(line).expect("a record")).collect();
    // A single tone of the scene.
    let reports: Vec<f64> = bursts
        .iter()
        .filter(|burst| burst["channel"] == "npusch1")
        .map(|burst| burst["frequency_hz"].as_f64().expect("a frequency"))
        .collect();
    assert!(!reports.is_empty(), "{}", said(&output));
    assert!(reports.iter().all(|hz| (hz - 842_462_560.0).abs() < 100.0), "{reports:?}");
    let retunes = summary(&output)["coverage"]["retunes"].as_u64().expect("a count");
    assert!(retunes <= 3, "it stays: {retunes} retunes");
}

#[test]
fn what_the_radio_cannot_hear_is_said() {
    let args = ["--region", "eu", "--duration", "0.5"];
    let Some(output) = sweep("100e6", ",realtime=1", &args) else { return };
    assert!(output.status.success(), "{}", said(&output));
    assert!(said(&output).contains("virtual receiver cannot hear B1\n"), "{}", said(&output));
    assert!(said(&output).contains("virtual receiver hears B3 from 1710 to 1766 MHz only"), "{}", said(&output));
    let names: Vec<Value> = summary(&output)["coverage"]["bands"]
        .as_array()
        .expect("bands")
        .iter()
        .map(|band| band["name"].clone())
        .collect();
    assert_eq!(names, ["B3", "B8", "B20", "B28"]);
    let output = sweep("100e6", "", &["--band", "1,7"]).expect("a bench");
    assert_eq!(output.status.code(), Some(1));
    assert!(said(&output).contains("hears nothing of what is asked for"), "{}", said(&output));
    let output = sweep("100e6", "", &["--band", "20", "--record", "x.sigmf-meta"]).expect("a bench");
    assert!(output.status.code() == Some(1) && said(&output).contains("a recording has one frequency"));
}
