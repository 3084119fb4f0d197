//! A capture larger than memory.
#![cfg(target_os = "linux")]

use std::fs::{self, File};
use std::io::Write;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use crate::program::PROGRAM;

const CAPTURE_BYTES: u64 = 10_000_000_000;
/// More than everything that is ever kept, so that it has been filled.
const READ_BYTES: u64 = 500_000_000;
const MAX_RESIDENT_BYTES: u64 = 200_000_000;

/// The value of a line `name: value` of one of the process's files.
fn told(program: &Child, file: &str, name: &str) -> u64 {
    let text = fs::read_to_string(format!("/proc/{}/{file}", program.id())).expect("a running process");
    let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
    let value = line.and_then(|line| line.split_whitespace().next()).expect(name);
    value.parse().expect("a number")
}

/// Most memory the program held at once while it read the first half gigabyte.
fn most_resident_bytes(capture: &std::path::Path, rate: &str) -> u64 {
    let mut program = Command::new(PROGRAM)
        .args(["analyze", "--rate", rate])
        .arg(capture)
        .stdout(Stdio::null())
        .stderr(Stdio::inherit())
        .spawn()
        .expect("the program runs");
    while told(&program, "io", "rchar") < READ_BYTES {
        thread::sleep(Duration::from_millis(50));
        assert!(program.try_wait().expect("a state").is_none(), "it ended before its capture did");
    }
    let bytes = told(&program, "status", "VmHWM") * 1024;
    program.kill().expect("it stops");
    program.wait().expect("an end");
    bytes
}

/// Ten gigabytes that begin with noise and go on in silence, without taking room on the disk.
#[test]
fn ten_gigabytes_are_analysed_in_little_memory() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("long.cf32");
    let mut file = File::create(&path).expect("a file");
    let mut state = 1u32;
    let mut noise = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 8) as f32 / 16_777_216.0 - 0.5
    };
    let bytes: Vec<u8> = (0..8_000_000).flat_map(|_| (0.01 * noise()).to_le_bytes()).collect();
    file.write_all(&bytes).expect("room for 32 MB");
    file.set_len(CAPTURE_BYTES).expect("a sparse file");
    for rate in ["61.44M", "10M"] {
        let bytes = most_resident_bytes(&path, rate);
        eprintln!("{rate}S/s: {:.0} MB", bytes as f64 / 1e6);
        assert!(bytes < MAX_RESIDENT_BYTES, "{rate}S/s: {bytes} bytes");
    }
}
