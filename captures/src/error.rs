//! What can go wrong between a path and its samples, by what can be done about it.
//!
//! `Display` is the whole sentence: the file, what is wrong with it, what to do. It needs no further context.

use std::{
    io,
    path::{Path, PathBuf},
};

use crate::SampleFormat;

/// Why a capture could not be opened, read or written.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file, or a file that belongs to it, is not there: name another, or bring it.
    #[error("{}: there is no such file; {advice}", path.display())]
    Missing {
        /// The file looked for.
        path: PathBuf,
        /// What to do, as the end of the sentence.
        advice: String,
    },
    /// The operating system refused: cure that and try again.
    #[error("{}: {action}: {cause}; {}", path.display(), remedy(cause))]
    Io {
        /// The file concerned.
        path: PathBuf,
        /// What could not be done, such as "cannot be read".
        action: &'static str,
        /// The operating system's reason.
        cause: io::Error,
    },
    /// The capture does not tell what is needed: give the options.
    #[error("{}: neither its name nor its content tells {}; give {} (and --center if it is known)",
        path.display(), list(missing, |need| need.what), list(missing, |need| need.option))]
    NeedsOptions {
        /// The capture.
        path: PathBuf,
        /// What is needed, in the order in which to say it; never empty.
        missing: Vec<Need>,
    },
    /// The capture tells one thing and the caller another: drop the option or correct the capture.
    #[error("{}: the capture says its {} is {stated}, but {} says {given}; \
        leave the option out, or correct the capture", path.display(), need.what, need.option)]
    Contradiction {
        /// The capture.
        path: PathBuf,
        /// What they disagree on.
        need: Need,
        /// The value in the capture.
        stated: String,
        /// The value of the option.
        given: String,
    },
    /// The content breaks the rules of its format, or its values are impossible: repair or record anew.
    #[error("{}: {problem}", path.display())]
    Malformed {
        /// The file at fault.
        path: PathBuf,
        /// What was found, what was expected and what to do.
        problem: String,
    },
    /// The capture may be sound, but is of a kind that is not read: convert it.
    #[error("{}: {problem}", path.display())]
    Unsupported {
        /// The capture.
        path: PathBuf,
        /// What is not read and what to do instead.
        problem: String,
    },
    /// A name is no sample format: use one of those listed.
    #[error("'{name}' is no sample format that is read; give one of {}", SampleFormat::names())]
    UnknownFormat {
        /// The name as given.
        name: String,
    },
    /// A position lies behind the last sample: seek less far.
    #[error("{}: cannot seek to sample {sample}: the capture ends at {samples}; seek to an earlier one", path.display())]
    BeyondEnd {
        /// The capture.
        path: PathBuf,
        /// The sample index asked for.
        sample: u64,
        /// The number of samples there are.
        samples: u64,
    },
}

/// Something a capture may leave untold, and the command line's option that tells it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Need {
    /// The quantity, in words.
    pub what: &'static str,
    /// The option's name.
    pub option: &'static str,
}

/// The encoding of the samples.
pub(crate) const FORMAT: Need = Need { what: "sample format", option: "--format" };
/// The sample rate.
pub(crate) const SAMPLE_RATE: Need = Need { what: "sample rate", option: "--rate" };
/// The channel.
pub(crate) const CHANNEL: Need = Need { what: "channel", option: "--channel" };
/// The centre frequency.
pub(crate) const CENTER_FREQUENCY: Need = Need { what: "centre frequency", option: "--center" };

impl Error {
    /// An operating system's error while opening or reading `path`.
    pub(crate) fn io(path: &Path, action: &'static str, cause: io::Error) -> Self {
        Self::Io { path: path.to_owned(), action, cause }
    }

    /// Content that breaks its format's rules.
    pub(crate) fn malformed(path: &Path, problem: impl Into<String>) -> Self {
        Self::Malformed { path: path.to_owned(), problem: problem.into() }
    }

    /// A kind of capture that is not read.
    pub(crate) fn unsupported(path: &Path, problem: impl Into<String>) -> Self {
        Self::Unsupported { path: path.to_owned(), problem: problem.into() }
    }
}

/// What a person can do about an operating system's error.
fn remedy(cause: &io::Error) -> &'static str {
    match cause.kind() {
        io::ErrorKind::NotFound => "check the path",
        io::ErrorKind::PermissionDenied => "change its permissions or run as a user who may",
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => "make room or choose another disk",
        io::ErrorKind::ReadOnlyFilesystem => "choose a place that can be written to",
        io::ErrorKind::InvalidFilename => "choose another name",
        _ => "check the disk and the file, then try again",
    }
}

fn list(needs: &[Need], word: impl Fn(&Need) -> &'static str) -> String {
    needs.iter().map(word).collect::<Vec<_>>().join(" and ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn permission_denied_says_what_to_change() {
        let error = Error::io(Path::new("a.cu8"), "cannot be opened", io::ErrorKind::PermissionDenied.into());
        assert_eq!(
            error.to_string(),
            "a.cu8: cannot be opened: permission denied; change its permissions or run as a user who may"
        );
    }
}
