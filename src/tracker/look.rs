//! A look: one measurement of a device's level, at one instant and place of the antenna.
//!
//! In: findings, and what gain the receiver had. Out: levels in dB referred to the antenna, each with the class of
//! transmission that it may be compared with, and means of several with their standard deviation.
//! Method: a level less the receiver's gain. Transmissions are compared by channel, width, repetitions and the number
//! of the attempt, because the transmit power follows each of them (TS 36.213 §5.1, §6.1, §16.2.1, §16.3.1). Between
//! looks half a wavelength apart the level fades as Rayleigh: the mean power of `n` such looks is gamma distributed,
//! which gives the bias and the deviation of its logarithm.
//! Ignores: a line of sight, which fades less; a mean is then surer than it says.

use std::f64::consts::PI;

use dsp::finding::{Channel, Finding};

use super::fingerprint::width_hz;

/// Mean power from here on clips in the peaks of any modulation.
const NEAR_FULL_SCALE_DBFS: f32 = -3.0;
/// Changes of gain that are remembered.
const MAX_CHANGES: usize = 256;
/// dB of a factor e.
const NEPER_DB: f64 = 10.0 / std::f64::consts::LN_10;
const EULER: f64 = 0.577_215_664_901_532_9;
/// Looks from here on follow the limits of their sums.
const MANY: u32 = 64;

/// What a look may be compared with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Class {
    /// Channel of the burst.
    pub channel: Channel,
    /// Width in tones of 3.75 kHz; LTE data by its octave, at the level of one resource block.
    pub width: u16,
    /// Repetitions.
    pub repetitions: u16,
    /// Which attempt of a series a preamble is, counted from 1; 0 where the power does not follow it.
    pub attempt: u8,
}

impl Class {
    pub(super) fn of(finding: &Finding, attempt: u8) -> Self {
        let tones = (width_hz(finding) / 3750.0).round().clamp(1.0, f64::from(u16::MAX)) as u16;
        let width = if is_shared(finding.channel) { tones.next_power_of_two() } else { tones };
        Self { channel: finding.channel, width, repetitions: finding.parameters.repetitions.unwrap_or(1), attempt }
    }

    /// Whether it is a random access preamble.
    pub fn is_preamble(&self) -> bool {
        matches!(self.channel, Channel::Nprach | Channel::Prach)
    }
}

/// Data of LTE takes another width each time; its power goes with the width.
fn is_shared(channel: Channel) -> bool {
    channel == Channel::Pusch
}

/// One measurement of a device's level.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Look {
    /// Start of the burst.
    pub start_s: f64,
    /// Its level referred to the antenna: dBFS less the receiver's gain. Where the receiver was overloaded a lower
    /// bound.
    pub level_db: f64,
    /// What it may be compared with.
    pub class: Class,
    /// Number of the device's session.
    pub session: u32,
    /// The receiver was overloaded.
    pub is_overloaded: bool,
    /// The gain is known and the transmit power is that of the others of its class.
    pub is_comparable: bool,
    /// What is compared: the level, of LTE data that of one resource block.
    pub(super) compared_db: f64,
}

impl Look {
    pub(super) fn of(finding: &Finding, gains: &Gains, attempt: u8, session: u32) -> Self {
        let start_s = finding.extent.start_s;
        let gain_db = gains.at(start_s);
        let level_db = f64::from(finding.power_dbfs) - gain_db.unwrap_or(0.0);
        let blocks = (width_hz(finding) / 180e3).max(1.0);
        let by_block_db = if is_shared(finding.channel) { 10.0 * blocks.log10() } else { 0.0 };
        let is_overloaded = finding.clipped || finding.power_dbfs >= NEAR_FULL_SCALE_DBFS;
        Self {
            start_s,
            level_db,
            class: Class::of(finding, attempt),
            session,
            is_overloaded,
            is_comparable: gain_db.is_some() && !is_overloaded && level_db.is_finite(),
            compared_db: level_db - by_block_db,
        }
    }
}

/// The receiver's gain over time.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Gains {
    changes: Vec<(f64, Option<f64>)>,
}

impl Gains {
    /// From `time_s` on the gain is this; `None` where the receiver sets it itself and does not tell.
    pub fn set(&mut self, time_s: f64, gain_db: Option<f64>) {
        if !time_s.is_finite() {
            return;
        }
        let at = self.changes.partition_point(|(other_s, _)| *other_s <= time_s);
        self.changes.insert(at, (time_s, gain_db.filter(|db| db.is_finite())));
        if self.changes.len() > MAX_CHANGES {
            self.changes.remove(0);
        }
    }

    /// The gain at an instant. Where none was ever told (a recording) it is one unknown gain throughout: 0.
    pub fn at(&self, time_s: f64) -> Option<f64> {
        match self.changes.partition_point(|(other_s, _)| *other_s <= time_s).checked_sub(1) {
            Some(last) => self.changes[last].1,
            None => Some(0.0),
        }
    }
}

/// Mean power of several looks.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Mean {
    sum: f64,
    count: u32,
}

impl Mean {
    /// Takes a look at this level.
    pub fn add(&mut self, level_db: f64) {
        self.sum += 10f64.powf(level_db / 10.0);
        self.count += 1;
    }

    /// Looks taken.
    pub fn count(&self) -> u32 {
        self.count
    }

    /// Its level as it is: of bursts in one fade, which are one look.
    pub fn plain_db(&self) -> f64 {
        10.0 * (self.sum / f64::from(self.count.max(1))).log10()
    }

    /// Its level, free of the bias that few fading looks have; minus infinity where there are none.
    pub fn level_db(&self) -> f64 {
        self.plain_db() - fading(self.count).0
    }

    /// One standard deviation of `level_db` by fading.
    pub fn sigma_db(&self) -> f64 {
        fading(self.count).1
    }
}

/// Mean and standard deviation in dB of the mean of so many exponentially distributed powers against their expectation:
/// digamma and trigamma of a whole number.
fn fading(count: u32) -> (f64, f64) {
    let count = count.max(1);
    let n = f64::from(count);
    if count > MANY {
        return (-NEPER_DB / (2.0 * n), NEPER_DB / n.sqrt());
    }
    let below = 1..count;
    let digamma = below.clone().map(|k| 1.0 / f64::from(k)).sum::<f64>() - EULER;
    let trigamma = PI * PI / 6.0 - below.map(|k| f64::from(k).powi(-2)).sum::<f64>();
    (NEPER_DB * (digamma - n.ln()), NEPER_DB * trigamma.sqrt())
}

/// Probability that a normal variable of mean 0 and deviation 1 stays below `x` (Abramowitz and Stegun 26.2.17, error
/// below 7.5e-8).
pub fn normal_below(x: f64) -> f64 {
    let t = 1.0 / (1.0 + 0.231_641_9 * x.abs());
    let series = [1.330_274_429, -1.821_255_978, 1.781_477_937, -0.356_563_782, 0.319_381_530];
    let tail = series.iter().fold(0.0, |sum, factor| (sum + factor) * t);
    let above = tail * (-x * x / 2.0).exp() / std::f64::consts::TAU.sqrt();
    if x >= 0.0 { 1.0 - above } else { above }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tracker::testing::{Dice, burst};

    #[test]
    fn means_of_fading_looks_are_as_wrong_as_they_say() {
        let mut dice = Dice(3);
        for count in [1u32, 2, 4, 16, 100] {
            let means: Vec<Mean> = (0..4000)
                .map(|_| {
                    let mut mean = Mean::default();
                    (0..count).for_each(|_| mean.add(-70.0 + dice.rayleigh_db()));
                    mean
                })
                .collect();
            let levels: Vec<f64> = means.iter().map(Mean::level_db).collect();
            let average = levels.iter().sum::<f64>() / 4000.0;
            let sigma = (levels.iter().map(|l| (l - average).powi(2)).sum::<f64>() / 4000.0).sqrt();
            assert!((average + 70.0).abs() < 4.0 * sigma / 63.0, "{count} looks: {average}");
            assert!((sigma / means[0].sigma_db() - 1.0).abs() < 0.06, "{count} looks: {sigma}");
        }
    }

    #[test]
    fn levels_are_referred_to_the_antenna() {
        let mut gains = Gains::default();
        let finding = burst(Channel::Npusch1, 5.0, 0.0, 15e3);
        assert_eq!(Look::of(&finding, &gains, 0, 0).level_db, -40.0);
        gains.set(4.0, Some(20.0));
        gains.set(6.0, None);
        gains.set(2.0, Some(30.0));
        let look = Look::of(&finding, &gains, 0, 0);
        assert!(look.is_comparable && look.level_db == -60.0);
        assert_eq!((gains.at(1.0), gains.at(3.0), gains.at(7.0)), (Some(0.0), Some(30.0), None));
        let later = Finding { extent: dsp::finding::Segment { start_s: 9.0, ..finding.extent }, ..finding.clone() };
        assert!(!Look::of(&later, &gains, 0, 0).is_comparable, "the receiver sets its gain itself");
        let loud = Finding { power_dbfs: -1.0, ..finding };
        assert!(Look::of(&loud, &gains, 0, 0).is_overloaded);
    }

    #[test]
    fn the_normal_integral_is_right() {
        for (x, below) in [(0.0, 0.5), (1.0, 0.841_344_746), (-1.281_551_566, 0.1), (3.0, 0.998_650_102)] {
            assert!((normal_below(x) - below).abs() < 1e-7, "{x}");
        }
    }
}
