//! Tuning, and changing the gain, while the stream runs: which samples were taken before the new frequency was there.
//!
//! In: wishes for a frequency; of each read its length, time stamp, and how long the driver took. Out: how many of its
//! samples are stale, and in the end what the retune cost.
//! Method: where the device has a clock, stale is what was taken before its clock's time after the tuning, and a moment
//! for the synthesiser. Where it has none, everything is that comes without the driver waiting for it, as it lay in
//! buffers, and the same moment after that.

use std::time::Duration;

use crossbeam_channel::Receiver;
use soapysdr::{Device, Direction};

use super::CHANNEL;
use crate::pipeline::snapshot::Stream;
use crate::source::{GainStep, Tuned};

/// A synthesiser locks within this.
const LOCK_S: f64 = 2e-3;
/// Buffers hold no more than this.
const LONGEST_S: f64 = 0.2;

/// Tunes the device, and tells what is stale.
pub(super) struct Retune {
    device: Device,
    sample_rate_hz: f64,
    center_frequency_hz: f64,
    asked: Receiver<f64>,
    under_way: Option<UnderWay>,
}

/// A retune that is not through.
struct UnderWay {
    tuned: Tuned,
    /// When the frequency is there by the device's clock; or how many samples are stale yet, once buffers are empty.
    fresh: Fresh,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Fresh {
    At(i64),
    AfterBuffers,
    After(u64),
}

impl Retune {
    pub(super) fn new(device: Device, stream: &Stream, asked: Receiver<f64>) -> Self {
        let center_frequency_hz = stream.center_frequency_hz.unwrap_or_default();
        Self { device, sample_rate_hz: stream.sample_rate_hz, center_frequency_hz, asked, under_way: None }
    }

    /// Tunes, where that is asked for: true then. Else the sentence with which it failed.
    pub(super) fn begin(&mut self) -> Result<bool, String> {
        // One after the other, so that each is told.
        if self.under_way.is_some() {
            return Ok(false);
        }
        let Ok(frequency_hz) = self.asked.try_recv() else { return Ok(false) };
        let failed = |error: soapysdr::Error| format!("it cannot be tuned to {frequency_hz} Hz ({})", error.message);
        self.device.set_frequency(Direction::Rx, CHANNEL, frequency_hz, ()).map_err(failed)?;
        self.center_frequency_hz = self.device.frequency(Direction::Rx, CHANNEL).map_err(failed)?;
        self.wait(None);
        Ok(true)
    }

    /// Changes the gain, where nothing is under way: the gain it then has.
    pub(super) fn change_gain(&mut self, step: GainStep) -> Option<f64> {
        if self.under_way.is_some() {
            return None;
        }
        self.device.set_gain(Direction::Rx, CHANNEL, step.to_db).ok()?;
        let to_db = self.device.gain(Direction::Rx, CHANNEL).ok()?;
        self.wait(Some(GainStep { to_db, ..step }));
        Some(to_db)
    }

    /// From now on samples are stale until what was changed is there.
    fn wait(&mut self, gain: Option<GainStep>) {
        let has_clock = self.device.has_hardware_time(None).unwrap_or(false);
        let now_ns = has_clock.then(|| self.device.get_hardware_time(None).ok()).flatten();
        let fresh = now_ns.map_or(Fresh::AfterBuffers, |now_ns| Fresh::At(now_ns + (LOCK_S * 1e9) as i64));
        let tuned = Tuned { slot: 0, center_frequency_hz: self.center_frequency_hz, gain, skipped: 0 };
        self.under_way = Some(UnderWay { tuned, fresh });
    }

    /// How many of the first samples of a read are stale; all that passes is counted.
    pub(super) fn stale(&mut self, count: usize, lost: u64, time_ns: i64, waited: Duration) -> usize {
        let Some(UnderWay { tuned, fresh }) = &mut self.under_way else { return 0 };
        let seconds = |samples: u64| samples as f64 / self.sample_rate_hz;
        let left = match *fresh {
            // A stamp of 0 is none: the stream does not tell what the clock does.
            Fresh::At(at_ns) if time_ns != 0 => {
                ((at_ns - time_ns) as f64 * 1e-9 * self.sample_rate_hz).ceil().max(0.0) as u64
            }
            Fresh::At(_) | Fresh::AfterBuffers if waited.as_secs_f64() < 0.5 * seconds(count as u64) => u64::MAX,
            Fresh::At(_) | Fresh::AfterBuffers => (LOCK_S * self.sample_rate_hz) as u64,
            Fresh::After(left) => left,
        };
        let over = seconds(tuned.skipped) >= LONGEST_S;
        let stale = if over { 0 } else { usize::try_from(left).unwrap_or(usize::MAX).min(count) };
        if left != u64::MAX && !matches!(fresh, Fresh::At(_) if time_ns != 0) {
            *fresh = Fresh::After(left - stale as u64);
        }
        tuned.skipped += stale as u64 + lost;
        stale
    }

    /// The retune that is through with the sample after the last stale one.
    pub(super) fn arrived(&mut self) -> Option<Tuned> {
        self.under_way.take().map(|under_way| under_way.tuned)
    }
}
