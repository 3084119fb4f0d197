//! Records of a sweep of days: a new file now and then, and nothing written over by a restart.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

/// Files that bear the time of their beginning: `X-20260131T120000Z.jsonl` for `X.jsonl`.
pub struct Rotation {
    path: PathBuf,
    every: Duration,
    begun: Instant,
}

impl Rotation {
    /// A new file as often as this, the first now.
    ///
    /// # Errors
    /// where it cannot be made.
    pub fn begin(path: &Path, every: Duration) -> io::Result<(Self, Box<dyn Write + Send>)> {
        let rotation = Self { path: path.to_owned(), every, begun: Instant::now() };
        let file = rotation.file()?;
        Ok((rotation, file))
    }

    /// The next file, where it is time for one.
    ///
    /// # Errors
    /// where it cannot be made.
    pub fn due(&mut self) -> io::Result<Option<Box<dyn Write + Send>>> {
        if self.begun.elapsed() < self.every {
            return Ok(None);
        }
        self.begun = Instant::now();
        self.file().map(Some)
    }

    fn file(&self) -> io::Result<Box<dyn Write + Send>> {
        let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let time: String = captures::utc(since.as_secs() as f64).chars().filter(|c| !"-:".contains(*c)).collect();
        let mut number = 1;
        loop {
            match File::create_new(self.named(&time, number)) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => number += 1,
                made => return Ok(Box::new(BufWriter::new(made?))),
            }
        }
    }

    fn named(&self, time: &str, number: u32) -> PathBuf {
        let mut name = self.path.file_stem().unwrap_or_default().to_owned();
        name.push(format!("-{time}"));
        if number > 1 {
            name.push(format!("-{number}"));
        }
        if let Some(ending) = self.path.extension() {
            name.push(".");
            name.push(ending);
        }
        self.path.with_file_name(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_restart_writes_nothing_over() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.jsonl");
        let (mut rotation, mut first) = Rotation::begin(&path, Duration::ZERO).unwrap();
        first.write_all(b"1").unwrap();
        drop(first);
        assert!(rotation.due().unwrap().is_some());
        let (mut later, _) = Rotation::begin(&path, Duration::from_secs(3600)).unwrap();
        assert!(later.due().unwrap().is_none());
        let names: Vec<String> = std::fs::read_dir(folder.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
            .collect();
        assert_eq!(names.len(), 3, "{names:?}");
        assert!(names.iter().all(|name| name.starts_with("x-2") && name.ends_with(".jsonl")), "{names:?}");
    }
}
