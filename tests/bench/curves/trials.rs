//! Runs the program on captures with known truth and holds its records against it.

use std::path::PathBuf;
use std::process::Command;

use serde_json::Value;
use tempfile::TempDir;

/// One piece of a transmission that was on the air.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sent {
    pub(crate) start_s: f64,
    pub(crate) end_s: f64,
    pub(crate) center_hz: f64,
    pub(crate) bandwidth_hz: f64,
    pub(crate) cell_id: Option<u64>,
}

/// A capture that lasts as long as its folder.
pub(crate) struct Capture {
    pub(crate) path: PathBuf,
    /// Words that open it.
    pub(crate) options: Vec<String>,
    pub(crate) sent: Vec<Sent>,
    pub(crate) _folder: TempDir,
}

/// One reported burst with a name, and whether the name is right.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Said {
    pub(crate) confidence: f64,
    pub(crate) right: bool,
}

/// What became of the transmissions of one scene.
#[derive(Debug, Clone, Default)]
pub(crate) struct Outcome {
    pub(crate) sent: usize,
    /// Reported as anything at their place.
    pub(crate) seen: usize,
    /// Reported with their channel.
    pub(crate) named: usize,
    /// Of those that say which cells fit, how many name the true one among them; and how many say so at all.
    pub(crate) cell_right: usize,
    pub(crate) cell_said: usize,
    /// Named bursts where nothing of that name was sent.
    pub(crate) false_alarms: usize,
    pub(crate) said: Vec<Said>,
}

fn number(object: &Value, name: &str) -> f64 {
    object[name].as_f64().unwrap_or(f64::NAN)
}

fn shared_s(burst: &Value, sent: &Sent) -> f64 {
    (number(burst, "end_s").min(sent.end_s) - number(burst, "start_s").max(sent.start_s)).max(0.0)
}

/// Half of its time, and its band within 2 kHz, by the burst or one of its segments.
fn covers(burst: &Value, sent: &Sent) -> bool {
    let rectangle = |r: &Value| {
        let reach_hz = (number(r, "bandwidth_hz") + sent.bandwidth_hz) / 2.0;
        shared_s(r, sent) > 0.5 * (sent.end_s - sent.start_s)
            && (number(r, "center_hz") - sent.center_hz).abs() < reach_hz + 2e3
    };
    rectangle(burst) || burst["segments"].as_array().is_some_and(|all| all.iter().any(rectangle))
}

/// The capture that a scene makes.
pub(crate) fn simulated(scene: &str) -> Capture {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("scene.toml");
    std::fs::write(&path, scene).expect("a scene");
    let made = cellsweep::simulate::run(&path, None).expect("a capture");
    let text = std::fs::read_to_string(&made.truth_path).expect("truth");
    let truth: Value = serde_json::from_str(&text).expect("truth");
    let bursts = truth["bursts"].as_array().expect("bursts").iter().map(|burst| Sent {
        start_s: number(burst, "start_s"),
        end_s: number(burst, "end_s"),
        center_hz: number(burst, "center_hz"),
        bandwidth_hz: number(burst, "bandwidth_hz"),
        cell_id: burst["params"]["cell_id"].as_u64(),
    });
    Capture { path: made.meta_path, options: Vec::new(), sent: bursts.collect(), _folder: folder }
}

fn bursts(program: &str, capture: &Capture) -> Vec<Value> {
    let mut command = Command::new(program);
    command.args(["analyze", "--threads", "1"]).args(&capture.options).arg(&capture.path);
    let output = command.output().expect("the program");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).expect("text");
    let all = text.lines().map(|line| serde_json::from_str::<Value>(line).expect("a record"));
    all.filter(|record| record["record"] == "burst").collect()
}

/// Analyses a capture and counts what was named `channel`.
pub(crate) fn run(program: &str, capture: &Capture, channel: &str) -> Outcome {
    let (bursts, sent) = (bursts(program, capture), &capture.sent);
    let mut outcome = Outcome { sent: sent.len(), ..Outcome::default() };
    for one in sent {
        outcome.seen += usize::from(bursts.iter().any(|burst| covers(burst, one)));
        let mut named = bursts.iter().filter(|burst| burst["channel"] == channel && covers(burst, one));
        let Some(first) = named.next() else { continue };
        outcome.named += 1;
        if let (Some(cells), Some(cell_id)) = (first["parameters"]["cell_ids"].as_array(), one.cell_id) {
            outcome.cell_said += 1;
            outcome.cell_right += usize::from(cells.contains(&cell_id.into()));
        }
    }
    for burst in bursts.iter().filter(|burst| burst["technology"] != "unknown") {
        let right = burst["channel"] == channel && sent.iter().any(|one| covers(burst, one));
        outcome.false_alarms += usize::from(!sent.iter().any(|one| shared_s(burst, one) > 0.0));
        outcome.said.push(Said { confidence: number(burst, "confidence"), right });
    }
    outcome
}

/// Wilson's interval of a proportion, 95 %.
pub(crate) fn interval(hits: usize, trials: usize) -> (f64, f64) {
    if trials == 0 {
        return (0.0, 1.0);
    }
    const Z: f64 = 1.96;
    let (n, p) = (trials as f64, hits as f64 / trials as f64);
    let middle = (p + Z * Z / (2.0 * n)) / (1.0 + Z * Z / n);
    let half = Z / (1.0 + Z * Z / n) * (p * (1.0 - p) / n + Z * Z / (4.0 * n * n)).sqrt();
    ((middle - half).max(0.0), (middle + half).min(1.0))
}
