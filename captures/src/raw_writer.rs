//! Writes bare samples. Rate and centre are lost but for what the name says of them.

use std::{
    fs::File,
    io::Write as _,
    path::{Path, PathBuf},
};

use crate::{
    Error, Recording, SampleFormat,
    raw::TELLING_ENDINGS,
    sigmf_writer::{part_of, rename},
};

/// A file of bare samples that is being written.
#[derive(Debug)]
pub(crate) struct RawSink {
    path: PathBuf,
    part_path: PathBuf,
    part: File,
}

impl RawSink {
    /// Begins a file at `path`, whose ending is `ending`.
    pub(crate) fn create(path: &Path, ending: &str, recording: &Recording) -> Result<Self, Error> {
        let told = TELLING_ENDINGS.contains(&ending).then(|| ending.parse::<SampleFormat>()).transpose()?;
        if let Some(told) = told.filter(|&told| told != recording.format) {
            let problem = format!(
                "its ending says {told}, but the samples are {}; give --to {told} or another ending",
                recording.format
            );
            return Err(Error::unsupported(path, problem));
        }
        let part_path = part_of(path);
        let part = File::create(&part_path).map_err(|cause| Error::io(&part_path, "cannot be created", cause))?;
        Ok(Self { path: path.to_owned(), part_path, part })
    }

    /// Where it is written before it has its name.
    pub(crate) fn part_path(&self) -> &Path {
        &self.part_path
    }

    /// Appends encoded samples.
    pub(crate) fn put(&mut self, bytes: &[u8]) -> Result<(), Error> {
        self.part.write_all(bytes).map_err(|cause| Error::io(&self.part_path, "cannot be written", cause))
    }

    /// Brings the file to its name.
    pub(crate) fn finish(self) -> Result<(), Error> {
        self.part.sync_all().map_err(|cause| Error::io(&self.part_path, "cannot be written", cause))?;
        rename(&self.part_path, &self.path)
    }
}
