//! Runs the program on a scene and holds its records against the truth.

use std::path::Path;
use std::process::Command;

use serde_json::Value;

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

fn shared(a: &Value, b: &Value) -> f64 {
    (number(a, "end_s").min(number(b, "end_s")) - number(a, "start_s").max(number(b, "start_s"))).max(0.0)
}

/// Half of its time, and its band within 2 kHz.
fn covers(burst: &Value, truth: &Value) -> bool {
    let apart_hz = (number(burst, "center_hz") - number(truth, "center_hz")).abs();
    let reach_hz = (number(burst, "bandwidth_hz") + number(truth, "bandwidth_hz")) / 2.0;
    shared(burst, truth) > 0.5 * (number(truth, "end_s") - number(truth, "start_s")) && apart_hz < reach_hz + 2e3
}

fn records(program: &str, capture: &Path) -> Vec<Value> {
    let output = Command::new(program).args(["analyze", "--threads", "1"]).arg(capture).output().expect("the program");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).expect("text");
    let all = text.lines().map(|line| serde_json::from_str::<Value>(line).expect("a record"));
    all.filter(|record| record["record"] == "burst").collect()
}

/// Simulates `scene`, analyses it, counts.
pub(crate) fn run(program: &str, scene: &str, channel: &str) -> Outcome {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("scene.toml");
    std::fs::write(&path, scene).expect("a scene");
    let made = cellsweep::simulate::run(&path, None).expect("a capture");
    let text = std::fs::read_to_string(&made.truth_path).expect("truth");
    let truth: Value = serde_json::from_str(&text).expect("truth");
    let sent = truth["bursts"].as_array().expect("bursts");
    let bursts = records(program, &made.meta_path);
    let mut outcome = Outcome { sent: sent.len(), ..Outcome::default() };
    for one in sent {
        outcome.seen += usize::from(bursts.iter().any(|burst| covers(burst, one)));
        let named: Vec<&Value> =
            bursts.iter().filter(|burst| burst["channel"] == channel && covers(burst, one)).collect();
        outcome.named += usize::from(!named.is_empty());
        let cells = named.first().map(|burst| &burst["parameters"]["cell_ids"]).and_then(Value::as_array);
        if let Some(cells) = cells {
            outcome.cell_said += 1;
            outcome.cell_right += usize::from(cells.contains(&one["params"]["cell_id"]));
        }
    }
    for burst in bursts.iter().filter(|burst| burst["technology"] != "unknown") {
        let right = burst["channel"] == channel && sent.iter().any(|one| covers(burst, one));
        outcome.false_alarms += usize::from(!sent.iter().any(|one| shared(burst, one) > 0.0));
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
