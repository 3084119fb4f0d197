//! A beacon that was recorded over the air for four minutes: when its transmissions came (../shared/recordings).

use std::io::Write;
use std::path::PathBuf;

use dsp::finding::{Channel, Finding, Segment};
use serde_json::Value;

use super::Tracker;
use super::testing::burst;

/// The transmissions on the list, a carrier's error of 23 Hz on all.
fn transmissions() -> Option<Vec<Finding>> {
    let shared = std::env::var_os("CELLSWEEP_SHARED")
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared"), PathBuf::from);
    let path = shared.join("recordings/v16_pattern.json");
    let Ok(text) = std::fs::read_to_string(&path) else {
        let _ = writeln!(std::io::stderr(), "skipped: {} is not there", path.display());
        return None;
    };
    let pattern: Value = serde_json::from_str(&text).expect("a list of transmissions");
    let number = |burst: &Value, key: &str| burst[key].as_f64().expect("a number");
    let finding = |sent: &Value| {
        let (start_s, bandwidth_hz) = (number(sent, "t_s"), number(sent, "bw_hz"));
        let center_hz = number(sent, "f_lo_off_hz") + bandwidth_hz / 2.0 + 23.0;
        let channel = if sent["format"] == 2 { Channel::Npusch2 } else { Channel::Npusch1 };
        let end_s = start_s + number(sent, "dur_ms") / 1e3;
        Finding {
            extent: Segment { start_s, end_s, center_hz, bandwidth_hz },
            ..burst(channel, start_s, center_hz, bandwidth_hz)
        }
    };
    Some(pattern["bursts"].as_array().expect("transmissions").iter().map(finding).collect())
}

#[test]
fn the_beacon_comes_every_100_s_and_its_echo_is_no_other_device() {
    let Some(transmissions) = transmissions() else { return };
    let mut tracker = Tracker::default();
    for finding in &transmissions {
        tracker.attribute(finding);
    }
    let transmitters = tracker.transmitters();
    assert_eq!(transmitters.len(), 1, "the echo 21 s after each session is the same beacon");
    let cadence = transmitters[0].cadence.expect("six sessions");
    assert!((97.0..=103.0).contains(&cadence.period_s), "{cadence:?}");
    assert_eq!((transmitters[0].bursts, transmitters[0].sessions), (transmissions.len() as u64, 6));
}
