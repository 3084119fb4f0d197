//! Bare samples: a file of nothing but IQ, of which its name may tell format, rate and centre
//! (`file_name`). What is given outweighs what the name tells.

use std::path::Path;

use crate::{
    Capture, CaptureInfo, Error, OpenOptions, SampleFormat,
    capture::{Stretch, check_center_frequency, check_sample_rate, pick_channel},
    error::{FORMAT, SAMPLE_RATE},
    file_name::Told,
    sample_file::{Layout, Run, SampleFile, no_samples, open_regular},
};

/// Endings that tell the format, each of them a name of [`SampleFormat`].
pub const TELLING_ENDINGS: [&str; 9] = ["cu8", "cs8", "ci8", "cs16", "ci16", "cf32", "fc32", "cfile", "complex"];

/// Endings of raw samples that do not tell their format.
pub const SILENT_ENDINGS: [&str; 3] = ["iq", "bin", "raw"];

/// Opens raw samples. A given format outweighs what the ending says, with a warning; a file of any other ending is
/// taken for raw samples only if the format is given.
pub(crate) fn open(path: &Path, ending: Option<&str>, options: &OpenOptions) -> Result<Capture, Error> {
    let file = open_regular(path, "check the path")?;
    let name = Told::by(path);
    let told: Option<SampleFormat> = match ending {
        Some(ending) if TELLING_ENDINGS.contains(&ending) => Some(ending.parse()?),
        Some(ending) if SILENT_ENDINGS.contains(&ending) => name.format,
        _ if options.format.is_some() => None,
        _ => return Err(unknown_ending(path, ending)),
    };
    let (format, sample_rate_hz) = match (options.format.or(told), options.sample_rate_hz.or(name.sample_rate_hz)) {
        (Some(format), Some(sample_rate_hz)) => (format, sample_rate_hz),
        (format, rate) => {
            let missing = [(FORMAT, format.is_none()), (SAMPLE_RATE, rate.is_none())];
            let missing = missing.into_iter().filter(|(_, is_missing)| *is_missing).map(|(need, _)| need).collect();
            return Err(Error::NeedsOptions { path: path.to_owned(), missing });
        }
    };
    check_sample_rate(path, Some(sample_rate_hz), "the sample rate that its name says")?;
    let center_frequency_hz = options.center_frequency_hz.or(name.center_frequency_hz);
    check_center_frequency(path, center_frequency_hz, "the centre that its name says")?;
    let believed = Told {
        sample_rate_hz: name.sample_rate_hz.filter(|_| options.sample_rate_hz.is_none()),
        center_frequency_hz: name.center_frequency_hz.filter(|_| options.center_frequency_hz.is_none()),
        format: name.format.filter(|_| options.format.is_none() && told == name.format),
        datetime: name.datetime,
    };
    let channel = pick_channel(path, 1, options)?;
    let (file, num_bytes) = file;
    let sample_bytes = format.bytes_per_sample() as u64;
    let (num_samples, num_bytes_left) = (num_bytes / sample_bytes, num_bytes % sample_bytes);
    if num_samples == 0 {
        return Err(no_samples(path, num_bytes, 0, format));
    }
    let layout = Layout { format, num_channels: 1, channel, runs: vec![Run { byte: 0, num_samples }] };
    let mut warnings: Vec<String> = believed.warning().into_iter().collect();
    if let Some(told) = told.filter(|&told| told != format) {
        warnings.push(format!("its name says {told}; it is read as {format}, as {} says", FORMAT.option));
    }
    warnings.extend(tail_warning(num_bytes_left, format));
    let info = CaptureInfo {
        path: path.to_owned(),
        sample_rate_hz,
        center_frequency_hz,
        samples: num_samples,
        format,
        channel,
        num_channels: 1,
        part: 0,
        num_parts: 1,
        stretches: vec![Stretch { sample: 0, time: 0, num_samples }],
        description: None,
        recorder: None,
        datetime: believed.datetime,
        annotations: Vec::new(),
        warnings,
        cut_short: num_bytes_left > 0,
    };
    Ok(Capture::new(info, SampleFile::new(path, file, layout)?.into()))
}

/// The warning about bytes after the last whole sample, if there are any.
pub(crate) fn tail_warning(num_bytes: u64, format: SampleFormat) -> Option<String> {
    (num_bytes > 0).then(|| {
        format!(
            "the last {num_bytes} bytes are no whole sample of {format} and are ignored: it may have been cut short"
        )
    })
}

fn unknown_ending(path: &Path, ending: Option<&str>) -> Error {
    let found = ending.map_or("its name has no ending".to_owned(), |ending| format!("the ending .{ending} is unknown"));
    let known = [&TELLING_ENDINGS[..], &SILENT_ENDINGS[..]].concat().join(" .");
    Error::unsupported(
        path,
        format!(
            "{found}, so that its format is not told; name a .sigmf-meta, .sigmf-data, .sigmf, .wav, .h5 or raw IQ (.{known}), or give \
             {} and {} if it holds raw IQ",
            FORMAT.option, SAMPLE_RATE.option
        ),
    )
}
