//! The main job on real input: an NB-IoT car beacon recorded over the air, against what its author decoded.

use std::collections::BTreeSet;
use std::fs;

use serde_json::{Value, json};

use crate::program::{analyze, beacon, of_kind, parsed};

/// Slack in frequency for what counts as the same band.
const SLACK_HZ: f64 = 2000.0;

fn number(object: &Value, name: &str) -> f64 {
    object[name].as_f64().unwrap_or_else(|| panic!("{name} in {object}"))
}

fn shared(a: (f64, f64), b: (f64, f64)) -> f64 {
    (a.1.min(b.1) - a.0.max(b.0)).max(0.0)
}

fn time_s(object: &Value) -> (f64, f64) {
    (number(object, "start_s"), number(object, "end_s"))
}

fn band_hz(object: &Value) -> (f64, f64) {
    let (center_hz, half_hz) = (number(object, "center_hz"), number(object, "bandwidth_hz") / 2.0 + SLACK_HZ);
    (center_hz - half_hz, center_hz + half_hz)
}

/// Whether a burst covers half of a true transmission's time and meets half of the narrower of the two bands.
fn covers(burst: &Value, truth: &Value) -> bool {
    let (band, true_band) = (band_hz(burst), band_hz(truth));
    let narrower_hz = (band.1 - band.0).min(true_band.1 - true_band.0);
    let (start_s, end_s) = time_s(truth);
    shared(time_s(burst), (start_s, end_s)) >= 0.5 * (end_s - start_s) && shared(band, true_band) >= 0.5 * narrower_hz
}

#[test]
fn the_beacon_is_found_named_and_one() {
    let Some((capture, truth)) = beacon() else { return };
    let records = parsed(&analyze(&[capture.to_str().expect("a path")]));
    let truth: Value = serde_json::from_str(&fs::read_to_string(truth).expect("the truth")).expect("JSON");
    let truth = truth["bursts"].as_array().expect("bursts");
    let bursts = of_kind(&records, "burst");
    let found = |truth: &Value| bursts.iter().find(|burst| covers(burst, truth)).copied();

    let preamble = truth.iter().find(|burst| burst["kind"] == "nprach").expect("a preamble");
    let heard = found(preamble).expect("the preamble is heard as one burst");
    assert_eq!((&heard["technology"], &heard["channel"]), (&json!("nb-iot"), &json!("nprach")), "{heard}");
    let parameters = &heard["parameters"];
    assert_eq!(parameters["format"], 0, "{heard}");
    assert_eq!(parameters["repetitions"], 8, "{heard}");
    assert_eq!(parameters["cell_ids"], json!([145]), "{heard}");
    assert!((number(heard, "start_s") - number(preamble, "start_s")).abs() < 0.2e-3, "{heard}");
    assert!((number(heard, "center_hz") - number(preamble, "center_hz")).abs() < 500.0, "{heard}");

    let heard: Vec<&Value> = truth.iter().filter_map(found).collect();
    assert_eq!(truth.len(), 10);
    assert!(heard.len() >= 9, "{} of 10 transmissions found", heard.len());

    let transmitters: BTreeSet<_> = heard.iter().map(|burst| burst["transmitter"].as_u64()).collect();
    assert_eq!(transmitters.len(), 1, "one device sent everything: {transmitters:?}");
    let images = bursts.iter().filter(|burst| !transmitters.contains(&burst["transmitter"].as_u64()));
    let images: Vec<_> = images.filter(|burst| truth.iter().any(|t| shared(time_s(burst), time_s(t)) > 0.0)).collect();
    assert_eq!(images, Vec::<&&Value>::new(), "an image or skirt of the beacon is counted as another transmitter");
}
