//! Which radios there are, and what they can hear.

use serde_json::Value;

use crate::bench::{BENCH, said};

#[test]
fn where_there_is_no_radio_that_is_said() {
    let Some(bench) = &*BENCH else { return };
    let output = bench.cellsweep(&["sweep", "--center", "832.3M", "--headless"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(said(&output).contains("no radio was found; plug one in"), "{}", said(&output));
    assert!(output.stdout.is_empty());
    let output = bench.cellsweep(&["sweep", "--center", "832.3M", "--device", "driver=none"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(said(&output).contains("matches driver=none") && said(&output).contains("cellsweep devices"));
    let output = bench.run(&bench.sweep("none", ""));
    assert_eq!(output.status.code(), Some(1));
    assert!(
        said(&output).contains("cannot be opened") && said(&output).contains("cannot be read"),
        "{}",
        said(&output)
    );
}

#[test]
fn radios_are_listed_with_what_they_can_hear() {
    let Some(bench) = &*BENCH else { return };
    let device = format!("driver=virtual,file={}", bench.samples("ci16_le").display());
    let output = bench.cellsweep(&["devices", "--device", &device]);
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines[0], "virtual receiver: driver=virtual, serial=0001");
    assert_eq!(lines[1], "  tunes 24 to 1766 MHz; samples at 0.24 to 61.44 MS/s; gain 0 to 49.6 dB");
    assert!(lines[2].starts_with("  hears the uplink of ") && lines[2].contains("B20 (832 MHz)"), "{text}");
    assert_eq!(lines[3], "  hears in part B3 (1710 MHz), B66 (1710 MHz)");
    assert!(lines[4].starts_with("  cannot hear B1 (1920 MHz), B2 (1850 MHz)"), "{text}");
    let output = bench.cellsweep(&["devices", "--device", &device, "--json"]);
    let listed: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!((&listed[0]["driver"], &listed[0]["serial"]), (&"virtual".into(), &"0001".into()));
    assert_eq!(listed[0]["bands_heard_in_part"], serde_json::json!([3, 66]));
    let output = bench.cellsweep(&["devices", "--json"]);
    assert!(output.status.success() && output.stdout == b"[]\n" && said(&output).contains("no radio was found"));
}

#[test]
fn a_radio_that_cannot_be_asked_is_listed_all_the_same() {
    let Some(bench) = &*BENCH else { return };
    let output = bench.cellsweep(&["devices", "--device", "driver=virtual,file=none"]);
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(
        output.status.success() && text.contains("cannot be asked what it hears (file none cannot be read)"),
        "{text}"
    );
    let output = bench.cellsweep(&["devices", "--device", "driver=virtual,file=none", "--json"]);
    let listed: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert!(listed[0]["bands_heard"].is_null() && listed[0]["driver"] == "virtual");
}

#[test]
fn the_radio_that_was_chosen_is_used_where_none_is_named() {
    let Some(bench) = &*BENCH else { return };
    let settings = tempfile::tempdir().expect("a temporary directory");
    let run = |args: &[&str]| {
        let mut command = bench.command(args);
        command.env("XDG_CONFIG_HOME", settings.path()).output().expect("the program runs")
    };
    let sweep = ["sweep", "--center", "842.59M", "--rate", "960k", "--headless", "--duration", "0.1"];
    assert_eq!(run(&sweep).status.code(), Some(1), "nothing is there");
    let device = format!("driver=virtual,file={}", bench.samples("ci16_le").display());
    let chosen = run(&["devices", "--device", &device, "--choose"]);
    assert!(said(&chosen).contains("virtual receiver is used from now on"), "{}", said(&chosen));
    let output = run(&sweep);
    assert!(output.status.success(), "{}", said(&output));
    std::fs::write(settings.path().join("cellsweep/config.toml"), "device = 1").expect("settings");
    let output = run(&sweep);
    assert!(output.status.code() == Some(1) && said(&output).contains("correct or remove it"), "{}", said(&output));
}
