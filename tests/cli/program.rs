//! The executable, the captures it is tried on, and its records.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::Duration;

use assert_cmd::Command;
use serde_json::Value;

/// Longer than anything here takes: a run that hangs fails instead.
const PATIENCE: Duration = Duration::from_secs(300);

/// Path of the executable under test.
pub(crate) const PROGRAM: &str = env!("CARGO_BIN_EXE_cellsweep");

/// The program, to be given arguments and run.
pub(crate) fn cellsweep() -> Command {
    let mut command = Command::new(PROGRAM);
    command.timeout(PATIENCE);
    command
}

/// The shipped capture.
pub(crate) fn sample() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("captures/samples/vehicle-sweep.sigmf-meta")
}

/// Standard output of `analyze` on the shipped capture.
pub(crate) fn sample_records() -> &'static str {
    static RECORDS: OnceLock<String> = OnceLock::new();
    RECORDS.get_or_init(|| analyze(&[sample().to_str().expect("a path")]))
}

/// The first 0.4 seconds of the shipped capture, written into a folder: a preamble and a message of the tracker.
pub(crate) fn clip(folder: &Path) -> PathBuf {
    let path = folder.join("clip.sigmf-meta");
    let metadata = fs::read_to_string(sample()).expect("metadata");
    let mut metadata: Value = serde_json::from_str(&metadata).expect("JSON");
    metadata["annotations"] = Value::Array(Vec::new());
    let data = fs::read(sample().with_extension("sigmf-data")).expect("samples");
    fs::write(&path, metadata.to_string()).expect("metadata");
    fs::write(path.with_extension("sigmf-data"), &data[..2 * 384_000]).expect("samples");
    path
}

/// A file or folder of the reference material, which lies beside the repository or where `CELLSWEEP_SHARED` says;
/// `None`, with a line that says so, where it is not there.
pub(crate) fn shared(part: &str) -> Option<PathBuf> {
    let beside = || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared");
    let path = std::env::var_os("CELLSWEEP_SHARED").map_or_else(beside, PathBuf::from).join(part);
    if !path.exists() {
        eprintln!("skipped: {} is not there", path.display());
        return None;
    }
    Some(path)
}

/// The real recording of an NB-IoT beacon, and the truth about it.
pub(crate) fn beacon() -> Option<(PathBuf, PathBuf)> {
    let name = "recordings/real/v16_beacon_nbiot_ul_832M3_640k";
    Some((shared(&format!("{name}.sigmf-meta"))?, shared(&format!("{name}.truth.json"))?))
}

/// Standard output of `analyze` with further arguments.
pub(crate) fn analyze(arguments: &[&str]) -> String {
    let output = cellsweep().arg("analyze").args(arguments).output().expect("the program runs");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{arguments:?}: {}: {said}", output.status);
    String::from_utf8(output.stdout).expect("records are UTF-8")
}

/// Records, each parsed.
pub(crate) fn parsed(records: &str) -> Vec<Value> {
    let parse = |line: &str| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
    records.lines().map(parse).collect()
}

/// The records of one kind.
pub(crate) fn of_kind<'a>(records: &'a [Value], kind: &str) -> Vec<&'a Value> {
    records.iter().filter(|record| record["record"] == kind).collect()
}

/// Records to the byte but for the figures that two runs may differ in.
pub(crate) fn without_performance(records: &str) -> String {
    let (before, after) = records.split_once("\"performance\":{").expect("a summary tells its performance");
    let (_, after) = after.split_once('}').expect("performance is an object");
    format!("{before}{after}")
}
