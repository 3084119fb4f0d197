//! `simulate`: a scene file in, a capture with its truth out.
//!
//! The capture is a SigMF pair whose annotations are the true bursts; `NAME.truth.json` beside it says the same at
//! length. Samples are made block by block, so a scene may last for hours. One scene gives one capture, to the byte.

mod air;
#[cfg(test)]
mod oracle;
pub mod scene;
pub mod truth;

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use captures::{Annotation, Recording, SampleFormat, Writer};
use dsp::synth::{Receiver, Stream};
use num_complex::Complex32;
use serde_json::json;

use air::Air;
use scene::{Scene, Technology};
use truth::{Artifact, Burst, Noise, Truth};

/// What [`run`] made.
#[derive(Debug, Clone, PartialEq)]
pub struct Summary {
    /// Metadata of the capture.
    pub meta_path: PathBuf,
    /// Its truth.
    pub truth_path: PathBuf,
    /// Length in samples.
    pub num_samples: u64,
    /// Transmissions in it.
    pub num_bursts: usize,
    /// Samples that exceeded full scale.
    pub num_clipped: u64,
}

/// Samples made at a time.
const BLOCK_SAMPLES: usize = 1 << 16;

/// Images weaker than this against the noise are not worth an entry in the truth.
const FAINTEST_IMAGE_DB: f64 = -15.0;

/// Makes the capture of `scene_toml`: `out_meta` and its data and truth, or all beside the scene with its stem.
///
/// # Errors
/// Where the scene cannot be read or is none, a transmission in it cannot be, or the capture cannot be written.
pub fn run(scene_toml: &Path, out_meta: Option<&Path>) -> Result<Summary> {
    let scene = Scene::read(scene_toml)?;
    let meta_path = out_meta.map_or_else(|| scene_toml.with_extension("sigmf-meta"), Path::to_owned);
    make(&scene, &meta_path).with_context(|| format!("cannot simulate {}", scene_toml.display()))
}

fn make(scene: &Scene, meta_path: &Path) -> Result<Summary> {
    let capture = &scene.capture;
    let format: SampleFormat = capture.format.parse().context("[scene] format")?;
    let receiver = air::receiver(scene);
    receiver.check()?;
    let Air { emissions, bursts } = Air::of(scene)?;
    let num_samples = (capture.duration_s * capture.sample_rate_hz).round() as u64;
    let recording = Recording {
        format,
        sample_rate_hz: capture.sample_rate_hz,
        center_frequency_hz: Some(capture.center_frequency_hz),
        description: capture.description.clone(),
        datetime: None,
    };
    let mut writer = Writer::create(meta_path, &recording)?;
    let mut stream = Stream::new(&receiver, emissions, capture.seed)?;
    let mut block = vec![Complex32::ZERO; BLOCK_SAMPLES];
    let mut remaining = num_samples;
    while remaining > 0 {
        let block = &mut block[..remaining.min(BLOCK_SAMPLES as u64) as usize];
        stream.fill(block);
        writer.write(block)?;
        remaining -= block.len() as u64;
    }
    let annotations: Vec<Annotation> = bursts.iter().map(|burst| annotation(burst, scene, num_samples)).collect();
    writer.finish(&annotations)?;
    let summary = Summary {
        meta_path: meta_path.to_owned(),
        truth_path: meta_path.with_extension("truth.json"),
        num_samples,
        num_bursts: bursts.len(),
        num_clipped: stream.num_clipped(),
    };
    let mut text = serde_json::to_string_pretty(&truth(scene, &receiver, bursts, &summary))?;
    text.push('\n');
    std::fs::write(&summary.truth_path, text)
        .with_context(|| format!("cannot write the truth to {}", summary.truth_path.display()))?;
    Ok(summary)
}

/// The burst as SigMF says it, cut to the capture.
fn annotation(burst: &Burst, scene: &Scene, num_samples: u64) -> Annotation {
    let first = (burst.start_sample.round().max(0.0) as u64).min(num_samples);
    let end = (burst.end_sample.round().max(0.0) as u64).min(num_samples);
    Annotation {
        sample_start: first,
        sample_count: Some(end - first),
        freq_lower_edge_hz: Some(scene.capture.center_frequency_hz + burst.f_low_hz),
        freq_upper_edge_hz: Some(scene.capture.center_frequency_hz + burst.f_high_hz),
        label: Some(burst.kind.to_owned()),
        comment: Some(format!("{}, {:.1} dB", burst.transmitter, burst.snr_db)),
        extra: serde_json::Map::new(),
    }
}

fn truth(scene: &Scene, receiver: &Receiver, bursts: Vec<Burst>, summary: &Summary) -> Truth {
    let capture = &scene.capture;
    let cells = scene.cells.iter().map(|cell| {
        json!({
            "cell": cell.name,
            "technology": match cell.technology { Technology::NbIot => "nb-iot", Technology::Lte => "lte" },
            "cell_id": cell.cell_id,
            "center_hz": receiver.capture_hz(cell.carrier_hz),
            "frame0_start_s": receiver.capture_s(cell.frame_start_s),
        })
    });
    let name = summary.meta_path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    Truth {
        name,
        description: capture.description.clone(),
        n_samples: summary.num_samples,
        duration_s: summary.num_samples as f64 / capture.sample_rate_hz,
        sample_rate_hz: capture.sample_rate_hz,
        datatype: capture.format.clone(),
        center_frequency_hz: capture.center_frequency_hz,
        seed: capture.seed,
        generator: concat!("cellsweep simulate ", env!("CARGO_PKG_VERSION")),
        conventions: truth::Conventions::default(),
        noise: Noise {
            dbfs: capture.noise_dbfs,
            dbfs_per_hz: capture.noise_dbfs - 10.0 * capture.sample_rate_hz.log10(),
        },
        impairments: json!({
            "sample_clock_ppm": receiver.clock_error_ppm,
            "lo_offset_hz": receiver.lo_offset_hz,
            "dc": [receiver.dc.re, receiver.dc.im],
            "iq": { "gain_db": receiver.iq_gain_db, "phase_deg": receiver.iq_phase_deg },
            "phase_noise_linewidth_hz": receiver.phase_noise_linewidth_hz,
            "gain_db": receiver.gain_db,
            "clipped_fraction": summary.num_clipped as f64 / summary.num_samples.max(1) as f64,
        }),
        cells: cells.collect(),
        artifacts: artifacts(receiver, &bursts, summary),
        bursts,
    }
}

/// What the receiver's faults make visible.
fn artifacts(receiver: &Receiver, bursts: &[Burst], summary: &Summary) -> Vec<Artifact> {
    let end_s = summary.num_samples as f64 / receiver.sample_rate_hz;
    let whole = |kind, bandwidth_hz| Artifact {
        kind,
        start_s: 0.0,
        end_s,
        center_hz: 0.0,
        bandwidth_hz,
        of_burst: None,
        snr_db: None,
        clipped_fraction: None,
    };
    let mut artifacts = Vec::new();
    if receiver.dc.norm_sqr() > 0.0 {
        artifacts.push(whole("dc-offset", 1.0));
    }
    if summary.num_clipped > 0 {
        let clipped_fraction = Some(summary.num_clipped as f64 / summary.num_samples as f64);
        artifacts.push(Artifact { clipped_fraction, ..whole("clipping", receiver.sample_rate_hz) });
    }
    let image_db = receiver.image_db();
    artifacts.extend(bursts.iter().filter(|burst| burst.snr_db + image_db > FAINTEST_IMAGE_DB).map(|burst| Artifact {
        start_s: burst.start_s,
        end_s: burst.end_s,
        center_hz: -burst.center_hz,
        of_burst: Some(burst.id),
        snr_db: Some(burst.snr_db + image_db),
        ..whole("iq-image", burst.bandwidth_hz)
    }));
    artifacts
}

#[cfg(test)]
mod tests {
    use super::*;

    const SCENE: &str = r#"
        [scene]
        duration_s = 0.25
        sample_rate_hz = 480_000
        center_frequency_hz = 842_000_000
        seed = 5
        noise_dbfs = -25
        format = "ci16_le"
        [receiver]
        clock_error_ppm = 50
        lo_offset_hz = 300
        dc = [0.01, 0]
        iq_gain_db = 0.5
        [[cell]]
        name = "a"
        cell_id = 7
        carrier_hz = 100_000
        frame_start_s = 0.0004
        nprach = { repetitions = 2 }
        [[device]]
        name = "tracker"
        cell = "a"
        snr_db = 30
        cfo_hz = 40
        delay_us = 100
        [[device.session]]
        start_s = 0.0101
        response_s = 0.012
        turnaround_s = 0.02
        [[device]]
        name = "meter"
        carrier_hz = -150_000
        power_dbfs = -20
        [[device.fsk]]
        start_s = 0.24
        duration_s = 0.02
        symbol_rate_hz = 4800
        deviation_hz = 5000
    "#;

    fn simulated(text: &str) -> (tempfile::TempDir, Result<Summary>) {
        let folder = tempfile::tempdir().unwrap();
        let scene = folder.path().join("scene.toml");
        std::fs::write(&scene, text).unwrap();
        let summary = run(&scene, None);
        (folder, summary)
    }

    fn json(path: &Path) -> serde_json::Value {
        serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
    }

    #[test]
    fn a_scene_becomes_a_capture_beside_it_with_annotations_that_match_its_truth() {
        let (folder, summary) = simulated(SCENE);
        let summary = summary.unwrap();
        assert_eq!(summary.meta_path, folder.path().join("scene.sigmf-meta"));
        assert_eq!((summary.num_samples, summary.num_bursts), (120_000, 5));
        assert_eq!(std::fs::metadata(folder.path().join("scene.sigmf-data")).unwrap().len(), 480_000);
        let (meta, truth) = (json(&summary.meta_path), json(&summary.truth_path));
        let (annotations, bursts) = (meta["annotations"].as_array().unwrap(), truth["bursts"].as_array().unwrap());
        assert_eq!(annotations.len(), bursts.len());
        for (annotation, burst) in annotations.iter().zip(bursts) {
            let (start, end) = (burst["start_s"].as_f64().unwrap() * 480e3, burst["end_s"].as_f64().unwrap() * 480e3);
            assert_eq!(annotation["core:label"], burst["kind"]);
            assert_eq!(annotation["core:sample_start"], start.round() as u64);
            assert_eq!(annotation["core:sample_count"], end.round().min(120_000.0) as u64 - start.round() as u64);
            let low_hz = annotation["core:freq_lower_edge"].as_f64().unwrap() - 842e6;
            assert!((low_hz - burst["f_low_hz"].as_f64().unwrap()).abs() < 1e-3);
        }
        let kinds: Vec<&str> = bursts.iter().map(|burst| burst["kind"].as_str().unwrap()).collect();
        assert_eq!(kinds, ["nprach", "npusch1", "npusch2", "npusch1", "confounder:fsk"]);
        // The preamble moves on to its cell's next subframe, then come its delay and the fast clock.
        let start_s = bursts[0]["start_s"].as_f64().unwrap();
        assert!((start_s - (0.0104 + 100e-6) * 1.00005).abs() < 1e-12, "{start_s}");
        let center_hz = bursts[0]["center_hz"].as_f64().unwrap();
        let on_carrier_hz = 6.0 * 3750.0 - 90e3;
        assert!((center_hz - (100e3 + 40.0 - 300.0 + on_carrier_hz) / 1.00005).abs() < 1e-6, "{center_hz}");
        assert!((bursts[0]["snr_db"].as_f64().unwrap() - 30.0).abs() < 1e-9);
        assert_eq!(bursts[4]["truncated"], true);
        let artifacts: Vec<&str> =
            truth["artifacts"].as_array().unwrap().iter().map(|artifact| artifact["type"].as_str().unwrap()).collect();
        assert!(artifacts.contains(&"dc-offset") && artifacts.contains(&"iq-image"), "{artifacts:?}");
    }

    #[test]
    fn the_same_scene_is_the_same_capture_and_another_seed_is_not() {
        let data = |text: &str| {
            let (folder, summary) = simulated(text);
            summary.unwrap();
            std::fs::read(folder.path().join("scene.sigmf-data")).unwrap()
        };
        let first = data(SCENE);
        assert_eq!(data(SCENE), first);
        assert_ne!(data(&SCENE.replace("seed = 5", "seed = 6")), first);
    }

    /// The capture and truth in `captures/samples` are what their scene makes; mathematical functions of another
    /// machine may move a sample by one code.
    #[test]
    fn the_sample_is_what_its_scene_makes() {
        let samples = Path::new(env!("CARGO_MANIFEST_DIR")).join("captures/samples");
        let folder = tempfile::tempdir().unwrap();
        let meta_path = folder.path().join("vehicle-sweep.sigmf-meta");
        let summary = run(&samples.join("vehicle-sweep.toml"), Some(&meta_path)).unwrap();
        let read = |path: &Path| std::fs::read(path.with_extension("sigmf-data")).unwrap();
        let (made, kept) = (read(&meta_path), read(&samples.join("vehicle-sweep.sigmf-meta")));
        assert_eq!(made.len(), kept.len());
        let most = made.iter().zip(&kept).map(|(&a, &b)| a.cast_signed().abs_diff(b.cast_signed())).max();
        assert!(most <= Some(1), "{most:?}");
        let bursts = |path: &Path| json(path)["bursts"].as_array().unwrap().len();
        assert_eq!(bursts(&summary.truth_path), bursts(&samples.join("vehicle-sweep.truth.json")));
    }

    #[test]
    fn transmissions_that_cannot_be_are_told_with_device_and_key() {
        let error = |from: &str, to: &str| {
            assert!(SCENE.contains(from));
            format!("{:#}", simulated(&SCENE.replace(from, to)).1.unwrap_err())
        };
        for (from, to, told) in [
            ("cell = \"a\"", "cell = \"b\"", "device \"tracker\": cell is \"b\"; expected one of [\"a\"]"),
            ("repetitions = 2", "repetitions = 3", "session at 0.0101 s: repetitions is 3; expected one of [1, 2, 4"),
            ("snr_db = 30", "", "snr_db and power_dbfs are both given or both missing"),
            ("start_s = 0.24", "start_s = 0.3", "fsk at 0.3 s: it lasts from 0.300015"),
            ("carrier_hz = -150_000", "carrier_hz = -300_000", "expected a band within 240000 Hz either way"),
            ("response_s = 0.012", "spacing_hz = 3000", "spacing_hz is 3000; expected 3750 or 15000"),
            ("response_s = 0.012", "tones = 5", "tones is 5; expected 1, 3, 6 or 12"),
            ("clock_error_ppm = 50", "clock_error_ppm = 5e6", "clock_error_ppm is 5000000; expected -1000 to 1000"),
            ("ci16_le", "ci17", "[scene] format"),
            ("snr_db = 30", "snr_db = nan", "gives a power of NaN; expected a finite one"),
            ("delay_us = 100", "delay_us = nan", "it lasts from NaN"),
            ("delay_us = 100", "ramp_us = nan", "ramp_us is NaN; expected 0 to 1000"),
            ("start_s = 0.0101", "start_s = nan", "start_s is NaN"),
            ("response_s = 0.012", "reports = 60000", "its step 7 comes at"),
            ("duration_s = 0.02", "duration_s = 0", "duration_s is 0; expected 1 to 10000000 symbols"),
        ] {
            let message = error(from, to);
            assert!(message.contains(told), "{to}: {message}");
        }
        let missing = format!("{:#}", run(Path::new("no such scene.toml"), None).unwrap_err());
        assert!(missing.contains("cannot read the scene no such scene.toml"), "{missing}");
    }
}
