//! The same samples in another file: the same bursts, to the byte. And files of several streams.

use std::fs;
use std::path::{Path, PathBuf};

use captures::{OpenOptions, Recording, SampleFormat, Writer};
use num_complex::Complex32;
use serde_json::{Value, json};

use crate::program::{self, analyze, cellsweep, of_kind, parsed};

/// Samples of the clip: a preamble and the message after it.
const NUM_SAMPLES: u64 = 160_000;

/// The beginning of the clip.
fn clip(folder: &Path) -> PathBuf {
    let path = program::clip(folder);
    let data = fs::File::options().write(true).open(path.with_extension("sigmf-data")).expect("data");
    data.set_len(2 * NUM_SAMPLES).expect("a shorter file");
    path
}

fn text(path: &Path) -> &str {
    path.to_str().expect("a path")
}

/// The lines of one kind.
fn lines<'a>(records: &'a str, kind: &str) -> Vec<&'a str> {
    let start = format!("{{\"record\":\"{kind}\"");
    records.lines().filter(|line| line.starts_with(&start)).collect()
}

/// The samples of a capture.
fn samples(path: &Path) -> Vec<Complex32> {
    let mut capture = captures::open(path, &OpenOptions::default()).expect("a capture");
    let mut samples = vec![Complex32::ZERO; capture.info().samples as usize];
    capture.read(&mut samples).expect("samples");
    samples
}

/// Writes samples at 960 kS/s into a file.
fn written(path: PathBuf, format: &str, samples: &[Complex32]) -> PathBuf {
    let recording = Recording {
        format: format.parse::<SampleFormat>().expect("a format"),
        sample_rate_hz: 960e3,
        center_frequency_hz: Some(842.59e6),
        description: String::new(),
        datetime: None,
    };
    let mut writer = Writer::create(&path, &recording).expect("a file");
    writer.write(samples).expect("room");
    writer.finish(&[]).expect("an end");
    path
}

#[test]
fn every_file_format_gives_the_same_bursts() {
    let folder = tempfile::tempdir().expect("a folder");
    let clip = clip(folder.path());
    let samples = samples(&clip);
    let expected = analyze(&[text(&clip)]);
    let expected = lines(&expected, "burst");
    assert!(expected.len() >= 3, "there is something to differ in");
    let in_hdf5 = [("x.h5", "ci16_le"), ("float.h5", "cf32_le")];
    let in_all = [
        ("x.sigmf-meta", "ci16_be"),
        ("x.sigmf", "cf32_le"),
        ("x.wav", "ci16_le"),
        ("float.wav", "cf32_le"),
        ("x.cf32", "cf32_le"),
        ("x.cs16", "ci16_le"),
    ];
    for (name, format) in in_all.iter().chain(in_hdf5.iter().filter(|_| cfg!(feature = "hdf5"))) {
        let path = written(folder.path().join(name), format, &samples);
        let mut arguments = vec![text(&path)];
        if name.starts_with("x.c") {
            arguments.extend(["--rate", "960k", "--center", "842.59M"]);
        }
        assert!(lines(&analyze(&arguments), "burst") == expected, "{name}");
    }
}

/// Metadata of the clip, changed, beside other data.
fn changed(folder: &Path, name: &str, global: &Value, captures: &Value, data: &[u8]) -> PathBuf {
    let metadata = json!({
        "global": { "core:datatype": "ci8", "core:sample_rate": 960e3, "core:version": "1.2.0" },
        "captures": captures,
        "annotations": [],
    });
    let mut metadata = metadata;
    for (key, value) in global.as_object().into_iter().flatten() {
        metadata["global"][key] = value.clone();
    }
    let path = folder.join(name);
    fs::write(&path, metadata.to_string()).expect("metadata");
    fs::write(path.with_extension("sigmf-data"), data).expect("data");
    path
}

#[test]
fn channels_are_analysed_in_turn_or_one_alone() {
    let folder = tempfile::tempdir().expect("a folder");
    let clip = clip(folder.path());
    let expected = analyze(&[text(&clip)]);
    let data = fs::read(clip.with_extension("sigmf-data")).expect("data");
    // The clip in the second channel, silence in the first.
    let two: Vec<u8> = data.chunks(2).flat_map(|sample| [0, 0, sample[0], sample[1]]).collect();
    let captures = json!([{ "core:sample_start": 0, "core:frequency": 842.59e6 }]);
    let path = changed(folder.path(), "two.sigmf-meta", &json!({ "core:num_channels": 2 }), &captures, &two);
    let records = analyze(&[text(&path)]);
    let both = parsed(&records);
    let channels: Vec<&Value> = of_kind(&both, "capture").iter().map(|capture| &capture["channel"]).collect();
    assert_eq!(channels, [&json!(0), &json!(1)]);
    assert_eq!(of_kind(&both, "summary").len(), 2);
    assert!(lines(&records, "burst") == lines(&expected, "burst"), "all bursts are in the second");
    let alone = analyze(&[text(&path), "--channel", "1"]);
    assert!(lines(&alone, "burst") == lines(&expected, "burst"), "the same alone");
    assert_eq!(lines(&alone, "capture").len(), 1);
}

#[test]
fn segments_at_other_frequencies_are_streams_and_gaps_are_time() {
    let folder = tempfile::tempdir().expect("a folder");
    let clip = clip(folder.path());
    let expected = parsed(&analyze(&[text(&clip)]));
    let data = fs::read(clip.with_extension("sigmf-data")).expect("data");
    // A tenth of a second elsewhere, then the clip, one second later than the samples tell.
    let mut all = vec![0; 2 * 96_000];
    all.extend(&data);
    let captures = json!([
        { "core:sample_start": 0, "core:frequency": 900e6, "core:datetime": "2026-01-01T00:00:00.000000Z" },
        { "core:sample_start": 96_000, "core:frequency": 842.59e6, "core:datetime": "2026-01-01T00:00:01.100000Z" },
    ]);
    let path = changed(folder.path(), "hops.sigmf-meta", &json!({}), &captures, &all);
    let records = parsed(&analyze(&[text(&path)]));
    let centers: Vec<&Value> = of_kind(&records, "capture").iter().map(|c| &c["center_frequency_hz"]).collect();
    assert_eq!(centers, [&json!(900e6), &json!(842.59e6)]);
    let (bursts, expected) = (of_kind(&records, "burst"), of_kind(&expected, "burst"));
    assert_eq!(bursts.len(), expected.len());
    for (burst, expected) in bursts.iter().zip(&expected) {
        let start_s = |burst: &Value| burst["start_s"].as_f64().expect("a start");
        assert!((start_s(burst) - start_s(expected) - 1.1).abs() < 2e-4, "{burst} against {expected}");
        assert_eq!(burst["technology"], expected["technology"]);
    }
    let summaries = of_kind(&records, "summary");
    assert_eq!(summaries[1]["samples_processed"], NUM_SAMPLES);
    assert_eq!(summaries[1]["samples_dropped"], 1_056_000, "time before the stream began");
    let alone = parsed(&analyze(&[text(&path), "--center", "842.59M"]));
    assert_eq!(of_kind(&alone, "capture").len(), 1);
    assert!(of_kind(&alone, "burst") == bursts, "the same alone");
}

#[test]
fn annotations_are_the_bursts_and_replace_earlier_ones() {
    let folder = tempfile::tempdir().expect("a folder");
    let clip = clip(folder.path());
    let mut num_annotations = Vec::new();
    for _ in 0..2 {
        let records = parsed(&analyze(&[text(&clip), "--annotate"]));
        let capture = captures::open(&clip, &OpenOptions::default()).expect("a capture");
        let (bursts, annotations) = (of_kind(&records, "burst"), &capture.info().annotations);
        assert_eq!(annotations.len(), bursts.len());
        let earliest = annotations.first().expect("annotations");
        let start_s = bursts[0]["start_s"].as_f64().expect("a start");
        assert!((earliest.sample_start as f64 / 960e3 - start_s).abs() < 1e-5);
        let edges = earliest.freq_upper_edge_hz.zip(earliest.freq_lower_edge_hz).expect("edges");
        assert!((edges.0 - edges.1 - bursts[0]["bandwidth_hz"].as_f64().expect("a width")).abs() < 0.1);
        num_annotations.push(annotations.len());
    }
    assert_eq!(num_annotations[0], num_annotations[1]);
}

/// A size in the file's global heap at which libhdf5 goes round for ever; fuzzing found it.
#[test]
#[cfg(feature = "hdf5")]
fn an_hdf5_file_that_its_library_does_not_survive_is_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let (clip, path) = (clip(folder.path()), folder.path().join("hostile.h5"));
    let converted = cellsweep().args(["convert", text(&clip), text(&path), "--duration", "0.01"]).output();
    assert!(converted.expect("the program runs").status.success());
    let mut bytes = fs::read(&path).expect("a file");
    let heap = bytes.windows(4).position(|four| four == b"GCOL").expect("a global heap");
    // The collection's head has 16 bytes; so long after an object's own head begins its size.
    bytes[heap + 24..heap + 32].copy_from_slice(&0xffff_ffff_ffff_fff0u64.to_le_bytes());
    fs::write(&path, bytes).expect("a file");
    for command in ["info", "analyze"] {
        let output = cellsweep().args([command, text(&path)]).output().expect("the program runs");
        let error = String::from_utf8(output.stderr).expect("text");
        assert_eq!(output.status.code(), Some(1), "{error}");
        assert!(error.contains("hostile.h5") && error.contains("libhdf5") && error.lines().count() == 1, "{error}");
        assert!(output.stdout.is_empty());
    }
}
