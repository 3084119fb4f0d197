//! What is written is read back, in any blocks and from anywhere.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers too")]

use std::{fs, path::Path};

use captures::{Annotation, OpenOptions, Recording, SampleFormat, Writer, WrittenSummary, open};
use num_complex::Complex32;
use proptest::prelude::*;
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256, Sha512};

fn recording(format: SampleFormat) -> Recording {
    Recording {
        format,
        sample_rate_hz: 1.92e6,
        center_frequency_hz: Some(847e6),
        description: "six carriers".to_owned(),
        datetime: Some("2026-01-31T12:00:00Z".to_owned()),
    }
}

/// Samples that every format holds exactly: odd multiples of half a code of 8 bits for the unsigned ones would not
/// suit the signed ones, so that unsigned formats are compared within half a code.
fn ramp(num_samples: usize) -> Vec<Complex32> {
    let component = |code: usize| (code % 255) as f32 / 128.0 - 127.0 / 128.0;
    (0..num_samples).map(|n| Complex32::new(component(n), component(7 * n + n / 255))).collect()
}

fn read_all(path: &Path, options: &OpenOptions, block_samples: usize) -> Vec<Complex32> {
    let mut capture = open(path, options).unwrap();
    let mut block = vec![Complex32::default(); block_samples];
    let mut samples = Vec::new();
    loop {
        match capture.read(&mut block).unwrap() {
            0 => return samples,
            num_samples => samples.extend_from_slice(&block[..num_samples]),
        }
    }
}

fn hexadecimal(hash: impl AsRef<[u8]>) -> String {
    hash.as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn every_format_comes_back_from_sigmf_and_raw() {
    let directory = tempfile::tempdir().unwrap();
    let samples = ramp(40_000);
    for format in SampleFormat::ALL {
        let path = directory.path().join(format!("{format}.sigmf-meta"));
        let mut writer = Writer::create(&path, &recording(format)).unwrap();
        for block in samples.chunks(977) {
            writer.write(block).unwrap();
        }
        assert_eq!(writer.finish(&[]).unwrap(), WrittenSummary { samples: 40_000, clipped: 0 });

        let read = read_all(&path, &OpenOptions::default(), 1000);
        let tolerance = match format {
            SampleFormat::Cu8 => 0.5 / 128.0,
            SampleFormat::Cu16(_) => 0.5 / 32_768.0,
            SampleFormat::Cu32(_) => f32::EPSILON,
            _ => 0.0,
        };
        assert_eq!(read.len(), samples.len());
        for (read, written) in read.iter().zip(&samples) {
            let error = read - written;
            assert!(error.re.abs() <= tolerance && error.im.abs() <= tolerance, "{format}: {read} {written}");
        }

        let data_path = path.with_extension("sigmf-data");
        assert_eq!(read_all(&data_path, &OpenOptions::default(), 333), read, "{format} by its data file");
        let raw_path = directory.path().join("samples.raw");
        fs::copy(&data_path, &raw_path).unwrap();
        let options = OpenOptions { sample_rate_hz: Some(1e6), format: Some(format), ..OpenOptions::default() };
        assert_eq!(read_all(&raw_path, &options, 65_536), read, "{format} as raw IQ");
    }
}

#[test]
fn metadata_hold_what_sigmf_requires_and_come_back() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("a.b.sigmf-meta");
    let late = Annotation {
        sample_start: 700,
        sample_count: Some(100),
        freq_lower_edge_hz: Some(846.9e6),
        freq_upper_edge_hz: Some(847.1e6),
        label: Some("npusch1".to_owned()),
        comment: Some("twelve tones".to_owned()),
        extra: Map::from_iter([("cellsweep:snr_db".to_owned(), json!(12.5))]),
    };
    let early = Annotation { sample_start: 3, ..Annotation::default() };
    let mut writer = Writer::create(&path, &recording("ci16".parse().unwrap())).unwrap();
    writer.write(&ramp(1000)).unwrap();
    assert!(!path.exists(), "no metadata before the samples are complete");
    writer.finish(&[late.clone(), early.clone()]).unwrap();

    let data = fs::read(directory.path().join("a.b.sigmf-data")).unwrap();
    let metadata: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    let global = &metadata["global"];
    assert_eq!(global["core:datatype"], "ci16_le");
    assert_eq!(global["core:sample_rate"], 1.92e6);
    assert!(global["core:version"].as_str().unwrap().starts_with("1.2."));
    assert_eq!(global["core:sha512"], hexadecimal(Sha512::digest(&data)));
    assert_eq!(
        metadata["captures"],
        json!([{ "core:sample_start": 0, "core:frequency": 847e6, "core:datetime": "2026-01-31T12:00:00Z" }])
    );
    assert_eq!(metadata["annotations"][0], json!({ "core:sample_start": 3 }));

    let capture = open(&path, &OpenOptions::default()).unwrap();
    let info = capture.info();
    assert_eq!(info.annotations, [early, late]);
    assert_eq!(info.description.as_deref(), Some("six carriers"));
    assert_eq!(info.datetime.as_deref(), Some("2026-01-31T12:00:00Z"));
    assert!(info.recorder.as_deref().unwrap().starts_with("cellsweep "));
    assert_eq!(info.duration_s(), 1000.0 / 1.92e6);
    assert_eq!(info.warnings, [""; 0]);
    assert_eq!(capture.sha256().unwrap(), hexadecimal(Sha256::digest(&data)));
    let names: Vec<_> = fs::read_dir(directory.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names.len(), 2, "nothing else is left behind: {names:?}");
}

#[test]
fn an_unfinished_recording_replaces_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("a.sigmf-meta");
    let mut writer = Writer::create(&path, &recording(SampleFormat::Ci8)).unwrap();
    writer.write(&ramp(100)).unwrap();
    writer.finish(&[]).unwrap();
    let before = read_all(&path, &OpenOptions::default(), 64);

    let mut writer = Writer::create(&path, &recording(SampleFormat::Cu8)).unwrap();
    writer.write(&ramp(5)).unwrap();
    drop(writer);
    assert_eq!(read_all(&path, &OpenOptions::default(), 64), before);
    assert_eq!(fs::read(directory.path().join("a.sigmf-data.part")).unwrap().len(), 10);
}

#[test]
fn a_file_larger_than_memory_opens_at_once_and_is_read_at_its_end() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("long.cs16");
    let num_bytes = 10_000_000_000;
    fs::File::create(&path).unwrap().set_len(num_bytes).unwrap();
    let options = OpenOptions { sample_rate_hz: Some(61.44e6), ..OpenOptions::default() };
    let mut capture = open(&path, &options).unwrap();
    assert_eq!(capture.info().samples, num_bytes / 4);
    capture.seek(num_bytes / 4 - 3).unwrap();
    let mut block = [Complex32::new(9.0, 9.0); 8];
    assert_eq!(capture.read(&mut block).unwrap(), 3);
    assert_eq!(block[..4], [Complex32::ZERO, Complex32::ZERO, Complex32::ZERO, Complex32::new(9.0, 9.0)]);
    assert_eq!(capture.read(&mut block).unwrap(), 0);
    assert!(capture.seek(num_bytes / 4 + 1).is_err());
    capture.seek(0).unwrap();
    assert_eq!(capture.read(&mut block).unwrap(), 8);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Any sequence of seeks and reads gives the samples that stand there; the file spans several buffers.
    #[test]
    fn seek_and_read_agree_with_the_whole(steps in prop::collection::vec((0usize..=300_000, 0usize..200_000), 1..8)) {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a.cu8");
        let bytes: Vec<u8> = (0..600_001u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
        fs::write(&path, &bytes).unwrap();
        let mut whole = vec![Complex32::default(); 300_000];
        SampleFormat::Cu8.decode(&bytes[..600_000], &mut whole);

        let options = OpenOptions { sample_rate_hz: Some(2.4e6), ..OpenOptions::default() };
        let mut capture = open(&path, &options).unwrap();
        let mut block = vec![Complex32::default(); 200_000];
        for (start, num_wanted) in steps {
            capture.seek(start as u64).unwrap();
            for position in [start, (start + num_wanted).min(whole.len())] {
                let num_samples = capture.read(&mut block[..num_wanted]).unwrap();
                prop_assert_eq!(num_samples, num_wanted.min(whole.len() - position));
                prop_assert!(block[..num_samples] == whole[position..position + num_samples]);
            }
        }
    }
}
