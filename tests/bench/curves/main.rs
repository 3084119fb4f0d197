//! Detection probability against SNR, false alarms on noise, and how far confidence can be believed: measured with the
//! program itself, everything unknown to it, on simulated transmissions and on bursts that another encoder made.
//!
//! `make curves`, or `cargo bench --bench curves -- [--trials N] [--only WORDS] [--impaired] [--out FOLDER]`: writes
//! `detection.md`, `detection.csv` and one SVG a family into the folder.
#![allow(clippy::print_stdout, reason = "a measurement prints")]

mod cases;
mod figures;
mod trials;
mod vectors;

use std::fmt::Write as _;
use std::path::PathBuf;

use cases::CASES;
use trials::{Capture, Outcome, Said, interval};

/// SNR of the points, relative to the bar.
const POINTS_DB: [f64; 7] = [-4.0, -2.0, -1.0, 0.0, 1.0, 2.0, 6.0];
const NOISE_S: f64 = 120.0;
const NOISE_RATE_HZ: f64 = 1.92e6;

/// One curve with its points.
pub(crate) struct Curve {
    /// Curves of one family are drawn together.
    family: String,
    label: String,
    bar_db: f64,
    points: Vec<(f64, Outcome)>,
}

struct Arguments {
    trials: usize,
    only: String,
    impaired: bool,
    folder: PathBuf,
}

fn arguments() -> Arguments {
    let mut found = Arguments {
        trials: 100,
        only: String::new(),
        impaired: false,
        folder: PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("target/curves"),
    };
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        let mut value = || words.next().unwrap_or_else(|| panic!("{word} wants a value"));
        match word.as_str() {
            "--trials" => found.trials = value().parse().expect("a number of trials"),
            "--only" => found.only = value(),
            "--out" => found.folder = value().into(),
            "--impaired" => found.impaired = true,
            // What cargo adds.
            "--bench" => (),
            _ => panic!("{word} is not known; expected --trials N, --only WORDS, --out FOLDER or --impaired"),
        }
    }
    found
}

fn main() {
    let arguments = arguments();
    std::fs::create_dir_all(&arguments.folder).expect("a folder for the results");
    let program = env!("CARGO_BIN_EXE_cellsweep");
    let mut curves = Vec::new();
    let wanted = |family: &str, label: &str| format!("{family}, {label}").contains(&arguments.only);
    for (index, case) in CASES.iter().enumerate().filter(|(_, case)| wanted(case.family, case.label)) {
        let channel = case.kind.channel();
        let capture = |snr_db: f64, point: usize| {
            let seed = (1000 * index + point) as u64;
            trials::simulated(&case.scene(snr_db, arguments.trials, seed, arguments.impaired))
        };
        curves.push(curve(program, (case.family, case.label), case.bar_db, channel, capture));
    }
    for (index, vector) in vectors::all().iter().enumerate() {
        let family = format!("{} of another encoder", vector.channel.to_uppercase());
        if wanted(&family, &vector.name) && !arguments.impaired {
            // Long ones would fill the disk.
            let copies = arguments.trials.min(20_000_000 / vector.len()).max(1);
            let capture = |snr_db: f64, point: usize| vector.capture(snr_db, copies, (100 * index + point) as u64);
            curves.push(curve(program, (&family, &vector.name), vector.bar_db, vector.channel, capture));
        }
    }
    curves.sort_by(|a, b| a.family.cmp(&b.family));
    let mut report = table(&curves, arguments.trials);
    report += &reliability(&curves);
    if arguments.only.is_empty() {
        report += &noise(program);
    }
    println!("\n{report}");
    let write = |name: &str, text: &str| std::fs::write(arguments.folder.join(name), text).expect("a result");
    write("detection.md", &report);
    write("detection.csv", &csv(&curves));
    for (name, svg) in figures::families(&curves) {
        write(&name, &svg);
    }
}

fn curve(
    program: &str,
    (family, label): (&str, &str),
    bar_db: f64,
    channel: &str,
    capture: impl Fn(f64, usize) -> Capture,
) -> Curve {
    let point = |(index, apart_db): (usize, &f64)| {
        let snr_db = bar_db + apart_db;
        let outcome = trials::run(program, &capture(snr_db, index), channel);
        let Outcome { seen, named, sent, false_alarms, .. } = outcome;
        println!(
            "{family}, {label}: {snr_db:+.1} dB: seen {seen} named {named} of {sent}, false alarms {false_alarms}"
        );
        (snr_db, outcome)
    };
    let points = POINTS_DB.iter().enumerate().map(point).collect();
    Curve { family: family.to_owned(), label: label.to_owned(), bar_db, points }
}

fn table(curves: &[Curve], trials: usize) -> String {
    let mut text = format!(
        "Share named right, {trials} transmissions a point, 95 % intervals; SNR in the band occupied at any instant.\n\n\
         | channel | bar | at the bar | 1 dB above | 2 dB above | seen at the bar | cell in the set |\n\
         | --- | --- | --- | --- | --- | --- | --- |\n"
    );
    for Curve { family, label, bar_db, points } in curves {
        let at = |apart_db: f64| {
            let point = points.iter().find(|(snr_db, _)| (snr_db - bar_db - apart_db).abs() < 1e-6);
            point.map_or_else(String::new, |(_, outcome)| share(outcome.named, outcome.sent))
        };
        let seen = points.iter().find(|(snr_db, _)| (snr_db - bar_db).abs() < 1e-6);
        let (cells, said) = points.iter().fold((0, 0), |(a, b), (_, o)| (a + o.cell_right, b + o.cell_said));
        writeln!(
            text,
            "| {family}, {label} | {bar_db:+.1} dB | {} | {} | {} | {} | {} |",
            at(0.0),
            at(1.0),
            at(2.0),
            seen.map_or_else(String::new, |(_, o)| share(o.seen, o.sent)),
            if said > 0 { share(cells, said) } else { "–".to_owned() }
        )
        .expect("text");
    }
    text
}

fn share(hits: usize, trials: usize) -> String {
    let (low, high) = interval(hits, trials);
    let percent = |share: f64| (100.0 * share).round();
    format!("{} % ({}–{})", percent(hits as f64 / trials.max(1) as f64), percent(low), percent(high))
}

/// Of the bursts said with a confidence, how many are right.
fn reliability(curves: &[Curve]) -> String {
    let said: Vec<Said> = curves.iter().flat_map(|c| &c.points).flat_map(|(_, o)| o.said.iter().copied()).collect();
    let mut text = "\n| confidence said | bursts | right |\n| --- | --- | --- |\n".to_owned();
    for (low, high) in [(0.0, 0.5), (0.5, 0.8), (0.8, 0.9), (0.9, 0.95), (0.95, 0.99), (0.99, 1.01)] {
        let bin: Vec<&Said> = said.iter().filter(|s| (low..high).contains(&s.confidence)).collect();
        let right = bin.iter().filter(|s| s.right).count();
        if !bin.is_empty() {
            writeln!(text, "| {low} to {:.2} | {} | {} |", high.min(1.0), bin.len(), share(right, bin.len()))
                .expect("text");
        }
    }
    text
}

fn noise(program: &str) -> String {
    let scene = format!(
        "[scene]\nduration_s = {NOISE_S}\nsample_rate_hz = {NOISE_RATE_HZ:.1}\ncenter_frequency_hz = 842_500_000\n\
         seed = 77\nnoise_dbfs = -25.0\nformat = \"ci8\"\n"
    );
    let outcome = trials::run(program, &trials::simulated(&scene), "none");
    format!("\n{NOISE_S} s of noise at {} MS/s: {} bursts named.\n", NOISE_RATE_HZ / 1e6, outcome.said.len())
}

fn csv(curves: &[Curve]) -> String {
    let mut text = "family,label,snr_db,sent,seen,named,false_alarms\n".to_owned();
    for Curve { family, label, points, .. } in curves {
        for (snr_db, o) in points {
            writeln!(text, "{family},\"{label}\",{snr_db},{},{},{},{}", o.sent, o.seen, o.named, o.false_alarms)
                .expect("text");
        }
    }
    text
}
