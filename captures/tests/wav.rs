//! WAV files, good and bad, and raw samples whose name speaks.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers too")]

use std::{fs, path::PathBuf};

use captures::{Capture, Error, OpenOptions, Recording, SampleFormat, Writer, open};
use num_complex::Complex32;

struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn file(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.0.path().join(name);
        fs::write(&path, bytes).unwrap();
        path
    }
}

/// A chunk, of a length that may be a lie.
fn chunk(name: &[u8; 4], num_bytes: u32, content: &[u8]) -> Vec<u8> {
    [&name[..], &num_bytes.to_le_bytes(), content].concat()
}

fn fmt(tag: u16, columns: u16, rate: u32, bits: u16) -> Vec<u8> {
    let block = columns * bits / 8;
    let mut content = tag.to_le_bytes().to_vec();
    content.extend(columns.to_le_bytes());
    content.extend(rate.to_le_bytes());
    content.extend((rate * u32::from(block)).to_le_bytes());
    content.extend(block.to_le_bytes());
    content.extend(bits.to_le_bytes());
    chunk(b"fmt ", 16, &content)
}

fn riff(chunks: &[Vec<u8>]) -> Vec<u8> {
    let content = chunks.concat();
    [b"RIFF", &(content.len() as u32 + 4).to_le_bytes()[..], b"WAVE", &content].concat()
}

fn said(outcome: Result<Capture, Error>) -> String {
    outcome.err().map(|error| error.to_string()).unwrap_or_default()
}

fn read(capture: &mut Capture) -> Vec<Complex32> {
    let mut samples = vec![Complex32::ZERO; 100_000];
    let num_samples = capture.read(&mut samples).unwrap();
    samples.truncate(num_samples);
    samples
}

fn recording(format: SampleFormat) -> Recording {
    Recording {
        format,
        sample_rate_hz: 1.92e6,
        center_frequency_hz: Some(847_000_123.0),
        description: String::new(),
        datetime: Some("2026-01-31T12:00:00.25Z".to_owned()),
    }
}

#[test]
fn every_format_of_wav_comes_back() {
    let folder = Folder::new();
    let samples: Vec<Complex32> =
        (0..50_001).map(|n| Complex32::new((n % 255) as f32 / 128.0 - 0.99609375, -0.5)).collect();
    for name in ["cu8", "ci16_le", "ci24_le", "ci32_le", "cf32_le", "cf64_le"] {
        let path = folder.0.path().join(format!("{name}.wav"));
        let format: SampleFormat = name.parse().unwrap();
        let mut writer = Writer::create(&path, &recording(format)).unwrap();
        samples.chunks(999).for_each(|block| writer.write(block).unwrap());
        writer.finish(&[]).unwrap();
        let mut capture = open(&path, &OpenOptions::default()).unwrap();
        let info = capture.info().clone();
        assert_eq!((info.format, info.samples, info.sample_rate_hz), (format, 50_001, 1.92e6));
        assert_eq!(info.center_frequency_hz, Some(847_000_123.0), "auxi");
        assert_eq!(info.datetime.as_deref(), Some("2026-01-31T12:00:00.25Z"));
        assert_eq!((info.warnings.len(), info.cut_short), (0, false), "{:?}", info.warnings);
        let tolerance = if name == "cu8" { 0.5 / 128.0 } else { 0.0 };
        for (read, written) in read(&mut capture).iter().zip(&samples) {
            assert!((read - written).re.abs() <= tolerance && (read - written).im.abs() <= tolerance, "{name}");
        }
    }
    let strange = Writer::create(&folder.0.path().join("x.wav"), &recording(SampleFormat::Ci8)).unwrap_err();
    assert!(strange.to_string().contains("WAV has no ci8"), "{strange}");
}

#[test]
fn several_channels_are_pairs_of_columns() {
    let folder = Folder::new();
    let data: Vec<u8> = (0..5i16).flat_map(|n| [n, 10 + n, 20 + n, 30 + n]).flat_map(i16::to_le_bytes).collect();
    let path = folder.file("x.wav", &riff(&[fmt(1, 4, 250_000, 16), chunk(b"data", data.len() as u32, &data)]));
    let options = OpenOptions { channel: Some(1), ..OpenOptions::default() };
    let mut capture = open(&path, &options).unwrap();
    assert_eq!((capture.info().num_channels, capture.info().samples), (2, 5));
    assert_eq!(read(&mut capture)[4] * 32768.0, Complex32::new(24.0, 34.0));
}

#[test]
fn lengths_beyond_32_bits_and_lengths_never_written() {
    let folder = Folder::new();
    let data = [1u8; 4000];
    let mut ds64 = 0u64.to_le_bytes().to_vec();
    ds64.extend(4000u64.to_le_bytes());
    ds64.extend([0; 12]);
    let chunks = [
        chunk(b"ds64", 28, &ds64),
        fmt(1, 2, 250_000, 16),
        chunk(b"data", u32::MAX, &data),
        chunk(b"LIST", 4, b"abcd"),
    ];
    let mut long = riff(&chunks);
    long[..4].copy_from_slice(b"RF64");
    let capture = open(&folder.file("long.wav", &long), &OpenOptions::default()).unwrap();
    assert_eq!((capture.info().samples, capture.info().warnings.len()), (1000, 0));
    for never in [0, u32::MAX] {
        let file = folder.file("x.wav", &riff(&[fmt(1, 2, 250_000, 16), chunk(b"data", never, &data)]));
        let capture = open(&file, &OpenOptions::default()).unwrap();
        assert_eq!((capture.info().samples, capture.info().cut_short), (1000, false));
        assert!(capture.info().warnings[0].contains("never written"));
    }
    let file = folder.file("x.wav", &riff(&[fmt(1, 2, 250_000, 16), chunk(b"data", 9000, &data[..3999])]));
    let capture = open(&file, &OpenOptions::default()).unwrap();
    assert_eq!((capture.info().samples, capture.info().cut_short), (999, true));
    assert!(capture.info().warnings[0].contains("9000 bytes of samples are said to be there, but only 3999 are"));
}

#[test]
fn wav_files_that_cannot_be_read() {
    let folder = Folder::new();
    let data = chunk(b"data", 8, &[0; 8]);
    let mut crooked = fmt(1, 2, 250_000, 16);
    crooked[20] = 9;
    let cases: [(&str, Vec<u8>, &str); 12] = [
        ("empty", Vec::new(), "holds 0 bytes, too few"),
        ("no RIFF", vec![7; 100], "does not begin with RIFF"),
        ("another RIFF", b"RIFF\x04\0\0\0AVI fmt ".to_vec(), "is no WAV file"),
        ("no fmt", riff(std::slice::from_ref(&data)), "has no fmt chunk"),
        ("short fmt", riff(&[chunk(b"fmt ", 8, &[0; 8]), data.clone()]), "fmt chunk is 8 bytes long instead of 16"),
        ("no data", riff(&[fmt(1, 2, 250_000, 16)]), "has no data chunk"),
        ("no samples", riff(&[fmt(1, 2, 250_000, 16), chunk(b"data", 0, &[])]), "one sample of ci16_le takes 4"),
        ("one column", riff(&[fmt(1, 1, 250_000, 16), data.clone()]), "has 1 columns; I and Q take two"),
        ("no columns", riff(&[fmt(1, 0, 250_000, 16), data.clone()]), "has 0 columns"),
        ("ADPCM", riff(&[fmt(2, 2, 250_000, 4), data.clone()]), "format 2 with 4 bits"),
        ("no rate", riff(&[fmt(1, 2, 0, 16), data.clone()]), "its sample rate is 0.0"),
        ("crooked block", riff(&[crooked, data.clone()]), "says 9 bytes a frame, but 2 columns of 16 bits take 4"),
    ];
    for (name, bytes, words) in cases {
        let said = said(open(&folder.file("x.wav", &bytes), &OpenOptions::default()));
        assert!(said.contains("x.wav: ") && said.contains(words), "{name}: {said}");
    }
    let many: Vec<Vec<u8>> = (0..2000).map(|_| chunk(b"JUNK", 0, &[])).collect();
    assert!(said(open(&folder.file("x.wav", &riff(&many)), &OpenOptions::default())).contains("more than 1000 chunks"));
    let sound = riff(&[fmt(1, 2, 250_000, 16), data]);
    let faster = OpenOptions { sample_rate_hz: Some(1e6), ..OpenOptions::default() };
    assert!(
        said(open(&folder.file("x.wav", &sound), &faster)).contains("sample rate is 250000, but --rate says 1000000")
    );
}

#[test]
fn names_speak_and_are_said_to() {
    let folder = Folder::new();
    let sound = riff(&[fmt(1, 2, 250_000, 16), chunk(b"data", 8, &[0; 8])]);
    let capture =
        open(&folder.file("HDSDR_20260131_120000Z_847000kHz_RF.wav", &sound), &OpenOptions::default()).unwrap();
    assert_eq!(capture.info().center_frequency_hz, Some(847e6));
    assert_eq!(capture.info().datetime.as_deref(), Some("2026-01-31T12:00:00Z"));
    assert!(capture.info().warnings[0].contains("its name says a centre of 847000000 Hz, and is believed"));

    let gqrx = folder.file("gqrx_20260131_120000_847000000_1800000_fc.raw", &[0; 80]);
    let info = open(&gqrx, &OpenOptions::default()).unwrap().info().clone();
    assert_eq!((info.sample_rate_hz, info.center_frequency_hz, info.samples), (1.8e6, Some(847e6), 10));
    let believed = "its name says 1800000 samples a second and a centre of 847000000 Hz and cf32_le, and is believed";
    assert_eq!(info.warnings, [believed]);
    let given = OpenOptions {
        sample_rate_hz: Some(2e6),
        center_frequency_hz: Some(9e8),
        format: Some(SampleFormat::Ci8),
        ..OpenOptions::default()
    };
    let info = open(&gqrx, &given).unwrap().info().clone();
    assert_eq!((info.sample_rate_hz, info.center_frequency_hz, info.samples), (2e6, Some(9e8), 40));
    let silent = folder.file("x_2400000.iq", &[0; 80]);
    assert!(said(open(&silent, &OpenOptions::default())).contains("give --format and --rate"));
    let fast = folder.file("x_99999999GSps.cu8", &[0; 80]);
    assert!(said(open(&fast, &OpenOptions::default())).contains("the sample rate that its name says is 9.9999999e16"));
}

#[test]
fn raw_samples_are_written_as_their_name_says() {
    let folder = Folder::new();
    let mut writer = Writer::create(&folder.0.path().join("x.cs16"), &recording("ci16".parse().unwrap())).unwrap();
    writer.write(&[Complex32::new(0.5, -0.5)]).unwrap();
    assert!(writer.lost(3).unwrap_err().to_string().contains("cannot say that samples are missing"));
    writer.finish(&[]).unwrap();
    assert_eq!(fs::read(folder.0.path().join("x.cs16")).unwrap(), [0, 64, 0, 192]);
    let other = Writer::create(&folder.0.path().join("x.cu8"), &recording("ci16".parse().unwrap())).unwrap_err();
    assert!(other.to_string().contains("its ending says cu8, but the samples are ci16_le"), "{other}");
}
