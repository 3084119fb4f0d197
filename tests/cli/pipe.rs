//! A reader that has seen enough.

use std::io::{BufRead, BufReader, Read};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::program::{PROGRAM, sample};

/// Longer than it takes to notice that nobody reads.
const PATIENCE: Duration = Duration::from_secs(60);

#[test]
fn a_pipe_closed_early_ends_the_program_quietly() {
    // More records than any pipe holds.
    let captures = vec![sample(); 12];
    let mut program = Command::new(PROGRAM)
        .arg("analyze")
        .args(captures)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program runs");
    let mut first = String::new();
    let mut records = BufReader::new(program.stdout.take().expect("a pipe"));
    records.read_line(&mut first).expect("a line");
    drop(records);
    let begun = Instant::now();
    while program.try_wait().expect("a state").is_none() {
        if begun.elapsed() > PATIENCE {
            program.kill().expect("it stops");
            panic!("it goes on though nobody reads");
        }
        thread::sleep(Duration::from_millis(20));
    }
    let mut said = String::new();
    program.stderr.take().expect("a pipe").read_to_string(&mut said).expect("text");
    let status = program.wait().expect("an end");
    assert!(first.starts_with("{\"record\":\"capture\""), "{first}");
    assert_eq!(said, "");
    assert!(status.success(), "{status}");
}
