//! IQ to disk: all of it or around bursts, through full and slow disks and sudden ends.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

use crate::bench::{BENCH, Bench, NUM_SAMPLES, lines, said, summary};

const LONG_DURATION_S: &str = "4.5";

/// Arguments that set the virtual receiver to play the long scene, half as fast as time passes: a busy machine
/// loses nothing either.
fn long(bench: &Bench) -> Vec<String> {
    let device = format!("driver=virtual,file={},realtime=0.5", bench.samples("long").display());
    let rest = ["--center", "842.44M", "--rate", "240k", "--block-ms", "2000", "--duration", LONG_DURATION_S];
    rest.iter().map(|arg| (*arg).to_owned()).chain(["--device".to_owned(), device]).collect()
}

fn run(bench: &Bench, command: &str, args: Vec<String>) -> Output {
    let args: Vec<&str> = [command].into_iter().chain(args.iter().map(String::as_str)).collect();
    bench.cellsweep(&args)
}

fn folder() -> TempDir {
    tempfile::tempdir().expect("a temporary directory")
}

fn at(folder: &TempDir, name: &str) -> (PathBuf, String) {
    let path = folder.path().join(name);
    let text = path.to_str().expect("a name").to_owned();
    (path, text)
}

fn analyzed(bench: &Bench, path: &Path) -> Output {
    let output = bench.cellsweep(&["analyze", path.to_str().expect("a name")]);
    assert!(output.status.success(), "{}", said(&output));
    output
}

fn records(output: &Output, kind: &str) -> Vec<Value> {
    lines(output, kind).iter().map(|line| serde_json::from_str(line).expect("a record")).collect()
}

fn number(record: &Value, field: &str) -> f64 {
    record[field].as_f64().expect("a number")
}

/// Named bursts within a part of the stream: channel, start in milliseconds from the part's, centre and level.
fn named(bursts: &[Value], (from_s, to_s): (f64, f64)) -> BTreeMap<(String, i64), (f64, f64)> {
    let within = |b: &&Value| number(b, "start_s") >= from_s && number(b, "end_s") <= to_s;
    let place = |b: &Value| {
        let start_ms = (number(b, "start_s") - from_s) * 1e3;
        let channel = b["channel"].as_str().expect("a channel").to_owned();
        ((channel, start_ms.round() as i64), (number(b, "center_hz"), number(b, "power_dbfs")))
    };
    bursts.iter().filter(within).filter(|b| b["technology"] != "unknown").map(place).collect()
}

#[test]
fn a_recording_holds_every_sample_and_its_bursts() {
    let Some(bench) = &*BENCH else { return };
    for format in ["ci16_le", "cu8"] {
        let folder = folder();
        let (path, name) = at(&folder, "x.sigmf-meta");
        let mut args = bench.sweep(format, "");
        args.retain(|arg| arg != "--headless");
        args[0] = "record".to_owned();
        args.extend(["--duration".to_owned(), "0.4".to_owned(), name]);
        let output = bench.run(&args);
        assert!(output.status.success(), "{}", said(&output));
        let written = std::fs::read(path.with_extension("sigmf-data")).expect("the samples");
        assert!(written == std::fs::read(bench.samples(format)).expect("the samples"), "{format}: bit by bit");
        let recording = &records(&output, "recording")[0];
        assert_eq!((&recording["samples"], &recording["failure"]), (&NUM_SAMPLES.into(), &Value::Null));
        assert_eq!(output.stdout.iter().filter(|byte| **byte == b'\n').count(), 1, "nothing but the recording");
        let again = analyzed(bench, &path);
        let recorded = bench.analyze(format, NUM_SAMPLES);
        assert!(lines(&recorded, "burst").len() >= 2, "the scene must hold something to find");
        assert_eq!(lines(&again, "burst"), lines(&recorded, "burst"));
        let metadata: Value = serde_json::from_slice(&std::fs::read(&path).expect("metadata")).expect("JSON");
        assert_eq!(metadata["annotations"].as_array().map(Vec::len), Some(lines(&recorded, "burst").len()));
        assert!(metadata["captures"][0]["core:datetime"].is_string());
    }
}

/// A session is recorded with the second before it, and what was heard is what the recording holds.
#[test]
fn what_triggered_a_recording_is_found_in_it_again() {
    let Some(bench) = &*BENCH else { return };
    let folder = folder();
    let (_, name) = at(&folder, "x.sigmf-meta");
    let mut args = long(bench);
    args.extend(["--headless", "--record", &name, "--trigger", "nb-iot"].map(str::to_owned));
    args.extend(["--before", "1", "--after", "0.5"].map(str::to_owned));
    let output = run(bench, "sweep", args);
    assert!(output.status.success(), "{}", said(&output));
    assert_eq!(summary(&output)["samples_dropped"], 0);
    let (bursts, recordings) = (records(&output, "burst"), records(&output, "recording"));
    assert_eq!(recordings.len(), 1, "{}", said(&output));
    for recording in &recordings {
        let part = (number(recording, "start_s"), number(recording, "end_s"));
        let heard = named(&bursts, part);
        assert!(heard.len() >= 4, "a session has a preamble and reports, not {}", heard.len());
        assert_eq!((&recording["trigger"], &recording["failure"]), (&"nb-iot".into(), &Value::Null));
        let first_ms = heard.keys().map(|(_, start_ms)| *start_ms).min();
        assert_eq!(first_ms, Some(1000), "the second before it is there");
        let last_s = bursts.iter().map(|b| number(b, "end_s")).filter(|end_s| *end_s < part.1).fold(0.0, f64::max);
        assert!((part.1 - last_s - 0.5).abs() < 1e-3, "and the half after");
        let path = Path::new(recording["path"].as_str().expect("a path"));
        let again = named(&records(&analyzed(bench, path), "burst"), (0.0, part.1 - part.0));
        assert_eq!(again.keys().collect::<Vec<_>>(), heard.keys().collect::<Vec<_>>());
        for (again, heard) in again.values().zip(heard.values()) {
            assert!((again.0 - heard.0).abs() < 5.0 && (again.1 - heard.1).abs() < 0.2, "{again:?} and {heard:?}");
        }
    }
}

/// The sweep goes on, says so, and finds what it finds without recording.
#[test]
fn a_full_disk_ends_the_recording_and_not_the_sweep() {
    let Some(bench) = &*BENCH else { return };
    let folder = folder();
    // A limit on the size of files stands for the disk; the shell's blocks have 512 or 1024 bytes.
    let limited = |args: &[String]| {
        let plain = bench.command(&[]);
        let mut command = Command::new("sh");
        command.args(["-c", "trap '' XFSZ; ulimit -f 400; exec \"$0\" \"$@\""]).arg(plain.get_program()).args(args);
        command.envs(plain.get_envs().filter_map(|(key, value)| Some((key, value?))));
        command.output().expect("a shell")
    };
    let (path, name) = at(&folder, "x.sigmf-meta");
    let mut args = bench.sweep("ci16_le", ",realtime=2");
    args.extend(["--duration", "0.4", "--record", &name].map(str::to_owned));
    let output = limited(&args);
    assert!(output.status.success(), "{}", said(&output));
    assert!(said(&output).contains("recording has ended: "), "{}", said(&output));
    assert_eq!(lines(&output, "burst"), lines(&bench.analyze("ci16_le", NUM_SAMPLES), "burst"));
    assert_eq!(summary(&output)["samples_dropped"], 0);
    let recording = &records(&output, "recording")[0];
    assert!(recording["failure"].as_str().is_some_and(|why| why.contains("sigmf-data")), "{recording}");
    assert!(recording["samples"].as_u64().expect("samples") > 40_000, "{recording}");
    analyzed(bench, &path);
    // For `record` it is the whole purpose.
    let (_, name) = at(&folder, "y.sigmf-meta");
    args.retain(|arg| !["--headless", "--record"].contains(&arg.as_str()));
    (args[0], *args.last_mut().expect("arguments")) = ("record".to_owned(), name);
    let output = limited(&args);
    assert_eq!(output.status.code(), Some(1), "{}", said(&output));
    assert!(said(&output).contains("recording has ended: "), "{}", said(&output));
}

/// A pipe that nobody reads stands for the disk.
#[test]
fn a_disk_that_does_not_answer_holds_nothing_up() {
    let Some(bench) = &*BENCH else { return };
    let folder = folder();
    let (stuck, _) = at(&folder, "x-0001.sigmf-meta.part");
    assert!(Command::new("mkfifo").arg(&stuck).status().expect("mkfifo runs").success());
    let (_, name) = at(&folder, "x.sigmf-meta");
    let mut args = bench.sweep("ci16_le", ",realtime=2");
    args.extend(["--duration", "0.4", "--record", &name, "--trigger", "nb-iot"].map(str::to_owned));
    let begun = Instant::now();
    let output = bench.run(&args);
    assert!(begun.elapsed() < Duration::from_secs(12), "{:?}", begun.elapsed());
    assert!(output.status.success(), "{}", said(&output));
    assert!(said(&output).contains("the disk does not answer"), "{}", said(&output));
    assert_eq!(lines(&output, "burst"), lines(&bench.analyze("ci16_le", NUM_SAMPLES), "burst"));
    assert_eq!(summary(&output)["samples_dropped"], 0);
}

#[test]
fn what_is_written_survives_a_sudden_end() {
    let Some(bench) = &*BENCH else { return };
    let folder = folder();
    let (path, name) = at(&folder, "x.sigmf-meta");
    let args = bench.sweep("ci16_le", ",realtime=1");
    let args: Vec<&str> = args.iter().map(String::as_str).chain(["--record", &name]).collect();
    let mut sweep = bench.command(&args).stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("the program runs");
    let data = path.with_extension("sigmf-data");
    let length = || std::fs::metadata(&data).map_or(0, |metadata| metadata.len());
    let begun = Instant::now();
    while length() == 0 && begun.elapsed() < Duration::from_secs(20) {
        std::thread::sleep(Duration::from_millis(10));
    }
    std::thread::sleep(Duration::from_millis(2500));
    sweep.kill().expect("it is killed");
    sweep.wait().expect("an end");
    let capture = records(&analyzed(bench, &path), "capture");
    let duration_s = capture[0]["duration_s"].as_f64().expect("a length");
    assert!(duration_s > 1.5, "of 2.5 s no more than the last may be lost, {duration_s} s are there");
    // What is there is not written over.
    let again = bench.cellsweep(&args);
    assert_eq!(again.status.code(), Some(1));
    assert!(said(&again).contains("is there already"), "{}", said(&again));
}
