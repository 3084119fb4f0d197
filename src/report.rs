//! The report a client gets: one HTML file that needs no network, its annex as JSON and CSV beside it.
//!
//! In: records, and what a person has written down about the sweep. Out: files. Coverage and limits stand before
//! findings; a finding is an indication with its evidence, never an identity.

mod about;
mod annex;
mod charts;
mod coverage;
mod page;
mod places;
pub(crate) mod session;
mod spectrogram;
mod words;

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

pub use about::About;
pub use words::Language;

/// What was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Made {
    /// The page.
    pub html: PathBuf,
    /// Everything in one object.
    pub json: PathBuf,
    /// One burst a line.
    pub bursts_csv: PathBuf,
    /// One transmitter a line.
    pub transmitters_csv: PathBuf,
}

/// Makes a report of `records`, a sweep's directory or a file as `analyze` and `sweep --headless` write it; `html` names the page, the annex
/// stands beside it.
///
/// # Errors
/// where a file cannot be read or written or does not hold what it should; the message names it.
pub fn make(records: &Path, about: Option<&Path>, html: &Path, language: Language) -> Result<Made> {
    let session = session::Session::read(records)?;
    let about = about.map_or_else(|| Ok(About::default()), About::read)?;
    let words = language.words()?;
    let made = Made {
        html: html.to_owned(),
        json: html.with_extension("json"),
        bursts_csv: html.with_extension("bursts.csv"),
        transmitters_csv: html.with_extension("transmitters.csv"),
    };
    let write = |path: &Path, bytes: &[u8]| {
        fs::write(path, bytes).with_context(|| format!("{}: cannot be written; name another --output", path.display()))
    };
    write(&made.html, page::page(&session, &about, &words, language).as_bytes())?;
    write(&made.json, annex::json(&session, &about)?.as_bytes())?;
    write(&made.bursts_csv, &annex::bursts(&session)?)?;
    write(&made.transmitters_csv, &annex::transmitters(&session)?)?;
    Ok(made)
}
