//! Captures that other programs made: each opens and holds what its metadata and the sizes of its files say.
//! They are not part of the project; where they are absent the test says so and passes.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers too")]

use std::path::{Path, PathBuf};

use captures::{OpenOptions, open};
use num_complex::Complex32;
use serde_json::Value;

#[test]
fn all_open_and_hold_what_they_say() {
    let shared = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().skip(1).map(|above| above.join("shared"));
    let Some(shared) = shared.into_iter().find(|shared| shared.is_dir()) else {
        eprintln!("skipped: no directory 'shared' above the project holds captures");
        return;
    };
    let mut num_captures = 0;
    for directory in [shared.join("scenes"), shared.join("recordings/real")] {
        for path in metadata_files(&directory) {
            check(&path);
            num_captures += 1;
        }
    }
    eprintln!("{num_captures} captures read");
}

fn metadata_files(directory: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(directory).into_iter().flatten();
    entries
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|ending| ending == "sigmf-meta"))
        .collect()
}

fn check(path: &Path) {
    let metadata: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    let global = &metadata["global"];
    let num_bytes = std::fs::metadata(path.with_extension("sigmf-data")).unwrap().len();
    let bytes_per_sample = match global["core:datatype"].as_str().unwrap() {
        "cu8" | "ci8" => 2,
        "ci16_le" => 4,
        "cf32_le" => 8,
        other => panic!("{}: {other}", path.display()),
    };

    let mut capture = open(path, &OpenOptions::default()).unwrap();
    let info = capture.info().clone();
    assert_eq!(info.warnings, [""; 0], "{}", path.display());
    assert_eq!(info.samples * bytes_per_sample, num_bytes, "{}", path.display());
    assert_eq!(info.format.to_string(), global["core:datatype"].as_str().unwrap());
    assert_eq!(Some(info.sample_rate_hz), global["core:sample_rate"].as_f64());
    assert_eq!(info.center_frequency_hz, metadata["captures"][0]["core:frequency"].as_f64());
    assert_eq!(info.description.as_deref(), global["core:description"].as_str());
    assert_eq!(info.annotations.len(), metadata["annotations"].as_array().unwrap().len());

    let mut block = vec![Complex32::default(); 10_007];
    let (mut num_read, mut energy) = (0, 0.0);
    loop {
        let num_samples = capture.read(&mut block).unwrap();
        if num_samples == 0 {
            break;
        }
        num_read += num_samples as u64;
        energy += block[..num_samples].iter().map(|sample| f64::from(sample.norm_sqr())).sum::<f64>();
    }
    assert_eq!(num_read, info.samples, "{}", path.display());
    assert!(energy > 0.0 && energy.is_finite(), "{}", path.display());
}
