//! `convert`: a capture, or a part of its time and band, in another format.
//!
//! Without a change of band the samples are copied as they are encoded, or recoded where the target holds each of them
//! exactly; anything else needs `--force`. A change of rate or centre goes through the fast convolution of
//! [`dsp::zoom`], block by block, and is written as floats.

use std::f64::consts::TAU;
use std::fs;
use std::io::Write;
use std::path::Path;

use anyhow::{Result, bail};
use captures::{Annotation, Capture, CaptureInfo, OpenOptions, Recording, SampleFormat, Stretch, Writer};
use dsp::zoom::Zoom;
use num_complex::Complex32;

use crate::cli::ConvertArgs;
use crate::commands::tell;
use crate::source::vetted;

/// Samples copied at once.
const BLOCK_SAMPLES: usize = 1 << 15;
/// Samples brought down at once, about.
const ZOOM_SAMPLES: usize = 1 << 20;

/// What is to be done.
struct Plan {
    /// The samples that are wanted, in time.
    wanted: Vec<Stretch>,
    /// The first of them in time.
    begin: u64,
    /// Output rate and centre, as an offset, where the band changes.
    band: Option<(f64, f64)>,
    recording: Recording,
}

pub(super) fn run(args: &ConvertArgs) -> Result<()> {
    let (capture, rate_hz, center_hz) = open(args)?;
    let info = capture.info().clone();
    if is_same_file(&info.path, &args.output) || is_same_file(capture.data_path(), &args.output) {
        bail!("{}: is what is to be read; name another file to write", args.output.display());
    }
    let plan = plan(args, &info, rate_hz, center_hz)?;
    for warning in &info.warnings {
        warn(&format!("{}: {warning}", info.path.display()));
    }
    let mut writer = Writer::create(&args.output, &plan.recording)?;
    if let Err(error) = write(args, capture, &info, &plan, &mut writer) {
        writer.discard()?;
        return Err(error);
    }
    let summary = writer.finish(&annotations(&info, &plan))?;
    if !matches!(ending(&args.output).as_str(), "sigmf-meta" | "sigmf" | "wav" | "rf64" | "h5" | "hdf5") {
        let center = plan.recording.center_frequency_hz.map_or_else(String::new, |hz| format!(" --center {hz}"));
        warn(&format!(
            "{}: raw samples do not tell their rate and centre; read them with --rate {}{center}",
            args.output.display(),
            plan.recording.sample_rate_hz
        ));
    }
    if summary.clipped > 0 {
        warn(&format!("{}: {} samples were beyond full scale and are clipped", args.output.display(), summary.clipped));
    }
    tell(&format!("{}: {} samples of {}", args.output.display(), summary.samples, plan.recording.format));
    if info.cut_short {
        bail!(
            "{}: {}; what is there was written: bring the whole file for the rest",
            info.path.display(),
            info.warnings.join("; ")
        );
    }
    Ok(())
}

/// Opens the capture; the rate and centre that are asked for. `--rate` and `--center` are those of a capture that does
/// not tell its own.
fn open(args: &ConvertArgs) -> Result<(Capture, Option<f64>, Option<f64>)> {
    let given = args.open.open_options();
    let silent = OpenOptions { sample_rate_hz: None, center_frequency_hz: None, verify: false, ..given.clone() };
    let own_rate_hz = if vetted::open(&args.capture, &silent).is_ok() { None } else { given.sample_rate_hz };
    let mut own = OpenOptions { sample_rate_hz: own_rate_hz, ..silent };
    let first = vetted::open(&args.capture, &own)?;
    let info = first.info();
    if info.num_parts > 1 && given.center_frequency_hz.is_none() {
        bail!("{}: holds {} streams; choose one by its --center", args.capture.display(), info.num_parts);
    }
    if info.num_channels > 1 && given.channel.is_none() {
        bail!("{}: holds {} channels; choose one with --channel", args.capture.display(), info.num_channels);
    }
    if info.num_parts > 1 || info.center_frequency_hz.is_none() {
        own.center_frequency_hz = given.center_frequency_hz;
    }
    own.verify = given.verify;
    let capture = captures::open(&args.capture, &own)?;
    let rate_hz = args.to_rate.or(given.sample_rate_hz.filter(|_| own.sample_rate_hz.is_none()));
    let center_hz = args.to_center.or(given.center_frequency_hz.filter(|_| own.center_frequency_hz.is_none()));
    Ok((capture, rate_hz, center_hz))
}

fn plan(args: &ConvertArgs, info: &CaptureInfo, rate_hz: Option<f64>, center_hz: Option<f64>) -> Result<Plan> {
    let path = info.path.display();
    let begin = (args.start * info.sample_rate_hz).round() as u64;
    let end = args.duration.map_or(u64::MAX, |s| begin.saturating_add((s * info.sample_rate_hz).round() as u64));
    let mut wanted = Vec::new();
    let mut stored = 0;
    for stretch in &info.stretches {
        let (from, to) = (stretch.time.max(begin), (stretch.time + stretch.num_samples).min(end));
        if from < to {
            wanted.push(Stretch { sample: stored + from - stretch.time, time: from, num_samples: to - from });
        }
        stored += stretch.num_samples;
    }
    let Some(first) = wanted.first() else {
        bail!(
            "{path}: has no samples from {} s on for as long as is asked for; it lasts {:.6} s",
            args.start,
            info.duration_s()
        );
    };
    let shift_hz = match (center_hz, info.center_frequency_hz) {
        (Some(to), Some(from)) => to - from,
        (Some(_), None) => {
            bail!("{path}: its centre is not known, so that it cannot be shifted; give it with --center")
        }
        (None, _) => 0.0,
    };
    let out_rate_hz = rate_hz.unwrap_or(info.sample_rate_hz);
    let half_hz = info.sample_rate_hz / 2.0;
    if out_rate_hz > info.sample_rate_hz
        || shift_hz.abs() + out_rate_hz / 2.0 > half_hz * 1.5
        || shift_hz.abs() > half_hz
    {
        bail!(
            "{path}: {out_rate_hz} samples a second around {shift_hz:+} Hz do not lie within its {} Hz; ask for less or \
             nearer to its middle",
            info.sample_rate_hz
        );
    }
    let band = (out_rate_hz != info.sample_rate_hz || shift_hz != 0.0).then_some((out_rate_hz, shift_hz));
    if band.is_some() && wanted.len() > 1 {
        bail!("{path}: has gaps, over which it cannot be filtered; cut what lies between with --start and --duration");
    }
    let format = format(args, info, band.is_some())?;
    let missing = |stretch: &Stretch| stretch.time as f64 / info.sample_rate_hz;
    let since_first_s = missing(first) - info.stretches.first().map_or(0.0, missing);
    let recording = Recording {
        format,
        sample_rate_hz: out_rate_hz,
        center_frequency_hz: info.center_frequency_hz.map(|from| from + shift_hz),
        description: info.description.clone().unwrap_or_default(),
        datetime: if since_first_s == 0.0 { info.datetime.clone() } else { info.datetime_after(since_first_s) },
    };
    Ok(Plan { begin: begin.min(first.time), wanted, band, recording })
}

/// The format to write.
fn format(args: &ConvertArgs, info: &CaptureInfo, is_filtered: bool) -> Result<SampleFormat> {
    let target = ending(&args.output);
    let from = if is_filtered { "cf32_le".parse()? } else { info.format };
    let by_name =
        if matches!(target.as_str(), "iq" | "bin" | "raw") { None } else { target.parse::<SampleFormat>().ok() };
    let Some(to) = args.to.or(by_name) else { return Ok(natural(from, &target)) };
    let is_exact = to.is_like(from) || to.holds(from);
    if !is_exact && !args.force {
        bail!(
            "{}: {to} does not hold every sample of {from}; give --force to write the nearest, or --to another format",
            args.output.display()
        );
    }
    Ok(to)
}

/// The capture's own format, or the smallest that holds it and that a file of that ending has.
fn natural(from: SampleFormat, target: &str) -> SampleFormat {
    let names: &[&str] = match target {
        "wav" | "rf64" => &["cu8", "ci16_le", "ci24_le", "ci32_le", "cf32_le", "cf64_le"],
        "h5" | "hdf5" => &["ci8", "cu8", "ci16_le", "cu16_le", "ci32_le", "cu32_le", "cf32_le", "cf64_le"],
        _ if from.to_string().starts_with("ci24") => &["ci32_le"],
        _ => return from,
    };
    let mut known = names.iter().filter_map(|name| name.parse::<SampleFormat>().ok());
    let like = known.clone().find(|known| known.is_like(from));
    like.or_else(|| known.find(|known| known.holds(from))).unwrap_or(from)
}

fn write(args: &ConvertArgs, mut capture: Capture, info: &CaptureInfo, plan: &Plan, writer: &mut Writer) -> Result<()> {
    if let Some((rate_hz, shift_hz)) = plan.band {
        return bring_down(&mut capture, info, plan, (rate_hz, shift_hz), writer);
    }
    let mut time = plan.begin;
    for stretch in &plan.wanted {
        if stretch.time > time {
            if writer.can_tell_gaps() {
                writer.lost(stretch.time - time)?;
            } else if !args.force {
                bail!(
                    "{}: cannot say that {:.6} s are missing; write SigMF, or give --force to close the gap",
                    args.output.display(),
                    (stretch.time - time) as f64 / info.sample_rate_hz
                );
            }
        }
        capture.seek(stretch.sample)?;
        copy(&mut capture, stretch.num_samples, plan.recording.format, writer)?;
        time = stretch.time + stretch.num_samples;
    }
    Ok(())
}

/// Copies samples, bit by bit where the formats are alike.
fn copy(capture: &mut Capture, num_samples: u64, to: SampleFormat, writer: &mut Writer) -> Result<()> {
    let from = capture.info().format;
    let mut bytes = vec![0; BLOCK_SAMPLES * from.bytes_per_sample()];
    let mut samples = vec![Complex32::ZERO; BLOCK_SAMPLES];
    let mut left = num_samples;
    while left > 0 {
        let wanted = BLOCK_SAMPLES.min(usize::try_from(left).unwrap_or(usize::MAX));
        let count = if to.is_like(from) {
            let bytes = &mut bytes[..wanted * from.bytes_per_sample()];
            let count = capture.read_encoded(bytes)?;
            let bytes = &mut bytes[..count * from.bytes_per_sample()];
            if to != from {
                from.swap_order(bytes);
            }
            writer.write_encoded(bytes)?;
            count
        } else {
            let count = capture.read(&mut samples[..wanted])?;
            writer.write(&samples[..count])?;
            count
        };
        if count == 0 {
            bail!("{}: ended before its end; open it again", capture.data_path().display());
        }
        left -= count as u64;
    }
    Ok(())
}

/// Shifts, filters and decimates, a whole number of blocks at a time with one more on either side.
fn bring_down(
    capture: &mut Capture,
    info: &CaptureInfo,
    plan: &Plan,
    (rate_hz, shift_hz): (f64, f64),
    writer: &mut Writer,
) -> Result<()> {
    let mut zoom = Zoom::new(info.sample_rate_hz, rate_hz);
    let (block_in, block_out) = zoom.block_lens();
    if zoom.output_rate_hz() / rate_hz - 1.0 != 0.0 && (zoom.output_rate_hz() / rate_hz - 1.0).abs() > 1e-9 {
        warn(&format!("the rate written is {} samples a second, said to be {rate_hz}", zoom.output_rate_hz()));
    }
    let num_blocks = (ZOOM_SAMPLES / block_in).max(1);
    let Some(stretch) = plan.wanted.first() else { return Ok(()) };
    capture.seek(stretch.sample)?;
    let num_out = (stretch.num_samples as f64 * zoom.output_rate_hz() / info.sample_rate_hz) as u64;
    let mut window = vec![Complex32::ZERO; (num_blocks + 2) * block_in];
    let mut out = Vec::new();
    // The window stands one block before what it gives.
    let (mut left, mut filled, mut written) = (stretch.num_samples, block_in, 0u64);
    while written < num_out {
        while filled < window.len() {
            let wanted = (window.len() - filled).min(usize::try_from(left).unwrap_or(usize::MAX));
            let count = capture.read(&mut window[filled..filled + wanted])?;
            if count == 0 {
                window[filled..].fill(Complex32::ZERO);
                break;
            }
            (left, filled) = (left - count as u64, filled + count);
        }
        let zoomed = zoom.extract(&window, shift_hz, &mut out);
        let given = &mut out[block_out..(num_blocks + 1) * block_out];
        let count = given.len().min(usize::try_from(num_out - written).unwrap_or(usize::MAX));
        // The nearest bin stands at zero; what is left of the shift is turned away.
        let turns_a_sample = (zoomed.center_hz - shift_hz) / zoomed.sample_rate_hz;
        if turns_a_sample != 0.0 {
            for (sample, index) in given.iter_mut().zip(written..) {
                *sample *= Complex32::cis((TAU * (turns_a_sample * index as f64).fract()) as f32);
            }
        }
        writer.write(&given[..count])?;
        written += count as u64;
        window.copy_within(num_blocks * block_in.., 0);
        filled = 2 * block_in;
    }
    Ok(())
}

/// The annotations of what is written, on its clock.
fn annotations(info: &CaptureInfo, plan: &Plan) -> Vec<Annotation> {
    let ratio = plan.recording.sample_rate_hz / info.sample_rate_hz;
    let scaled = |count: u64| (count as f64 * ratio).round() as u64;
    let band = info.center_frequency_hz.zip(plan.band).map(|(center_hz, (rate_hz, shift_hz))| {
        (center_hz + shift_hz - rate_hz / 2.0, center_hz + shift_hz + rate_hz / 2.0)
    });
    let mut kept = Vec::new();
    let mut stored = 0;
    for stretch in &plan.wanted {
        for annotation in &info.annotations {
            let Some(within) = annotation.sample_start.checked_sub(stretch.sample) else { continue };
            let is_in_band = match (band, annotation.freq_lower_edge_hz, annotation.freq_upper_edge_hz) {
                (Some((low, high)), Some(from), Some(to)) => from < high && to > low,
                _ => true,
            };
            if within < stretch.num_samples && is_in_band {
                let count = annotation.sample_count.map(|count| scaled(count.min(stretch.num_samples - within)));
                kept.push(Annotation {
                    sample_start: scaled(stored + within),
                    sample_count: count,
                    ..annotation.clone()
                });
            }
        }
        stored += stretch.num_samples;
    }
    kept
}

fn ending(path: &Path) -> String {
    path.extension().and_then(|ending| ending.to_str()).unwrap_or_default().to_ascii_lowercase()
}

fn is_same_file(a: &Path, b: &Path) -> bool {
    let named = |path: &Path| {
        let data = if ending(path) == "sigmf-meta" { path.with_extension("sigmf-data") } else { path.to_owned() };
        fs::canonicalize(data).ok()
    };
    named(a).is_some_and(|a| Some(a) == named(b))
}

/// Says what a person should know of what was written, terminal or not.
fn warn(sentence: &str) {
    let _ = writeln!(std::io::stderr(), "{sentence}");
}
