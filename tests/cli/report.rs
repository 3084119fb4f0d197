//! `report`: what a client gets.

use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::program::{PROGRAM, sample};

fn report(arguments: &[&str]) -> (i32, String) {
    let output = Command::new(PROGRAM).arg("report").args(arguments).output().expect("the program");
    (output.status.code().expect("a status"), String::from_utf8_lossy(&output.stderr).into_owned())
}

fn path(folder: &Path, name: &str) -> String {
    folder.join(name).to_str().expect("a name").to_owned()
}

fn read(folder: &Path, name: &str) -> String {
    std::fs::read_to_string(folder.join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

#[test]
fn a_report_stands_alone_and_keeps_text_as_text() {
    let folder = tempfile::tempdir().expect("a folder");
    let records = path(folder.path(), "sweep.jsonl");
    let sample = sample();
    let analysed = Command::new(PROGRAM).args(["analyze", sample.to_str().expect("a name"), "-o", &records]).status();
    assert!(analysed.expect("the program").success());
    let about = path(folder.path(), "about.toml");
    let hostile = "client = \"<script>alert(1)</script>\"\nexcluded = [\"tank: sealed\"]\n[[stimulus]]\ntime_s = 0.0\n\
                   what = \"ignition <on>\"\n[[finding]]\ntransmitter = 0\nnote = \"<img src=x onerror=alert(1)>\"\n";
    std::fs::write(&about, hostile).expect("a file");
    assert_eq!(report(&[&records, "--about", &about]).0, 0);
    let page = read(folder.path(), "sweep.html");
    assert!(page.starts_with("<!DOCTYPE html>") && page.contains("&lt;script&gt;alert(1)&lt;/script&gt;"));
    assert!(!page.contains("<script") && !page.contains("<img src=x") && page.contains("ignition &lt;on&gt;"));
    // Nothing is fetched: every address is data in the page.
    for attribute in ["src=\"", "href=\"", "url("] {
        let fetched = page.split(attribute).skip(1).filter(|rest| !rest.starts_with("data:"));
        assert_eq!(fetched.count(), 0, "{attribute}");
    }
    assert!(page.contains("data:image/png;base64,"), "the sample is at hand: there must be a spectrogram");
    let heading = |words: &str| page.find(&format!("<h2>{words}</h2>")).unwrap_or_else(|| panic!("no {words}"));
    assert!(heading("Coverage and limits") < heading("Findings") && heading("Findings") < heading("Summary"));
    let annex: Value = serde_json::from_str(&read(folder.path(), "sweep.json")).expect("JSON");
    let bursts = annex["passes"][0]["bursts"].as_array().expect("bursts").len();
    assert_eq!(read(folder.path(), "sweep.bursts.csv").lines().count(), bursts + 1);
    assert_eq!(annex["about"]["client"], "<script>alert(1)</script>");
    let german = path(folder.path(), "bericht.html");
    assert_eq!(report(&[&records, "-o", &german, "--language", "de"]).0, 0);
    let page = read(folder.path(), "bericht.html");
    assert!(page.contains("<html lang=\"de\">") && page.contains("<h2>Abdeckung und Grenzen</h2>"));
}

#[test]
fn what_is_no_session_is_told() {
    let folder = tempfile::tempdir().expect("a folder");
    let capture = r#"{"record":"capture","path":"a","sample_rate_hz":1e6,"datatype":"ci8"}"#;
    for (name, text, told) in [
        ("empty.jsonl", "", "holds no records"),
        ("noise.jsonl", "hello", "line 1: is no JSON"),
        ("headless.jsonl", r#"{"record":"burst"}"#, "line 1: comes before any capture record"),
        ("torn.jsonl", &format!("{capture}\n{{\"record\":\"bur"), "line 2: is no JSON"),
        ("odd.jsonl", &format!("{capture}\n{{\"record\":\"burst\",\"id\":\"one\"}}"), "line 2: is no burst record"),
    ] {
        let file = path(folder.path(), name);
        std::fs::write(&file, text).expect("a file");
        let (status, said) = report(&[&file]);
        assert!(status == 1 && said.contains(told) && said.contains(name), "{name}: {said}");
        assert!(!folder.path().join(name).with_extension("html").exists(), "{name}");
    }
    let (status, said) = report(&[&path(folder.path(), "none.jsonl")]);
    assert!(status == 1 && said.contains("cannot be read"), "{said}");
    let file = path(folder.path(), "whole.jsonl");
    std::fs::write(&file, capture).expect("a file");
    let about = path(folder.path(), "about.toml");
    std::fs::write(&about, "cleint = 1").expect("a file");
    let (status, said) = report(&[&file, "--about", &about]);
    assert!(status == 1 && said.contains("unknown field `cleint`"), "{said}");
    assert_eq!(report(&[&file]).0, 0, "a sweep that was broken off has a report too");
    assert!(read(folder.path(), "whole.html").contains("broken off"));
}
