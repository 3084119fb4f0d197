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

/// What is on the air.
#[derive(Clone, Copy)]
enum Load {
    /// Noise.
    Idle,
    /// An NB-IoT device that attaches and reports, in an LTE carrier whose phones leave no millisecond empty.
    Busy,
}

/// Middle of each LTE carrier that fits into the band, and its resource blocks.
fn carriers(sample_rate_hz: f64) -> (&'static [f64], usize) {
    match sample_rate_hz {
        rate if rate < 5e6 => (&[0.0], 6),
        rate if rate < 30e6 => (&[0.0], 50),
        _ => (&[-20e6, 0.0, 20e6], 100),
    }
}

/// A capture made for the purpose; the answer is its path.
fn simulated(folder: &Path, sample_rate_hz: f64, load: Load) -> std::path::PathBuf {
    let scene = folder.join(format!("{sample_rate_hz:.0}-{}.toml", load as u8));
    let mut text = format!(
        "[scene]\nduration_s = {DURATION_S}\nsample_rate_hz = {sample_rate_hz:.1}\nseed = 1\nnoise_dbfs = -30.0\n\
         center_frequency_hz = 842_500_000\nformat = \"ci16_le\"\n[receiver]\n"
    );
    if matches!(load, Load::Busy) {
        text += "[[cell]]\nname = \"narrow\"\ncell_id = 145\ncarrier_hz = 300_000\n\
                 [cell.nprach]\nrepetitions = 4\n\
                 [[device]]\nname = \"tracker\"\ncell = \"narrow\"\nsnr_db = 20.0\n\
                 [[device.session]]\nstart_s = 0.02\nreports = 1\n";
        let (middles_hz, resource_blocks) = carriers(sample_rate_hz);
        for (number, carrier_hz) in middles_hz.iter().enumerate() {
            text += &format!(
                "[[cell]]\nname = \"wide{number}\"\ntechnology = \"lte\"\ncell_id = {number}\n\
                 carrier_hz = {carrier_hz:.1}\nresource_blocks = {resource_blocks}\n"
            );
            for phone in 0..resource_blocks / 6 {
                text += &format!(
                    "[[device]]\nname = \"phone{number}-{phone}\"\ncell = \"wide{number}\"\nsnr_db = {}.0\n\
                     [[device.pusch]]\n\
                     start_s = {{ first_s = 0.001, every_s = 0.004, count = 124, jitter_s = 0.002 }}\n\
                     first_prb = {}\nnum_prb = 5\nsubframes = 2\n",
                    5 + 7 * phone % 20,
                    6 * phone
                );
            }
        }
    }
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
    let outputs = Outputs { records: Some(records), ..Outputs::default() };
    let options = Options { threads, ..Options::default() };
    pipeline::run(Box::new(CaptureFile::new(capture)), options, outputs, None).expect("an analysis");
}

fn main() {
    let folder = tempfile::tempdir().expect("a folder");
    let threads = Options::default().threads;
    println!("times real time, best of {NUM_RUNS} runs over {DURATION_S} s of air\n");
    println!(
        "| sample rate | on the air | transform, 1 thread | analyze, 1 thread | analyze, {threads} threads | cost of analysis in transforms |"
    );
    println!("| --- | --- | --- | --- | --- | --- |");
    for sample_rate_hz in [1.92e6, 10e6, 61.44e6] {
        for (name, load) in [("idle", Load::Idle), ("busy", Load::Busy)] {
            let path = simulated(folder.path(), sample_rate_hz, load);
            let mut capture = captures::open(&path, &OpenOptions::default()).expect("a capture");
            let mut samples = vec![Complex32::ZERO; capture.info().samples as usize];
            capture.read(&mut samples).expect("samples");
            let bare_s = seconds(|| transform(&samples, sample_rate_hz));
            let (one_s, all_s) = (seconds(|| analysis(&path, 1)), seconds(|| analysis(&path, threads)));
            println!(
                "| {} MS/s | {name} | {:.1} | {:.1} | {:.1} | {:.1} |",
                sample_rate_hz / 1e6,
                DURATION_S / bare_s,
                DURATION_S / one_s,
                DURATION_S / all_s,
                one_s / bare_s
            );
        }
    }
}
