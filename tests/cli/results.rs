//! `analyze --hdf5`: the findings as tables, and the samples of each burst.
#![cfg(feature = "hdf5")]

use std::fs;
use std::path::Path;
use std::process::Command;
use std::thread::sleep;
use std::time::Duration;

use num_complex::Complex32;

use crate::program::{PROGRAM, analyze, clip, of_kind, parsed, sample};

fn text(path: &Path) -> &str {
    path.to_str().expect("a path")
}

/// A flush comes a second after a burst, and the disk is slow.
const FLUSHED_AFTER: Duration = Duration::from_millis(2500);

/// What is looked at of a burst; HDF5 brings fields by their names.
#[derive(Clone, Copy, hdf5::H5Type)]
#[repr(C)]
struct Row {
    id: u64,
    start_s: f64,
    end_s: f64,
    center_hz: f64,
    power_dbfs: f64,
    iq_start: u64,
    iq_samples: u64,
    iq_sample_rate_hz: f64,
    iq_center_hz: f64,
    iq_start_s: f64,
}

#[test]
fn tables_hold_what_the_records_say_and_samples_the_bursts() {
    let folder = tempfile::tempdir().expect("a folder");
    let (clip, results) = (clip(folder.path()), folder.path().join("out.h5"));
    let records = parsed(&analyze(&[text(&clip), "--hdf5", text(&results)]));
    let file = hdf5::File::open(&results).expect("results");
    let rows: Vec<Row> = file.dataset("bursts").and_then(|table| table.read_raw()).expect("bursts");
    let iq: Vec<Complex32> = file.dataset("iq").and_then(|table| table.read_raw()).expect("samples");
    let bursts = of_kind(&records, "burst");
    assert_eq!(rows.len(), bursts.len());
    assert_eq!(file.dataset("transmitters").expect("a table").size(), of_kind(&records, "transmitter").len());
    assert_eq!(file.dataset("captures").expect("a table").size(), 1);
    for (row, burst) in rows.iter().zip(&bursts) {
        let said = |name: &str| burst[name].as_f64().expect("a number");
        assert_eq!(burst["id"], row.id);
        assert!((row.start_s - said("start_s")).abs() < 1e-6 && (row.end_s - said("end_s")).abs() < 1e-6);
        assert!((row.center_hz - said("center_hz")).abs() < 0.01);
        let lasts_s = row.iq_samples as f64 / row.iq_sample_rate_hz;
        assert!(row.iq_start_s <= row.start_s && lasts_s >= (row.end_s - row.start_s).min(0.25) - 2e-3, "{burst}");
        assert!((row.iq_start + row.iq_samples) as usize <= iq.len());
    }
    // The strongest narrow burst fills its samples with its power.
    let message = bursts.iter().position(|burst| burst["channel"] == "npusch1").expect("a message");
    let row = rows[message];
    let at = |seconds: f64| ((seconds - row.iq_start_s) * row.iq_sample_rate_hz) as usize;
    let within = &iq[row.iq_start as usize..][..row.iq_samples as usize][at(row.start_s + 1e-3)..at(row.end_s - 1e-3)];
    let power = within.iter().map(|sample| f64::from(sample.norm_sqr())).sum::<f64>() / within.len() as f64;
    assert!(
        (10.0 * power.log10() - row.power_dbfs).abs() < 1.0,
        "{} dBFS, said {}",
        10.0 * power.log10(),
        row.power_dbfs
    );
    assert!((row.iq_center_hz - row.center_hz).abs() < 1000.0);
}

#[test]
fn results_open_after_the_program_was_killed() {
    let folder = tempfile::tempdir().expect("a folder");
    let (results, records) = (folder.path().join("out.h5"), folder.path().join("out.jsonl"));
    let mut program = Command::new(PROGRAM)
        .args(["analyze", text(&sample()), "--threads", "1", "--hdf5", text(&results), "--output", text(&records)])
        .spawn()
        .expect("the program runs");
    while !fs::read_to_string(&records).is_ok_and(|records| records.contains(r#"{"record":"burst""#)) {
        assert!(program.try_wait().expect("its state").is_none(), "the sample holds bursts");
        sleep(Duration::from_millis(10));
    }
    sleep(FLUSHED_AFTER);
    program.kill().expect("it ends");
    program.wait().expect("an end");
    let file = hdf5::File::open(&results).expect("it opens");
    let rows: Vec<Row> = file.dataset("bursts").and_then(|table| table.read_raw()).expect("bursts");
    let num_samples = file.dataset("iq").expect("samples").size() as u64;
    assert!(!rows.is_empty(), "the burst that was printed is kept");
    assert!(rows.iter().all(|row| row.iq_start + row.iq_samples <= num_samples), "no row speaks of samples not there");
}

#[test]
fn the_three_lines_of_the_readme_read_a_burst_and_its_samples() {
    let python = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/oracles/bin/python");
    let has_both = Command::new(&python).args(["-c", "import h5py, pandas"]).output();
    if !has_both.is_ok_and(|output| output.status.success()) {
        eprintln!("skipped: {} with h5py and pandas is not there; make oracles", python.display());
        return;
    }
    let readme = include_str!("../../README.md");
    let (_, lines) = readme.split_once("```python\n").expect("lines of Python");
    let (lines, _) = lines.split_once("```").expect("their end");
    let folder = tempfile::tempdir().expect("a folder");
    let clip = clip(folder.path());
    let records = parsed(&analyze(&[text(&clip), "--hdf5", text(&folder.path().join("out.h5"))]));
    let script = format!("{lines}\nprint(len(bursts), int(b.id), len(iq), iq.dtype, b.technology, b.iq_samples)");
    let output = Command::new(&python).args(["-c", &script]).current_dir(folder.path()).output().expect("Python runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let said = String::from_utf8(output.stdout).expect("text");
    let bursts = of_kind(&records, "burst");
    let technology = bursts[0]["technology"].as_str().expect("a technology");
    assert!(said.starts_with(&format!("{} {} ", bursts.len(), bursts[0]["id"])), "{said}");
    assert!(said.contains("complex64") && said.contains(technology), "{said}");
}
