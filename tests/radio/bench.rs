//! The virtual receiver, and the program on it.

use std::io::{Write, stderr};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::LazyLock;

use serde_json::Value;
use tempfile::TempDir;

pub(crate) const RATE_HZ: u64 = 960_000;
pub(crate) const NUM_SAMPLES: u64 = 384_000;
pub(crate) const DURATION_S: &str = "0.4";

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

/// The same device on a narrow stream, long enough for a recording to begin and end within it.
const LONG_SCENE: &str = r#"
[scene]
duration_s = 4.5
sample_rate_hz = 240_000
center_frequency_hz = 842_440_000
seed = 12
noise_dbfs = -62.0
format = "ci16_le"

[[cell]]
name = "cell"
cell_id = 145
carrier_hz = 0

[[device]]
name = "tracker"
cell = "cell"
power_dbfs = -40.0
cfo_hz = 62.0
rnti = 4711

[[device.session]]
start_s = [1.5]
reports = 2
first_subcarrier = 7
resource_units = 2
repetitions = 1
"#;

/// Built once; leaked, so that nobody removes it while another test uses it.
pub(crate) static BENCH: LazyLock<Option<Bench>> = LazyLock::new(|| {
    let bench = Bench::build();
    if bench.is_none() {
        let _ = writeln!(stderr(), "skipped: the virtual receiver needs g++ and libsoapysdr-dev");
    }
    bench
});

pub(crate) struct Bench {
    pub(crate) dir: TempDir,
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
        let scenes = [("ci16_le", SCENE), ("cu8", SCENE), ("long", LONG_SCENE)];
        for (name, scene) in scenes {
            let text = scene.replace("FORMAT", name);
            let scene = bench.dir.path().join(format!("{name}.toml"));
            std::fs::write(&scene, text).expect("the scene");
            let made = bench.cellsweep(&["simulate", scene.to_str().expect("a name")]);
            assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        }
        Some(bench)
    }

    pub(crate) fn samples(&self, format: &str) -> PathBuf {
        self.dir.path().join(format!("{format}.sigmf-data"))
    }

    /// The program with no SoapySDR module but the virtual receiver.
    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_cellsweep"));
        command.args(args);
        command.env("SOAPY_SDR_PLUGIN_PATH", self.dir.path()).env("SOAPY_SDR_ROOT", self.dir.path());
        // Nor a radio that somebody chose.
        command.env("XDG_CONFIG_HOME", self.dir.path());
        command
    }

    pub(crate) fn cellsweep(&self, args: &[&str]) -> Output {
        self.command(args).output().expect("the program runs")
    }

    /// Arguments of a headless sweep of `format` with more device arguments.
    pub(crate) fn sweep(&self, format: &str, device: &str) -> Vec<String> {
        let native = if format == "cu8" { "CU8" } else { "CS16" };
        let device = format!("driver=virtual,format={native},file={}{device}", self.samples(format).display());
        // Blocks so long that all there is fits into them: a busy machine loses nothing either.
        ["sweep", "--center", "842.59M", "--rate", "960k", "--headless", "--block-ms", "100", "--device", &device]
            .map(str::to_owned)
            .to_vec()
    }

    pub(crate) fn run(&self, args: &[String]) -> Output {
        self.cellsweep(&args.iter().map(String::as_str).collect::<Vec<_>>())
    }

    /// A sweep of as many samples as the scene has.
    pub(crate) fn sweep_once(&self, format: &str, device: &str) -> Output {
        let mut args = self.sweep(format, device);
        args.extend(["--duration".to_owned(), DURATION_S.to_owned()]);
        self.run(&args)
    }

    /// What `analyze` says of the first samples of the same file.
    pub(crate) fn analyze(&self, format: &str, num_samples: u64) -> Output {
        let bytes_per_sample = if format == "cu8" { 2 } else { 4 };
        let bytes = std::fs::read(self.samples(format)).expect("the samples");
        let path = self.dir.path().join(format!("{format}-{num_samples}.iq"));
        std::fs::write(&path, &bytes[..num_samples as usize * bytes_per_sample]).expect("the samples");
        let path = path.to_str().expect("a name");
        self.cellsweep(&["analyze", "--rate", "960k", "--center", "842.59M", "--format", format, path])
    }
}

/// Lines of one kind of record.
pub(crate) fn lines<'a>(output: &'a Output, record: &str) -> Vec<&'a str> {
    let kind = format!("{{\"record\":\"{record}\"");
    let text = std::str::from_utf8(&output.stdout).expect("records are text");
    text.lines().filter(|line| line.starts_with(&kind)).collect()
}

pub(crate) fn summary(output: &Output) -> Value {
    let last = std::str::from_utf8(&output.stdout).expect("records are text").lines().last();
    let summary: Value = serde_json::from_str(last.expect("a last record")).expect("a record");
    assert_eq!(summary["record"], "summary");
    summary
}

pub(crate) fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}
