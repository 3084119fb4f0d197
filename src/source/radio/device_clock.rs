//! What a device's timestamps say of samples that never arrived.
//!
//! In: per read the number of samples and the time stamp of the first (nanoseconds), and that the driver reported a
//! cut. Out: samples lost before that read.
//! Method: the stamp is compared with the one before it plus the samples since, read by read, so that a rate that is
//! known to a few ppm only does not add up. A stamp that does not advance is none: drivers that keep no time leave the
//! old value, most often 0.
//! A cut that no clock measures counts as one sample: fewer cannot be lost, and what was on the air is ended there. The
//! cuts of unknown length are counted, so that the loss can be told as the lower bound it then is.

/// Departures up to this many samples are rounding, as time stamps are whole nanoseconds or ticks.
const TOLERANCE_SAMPLES: f64 = 1.5;
/// A longer jump is the clock being set, not a loss: no stream stays silent that long without being given up.
const MAX_JUMP_S: f64 = 10.0;

/// Counts losses.
pub(super) struct DeviceClock {
    sample_rate_hz: f64,
    stamp: Option<Stamp>,
    /// Samples by which the device is ahead of its own clock: stamps that jitter go back as often as forth, and only
    /// what exceeds the way back is a loss.
    ahead_samples: f64,
    cut: bool,
    cuts_unmeasured: u64,
}

#[derive(Clone, Copy)]
struct Stamp {
    time_ns: i64,
    /// Samples from the stamped one to the next to come.
    samples_since: u64,
}

impl DeviceClock {
    /// A clock for a stream at this rate.
    pub(super) fn new(sample_rate_hz: f64) -> Self {
        Self { sample_rate_hz, stamp: None, ahead_samples: 0.0, cut: false, cuts_unmeasured: 0 }
    }

    /// The driver has said that samples were lost; how many, the next read tells.
    pub(super) fn cut(&mut self) {
        // Before the first sample nothing can be missing.
        self.cut |= self.stamp.is_some();
    }

    /// Cuts since the last call whose length nothing told; each was counted as one sample.
    pub(super) fn take_cuts_unmeasured(&mut self) -> u64 {
        std::mem::take(&mut self.cuts_unmeasured)
    }

    /// Takes note of a read of `num_samples`, the first at `time_ns`; the answer is how many were lost before it.
    pub(super) fn lost_before(&mut self, num_samples: u64, time_ns: i64) -> u64 {
        let cut = std::mem::take(&mut self.cut);
        let Some(stamp) = &mut self.stamp else {
            self.stamp = Some(Stamp { time_ns, samples_since: num_samples });
            return 0;
        };
        if time_ns == stamp.time_ns || time_ns == 0 {
            let lost = u64::from(cut);
            self.cuts_unmeasured += lost;
            stamp.samples_since += lost + num_samples;
            return lost;
        }
        let elapsed_samples = time_ns.wrapping_sub(stamp.time_ns) as f64 * 1e-9 * self.sample_rate_hz;
        let missing = elapsed_samples - stamp.samples_since as f64;
        *stamp = Stamp { time_ns, samples_since: num_samples };
        let longest = MAX_JUMP_S * self.sample_rate_hz;
        if missing.abs() <= TOLERANCE_SAMPLES {
            return 0;
        }
        if missing.abs() > longest {
            self.ahead_samples = 0.0;
            return 0;
        }
        let lost = (missing - self.ahead_samples).max(0.0);
        self.ahead_samples = (self.ahead_samples - missing).clamp(0.0, longest);
        lost.round() as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RATE_HZ: f64 = 1.92e6;

    fn time_ns(position: u64) -> i64 {
        (position as f64 * 1e9 / RATE_HZ) as i64
    }

    #[test]
    fn gaps_are_counted_to_the_sample_at_any_rate() {
        for rate_hz in [240e3, 1.92e6, 30.72e6, 61.44e6] {
            let mut clock = DeviceClock::new(rate_hz);
            let (mut position, mut lost, mut told) = (0u64, 0, 0);
            for read in 0..10_000u64 {
                let gap = if read % 100 == 99 { 2 + read } else { 0 };
                position += gap;
                lost += gap;
                told += clock.lost_before(357, (position as f64 * 1e9 / rate_hz) as i64);
                position += 357;
            }
            assert_eq!(told, lost, "{rate_hz}");
        }
    }

    #[test]
    fn a_rate_that_is_off_by_some_ppm_loses_nothing() {
        let mut clock = DeviceClock::new(RATE_HZ);
        let told: u64 =
            (0..100_000).map(|read| clock.lost_before(7680, time_ns(read * 7680) / 100_000 * 100_002)).sum();
        assert_eq!(told, 0);
    }

    #[test]
    fn a_cut_counts_once_where_the_clock_measures_it() {
        let mut clock = DeviceClock::new(RATE_HZ);
        clock.cut();
        assert_eq!(clock.lost_before(1000, time_ns(0)), 0, "before the first sample nothing is missing");
        clock.cut();
        assert_eq!(clock.lost_before(1000, time_ns(11_000)), 10_000);
        assert_eq!(clock.lost_before(1000, time_ns(12_000)), 0);
        assert_eq!(clock.take_cuts_unmeasured(), 0);
    }

    #[test]
    fn without_a_clock_a_cut_counts_one_sample_and_is_told() {
        let mut clock = DeviceClock::new(RATE_HZ);
        for read in 0..10 {
            if read == 4 || read == 8 {
                clock.cut();
            }
            assert_eq!(clock.lost_before(1000, 0), u64::from(read == 4 || read == 8));
        }
        assert_eq!(clock.take_cuts_unmeasured(), 2);
    }

    #[test]
    fn fragments_without_a_stamp_of_their_own_are_no_gap() {
        let mut clock = DeviceClock::new(RATE_HZ);
        for packet in 1..100 {
            let stamp = time_ns(packet * 3000);
            let told: u64 = [1000, 1000, 1000].map(|count| clock.lost_before(count, stamp)).iter().sum();
            assert_eq!(told, 0);
        }
    }

    /// Stamps taken from the computer's clock: what is lost in truth is still seen, the jitter is not added up.
    #[test]
    fn jitter_does_not_add_up() {
        let mut clock = DeviceClock::new(RATE_HZ);
        let jitter = |read: u64| (read * 7919 % 401) as i64 * 1000;
        let told: u64 = (0..10_000).map(|read| clock.lost_before(7680, time_ns(read * 7680) + jitter(read))).sum();
        assert!(told <= 768, "no more than the jitter's 400 µs, not {told}");
    }

    #[test]
    fn setting_the_clock_is_no_loss() {
        let mut clock = DeviceClock::new(RATE_HZ);
        let utc_ns = 1_790_000_000_000_000_000;
        let told = [5, 1, utc_ns, utc_ns + 520_833, 17, 520_850].map(|time_ns| clock.lost_before(1000, time_ns));
        assert_eq!(told, [0; 6]);
    }
}
