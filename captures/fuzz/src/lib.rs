//! What every fuzz target does with a capture: open it in every way that it tells of, and read it all.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::OnceLock,
};

use captures::{OpenOptions, SampleFormat, open};
use num_complex::Complex32;

/// The samples read of one stream: some files say that they hold more than anybody has.
const MAX_SAMPLES: u64 = 1 << 20;
/// The streams looked at.
const MAX_STREAMS: usize = 3;

/// A folder in memory, where there is one, of this process alone.
pub fn folder() -> &'static Path {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    FOLDER.get_or_init(|| {
        let base = if Path::new("/dev/shm").is_dir() { PathBuf::from("/dev/shm") } else { std::env::temp_dir() };
        let folder = base.join(format!("captures-fuzz-{}", std::process::id()));
        fs::create_dir_all(&folder).expect("a folder to write in");
        folder
    })
}

/// Writes a file of that name and returns its path.
pub fn file(name: &str, bytes: &[u8]) -> PathBuf {
    let path = folder().join(name);
    fs::write(&path, bytes).expect("a file");
    path
}

/// Opens a capture with nothing told and with everything told, and reads what opens.
pub fn survive(path: &Path) {
    let told = OpenOptions {
        sample_rate_hz: Some(1e6),
        format: Some(SampleFormat::Ci8),
        center_frequency_hz: Some(847e6),
        verify: true,
        ..OpenOptions::default()
    };
    for options in [OpenOptions::default(), told] {
        match open(path, &options) {
            Ok(first) => {
                let info = first.info();
                for channel in 0..info.num_channels.min(MAX_STREAMS) {
                    for part in 0..info.num_parts.min(MAX_STREAMS) {
                        let stream = OpenOptions { channel: Some(channel), part: Some(part), ..options.clone() };
                        read(path, &stream);
                    }
                }
            }
            Err(error) => {
                let said = error.to_string();
                assert!(!said.is_empty() && !said.contains('\n'), "not a sentence: {said:?}");
            }
        }
    }
}

fn read(path: &Path, options: &OpenOptions) {
    let Ok(mut capture) = open(path, options) else { return };
    let info = capture.info().clone();
    assert!(info.sample_rate_hz > 0.0 && info.samples > 0);
    assert_eq!(info.samples, info.stretches.iter().map(|stretch| stretch.num_samples).sum::<u64>());
    assert!(info.duration_s() > 0.0 && info.duration_s().is_finite());
    let _ = (info.datetime_after(1.5), info.sample_at(u64::MAX), info.sample_at(7));
    let mut block = vec![Complex32::ZERO; 4097];
    let mut num_read = 0;
    while num_read < MAX_SAMPLES {
        match capture.read(&mut block) {
            Ok(0) => {
                assert_eq!(num_read, info.samples, "the end comes where it was said to be");
                break;
            }
            Ok(count) => num_read += count as u64,
            Err(_) => break,
        }
    }
    let _ = capture.seek(info.samples / 2).and_then(|()| capture.read_encoded(&mut [0; 100]));
}
