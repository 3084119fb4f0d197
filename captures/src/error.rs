//! What can go wrong between a path and its samples, by what can be done about it.
//!
//! `Display` is the whole sentence: the file, what is wrong with it, what to do. It needs no further context.

use std::{
    fmt::Display,
    io,
    path::{Path, PathBuf},
};

use crate::SampleFormat;

/// Why a capture could not be opened, read or written.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file, or a file that belongs to it, is not there: name another, or bring it.
    #[error("{}: there is no such file; {advice}", shown(path.display()))]
    Missing {
        /// The file looked for.
        path: PathBuf,
        /// What to do, as the end of the sentence.
        advice: String,
    },
    /// The operating system refused: cure that and try again.
    #[error("{}: {action}: {cause}; {}", shown(path.display()), remedy(cause))]
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
        shown(path.display()), list(missing, |need| need.what), list(missing, |need| need.option))]
    NeedsOptions {
        /// The capture.
        path: PathBuf,
        /// What is needed, in the order in which to say it; never empty.
        missing: Vec<Need>,
    },
    /// The capture tells one thing and the caller another: drop the option or correct the capture.
    #[error("{}: the capture says its {} is {stated}, but {} says {given}; \
        leave the option out, or correct the capture", shown(path.display()), need.what, need.option)]
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
    #[error("{}: {problem}", shown(path.display()))]
    Malformed {
        /// The file at fault.
        path: PathBuf,
        /// What was found, what was expected and what to do.
        problem: String,
    },
    /// The capture may be sound, but is of a kind that is not read: convert it.
    #[error("{}: {problem}", shown(path.display()))]
    Unsupported {
        /// The capture.
        path: PathBuf,
        /// What is not read and what to do instead.
        problem: String,
    },
    /// A name is no sample format: use one of those listed.
    #[error("'{}' is no sample format that is read; give one of {}", shown(name), SampleFormat::names())]
    UnknownFormat {
        /// The name as given.
        name: String,
    },
    /// A position lies behind the last sample: seek less far.
    #[error("{}: cannot seek to sample {sample}: the capture ends at {samples}; seek to an earlier one", shown(path.display()))]
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
        Self::Malformed { path: path.to_owned(), problem: shown(problem.into()) }
    }

    /// A kind of capture that is not read.
    pub(crate) fn unsupported(path: &Path, problem: impl Into<String>) -> Self {
        Self::Unsupported { path: path.to_owned(), problem: shown(problem.into()) }
    }
}

/// The longest text that is shown, in characters: files may hold longer names.
const MAX_SHOWN: usize = 500;

/// A text on one line of bounded length. What comes from a file or its name may hold anything, and a terminal would
/// obey it.
pub(crate) fn shown(text: impl Display) -> String {
    let text = text.to_string();
    text.chars().take(MAX_SHOWN).map(|letter| if letter.is_control() { '\u{fffd}' } else { letter }).collect()
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
    fn nothing_that_a_terminal_obeys_is_shown() {
        let error = Error::malformed(Path::new("a\n.wav"), format!("holds '\u{1b}[2J{}'", "x".repeat(10_000)));
        let said = error.to_string();
        assert!(said.starts_with("a\u{fffd}.wav: holds '\u{fffd}[2Jx") && said.chars().count() < 600, "{said}");
        let unknown = "ci9\r".parse::<crate::SampleFormat>().unwrap_err().to_string();
        assert!(unknown.starts_with("'ci9\u{fffd}' is no sample format"), "{unknown}");
    }

    #[test]
    fn permission_denied_says_what_to_change() {
        let error = Error::io(Path::new("a.cu8"), "cannot be opened", io::ErrorKind::PermissionDenied.into());
        assert_eq!(
            error.to_string(),
            "a.cu8: cannot be opened: permission denied; change its permissions or run as a user who may"
        );
    }
}
