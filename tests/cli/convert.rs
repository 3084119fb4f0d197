//! `convert`: nothing is lost on the way, or it is refused; a part of the band is that part.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;

use captures::OpenOptions;
use num_complex::Complex32;

use crate::program::{cellsweep, clip};

fn text(path: &Path) -> &str {
    path.to_str().expect("a path")
}

fn convert(arguments: &[&str]) -> Output {
    cellsweep().arg("convert").args(arguments).output().expect("the program runs")
}

fn assert_converts(arguments: &[&str]) {
    let output = convert(arguments);
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    assert!(output.stdout.is_empty(), "nothing is printed");
}

fn assert_refuses(arguments: &[&str], words: &str) {
    let output = convert(arguments);
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{arguments:?}: {said}");
    assert!(said.contains(words) && said.lines().count() == 1, "{arguments:?}: {said}");
    assert!(!Path::new(arguments[1]).exists(), "{arguments:?} leaves something behind");
}

fn samples(path: &Path) -> (Vec<Complex32>, captures::CaptureInfo) {
    let options = OpenOptions { sample_rate_hz: None, ..OpenOptions::default() };
    let mut capture = captures::open(path, &options).expect("a capture");
    let mut samples = vec![Complex32::ZERO; capture.info().samples as usize];
    capture.read(&mut samples).expect("samples");
    let info = capture.info().clone();
    (samples, info)
}

/// From the shipped capture through every format in turn, and back: the same bytes.
#[test]
fn a_round_through_all_formats_keeps_every_bit() {
    let folder = tempfile::tempdir().expect("a folder");
    let clip = clip(folder.path());
    let at = |name: &str| folder.path().join(name);
    let mut round = vec!["a.sigmf", "b.wav", "c.sigmf-meta"];
    if cfg!(feature = "hdf5") {
        round.extend(["d.h5", "e.wav"]);
    }
    round.push("f_842.59MHz_960kSps.cs16");
    let mut from = clip.clone();
    for name in round {
        let to = at(name);
        assert_converts(&[text(&from), text(&to)]);
        assert_eq!(samples(&to).0, samples(&clip).0, "{name}");
        assert_eq!(samples(&to).1.center_frequency_hz, Some(842.59e6), "{name}");
        from = to;
    }
    let back = at("back.sigmf-meta");
    assert_refuses(&[text(&from), text(&back), "--to", "ci8"], "ci8 does not hold every sample of ci16_le");
    assert_converts(&[text(&from), text(&back), "--to", "ci8", "--force"]);
    let data = |path: &PathBuf| fs::read(path.with_extension("sigmf-data")).expect("data");
    assert!(data(&back) == data(&clip), "the same bytes");
    assert_converts(&[text(&back), text(&at("turned.sigmf-meta")), "--to", "cf64_be"]);
    assert_eq!(samples(&at("turned.sigmf-meta")).0, samples(&clip).0);
}

#[test]
fn a_part_of_the_time_is_cut_to_the_sample() {
    let folder = tempfile::tempdir().expect("a folder");
    let clip = clip(folder.path());
    let cut = folder.path().join("cut.sigmf-meta");
    assert_converts(&[text(&clip), text(&cut), "--start", "0.1", "--duration", "0.05"]);
    let (all, part) = (samples(&clip).0, samples(&cut).0);
    assert!(part == all[96_000..144_000], "{} samples", part.len());
    let late = folder.path().join("late.sigmf-meta");
    assert_refuses(&[text(&clip), text(&late), "--start", "9"], "has no samples from 9 s on");
}

/// A tone at +100 kHz of 960 kS/s, brought to +10 kHz of 120 kS/s.
#[test]
fn a_part_of_the_band_is_shifted_filtered_and_decimated() {
    let folder = tempfile::tempdir().expect("a folder");
    let turns = |hz: f64, rate_hz: f64, n: usize| std::f64::consts::TAU * (hz / rate_hz * n as f64).fract();
    let tones = |n: usize| {
        let wanted = 0.5 * Complex32::cis(turns(100e3, 960e3, n) as f32);
        wanted + 0.4 * Complex32::cis(turns(-300e3, 960e3, n) as f32)
    };
    let wide = folder.path().join("wide.cf32");
    let bytes: Vec<u8> =
        (0..3_000_000).map(tones).flat_map(|x| [x.re.to_le_bytes(), x.im.to_le_bytes()]).flatten().collect();
    fs::write(&wide, bytes).expect("room");
    let narrow = folder.path().join("narrow.sigmf-meta");
    let raw = [text(&wide), text(&narrow), "--rate", "960k", "--center", "842M"];
    assert_converts(&[&raw[..], &["--to-rate", "120k", "--to-center", "842.09M"]].concat());
    let (samples, info) = samples(&narrow);
    assert_eq!((info.sample_rate_hz, info.center_frequency_hz, samples.len()), (120e3, Some(842.09e6), 375_000));
    let inner = 5000..samples.len() - 5000;
    for (n, sample) in samples.iter().enumerate().skip(inner.start).take(inner.len()) {
        let expected = 0.5 * Complex32::cis(turns(10e3, 120e3, n) as f32);
        assert!((sample - expected).norm() < 5e-3, "sample {n}: {sample} against {expected}");
    }
}

#[test]
fn what_cannot_be_is_refused_and_leaves_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let clip = clip(folder.path());
    let at = |name: &str| folder.path().join(name);
    let other = |name: &str| text(&at(name)).to_owned();
    assert_refuses(&[text(&clip), &other("x.png")], "tells no format to write");
    assert_refuses(&[text(&clip), &other("x.cu8")], "cu8 does not hold every sample of ci8");
    assert_refuses(&[text(&clip), &other("x.wav"), "--to-rate", "2M"], "do not lie within its 960000 Hz");
    assert_refuses(&[text(&clip), &other("x.wav"), "--to", "ci16_be"], "WAV has no ci16_be");
    assert_refuses(&[text(&clip), &other("no/folder.wav")], "cannot be created");
    let itself = convert(&[text(&clip), text(&clip.with_extension("sigmf-data"))]);
    assert_eq!(itself.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&itself.stderr).contains("is what is to be read"));
    assert!(fs::read_dir(folder.path()).expect("a folder").count() == 2, "only the clip is there");
}
