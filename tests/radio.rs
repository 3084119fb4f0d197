//! The real executable on a virtual receiver, a SoapySDR module built here from `soapy/virtual_receiver.cpp`.
#![cfg(feature = "soapy")]

use std::io::{BufRead, BufReader, Write, stderr};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::LazyLock;

use serde_json::Value;
use tempfile::TempDir;

const RATE_HZ: u64 = 960_000;
const NUM_SAMPLES: u64 = 384_000;
const DURATION_S: &str = "0.4";

/// An NB-IoT device attaches and reports; levels leave room for a receiver of 12 bits.
const SCENE: &str = r#"
[scene]
duration_s = 0.4
sample_rate_hz = 960_000
center_frequency_hz = 842_590_000
seed = 11
noise_dbfs = -62.0
format = "FORMAT"

[[cell]]
name = "cell"
cell_id = 145
carrier_hz = -150_000

[[device]]
name = "tracker"
cell = "cell"
power_dbfs = -40.0
cfo_hz = 62.0
rnti = 4711

[[device.session]]
start_s = [0.05]
reports = 2
first_subcarrier = 7
resource_units = 2
repetitions = 1
"#;

/// Built once; leaked, so that nobody removes it while another test uses it.
static BENCH: LazyLock<Option<Bench>> = LazyLock::new(|| {
    let bench = Bench::build();
    if bench.is_none() {
        let _ = writeln!(stderr(), "skipped: the virtual receiver needs g++ and libsoapysdr-dev");
    }
    bench
});

struct Bench {
    dir: TempDir,
}

impl Bench {
    fn build() -> Option<Self> {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/soapy/virtual_receiver.cpp");
        let built = Command::new("g++")
            .args(["-std=c++17", "-O1", "-shared", "-fPIC", "-o"])
            .arg(dir.path().join("libvirtual.so"))
            .arg(&source)
            .arg("-lSoapySDR")
            .output()
            .ok()?;
        if !built.status.success() {
            let why = String::from_utf8_lossy(&built.stderr);
            assert!(why.contains("No such file"), "the virtual receiver does not compile: {why}");
            return None;
        }
        let bench = Self { dir };
        for format in ["ci16_le", "cu8"] {
            let scene = bench.dir.path().join(format!("{format}.toml"));
            std::fs::write(&scene, SCENE.replace("FORMAT", format)).expect("the scene");
            let made = bench.cellsweep(&["simulate", scene.to_str().expect("a name")]);
            assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        }
        Some(bench)
    }

    fn samples(&self, format: &str) -> PathBuf {
        self.dir.path().join(format!("{format}.sigmf-data"))
    }

    /// The program with no SoapySDR module but the virtual receiver.
    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_cellsweep"));
        command.args(args);
        command.env("SOAPY_SDR_PLUGIN_PATH", self.dir.path()).env("SOAPY_SDR_ROOT", self.dir.path());
        command
    }

    fn cellsweep(&self, args: &[&str]) -> Output {
        self.command(args).output().expect("the program runs")
    }

    /// Arguments of a headless sweep of `format` with more device arguments.
    fn sweep(&self, format: &str, device: &str) -> Vec<String> {
        let native = if format == "cu8" { "CU8" } else { "CS16" };
        let device = format!("driver=virtual,format={native},file={}{device}", self.samples(format).display());
        // Blocks so long that all there is fits into them: a busy machine loses nothing either.
        ["sweep", "--center", "842.59M", "--rate", "960k", "--headless", "--block-ms", "100", "--device", &device]
            .map(str::to_owned)
            .to_vec()
    }

    fn run(&self, args: &[String]) -> Output {
        self.cellsweep(&args.iter().map(String::as_str).collect::<Vec<_>>())
    }

    /// A sweep of as many samples as the scene has.
    fn sweep_once(&self, format: &str, device: &str) -> Output {
        let mut args = self.sweep(format, device);
        args.extend(["--duration".to_owned(), DURATION_S.to_owned()]);
        self.run(&args)
    }

    /// What `analyze` says of the first samples of the same file.
    fn analyze(&self, format: &str, num_samples: u64) -> Output {
        let bytes_per_sample = if format == "cu8" { 2 } else { 4 };
        let bytes = std::fs::read(self.samples(format)).expect("the samples");
        let path = self.dir.path().join(format!("{format}-{num_samples}.iq"));
        std::fs::write(&path, &bytes[..num_samples as usize * bytes_per_sample]).expect("the samples");
        let path = path.to_str().expect("a name");
        self.cellsweep(&["analyze", "--rate", "960k", "--center", "842.59M", "--format", format, path])
    }
}

/// Lines of one kind of record.
fn lines<'a>(output: &'a Output, record: &str) -> Vec<&'a str> {
    let kind = format!("{{\"record\":\"{record}\"");
    let text = std::str::from_utf8(&output.stdout).expect("records are text");
    text.lines().filter(|line| line.starts_with(&kind)).collect()
}

fn summary(output: &Output) -> Value {
    let last = std::str::from_utf8(&output.stdout).expect("records are text").lines().last();
    let summary: Value = serde_json::from_str(last.expect("a last record")).expect("a record");
    assert_eq!(summary["record"], "summary");
    summary
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn a_radio_finds_what_the_recording_of_it_holds() {
    let Some(bench) = &*BENCH else { return };
    for format in ["ci16_le", "cu8"] {
        let recorded = bench.analyze(format, NUM_SAMPLES);
        let live = bench.sweep_once(format, "");
        assert!(live.status.success(), "{}", said(&live));
        assert!(lines(&recorded, "burst").len() >= 2, "the scene must hold something to find");
        for record in ["burst", "transmitter"] {
            assert_eq!(lines(&live, record), lines(&recorded, record), "{format}");
        }
        let summary = summary(&live);
        assert_eq!((&summary["samples_processed"], &summary["samples_dropped"]), (&NUM_SAMPLES.into(), &0.into()));
        let capture: Value = serde_json::from_str(lines(&live, "capture")[0]).expect("a record");
        assert_eq!(capture["path"], "virtual receiver");
        assert_eq!(capture["datatype"], format);
        assert_eq!(capture["center_frequency_hz"], 842_590_000.0);
        assert!(capture["samples"].is_null() && capture["duration_s"].is_null() && capture["sha256"].is_null());
    }
}

/// Twelve bits in sixteen: the same codes are 24.08 dB louder.
#[test]
fn levels_are_those_of_the_device_s_own_full_scale() {
    let Some(bench) = &*BENCH else { return };
    let powers = |device: &str| -> Vec<f64> {
        let output = bench.sweep_once("ci16_le", device);
        let power = |line: &&str| serde_json::from_str::<Value>(line).expect("a record")["power_dbfs"].as_f64();
        lines(&output, "burst").iter().map(|line| power(line).expect("a level")).collect()
    };
    let (sixteen, twelve) = (powers(""), powers(",full_scale=2048"));
    assert!(!sixteen.is_empty() && sixteen.len() == twelve.len());
    for (sixteen, twelve) in sixteen.iter().zip(&twelve) {
        assert!((twelve - sixteen - 20.0 * 16f64.log10()).abs() < 0.011, "{sixteen} and {twelve} dBFS");
    }
}

#[test]
fn what_the_radio_loses_is_counted_to_the_sample() {
    let Some(bench) = &*BENCH else { return };
    // At 60 000, 120 000 … 360 000 of the 384 000 samples; by the driver's word and the clock, or the clock alone.
    let lost = 6 * 7001;
    for word in ["", ",silent_gaps=1"] {
        let output = bench.sweep_once("ci16_le", &format!(",overflow_every=60000,overflow_lost=7001{word}"));
        assert!(output.status.success(), "{}", said(&output));
        let summary = summary(&output);
        assert_eq!(summary["samples_dropped"], lost, "{word}");
        assert_eq!(summary["samples_processed"], NUM_SAMPLES - lost, "{word}");
        let blind_s = summary["blind_s"].as_f64().expect("a time");
        assert!((blind_s - lost as f64 / RATE_HZ as f64).abs() < 1e-6);
    }
}

#[test]
fn a_loss_that_nothing_measures_is_told() {
    let Some(bench) = &*BENCH else { return };
    let output = bench.sweep_once("ci16_le", ",stamp=0,overflow_every=60000,overflow_lost=7001");
    assert!(output.status.success(), "{}", said(&output));
    // The seventh comes at 420 000 of the radio's samples, of which 377 994 have arrived.
    assert_eq!(summary(&output)["samples_dropped"], 7);
    assert!(said(&output).contains("cut 7 times"), "{}", said(&output));
}

#[test]
fn passing_errors_are_passed_over() {
    let Some(bench) = &*BENCH else { return };
    let output = bench.sweep_once("ci16_le", ",errors_at=100000,errors=5");
    assert!(output.status.success(), "{}", said(&output));
    assert_eq!(summary(&output)["samples_processed"], NUM_SAMPLES);
}

#[test]
fn when_the_radio_is_lost_its_findings_are_kept() {
    let Some(bench) = &*BENCH else { return };
    let recorded = bench.analyze("ci16_le", 300_000);
    let output = bench.sweep_once("ci16_le", ",lost_at=300000");
    assert_eq!(output.status.code(), Some(1));
    assert!(said(&output).contains("the radio is lost"), "{}", said(&output));
    assert!(!lines(&recorded, "burst").is_empty(), "the scene must hold something to find");
    for record in ["burst", "transmitter"] {
        assert_eq!(lines(&output, record), lines(&recorded, record));
    }
    assert_eq!(summary(&output)["samples_processed"], 300_000);
}

#[test]
fn a_driver_that_hangs_is_given_up() {
    let Some(bench) = &*BENCH else { return };
    for fault in [",hang_at=300000", ",silent_at=300000"] {
        let output = bench.sweep_once("ci16_le", fault);
        assert_eq!(output.status.code(), Some(1), "{fault}");
        assert!(said(&output).contains("no sample came for 2 s"), "{fault}: {}", said(&output));
        assert!(!lines(&output, "transmitter").is_empty(), "{fault}");
        summary(&output);
    }
}

/// Bursts come as they are heard, and Ctrl-C ends a sweep in order.
#[test]
fn an_interrupt_ends_a_sweep_in_order() {
    let Some(bench) = &*BENCH else { return };
    let args = bench.sweep("ci16_le", ",realtime=1");
    let mut sweep = bench
        .command(&args.iter().map(String::as_str).collect::<Vec<_>>())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program runs");
    let mut records = BufReader::new(sweep.stdout.take().expect("a pipe")).lines().map(|line| line.expect("text"));
    assert!(records.by_ref().any(|line| line.contains("\"record\":\"burst\"")));
    let pid = sweep.id().to_string();
    assert!(Command::new("kill").args(["-INT", &pid]).status().expect("kill runs").success());
    assert!(records.last().expect("a last record").contains("\"record\":\"summary\""));
    assert_eq!(sweep.wait().expect("an end").code(), Some(0));
}

#[test]
fn where_there_is_no_radio_that_is_said() {
    let Some(bench) = &*BENCH else { return };
    let output = bench.cellsweep(&["sweep", "--center", "832.3M", "--headless"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(said(&output).contains("no radio was found; plug one in"), "{}", said(&output));
    assert!(output.stdout.is_empty());
    let output = bench.cellsweep(&["sweep", "--center", "832.3M", "--device", "driver=none"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(said(&output).contains("matches driver=none") && said(&output).contains("cellsweep devices"));
    let output = bench.run(&bench.sweep("none", ""));
    assert_eq!(output.status.code(), Some(1));
    assert!(
        said(&output).contains("cannot be opened") && said(&output).contains("cannot be read"),
        "{}",
        said(&output)
    );
}

#[test]
fn radios_are_listed_with_what_they_can_hear() {
    let Some(bench) = &*BENCH else { return };
    let device = format!("driver=virtual,file={}", bench.samples("ci16_le").display());
    let output = bench.cellsweep(&["devices", "--device", &device]);
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines[0], "virtual receiver: driver=virtual, serial=0001");
    assert_eq!(lines[1], "  tunes 24 to 1766 MHz; samples at 0.24 to 61.44 MS/s; gain 0 to 49.6 dB");
    assert!(lines[2].starts_with("  hears the uplink of ") && lines[2].contains("B20 (832 MHz)"), "{text}");
    assert_eq!(lines[3], "  hears in part B3 (1710 MHz), B66 (1710 MHz)");
    assert!(lines[4].starts_with("  cannot hear B1 (1920 MHz), B2 (1850 MHz)"), "{text}");
    let output = bench.cellsweep(&["devices", "--device", &device, "--json"]);
    let listed: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!((&listed[0]["driver"], &listed[0]["serial"]), (&"virtual".into(), &"0001".into()));
    assert_eq!(listed[0]["bands_heard_in_part"], serde_json::json!([3, 66]));
    let output = bench.cellsweep(&["devices", "--json"]);
    assert!(output.status.success() && output.stdout == b"[]\n" && said(&output).contains("no radio was found"));
}

#[test]
fn a_radio_that_cannot_be_asked_is_listed_all_the_same() {
    let Some(bench) = &*BENCH else { return };
    let output = bench.cellsweep(&["devices", "--device", "driver=virtual,file=none"]);
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(
        output.status.success() && text.contains("cannot be asked what it hears (file none cannot be read)"),
        "{text}"
    );
    let output = bench.cellsweep(&["devices", "--device", "driver=virtual,file=none", "--json"]);
    let listed: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert!(listed[0]["bands_heard"].is_null() && listed[0]["driver"] == "virtual");
}
