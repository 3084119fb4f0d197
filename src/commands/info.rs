//! `info`: what a capture says of itself, and what its samples say.

use std::io::{self, Write};

use anyhow::Result;
use num_complex::Complex32;
use serde::Serialize;

use crate::cli::InfoArgs;

/// Samples read to describe the level; the whole of a short capture.
const MAX_SAMPLES: u64 = 20_000_000;

#[derive(Serialize)]
struct Info {
    path: String,
    sample_rate_hz: f64,
    center_frequency_hz: Option<f64>,
    samples: u64,
    duration_s: f64,
    datatype: String,
    datetime: Option<String>,
    description: Option<String>,
    recorder: Option<String>,
    annotations: usize,
    warnings: Vec<String>,
    samples_measured: u64,
    level_dbfs: Option<f64>,
    peak_dbfs: Option<f64>,
    dc_dbfs: Option<f64>,
    analysable: bool,
}

pub(super) fn run(args: &InfoArgs) -> Result<()> {
    let mut capture = captures::open(&args.capture, &args.open.open_options())?;
    let told = capture.info().clone();
    let mut buffer = vec![Complex32::new(0.0, 0.0); 65_536];
    let (mut measured, mut power, mut peak, mut sum_re, mut sum_im) = (0u64, 0.0f64, 0.0f32, 0.0f64, 0.0f64);
    while measured < MAX_SAMPLES {
        let count = capture.read(&mut buffer)?;
        if count == 0 {
            break;
        }
        for sample in buffer[..count].iter().filter(|s| s.re.is_finite() && s.im.is_finite()) {
            power += f64::from(sample.norm_sqr());
            peak = peak.max(sample.norm_sqr());
            sum_re += f64::from(sample.re);
            sum_im += f64::from(sample.im);
        }
        measured += count as u64;
    }
    let count = measured.max(1) as f64;
    let dbfs = |power: f64| (power > 0.0).then(|| (10.0 * power.log10() * 100.0).round() / 100.0);
    let info = Info {
        path: told.path.display().to_string(),
        sample_rate_hz: told.sample_rate_hz,
        center_frequency_hz: told.center_frequency_hz,
        samples: told.samples,
        duration_s: told.duration_s(),
        datatype: told.format.to_string(),
        datetime: told.datetime.clone(),
        description: told.description.clone(),
        recorder: told.recorder.clone(),
        annotations: told.annotations.len(),
        warnings: told.warnings.clone(),
        samples_measured: measured,
        level_dbfs: dbfs(power / count),
        peak_dbfs: dbfs(f64::from(peak)),
        dc_dbfs: dbfs((sum_re * sum_re + sum_im * sum_im) / (count * count)),
        analysable: dsp::grid::Grid::new(told.sample_rate_hz).is_ok(),
    };
    let text = if args.json { format!("{}\n", serde_json::to_string(&info)?) } else { described(&info) };
    match io::stdout().write_all(text.as_bytes()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(()),
    }
}

fn described(info: &Info) -> String {
    let or_unknown = |value: Option<String>| value.unwrap_or_else(|| "not told".to_owned());
    let level = |value: Option<f64>| value.map_or_else(|| "silence".to_owned(), |db| format!("{db:.1} dBFS"));
    let mut lines = vec![
        format!("{}", info.path),
        format!("  sample rate   {} S/s", info.sample_rate_hz),
        format!("  centre        {}", or_unknown(info.center_frequency_hz.map(|hz| format!("{:.6} MHz", hz / 1e6)))),
        format!("  samples       {} ({:.6} s, {})", info.samples, info.duration_s, info.datatype),
        format!("  recorded      {}", or_unknown(info.datetime.clone())),
        format!("  with          {}", or_unknown(info.recorder.clone())),
        format!("  description   {}", or_unknown(info.description.clone())),
        format!("  annotations   {}", info.annotations),
        format!("  mean level    {}", level(info.level_dbfs)),
        format!("  peak          {}", level(info.peak_dbfs)),
        format!("  DC            {}", level(info.dc_dbfs)),
    ];
    if info.samples_measured < info.samples {
        lines.push(format!("  (levels of the first {} samples)", info.samples_measured));
    }
    if !info.analysable {
        lines.push("  cannot be analysed: the sample rate must lie between 240 kS/s and 61.44 MS/s".to_owned());
    }
    lines.extend(info.warnings.iter().map(|warning| format!("  warning       {warning}")));
    lines.push(String::new());
    lines.join("\n")
}
