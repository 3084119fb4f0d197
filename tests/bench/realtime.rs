//! How many times faster than the air: the bare transform, and the whole analysis of a capture file.
#![allow(clippy::print_stdout, reason = "a benchmark prints")]

use std::fs;
use std::hint::black_box;
use std::io;
use std::path::Path;
use std::time::Instant;

use captures::OpenOptions;
use cellsweep::pipeline::{self, Options, Outputs};
use cellsweep::records::RecordWriter;
use cellsweep::source::capture_file::CaptureFile;
use dsp::grid::Grid;
use dsp::stft::Stft;
use num_complex::Complex32;

const DURATION_S: f64 = 0.5;
/// The best of so many runs counts: what disturbs a run only makes it slower.
const NUM_RUNS: usize = 3;

/// An NB-IoT device that attaches and reports, in noise; the answer is the path of the capture.
fn simulated(folder: &Path, sample_rate_hz: f64) -> std::path::PathBuf {
    let scene = folder.join(format!("{sample_rate_hz:.0}.toml"));
    let text = format!(
        "[scene]\nduration_s = {DURATION_S}\nsample_rate_hz = {sample_rate_hz:.1}\nseed = 1\nnoise_dbfs = -30.0\n\
         center_frequency_hz = 842_500_000\nformat = \"ci16_le\"\n[receiver]\n\
         [[cell]]\nname = \"cell\"\ncell_id = 145\ncarrier_hz = 300_000\n\
         [cell.nprach]\nrepetitions = 4\n\
         [[device]]\nname = \"tracker\"\ncell = \"cell\"\nsnr_db = 20.0\n\
         [[device.session]]\nstart_s = 0.02\nreports = 1\n"
    );
    fs::write(&scene, text).expect("a scene");
    cellsweep::simulate::run(&scene, None).expect("a capture").meta_path
}

/// Shortest time of several runs.
fn seconds(mut run: impl FnMut()) -> f64 {
    let time = || {
        let begun = Instant::now();
        run();
        begun.elapsed().as_secs_f64()
    };
    std::iter::repeat_with(time).take(NUM_RUNS).fold(f64::INFINITY, f64::min)
}

fn transform(samples: &[Complex32], sample_rate_hz: f64) {
    let grid = Grid::new(sample_rate_hz).expect("a rate that can be analysed");
    let mut stft = Stft::new(&grid);
    let last = samples.len() - grid.fft_len();
    for start in (0..=last).step_by(grid.hop()) {
        black_box(stft.transform(&samples[start..start + grid.fft_len()]));
    }
}

fn analysis(capture: &Path, threads: usize) {
    let capture = captures::open(capture, &OpenOptions::default()).expect("a capture");
    let records = RecordWriter::new(Box::new(io::sink()), "nowhere".to_owned());
    let outputs = Outputs { records: Some(records), snapshots: None, listeners: Vec::new() };
    let options = Options { threads, ..Options::default() };
    pipeline::run(Box::new(CaptureFile::new(capture)), options, outputs, None).expect("an analysis");
}

fn main() {
    let folder = tempfile::tempdir().expect("a folder");
    let threads = Options::default().threads;
    println!("times real time, best of {NUM_RUNS} runs over {DURATION_S} s of air with one NB-IoT session\n");
    println!(
        "| sample rate | transform, 1 thread | analyze, 1 thread | analyze, {threads} threads | cost of analysis in transforms |"
    );
    println!("| --- | --- | --- | --- | --- |");
    for sample_rate_hz in [1.92e6, 10e6, 61.44e6] {
        let path = simulated(folder.path(), sample_rate_hz);
        let mut capture = captures::open(&path, &OpenOptions::default()).expect("a capture");
        let mut samples = vec![Complex32::ZERO; capture.info().samples as usize];
        capture.read(&mut samples).expect("samples");
        let bare_s = seconds(|| transform(&samples, sample_rate_hz));
        let (one_s, all_s) = (seconds(|| analysis(&path, 1)), seconds(|| analysis(&path, threads)));
        println!(
            "| {} MS/s | {:.1} | {:.1} | {:.1} | {:.1} |",
            sample_rate_hz / 1e6,
            DURATION_S / bare_s,
            DURATION_S / one_s,
            DURATION_S / all_s,
            one_s / bare_s
        );
    }
}
