//! How quickly samples come from the page cache into blocks of floats, beside `cat` reading the same file.
#![allow(clippy::print_stdout, reason = "a benchmark prints")]

use std::fs::{self, File};
use std::process::{Command, Stdio};
use std::time::Instant;

use captures::{OpenOptions, Recording, SampleFormat, Writer};
use num_complex::Complex32;

/// Samples of a file: 256 MB of 16 bits.
const NUM_SAMPLES: usize = 64 << 20;
const BLOCK_SAMPLES: usize = 1 << 16;
/// The best of so many runs counts: what disturbs a run only makes it slower.
const NUM_RUNS: usize = 5;

/// Shortest time of several runs.
fn seconds(mut run: impl FnMut()) -> f64 {
    let time = || {
        let begun = Instant::now();
        run();
        begun.elapsed().as_secs_f64()
    };
    std::iter::repeat_with(time).take(NUM_RUNS).fold(f64::INFINITY, f64::min)
}

fn main() {
    let folder = tempfile::tempdir().expect("a folder");
    let block: Vec<Complex32> =
        (0..BLOCK_SAMPLES).map(|n| Complex32::new((n % 255) as f32 / 128.0 - 1.0, (n % 101) as f32 / 101.0)).collect();
    println!("best of {NUM_RUNS} runs over {} million samples\n", NUM_SAMPLES >> 20);
    println!("| file | read, MB/s | cat, MB/s | share of cat |");
    println!("| --- | --- | --- | --- |");
    let in_hdf5 = [("x.h5", "ci16_le")];
    let in_all =
        [("x.sigmf-meta", "ci16_le"), ("x.wav", "ci16_le"), ("y.sigmf-meta", "ci8"), ("z.sigmf-meta", "cf32_le")];
    for (name, format) in in_all.iter().chain(in_hdf5.iter().filter(|_| cfg!(feature = "hdf5"))) {
        let recording = Recording {
            format: format.parse::<SampleFormat>().expect("a format"),
            sample_rate_hz: 61.44e6,
            center_frequency_hz: None,
            description: String::new(),
            datetime: None,
        };
        let path = folder.path().join(name);
        let mut writer = Writer::create(&path, &recording).expect("a file");
        (0..NUM_SAMPLES / BLOCK_SAMPLES).for_each(|_| writer.write(&block).expect("room"));
        writer.finish(&[]).expect("an end");
        let mut capture = captures::open(&path, &OpenOptions::default()).expect("a capture");
        let data = capture.data_path().to_owned();
        let mut out = vec![Complex32::ZERO; BLOCK_SAMPLES];
        let read_s = seconds(|| {
            capture.seek(0).expect("a beginning");
            while capture.read(&mut out).expect("samples") > 0 {}
        });
        let cat_s = seconds(|| {
            let mut cat = Command::new("cat")
                .stdin(File::open(&data).expect("a file"))
                .stdout(Stdio::null())
                .spawn()
                .expect("cat");
            cat.wait().expect("an end");
        });
        let megabytes = fs::metadata(&data).expect("a file").len() as f64 / 1e6;
        let (read, cat) = (megabytes / read_s, megabytes / cat_s);
        println!("| {name}, {format} | {read:.0} | {cat:.0} | {:.2} |", read / cat);
        fs::remove_file(data).expect("an end");
    }
}
