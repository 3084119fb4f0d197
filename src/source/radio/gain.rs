//! The gain that lets the radio hear most: the noise just above the converter's own, without clipping.
//!
//! In: samples as they come. Out: a new gain, when it is to change.
//! Method: of every quarter of a second the share of components at full scale is counted and the quietest 4 ms kept.
//! More clipping than [`CLIPPED_SHARE`] takes 6 dB off at once, and for half a minute the gain does not rise again.
//! Where the quietest moment of the last two seconds lies below the converter's own noise (`Δ²/6` for a step `Δ`) plus
//! 10 dB, which costs 0.4 dB of sensitivity, the gain rises to there, as far as the strongest component leaves room.
//! Else it stays: what is loud all the time may be a signal, and less gain would bury what is weak beside it.
//! Ignores: single gain stages; the driver shares the gain out among them.

use num_complex::Complex32;

use crate::source::GainStep;

/// Time over which is counted, and time over which is looked back.
const WINDOW_S: f64 = 0.25;
const WINDOWS_BACK: usize = 8;
/// Pieces of which the quietest counts.
const PIECE_S: f64 = 0.004;
/// Share of components at full scale that is too much.
const CLIPPED_SHARE: f64 = 1e-4;
/// What clipping takes off, and how long the gain does not rise after it.
const STEP_DOWN_DB: f64 = 6.0;
const HOLD_S: f64 = 30.0;
/// The noise is to lie this far above the converter's own.
const ABOVE_CONVERTER_DB: f64 = 10.0;
/// Most that the gain rises at once: what is below one step of the converter tells no level.
const STEP_UP_DB: f64 = 10.0;
/// Room that is left above the strongest component.
const HEADROOM_DB: f64 = 6.0;
/// A smaller change is none.
const SMALLEST_DB: f64 = 2.0;

/// Chooses the gain.
pub(super) struct GainControl {
    gain_db: f64,
    range_db: (f64, f64),
    sample_rate_hz: f64,
    full_scale: f32,
    target_dbfs: f64,
    window: Window,
    /// Quietest piece and strongest component of the windows before.
    before: [(f64, f64); WINDOWS_BACK],
    windows: usize,
    /// Windows until the gain may rise.
    hold: usize,
}

/// What is counted of the present window.
#[derive(Debug, Clone, Copy)]
struct Window {
    samples: usize,
    clipped: usize,
    quietest: f64,
    strongest: f32,
    /// Power and samples of the piece under way.
    piece: (f64, usize),
}

const EMPTY: Window = Window { samples: 0, clipped: 0, quietest: f64::INFINITY, strongest: 0.0, piece: (0.0, 0) };

impl GainControl {
    /// Starts at a gain within a range. `full_scale` is the largest value of a component: one step of the converter below 1.
    pub(super) fn new(gain_db: f64, range_db: (f64, f64), sample_rate_hz: f64, full_scale: f32) -> Self {
        // A float stream does not tell its converter: 12 bits are common.
        let step = if full_scale < 1.0 { f64::from(1.0 - full_scale) } else { 1.0 / 2048.0 };
        let converter_dbfs = 10.0 * (step * step / 6.0).log10();
        Self {
            gain_db,
            range_db,
            sample_rate_hz,
            full_scale,
            target_dbfs: converter_dbfs + ABOVE_CONVERTER_DB,
            window: EMPTY,
            before: [(f64::INFINITY, 0.0); WINDOWS_BACK],
            windows: 0,
            hold: 0,
        }
    }

    /// Takes the next samples; the answer is the step that is due.
    pub(super) fn push(&mut self, samples: &[Complex32]) -> Option<GainStep> {
        let piece = ((PIECE_S * self.sample_rate_hz) as usize).max(1);
        let window = &mut self.window;
        for sample in samples {
            let component = sample.re.abs().max(sample.im.abs());
            window.clipped += usize::from(component >= self.full_scale);
            window.strongest = window.strongest.max(component);
            window.piece.0 += f64::from(sample.norm_sqr());
            window.piece.1 += 1;
            if window.piece.1 == piece {
                window.quietest = window.quietest.min(window.piece.0 / piece as f64);
                window.piece = (0.0, 0);
            }
        }
        window.samples += samples.len();
        if (window.samples as f64) < WINDOW_S * self.sample_rate_hz {
            return None;
        }
        let window = std::mem::replace(&mut self.window, EMPTY);
        self.before[self.windows % WINDOWS_BACK] = (window.quietest, f64::from(window.strongest));
        self.windows += 1;
        self.hold = self.hold.saturating_sub(1);
        self.step(window.clipped as f64 > CLIPPED_SHARE * window.samples as f64)
    }

    /// The device has this gain now; what was heard before says nothing of it.
    pub(super) fn set(&mut self, gain_db: f64) {
        self.gain_db = gain_db;
        self.window = EMPTY;
        self.windows = 0;
    }

    fn step(&mut self, clipped: bool) -> Option<GainStep> {
        if clipped {
            self.hold = (HOLD_S / WINDOW_S) as usize;
            return self.change(-STEP_DOWN_DB, true);
        }
        if self.windows < WINDOWS_BACK {
            return None;
        }
        let db = |power: f64| 10.0 * power.max(1e-20).log10();
        let quietest_dbfs = db(self.before.iter().map(|(quietest, _)| *quietest).fold(f64::INFINITY, f64::min));
        let strongest_dbfs = 2.0 * db(self.before.iter().map(|(_, strongest)| *strongest).fold(0.0, f64::max));
        let missing_db = self.target_dbfs - quietest_dbfs;
        if missing_db > 0.0 && self.hold == 0 {
            let room_db = -HEADROOM_DB - strongest_dbfs;
            return self.change(missing_db.min(room_db).clamp(0.0, STEP_UP_DB), false);
        }
        None
    }

    fn change(&mut self, by_db: f64, clipped: bool) -> Option<GainStep> {
        let to_db = (self.gain_db + by_db).clamp(self.range_db.0, self.range_db.1);
        let is_change = (to_db - self.gain_db).abs() >= SMALLEST_DB;
        is_change.then_some(GainStep { from_db: self.gain_db, to_db, clipped })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RATE_HZ: f64 = 100e3;
    const FULL_SCALE: f32 = 127.0 / 128.0;

    /// The air in front of an 8-bit converter: noise at a level for 0 dB of gain, and a tone.
    struct Air {
        noise_dbfs: f64,
        tone_dbfs: f64,
        seed: u32,
    }

    impl Air {
        fn hear(&mut self, gain_db: f64) -> Vec<Complex32> {
            let amplitude = |dbfs: f64| 10f64.powf((dbfs + gain_db) / 20.0) as f32;
            let (noise, tone) = (amplitude(self.noise_dbfs) * 1.5f32.sqrt(), amplitude(self.tone_dbfs));
            let mut uniform = || {
                self.seed = self.seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                (self.seed >> 8) as f32 / (1 << 23) as f32 - 1.0
            };
            let quantised = |value: f32| ((value * 128.0).round() / 128.0).clamp(-1.0, FULL_SCALE);
            let sample = |n: usize| {
                let tone = tone * Complex32::cis(n as f32 * 0.1);
                Complex32::new(quantised(noise * uniform() + tone.re), quantised(noise * uniform() + tone.im))
            };
            (0..1000).map(sample).collect()
        }

        /// The gain that is come to after `seconds`, and the steps to it.
        fn settle(&mut self, control: &mut GainControl, seconds: f64) -> Vec<GainStep> {
            let mut steps = Vec::new();
            for _ in 0..(seconds * RATE_HZ / 1000.0) as usize {
                if let Some(step) = control.push(&self.hear(control.gain_db)) {
                    control.set(step.to_db);
                    steps.push(step);
                }
            }
            steps
        }
    }

    #[test]
    fn the_noise_comes_to_lie_just_above_the_converter_s_own() {
        for noise_dbfs in [-100.0, -70.0, -45.0, -15.0] {
            let mut control = GainControl::new(20.0, (0.0, 80.0), RATE_HZ, FULL_SCALE);
            let mut air = Air { noise_dbfs, tone_dbfs: -200.0, seed: 1 };
            air.settle(&mut control, 30.0);
            let noise_dbfs = noise_dbfs + control.gain_db;
            // 8 bits: -49.9 dBFS is the converter's own.
            let lies_well = (-42.5..-5.0).contains(&noise_dbfs);
            assert!(lies_well, "{noise_dbfs} dBFS at {} dB", control.gain_db);
            assert!(air.settle(&mut control, 20.0).is_empty(), "and stays");
        }
    }

    #[test]
    fn clipping_takes_it_down_and_holds_it_there() {
        let mut control = GainControl::new(40.0, (0.0, 50.0), RATE_HZ, FULL_SCALE);
        let mut air = Air { noise_dbfs: -90.0, tone_dbfs: -30.0, seed: 1 };
        let steps = air.settle(&mut control, 5.0);
        assert_eq!(steps[0], GainStep { from_db: 40.0, to_db: 34.0, clipped: true });
        assert!(control.gain_db <= 30.0 && control.gain_db >= 22.0, "{steps:?}");
        let quiet = Air { tone_dbfs: -200.0, ..air }.settle(&mut control, 20.0);
        assert!(quiet.is_empty(), "no rise so soon: {quiet:?}");
        let later = Air { noise_dbfs: -90.0, tone_dbfs: -200.0, seed: 2 }.settle(&mut control, 30.0);
        assert!(later.iter().all(|step| step.to_db > step.from_db && !step.clipped) && !later.is_empty());
    }

    #[test]
    fn a_strong_signal_leaves_no_room_to_rise() {
        let mut control = GainControl::new(10.0, (0.0, 50.0), RATE_HZ, FULL_SCALE);
        let mut air = Air { noise_dbfs: -90.0, tone_dbfs: -20.0, seed: 1 };
        let steps = air.settle(&mut control, 60.0);
        assert!(steps.iter().all(|step| !step.clipped) && control.gain_db <= 14.5, "{steps:?}");
    }
}
