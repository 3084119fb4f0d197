//! What scripts rely on: the records' kinds, order, fields and units of time.

use serde_json::Value;

use crate::program::{analyze, beacon, clip, of_kind, parsed, sample_records};

type Check = fn(&Value) -> bool;

const NUMBER: Check = Value::is_number;
const COUNT: Check = Value::is_u64;
const TEXT: Check = Value::is_string;
const FLAG: Check = Value::is_boolean;
const LIST: Check = Value::is_array;
const OBJECT: Check = Value::is_object;
const NUMBER_OR_NULL: Check = |value| value.is_number() || value.is_null();
const COUNT_OR_NULL: Check = |value| value.is_u64() || value.is_null();
const TEXT_OR_NULL: Check = |value| value.is_string() || value.is_null();
const PROBABILITY: Check = |value| value.as_f64().is_some_and(|p| (0.0..=1.0).contains(&p));
const TECHNOLOGY: Check = |value| ["nb-iot", "lte-m", "lte", "gsm", "nr", "unknown"].iter().any(|name| value == name);
const CHANNEL: Check = |value| {
    let names =
        ["nprach", "npusch1", "npusch2", "prach", "pusch", "pucch", "srs", "gsm-normal", "gsm-access", "unknown"];
    names.iter().any(|name| value == name)
};

const CAPTURE: &[(&str, Check)] = &[
    ("path", TEXT),
    ("sample_rate_hz", NUMBER),
    ("center_frequency_hz", NUMBER_OR_NULL),
    ("samples", COUNT),
    ("duration_s", NUMBER),
    ("datatype", TEXT),
    ("sha256", TEXT_OR_NULL),
];

const BURST: &[(&str, Check)] = &[
    ("id", COUNT),
    ("transmitter", COUNT_OR_NULL),
    ("start_s", NUMBER),
    ("end_s", NUMBER),
    ("center_hz", NUMBER),
    ("bandwidth_hz", NUMBER),
    ("frequency_hz", NUMBER_OR_NULL),
    ("segments", LIST),
    ("power_dbfs", NUMBER),
    ("snr_db", NUMBER),
    ("technology", TECHNOLOGY),
    ("channel", CHANNEL),
    ("confidence", PROBABILITY),
    ("clipped", FLAG),
    ("parameters", OBJECT),
];

const SEGMENT: &[(&str, Check)] =
    &[("start_s", NUMBER), ("end_s", NUMBER), ("center_hz", NUMBER), ("bandwidth_hz", NUMBER)];

const TRANSMITTER: &[(&str, Check)] = &[
    ("id", COUNT),
    ("technology", TECHNOLOGY),
    ("confidence", PROBABILITY),
    ("bursts", COUNT),
    ("first_s", NUMBER),
    ("last_s", NUMBER),
    ("center_hz", NUMBER),
    ("power_dbfs_max", NUMBER),
    ("frequency_error_hz", NUMBER_OR_NULL),
    ("period_s", NUMBER_OR_NULL),
    ("known", FLAG),
    ("parameters", OBJECT),
];

const SUMMARY: &[(&str, Check)] = &[
    ("samples_processed", COUNT),
    ("samples_dropped", COUNT),
    ("blind_s", NUMBER),
    ("clipped_s", NUMBER),
    ("bursts", COUNT),
    ("transmitters", COUNT),
    ("performance", OBJECT),
];

const PERFORMANCE: &[(&str, Check)] = &[("wall_s", NUMBER), ("realtime_factor", NUMBER), ("threads", COUNT)];

fn assert_fields(object: &Value, fields: &[(&str, Check)]) {
    for (name, is_right) in fields {
        let value = object.get(*name).unwrap_or_else(|| panic!("no {name} in {object}"));
        assert!(is_right(value), "{name} is {value} in {object}");
    }
}

fn number(object: &Value, name: &str) -> f64 {
    object[name].as_f64().unwrap_or_else(|| panic!("{name} in {object}"))
}

/// Everything that holds for the records of one capture, whatever is on the air.
fn assert_contract(text: &str) {
    assert!(text.ends_with('\n'), "the last record is whole");
    let records = parsed(text);
    let kinds: Vec<&str> = records.iter().filter_map(|record| record["record"].as_str()).collect();
    assert_eq!(kinds.len(), records.len(), "every record names its kind");
    let order = |kind: &str| ["capture", "burst", "transmitter", "summary"].iter().position(|known| *known == kind);
    assert!(kinds.is_sorted_by_key(|kind| order(kind).unwrap_or_else(|| panic!("{kind}"))), "{kinds:?}");
    let (bursts, transmitters) = (of_kind(&records, "burst"), of_kind(&records, "transmitter"));
    let (capture, summary) = (&records[0], &records[records.len() - 1]);
    assert_eq!((kinds[0], of_kind(&records, "capture").len()), ("capture", 1));
    assert_eq!((kinds[kinds.len() - 1], of_kind(&records, "summary").len()), ("summary", 1));

    assert_fields(capture, CAPTURE);
    let duration_s = number(capture, "samples") / number(capture, "sample_rate_hz");
    assert!((number(capture, "duration_s") - duration_s).abs() < 1e-6);

    for (burst, id) in bursts.iter().zip(0u64..) {
        assert_fields(burst, BURST);
        assert_eq!(burst["id"], id, "ids count in order");
        let (start_s, end_s) = (number(burst, "start_s"), number(burst, "end_s"));
        assert!(0.0 <= start_s && start_s < end_s && end_s <= duration_s + 1e-3, "{burst}");
        let half_hz = number(burst, "bandwidth_hz") / 2.0;
        assert!(half_hz > 0.0, "{burst}");
        if let Some(center_hz) = capture["center_frequency_hz"].as_f64() {
            assert!((number(burst, "frequency_hz") - center_hz - number(burst, "center_hz")).abs() < 0.02, "{burst}");
        }
        for segment in burst["segments"].as_array().into_iter().flatten() {
            assert_fields(segment, SEGMENT);
            // The rectangle of the burst holds those of its hops; rounding moves edges by less than the slack.
            assert!(
                number(segment, "start_s") >= start_s - 1e-6 && number(segment, "end_s") <= end_s + 1e-6,
                "{burst}"
            );
            assert!(number(segment, "start_s") < number(segment, "end_s"), "{burst}");
        }
    }
    assert!(bursts.is_sorted_by(|a, b| number(a, "start_s") <= number(b, "start_s")), "bursts are in order of start_s");

    for transmitter in &transmitters {
        assert_fields(transmitter, TRANSMITTER);
        let of_it: Vec<_> = bursts.iter().filter(|burst| burst["transmitter"] == transmitter["id"]).collect();
        assert_eq!(transmitter["bursts"], of_it.len(), "{transmitter}");
        let first_s = of_it.iter().map(|burst| number(burst, "start_s")).fold(f64::INFINITY, f64::min);
        let last_s = of_it.iter().map(|burst| number(burst, "end_s")).fold(0.0, f64::max);
        assert_eq!((number(transmitter, "first_s"), number(transmitter, "last_s")), (first_s, last_s));
    }
    for burst in &bursts {
        let known = transmitters.iter().any(|transmitter| transmitter["id"] == burst["transmitter"]);
        assert!(known || burst["transmitter"].is_null(), "no record for the transmitter of {burst}");
    }

    assert_fields(summary, SUMMARY);
    assert_fields(&summary["performance"], PERFORMANCE);
    assert_eq!(summary["samples_processed"], capture["samples"]);
    assert_eq!(summary["samples_dropped"], 0, "a file waits");
    assert_eq!(summary["bursts"], bursts.len());
    assert_eq!(summary["transmitters"], transmitters.len());
}

#[test]
fn records_of_the_shipped_sample_keep_the_contract() {
    let text = sample_records();
    assert_contract(text);
    assert!(text.matches("\"record\":\"burst\"").count() > 20, "the sample is no silence");
}

#[test]
fn records_of_a_real_recording_keep_the_contract() {
    let Some((capture, _)) = beacon() else { return };
    assert_contract(&analyze(&[capture.to_str().expect("a path")]));
}

#[test]
fn several_captures_give_the_records_of_each_in_turn() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = clip(folder.path());
    let path = path.to_str().expect("a path");
    let text = analyze(&[path, path]);
    let halves: Vec<&str> = text.split_inclusive('\n').collect();
    let (first, second) = halves.split_at(halves.len() / 2);
    assert_contract(&first.concat());
    assert_contract(&second.concat());
}

#[test]
fn output_goes_to_the_file_that_is_named_and_nowhere_else() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("records.jsonl");
    let file = file.to_str().expect("a path");
    let printed = analyze(&[clip(folder.path()).to_str().expect("a path"), "--output", file]);
    assert_eq!(printed, "");
    assert_contract(&std::fs::read_to_string(file).expect("records"));
}
