//! A source that ends when its time is up or when it is told to.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use num_complex::Complex32;

use super::{Read, Source, SourceError};
use crate::hop_plan::HopPlan;
use crate::pipeline::snapshot::Stream;

/// A live source with an end.
pub struct Until<S> {
    source: S,
    samples_left: u64,
    stop: Arc<AtomicBool>,
}

impl<S: Source> Until<S> {
    /// Ends `source` after `duration_s` of its stream, losses included, and as soon as `stop` is set.
    pub fn new(source: S, duration_s: Option<f64>, stop: Arc<AtomicBool>) -> Self {
        let rate_hz = source.stream().sample_rate_hz;
        let samples_left = duration_s.map_or(u64::MAX, |seconds| (seconds * rate_hz).round() as u64);
        Self { source, samples_left, stop }
    }
}

impl<S: Source> Source for Until<S> {
    fn stream(&self) -> &Stream {
        self.source.stream()
    }

    fn full_scale(&self) -> f32 {
        self.source.full_scale()
    }

    fn is_live(&self) -> bool {
        self.source.is_live()
    }

    fn hop_plan(&self) -> Option<Arc<HopPlan>> {
        self.source.hop_plan()
    }

    fn read(&mut self, out: &mut [Complex32]) -> Result<Read, SourceError> {
        if self.samples_left == 0 || self.stop.load(Ordering::Relaxed) {
            return Ok(Read::End);
        }
        match self.source.read(out)? {
            Read::Samples { count, lost_before } => {
                let lost_before = lost_before.min(self.samples_left);
                let count = (self.samples_left - lost_before).min(count as u64) as usize;
                self.samples_left -= lost_before + count as u64;
                Ok(Read::Samples { count, lost_before })
            }
            Read::Tuned(tuned) => {
                self.samples_left = self.samples_left.saturating_sub(tuned.skipped);
                Ok(Read::Tuned(tuned))
            }
            other => Ok(other),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 100 samples a read, 30 lost before each.
    struct Lossy(Stream);

    impl Source for Lossy {
        fn stream(&self) -> &Stream {
            &self.0
        }

        fn full_scale(&self) -> f32 {
            1.0
        }

        fn is_live(&self) -> bool {
            true
        }

        fn read(&mut self, _: &mut [Complex32]) -> Result<Read, SourceError> {
            Ok(Read::Samples { count: 100, lost_before: 30 })
        }
    }

    fn lossy() -> Lossy {
        let name = "lossy".to_owned();
        Lossy(Stream { name, sample_rate_hz: 1000.0, center_frequency_hz: None, duration_s: None })
    }

    #[test]
    fn time_lost_is_time_passed() {
        for (duration_s, reads) in [(0.3, [(100, 30), (100, 30), (10, 30)]), (0.27, [(100, 30), (100, 30), (0, 10)])] {
            let mut source = Until::new(lossy(), Some(duration_s), Arc::default());
            for (count, lost_before) in reads {
                assert_eq!(source.read(&mut []).unwrap(), Read::Samples { count, lost_before });
            }
            assert_eq!(source.read(&mut []).unwrap(), Read::End);
        }
    }

    #[test]
    fn being_told_ends_it() {
        let stop = Arc::new(AtomicBool::new(false));
        let mut source = Until::new(lossy(), None, Arc::clone(&stop));
        assert!(matches!(source.read(&mut []), Ok(Read::Samples { .. })));
        stop.store(true, Ordering::Relaxed);
        assert_eq!(source.read(&mut []).unwrap(), Read::End);
    }
}
