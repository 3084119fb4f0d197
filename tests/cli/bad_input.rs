//! What cannot be done is said in one sentence, and nothing half done is left behind.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;

use tempfile::TempDir;

use crate::program::{cellsweep, clip, parsed, sample};

/// A folder for bad captures.
struct Folder(TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().expect("a folder"))
    }

    fn file(&self, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
        let path = self.0.path().join(name);
        fs::write(&path, bytes).expect("a file");
        path
    }

    /// A SigMF pair; the answer is the path of its metadata.
    fn pair(&self, name: &str, metadata: &str, data: impl AsRef<[u8]>) -> PathBuf {
        self.file(&format!("{name}.sigmf-data"), data);
        self.file(&format!("{name}.sigmf-meta"), metadata)
    }
}

/// Metadata of a datatype, a rate as it is to stand in JSON, and annotations.
fn metadata(datatype: &str, rate: &str, annotations: &str) -> String {
    format!(
        "{{\"global\": {{\"core:version\": \"1.0.0\", \"core:datatype\": \"{datatype}\", \"core:sample_rate\": {rate}}}, \
         \"captures\": [{{\"core:sample_start\": 0}}], \"annotations\": [{annotations}]}}"
    )
}

/// A tenth of a second at 1 MS/s of 16-bit samples.
fn samples() -> Vec<u8> {
    (0..400_000u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 24) as u8).collect()
}

fn run(command: &str, arguments: &[&str]) -> Output {
    cellsweep().arg(command).args(arguments).output().expect("the program runs")
}

/// One sentence on standard error that names the file; only whole records on standard output; status 1.
fn assert_refused(arguments: &[&str], file: &str) {
    let output = run("analyze", arguments);
    let said = String::from_utf8(output.stderr).expect("text");
    let records = String::from_utf8(output.stdout).expect("text");
    assert!(!said.contains("panicked"), "{said}");
    assert_eq!(said.lines().count(), 1, "{arguments:?} says '{said}'");
    assert!(said.contains(file), "{arguments:?} says '{said}', which does not name {file}");
    assert!(records.is_empty() || records.ends_with('\n'), "{arguments:?} leaves '{records}'");
    parsed(&records);
    assert_eq!(output.status.code(), Some(1), "{arguments:?} says '{said}'");
}

fn text(path: &Path) -> &str {
    path.to_str().expect("a path")
}

#[test]
fn files_that_are_not_captures_are_refused() {
    let folder = Folder::new();
    let inside = |name: &str| folder.0.path().join(name);
    assert_refused(&[text(&inside("missing.sigmf-meta"))], "missing.sigmf-meta");
    assert_refused(&[text(&inside("missing.cu8")), "--rate", "1M"], "missing.cu8");
    assert_refused(&[text(folder.0.path())], text(folder.0.path()));
    assert_refused(&[text(&folder.file("empty.cu8", "")), "--rate", "1M"], "empty.cu8");
    assert_refused(&[text(&folder.pair("void", &metadata("ci16_le", "1e6", ""), ""))], "void.sigmf-data");
    assert_refused(&[text(&folder.file("lonely.sigmf-meta", metadata("ci16_le", "1e6", "")))], "lonely.sigmf-data");
    assert_refused(&[text(&folder.file("notes.txt", "hello")), "--rate", "1M"], "notes.txt");
}

#[test]
fn metadata_that_cannot_be_are_refused() {
    let folder = Folder::new();
    for (name, content) in [
        ("words", "hello".to_owned()),
        ("half", metadata("ci16_le", "1e6", "")[..40].to_owned()),
        ("list", "[]".to_owned()),
        ("standing", metadata("ci16_le", "0", "")),
        ("backwards", metadata("ci16_le", "-1e6", "")),
        ("light", metadata("ci16_le", "1e300", "")),
        ("nan", metadata("ci16_le", "NaN", "")),
        ("infinite", metadata("ci16_le", "1e999", "")),
        ("strange", metadata("cx12_le", "1e6", "")),
    ] {
        let capture = folder.pair(name, &content, samples());
        assert_refused(&[text(&capture)], &format!("{name}.sigmf-meta"));
    }
    for (name, rate) in [("slow", "100e3"), ("fast", "100e6")] {
        let capture = folder.pair(name, &metadata("ci16_le", rate, ""), samples());
        assert_refused(&[text(&capture)], &format!("{name}.sigmf-meta"));
    }
}

#[test]
fn data_that_do_not_fit_their_metadata_are_told() {
    let folder = Folder::new();
    let annotation =
        |start: u64, count: u64| format!("{{\"core:sample_start\": {start}, \"core:sample_count\": {count}}}");
    let cut = folder.pair("cut", &metadata("ci16_le", "1e6", ""), &samples()[..399_999]);
    assert_refused(&[text(&cut)], "cut.sigmf");
    let longer =
        folder.pair("longer", &metadata("ci16_le", "1e6", &annotation(0, 100_000)), [samples(), vec![0]].concat());
    assert_refused(&[text(&longer)], "longer.sigmf");
    let shorter = folder.pair("shorter", &metadata("ci16_le", "1e6", &annotation(50_000, 100_000)), samples());
    assert_refused(&[text(&shorter)], "shorter.sigmf");
    let raw = folder.file("raw.ci16", &samples()[..399_999]);
    assert_refused(&[text(&raw), "--rate", "1M"], "raw.ci16");
}

#[test]
fn raw_samples_need_what_their_name_does_not_tell() {
    let folder = Folder::new();
    let capture = folder.file("a.iq", samples());
    assert_refused(&[text(&capture)], "a.iq");
    assert_refused(&[text(&capture), "--rate", "1M"], "a.iq");
    assert_refused(&[text(&capture), "--format", "ci16_le"], "a.iq");
    let output = run("analyze", &[text(&capture), "--rate", "1M", "--format", "ci16_le"]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn one_bad_capture_among_good_ones_is_told_before_anything_is_written() {
    let folder = Folder::new();
    let output = run("analyze", &[text(&sample()), text(&folder.0.path().join("missing.cu8")), "--rate", "960k"]);
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(String::from_utf8_lossy(&output.stdout), "");
}

#[test]
fn an_output_that_cannot_be_written_is_named() {
    let folder = Folder::new();
    let nowhere = folder.0.path().join("no/such/folder/records.jsonl");
    let capture = clip(folder.0.path());
    assert_refused(&[text(&capture), "--output", text(&nowhere)], "records.jsonl");
    assert_refused(&[text(&capture), "--output", text(folder.0.path())], text(folder.0.path()));
    // A device that is always full stands for a full disk.
    if Path::new("/dev/full").exists() {
        assert_refused(&[text(&capture), "--output", "/dev/full"], "/dev/full");
    }
}

#[test]
fn a_wrong_command_line_is_status_2() {
    for arguments in
        [&["--bogus"][..], &["--threads", "0"], &["--block-ms", "nan"], &["--rate", "0"], &["--format", "x"]]
    {
        let output = cellsweep().arg("analyze").arg(sample()).args(arguments).output().expect("the program runs");
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert!(output.stdout.is_empty() && !output.stderr.is_empty(), "{arguments:?}");
    }
    for arguments in [&[][..], &["frobnicate"], &["analyze"]] {
        assert_eq!(cellsweep().args(arguments).output().expect("a run").status.code(), Some(2), "{arguments:?}");
    }
}

#[test]
fn the_other_commands_refuse_in_a_sentence_too() {
    let folder = Folder::new();
    let missing = folder.0.path().join("missing.sigmf-meta");
    for command in ["info", "replay", "simulate"] {
        let output = run(command, &[text(&missing)]);
        let said = String::from_utf8(output.stderr).expect("text");
        assert_eq!(
            (output.status.code(), output.stdout.len(), said.lines().count()),
            (Some(1), 0, 1),
            "{command}: {said}"
        );
        assert!(said.contains("missing.sigmf-meta") && !said.contains("panicked"), "{command}: {said}");
    }
}

#[test]
fn screens_without_a_terminal_say_what_to_use_instead() {
    let output = run("replay", &[text(&sample())]);
    let said = String::from_utf8(output.stderr).expect("text");
    assert_eq!((output.status.code(), said.lines().count()), (Some(1), 1), "{said}");
    assert!(said.contains("analyze") && !said.contains("panicked"), "{said}");
    assert_eq!(String::from_utf8_lossy(&output.stdout), "");
}
