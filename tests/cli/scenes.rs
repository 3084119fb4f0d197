//! The scorer's bars over captures with known truth.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::program::{PROGRAM, analyze, of_kind, parsed, shared};

/// What the scorer says of every capture in a folder; `None` where it, the folder or Python is not there.
fn score(folder: &str) -> Option<Value> {
    let (scorer, captures) = (shared("score/score.py")?, shared(folder)?);
    if Command::new("python3").arg("--version").output().is_err() {
        eprintln!("skipped: there is no python3 for the scorer");
        return None;
    }
    let answers = tempfile::tempdir().expect("a folder");
    let answer = answers.path().join("score.json");
    let output = Command::new("python3")
        .args([scorer.as_path(), &captures])
        .args(["--run".as_ref(), Path::new(&format!("{PROGRAM} analyze"))])
        .args(["--json".as_ref(), answer.as_path()])
        .output()
        .expect("the scorer runs");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
    eprintln!("{said}");
    let text = std::fs::read_to_string(answer).expect("the scorer's answer");
    Some(serde_json::from_str(&text).expect("JSON"))
}

fn count(kind: &Value, name: &str) -> f64 {
    kind[name].as_f64().unwrap_or_else(|| panic!("{name} in {kind}"))
}

#[test]
fn bursts_in_scenes_are_seen_and_preambles_named() {
    let Some(score) = score("scenes") else { return };
    let kinds = score["kinds"].as_object().expect("kinds");
    let sum = |name| kinds.values().map(|kind| count(kind, name)).sum::<f64>();
    assert!(sum("detected") >= 0.9 * sum("n"), "{} of {} bursts seen", sum("detected"), sum("n"));
    let preambles = &kinds["nprach"];
    let (named, all) = (count(preambles, "technology"), count(preambles, "n"));
    assert!(all > 0.0 && named >= 0.8 * all, "{named} of {all} NPRACH preambles named");
    let fragments = score["fragments_mean"].as_f64().expect("something is named");
    assert!(fragments < 2.0, "{fragments} bursts reported for each transmission");
}

/// The captures of a folder of the reference material.
fn captures(folder: &str) -> Vec<PathBuf> {
    let Some(folder) = shared(folder) else { return Vec::new() };
    let files = std::fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path());
    let mut captures: Vec<_> = files.filter(|path| path.extension().is_some_and(|e| e == "sigmf-meta")).collect();
    captures.sort();
    captures
}

/// What is known to be in a capture.
fn true_kinds(capture: &Path) -> Vec<String> {
    let text = std::fs::read_to_string(capture.with_extension("truth.json")).expect("the truth");
    let truth: Value = serde_json::from_str(&text).expect("JSON");
    let bursts = truth["bursts"].as_array().expect("bursts");
    bursts.iter().map(|burst| burst["kind"].as_str().expect("a kind").to_owned()).collect()
}

#[test]
fn recordings_without_nb_iot_and_lte_m_have_none() {
    for capture in captures("recordings/real") {
        let (has_nb_iot, has_lte_m) = true_kinds(&capture).iter().fold((false, false), |(nb_iot, lte_m), kind| {
            (nb_iot || kind.starts_with("np"), lte_m || kind.starts_with("ltem"))
        });
        let records = parsed(&analyze(&[capture.to_str().expect("a path")]));
        for (technology, is_there) in [("nb-iot", has_nb_iot), ("lte-m", has_lte_m)] {
            let bursts = of_kind(&records, "burst");
            let found: Vec<_> = bursts.iter().filter(|burst| burst["technology"] == technology).collect();
            assert!(is_there || found.is_empty(), "{}: {found:?}", capture.display());
        }
    }
}

#[test]
fn scenes_of_noise_alone_are_reported_as_nothing() {
    for capture in captures("scenes").iter().filter(|capture| true_kinds(capture).is_empty()) {
        let records = parsed(&analyze(&[capture.to_str().expect("a path")]));
        assert_eq!(of_kind(&records, "burst"), Vec::<&Value>::new(), "{}", capture.display());
    }
}
