//! Bare samples: a file of nothing but IQ, of which its name tells at most the format.

use std::path::Path;

use crate::{
    Capture, CaptureInfo, Error, OpenOptions, SampleFormat,
    error::{FORMAT, SAMPLE_RATE},
    sample_file::{SampleFile, open_regular},
};

/// Endings that tell the format, each of them a name of [`SampleFormat`].
pub const TELLING_ENDINGS: [&str; 9] = ["cu8", "cs8", "ci8", "cs16", "ci16", "cf32", "fc32", "cfile", "complex"];

/// Endings of raw samples that do not tell their format.
pub const SILENT_ENDINGS: [&str; 3] = ["iq", "bin", "raw"];

/// Opens raw samples. A given format outweighs what the ending says, with a warning; a file of any other ending is
/// taken for raw samples only if the format is given.
pub(crate) fn open(path: &Path, ending: Option<&str>, options: &OpenOptions) -> Result<Capture, Error> {
    let file = open_regular(path, "check the path")?;
    let told: Option<SampleFormat> = match ending {
        Some(ending) if TELLING_ENDINGS.contains(&ending) => Some(ending.parse()?),
        Some(ending) if SILENT_ENDINGS.contains(&ending) => None,
        _ if options.format.is_some() => None,
        _ => return Err(unknown_ending(path, ending)),
    };
    let (format, sample_rate_hz) = match (options.format.or(told), options.sample_rate_hz) {
        (Some(format), Some(sample_rate_hz)) => (format, sample_rate_hz),
        (format, rate) => {
            let missing = [(FORMAT, format.is_none()), (SAMPLE_RATE, rate.is_none())];
            let missing = missing.into_iter().filter(|(_, is_missing)| *is_missing).map(|(need, _)| need).collect();
            return Err(Error::NeedsOptions { path: path.to_owned(), missing });
        }
    };
    let (samples, num_bytes_left) = SampleFile::new(path, file, format, 0, 0)?;
    let mut warnings = Vec::new();
    if let Some(told) = told.filter(|&told| told != format) {
        warnings.push(format!("its name says {told}; it is read as {format}, as {} says", FORMAT.option));
    }
    warnings.extend(tail_warning(num_bytes_left, format));
    let info = CaptureInfo {
        path: path.to_owned(),
        sample_rate_hz,
        center_frequency_hz: options.center_frequency_hz,
        samples: samples.num_samples(),
        format,
        description: None,
        recorder: None,
        datetime: None,
        annotations: Vec::new(),
        warnings,
        cut_short: num_bytes_left > 0,
    };
    Ok(Capture::new(info, samples))
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
            "{found}, so that its format is not told; name a .sigmf-meta, a .sigmf-data or raw IQ (.{known}), or give \
             {} and {} if it holds raw IQ",
            FORMAT.option, SAMPLE_RATE.option
        ),
    )
}
