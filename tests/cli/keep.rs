//! `--keep`: a sweep's directory opens after its program was killed at any instant.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use cellsweep::logbook::{Entry, Sweep, records_of};

use crate::program::{PROGRAM, sample};

/// Instants of killing, as shares of the time a whole run takes; `CELLSWEEP_KILLS=50` for more.
fn instants() -> Vec<f64> {
    let count = std::env::var("CELLSWEEP_KILLS").ok().and_then(|count| count.parse().ok()).unwrap_or(4);
    // The golden ratio spreads any number of them evenly.
    (1..=count).map(|i| (f64::from(i) * 0.618_033_988_75).fract()).collect()
}

fn analyze(directory: &Path, more: &[&str]) -> Child {
    let mut command = Command::new(PROGRAM);
    command.arg("analyze").arg(sample()).arg("--keep").arg(directory).args(more);
    command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("the program")
}

fn bursts(sweep: &Sweep) -> Vec<&Entry> {
    sweep.entries.iter().filter(|entry| matches!(entry, Entry::Burst(_))).collect()
}

#[test]
fn a_sweep_that_was_killed_opens_and_goes_on() {
    let folder = tempfile::tempdir().expect("a folder");
    let at = |name: &str| -> PathBuf { folder.path().join(name) };
    let begun = std::time::Instant::now();
    assert!(analyze(&at("whole"), &[]).wait().expect("the program").success());
    let took_s = begun.elapsed().as_secs_f64();
    let whole = Sweep::open(&at("whole")).expect("a sweep");
    assert!(whole.is_whole && bursts(&whole).len() > 10 && whole.listened.position_s > 1.0);

    let mut cut_short = 0;
    for (index, share) in instants().into_iter().enumerate() {
        let directory = at(&format!("killed {index}"));
        let mut program = analyze(&directory, &[]);
        std::thread::sleep(Duration::from_secs_f64(share * took_s));
        let written = std::fs::read(records_of(&directory)).unwrap_or_default();
        program.kill().expect("it is killed");
        program.wait().expect("it is gone");
        let left = std::fs::read(records_of(&directory)).unwrap_or_default();
        assert!(left.starts_with(&written), "what was written before the kill is there after it");
        if left.is_empty() {
            continue;
        }
        let sweep = Sweep::open(&directory).unwrap_or_else(|error| panic!("kill {index}: {error:#}"));
        cut_short += u32::from(!sweep.is_whole);
        assert!(bursts(&whole).starts_with(&bursts(&sweep)), "kill {index}: other bursts than of a whole run");
        let report = Command::new(PROGRAM).arg("report").arg(&directory).output().expect("the program");
        assert!(report.status.success(), "kill {index}: {}", String::from_utf8_lossy(&report.stderr));
        let page = std::fs::read_to_string(directory.join("report.html")).expect("a page");
        assert!(page.contains("</html>"));
    }
    assert!(cut_short > 0, "no program was killed while it worked");

    // A torn line is passed over, and a sweep that is continued counts on.
    let records = records_of(&at("whole"));
    let mut bytes = std::fs::read(&records).expect("records");
    bytes.extend(b"{\"record\":\"burst\",\"id\":");
    std::fs::write(&records, bytes).expect("records");
    assert_eq!(Sweep::open(&at("whole")).expect("a sweep"), whole);
    assert!(!analyze(&at("whole"), &[]).wait().expect("the program").success(), "it holds a sweep already");
    assert!(analyze(&at("whole"), &["--resume"]).wait().expect("the program").success());
    let twice = Sweep::open(&at("whole")).expect("a sweep");
    assert_eq!(bursts(&twice).len(), 2 * bursts(&whole).len());
    assert!(twice.is_whole && twice.listened.position_s > 1.9 * whole.listened.position_s);
    let ids: Vec<u64> = twice.entries.iter().filter_map(id).collect();
    assert!(ids.is_sorted_by(|a, b| a < b), "numbers go on");
    let devices = |sweep: &Sweep| sweep.tracker(Default::default(), 0.0).num_transmitters();
    assert!(devices(&twice) < 2 * devices(&whole), "devices are known again");
}

fn id(entry: &Entry) -> Option<u64> {
    match entry {
        Entry::Burst(burst) => Some(burst.id),
        Entry::Event(_) => None,
    }
}
