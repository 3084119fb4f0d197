//! SigMF in full: channels, segments, gaps, bytes that are no samples, datasets, archives, hashes, annotations.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers too")]

use std::{
    fs,
    path::{Path, PathBuf},
};

use captures::{Annotation, Capture, Error, OpenOptions, Recording, SampleFormat, Stretch, Writer, annotate, open};
use num_complex::Complex32;
use serde_json::{Map, Value, json};

struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn at(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// A pair of files named `x`.
    fn pair(&self, global: Value, captures: Value, data: &[u8]) -> PathBuf {
        let mut whole = json!({ "core:datatype": "ci8", "core:sample_rate": 1000.0, "core:version": "1.2.0" });
        whole.as_object_mut().unwrap().extend(global.as_object().unwrap().clone());
        let metadata = json!({ "global": whole, "captures": captures, "annotations": [] });
        fs::write(self.at("x.sigmf-meta"), metadata.to_string()).unwrap();
        fs::write(self.at("x.sigmf-data"), data).unwrap();
        self.at("x.sigmf-meta")
    }
}

/// The I codes of all samples.
fn codes(capture: &mut Capture) -> Vec<i32> {
    let mut block = [Complex32::ZERO; 3];
    let mut codes = Vec::new();
    loop {
        match capture.read(&mut block).unwrap() {
            0 => return codes,
            num_samples => codes.extend(block[..num_samples].iter().map(|sample| (sample.re * 128.0) as i32)),
        }
    }
}

fn choosing(channel: usize, part: usize) -> OpenOptions {
    OpenOptions { channel: Some(channel), part: Some(part), ..OpenOptions::default() }
}

fn said(outcome: Result<Capture, Error>) -> String {
    outcome.err().map(|error| error.to_string()).unwrap_or_default()
}

#[test]
fn channels_are_told_apart() {
    let folder = Folder::new();
    let data: Vec<u8> = (0..5u8).flat_map(|n| [n, 0, 50 + n, 0, 100 + n, 0]).collect();
    let path = folder.pair(json!({ "core:num_channels": 3 }), json!([{ "core:sample_start": 0 }]), &data);
    for channel in 0..3 {
        let mut capture = open(&path, &choosing(channel, 0)).unwrap();
        assert_eq!((capture.info().channel, capture.info().num_channels, capture.info().samples), (channel, 3, 5));
        let first = 50 * channel as i32;
        assert_eq!(codes(&mut capture), (first..first + 5).collect::<Vec<_>>());
        capture.seek(3).unwrap();
        assert_eq!(codes(&mut capture), [first + 3, first + 4]);
        capture.seek(4).unwrap();
        let mut bytes = [9; 5];
        assert_eq!((capture.read_encoded(&mut bytes).unwrap(), bytes), (1, [first as u8 + 4, 0, 9, 9, 9]));
    }
    assert_eq!(open(&path, &OpenOptions::default()).unwrap().info().channel, 0, "the first where none is asked for");
    assert!(said(open(&path, &choosing(3, 0))).contains("has 3 channels, counted from 0, but --channel says 3"));
}

/// Two frequencies in turn, header bytes before each segment, a trailer, and a gap that global indices tell.
#[test]
fn each_frequency_is_a_stream_with_its_gaps() {
    let folder = Folder::new();
    let samples = |range: std::ops::Range<u8>| range.flat_map(|n| [n, 0]).collect::<Vec<u8>>();
    let data = [vec![99; 3], samples(0..10), vec![99; 5], samples(10..14), vec![99; 1], samples(14..20), vec![99; 2]];
    let segment = |start: u64, frequency: f64, header: u64, index: u64| {
        json!({ "core:sample_start": start, "core:frequency": frequency, "core:header_bytes": header,
            "core:global_index": index })
    };
    let captures = json!([segment(0, 1e6, 3, 1000), segment(10, 2e6, 5, 1030), segment(14, 1e6, 1, 1100)]);
    let path = folder.pair(json!({ "core:trailing_bytes": 2 }), captures, &data.concat());

    let mut first = open(&path, &OpenOptions::default()).unwrap();
    let info = first.info().clone();
    assert_eq!((info.num_parts, info.part, info.center_frequency_hz, info.samples), (2, 0, Some(1e6), 16));
    let stretch = |sample, time, num_samples| Stretch { sample, time, num_samples };
    assert_eq!(info.stretches, [stretch(0, 0, 10), stretch(14, 100, 6)]);
    assert_eq!(info.duration_s(), 0.106);
    assert!(info.has_gaps() && info.warnings.is_empty(), "{:?}", info.warnings);
    assert_eq!(codes(&mut first), [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 14, 15, 16, 17, 18, 19]);
    for from in 0..=16 {
        first.seek(from).unwrap();
        assert_eq!(codes(&mut first).len() as u64, 16 - from);
    }
    assert_eq!([0, 9, 50, 103, 999].map(|time| info.position_at(time)), [0, 9, 10, 13, 16]);
    assert_eq!((info.sample_at(9), info.sample_at(50), info.sample_at(103), info.sample_at(999)), (9, 14, 17, 20));

    for options in [choosing(0, 1), OpenOptions { center_frequency_hz: Some(2e6), ..OpenOptions::default() }] {
        let mut second = open(&path, &options).unwrap();
        assert_eq!((second.info().part, second.info().center_frequency_hz), (1, Some(2e6)));
        assert_eq!(second.info().stretches, [stretch(10, 30, 4)]);
        assert_eq!(codes(&mut second), [10, 11, 12, 13]);
    }
    let elsewhere = OpenOptions { center_frequency_hz: Some(3e6), ..OpenOptions::default() };
    assert!(said(open(&path, &elsewhere)).contains("holds nothing at 3000000 Hz, as --center says, but at 1000000 Hz"));
    assert!(said(open(&path, &choosing(0, 2))).contains("has 2 centre frequencies, counted from 0; there is no 2"));
}

#[test]
fn annotations_follow_their_segment() {
    let folder = Folder::new();
    let captures = json!([{ "core:sample_start": 0, "core:frequency": 1e6 },
        { "core:sample_start": 4, "core:frequency": 2e6 }, { "core:sample_start": 6, "core:frequency": 1e6 }]);
    let path = folder.pair(json!({}), captures, &[0; 20]);
    let mut metadata: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    metadata["annotations"] =
        json!([{ "core:sample_start": 1 }, { "core:sample_start": 5 }, { "core:sample_start": 7 }]);
    fs::write(&path, metadata.to_string()).unwrap();
    let starts = |part| {
        let capture = open(&path, &choosing(0, part)).unwrap();
        capture.info().annotations.iter().map(|annotation| annotation.sample_start).collect::<Vec<_>>()
    };
    assert_eq!((starts(0), starts(1)), (vec![1, 5], vec![1]));
}

#[test]
fn a_dataset_of_another_name_is_read_and_none_elsewhere() {
    let folder = Folder::new();
    let captures = json!([{ "core:sample_start": 0, "core:header_bytes": 4 }]);
    let global = json!({ "core:dataset": "old.bin", "core:trailing_bytes": 2 });
    let path = folder.pair(global, captures, &[]);
    fs::write(folder.at("old.bin"), [9, 9, 9, 9, 1, 0, 2, 0, 9, 9]).unwrap();
    assert_eq!(codes(&mut open(&path, &OpenOptions::default()).unwrap()), [1, 2]);

    #[cfg(unix)]
    {
        let elsewhere = Folder::new();
        fs::write(elsewhere.at("secret"), [7; 100]).unwrap();
        fs::remove_file(folder.at("old.bin")).unwrap();
        std::os::unix::fs::symlink(elsewhere.at("secret"), folder.at("old.bin")).unwrap();
        assert!(said(open(&path, &OpenOptions::default())).contains("old.bin: is a link out of the folder"));
        fs::rename(elsewhere.at("secret"), folder.at("inside")).unwrap();
        fs::remove_file(folder.at("old.bin")).unwrap();
        std::os::unix::fs::symlink("inside", folder.at("old.bin")).unwrap();
        assert_eq!(
            codes(&mut open(&path, &OpenOptions::default()).unwrap()).len(),
            47,
            "a link that stays is followed"
        );
    }
}

#[test]
fn the_hash_is_checked_where_that_is_asked_for() {
    let folder = Folder::new();
    let verify = OpenOptions { verify: true, ..OpenOptions::default() };
    for name in ["a.sigmf-meta", "a.sigmf"] {
        let path = folder.at(name);
        let mut writer = Writer::create(&path, &recording(SampleFormat::Ci8)).unwrap();
        writer.write_encoded(&[1; 4000]).unwrap();
        writer.finish(&[]).unwrap();
        assert_eq!(open(&path, &verify).unwrap().info().warnings, [""; 0]);
        let data = if name == "a.sigmf" { path.clone() } else { path.with_extension("sigmf-data") };
        let mut bytes = fs::read(&data).unwrap();
        bytes[2000] ^= 1;
        fs::write(&data, bytes).unwrap();
        assert!(said(open(&path, &verify)).contains("is not what was recorded: its SHA-512 begins"));
        assert!(open(&path, &OpenOptions::default()).is_ok(), "not asked for");
    }
    let unstated = folder.pair(json!({}), json!([]), &[0; 8]);
    assert!(open(&unstated, &verify).unwrap().info().warnings[0].contains("state no core:sha512"));
}

fn recording(format: SampleFormat) -> Recording {
    Recording {
        format,
        sample_rate_hz: 1e6,
        center_frequency_hz: Some(847e6),
        description: "an archive".to_owned(),
        datetime: Some("2026-01-31T12:00:00Z".to_owned()),
    }
}

#[test]
fn an_archive_comes_back_as_a_pair_does() {
    let folder = Folder::new();
    let annotation = Annotation { sample_start: 3, label: Some("burst".to_owned()), ..Annotation::default() };
    let long = "a rather long name ü".repeat(6);
    for name in ["x.sigmf", &format!("{long}.sigmf")] {
        for (format, num_samples) in [(SampleFormat::Ci8, 511), (SampleFormat::Cf32(captures::Endian::Big), 64)] {
            let path = folder.at(name);
            let mut writer = Writer::create(&path, &recording(format)).unwrap();
            let samples: Vec<Complex32> = (0..num_samples).map(|n| Complex32::new(n as f32 / 512.0, 0.0)).collect();
            writer.write(&samples[..40]).unwrap();
            writer.lost(7).unwrap();
            writer.write(&samples[40..]).unwrap();
            writer.finish(std::slice::from_ref(&annotation)).unwrap();
            let mut capture = open(&path, &OpenOptions::default()).unwrap();
            let info = capture.info().clone();
            assert_eq!((info.samples, info.format, info.sample_rate_hz), (num_samples, format, 1e6));
            assert_eq!(
                (info.center_frequency_hz, info.datetime.as_deref()),
                (Some(847e6), Some("2026-01-31T12:00:00Z"))
            );
            assert_eq!(info.annotations, std::slice::from_ref(&annotation));
            assert_eq!(info.stretches[1], Stretch { sample: 40, time: 47, num_samples: num_samples - 40 });
            assert_eq!(info.warnings, [""; 0]);
            let mut back = vec![Complex32::ZERO; 1000];
            assert_eq!(capture.read(&mut back).unwrap() as u64, num_samples);
            if format != SampleFormat::Ci8 {
                assert_eq!(back[..64], samples);
            }
        }
    }
    assert!(fs::read_dir(folder.0.path()).unwrap().all(|entry| !entry.unwrap().path().ends_with("part")));
}

/// An archive of members by name and content.
fn archive(members: &[(&str, u8, &[u8])]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for (name, kind, content) in members {
        let mut header = [0u8; 512];
        header[..name.len()].copy_from_slice(name.as_bytes());
        header[124..135].copy_from_slice(format!("{:011o}", content.len()).as_bytes());
        header[156] = *kind;
        header[148..156].fill(b' ');
        let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
        header[148..155].copy_from_slice(format!("{sum:06o}\0").as_bytes());
        bytes.extend(header);
        bytes.extend(*content);
        bytes.resize(bytes.len().next_multiple_of(512), 0);
    }
    bytes
}

#[test]
fn archives_that_cannot_be_read() {
    let folder = Folder::new();
    let metadata = json!({ "global": { "core:datatype": "ci8", "core:sample_rate": 1e6 } }).to_string();
    let elsewhere =
        json!({ "global": { "core:datatype": "ci8", "core:sample_rate": 1e6, "core:dataset": "../../etc/x" } });
    let (meta, elsewhere) = (metadata.as_bytes(), elsewhere.to_string());
    let whole = archive(&[("x/x.sigmf-meta", b'0', meta), ("x/x.sigmf-data", b'0', &[0; 2000])]);
    let cases: [(&str, Vec<u8>, &str); 10] = [
        ("no archive", vec![7; 2000], "no tar header at byte 0"),
        ("empty", Vec::new(), "holds no .sigmf-meta"),
        ("without data", archive(&[("x/x.sigmf-meta", b'0', meta)]), "holds x/x.sigmf-meta, but no x/x.sigmf-data"),
        (
            "two recordings",
            archive(&[("x/x.sigmf-meta", b'0', meta), ("y/y.sigmf-meta", b'0', meta)]),
            "several recordings (x/x.sigmf-meta, y/y.sigmf-meta, …)",
        ),
        (
            "link",
            archive(&[("x.sigmf-meta", b'0', meta), ("x.sigmf-data", b'2', &[])]),
            "its x.sigmf-data is a link or no file",
        ),
        (
            "path out",
            archive(&[("../x.sigmf-meta", b'0', meta), ("../x.sigmf-data", b'0', &[0; 8])]),
            "its ../x.sigmf-meta is a path that leads out of the archive",
        ),
        (
            "absolute path",
            archive(&[("/x.sigmf-meta", b'0', meta), ("/x.sigmf-data", b'0', &[0; 8])]),
            "its /x.sigmf-meta is a path that leads out",
        ),
        (
            "dataset out",
            archive(&[("x.sigmf-meta", b'0', elsewhere.as_bytes())]),
            "named without a folder and lies beside",
        ),
        ("cut in metadata", whole[..520].to_vec(), "ends within its metadata (x/x.sigmf-meta): it was cut short"),
        ("damaged", [&whole[..600], &[1; 2000][..]].concat(), "no tar header at byte 1024"),
    ];
    for (name, bytes, words) in cases {
        fs::write(folder.at("x.sigmf"), bytes).unwrap();
        let said = said(open(&folder.at("x.sigmf"), &OpenOptions::default()));
        assert!(said.contains("x.sigmf: ") && said.contains(words), "{name}: {said}");
    }
    fs::write(folder.at("x.sigmf"), &whole[..1536 + 1001]).unwrap();
    let capture = open(&folder.at("x.sigmf"), &OpenOptions::default()).unwrap();
    assert_eq!((capture.info().samples, capture.info().cut_short), (500, true), "what is there is read");
}

#[test]
fn annotating_replaces_ones_own_and_keeps_the_rest() {
    let folder = Folder::new();
    let path = folder.pair(json!({ "core:offset": 100, "x:y": [1] }), json!([{ "core:sample_start": 100 }]), &[0; 40]);
    let annotation = |sample_start, label: &str| Annotation {
        sample_start,
        label: Some(label.to_owned()),
        extra: Map::from_iter([("cellsweep:id".to_owned(), json!(1))]),
        ..Annotation::default()
    };
    annotate(&path, "somebody", &[annotation(5, "theirs")]).unwrap();
    annotate(&path, "us", &[annotation(9, "late"), annotation(2, "early")]).unwrap();
    annotate(&path, "us", &[annotation(7, "new")]).unwrap();
    let metadata: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    assert_eq!(metadata["global"]["x:y"], json!([1]));
    assert_eq!(metadata["annotations"][1]["core:generator"], "us");
    let read = open(&path, &OpenOptions::default()).unwrap().info().annotations.clone();
    let read: Vec<_> = read.iter().map(|a| (a.sample_start, a.label.as_deref().unwrap())).collect();
    assert_eq!(read, [(5, "theirs"), (7, "new")]);
    let refused = annotate(Path::new("x.wav"), "us", &[]).unwrap_err().to_string();
    assert!(refused.contains("only a SigMF pair"), "{refused}");
}

/// A recording that grows is whole at every moment, names no hash before its end, and replaces nothing.
#[test]
fn a_growing_recording_can_be_read_at_any_time() {
    let folder = Folder::new();
    let recording = Recording {
        format: SampleFormat::Ci8,
        sample_rate_hz: 1000.0,
        center_frequency_hz: Some(1e8),
        description: String::new(),
        datetime: Some(captures::utc(1_790_000_000.25)),
    };
    let path = folder.at("x.sigmf-meta");
    let mut writer = Writer::create_growing(&path, &recording).unwrap();
    let codes_now = || codes(&mut open(&path, &OpenOptions::default()).unwrap());
    writer.write_encoded(&[1, 0, 2, 0]).unwrap();
    assert_eq!(codes_now(), [1, 2], "samples since the checkpoint are there");
    writer.lost(7).unwrap();
    let label = Annotation { sample_start: 1, label: Some("burst".to_owned()), ..Annotation::default() };
    writer.checkpoint(std::slice::from_ref(&label)).unwrap();
    writer.write_encoded(&[3, 0]).unwrap();
    let capture = open(&path, &OpenOptions::default()).unwrap();
    assert_eq!(capture.info().stretches[1], Stretch { sample: 2, time: 9, num_samples: 1 });
    assert_eq!(capture.info().annotations[0].label.as_deref(), Some("burst"));
    assert_eq!(capture.info().datetime.as_deref(), Some("2026-09-21T14:13:20.25Z"));
    writer.finish(&[label]).unwrap();
    assert_eq!(codes_now(), [1, 2, 3]);
    let verified = OpenOptions { verify: true, ..OpenOptions::default() };
    assert!(open(&path, &verified).is_ok(), "the end tells the hash");
    let again = Writer::create_growing(&path, &recording).unwrap_err().to_string();
    assert!(again.contains("is there already"), "{again}");
    assert!(Writer::create_growing(&folder.at("x.wav"), &recording).is_err());
}
