//! How much a likeness or a difference between bursts speaks for one device: natural logarithms of likelihood ratios.
//!
//! Method: each feature has a density among bursts of one device and one among bursts of different devices of the
//! same carrier; the weight is the logarithm of their ratio. The densities have tails, so that no single measurement
//! decides alone: detectors err, and a device steps its frequency when its modem warms up in the midst of a session
//! (a recorded beacon: by 90 Hz between its first and second transmission).

use dsp::finding::{Channel, Technology};

use super::fingerprint::{Fingerprint, GridPosition};

/// A bursts' frequency within a session, measurement aside.
const SESSION_SIGMA_HZ: f64 = 3.0;
/// Between the sessions of one device (5 to 30 Hz a wake-up).
pub(super) const WAKE_SIGMA_HZ: f64 = 15.0;
/// Share and spread of steps of the modem's frequency.
const STEP_SHARE: f64 = 0.2;
const STEP_SIGMA_HZ: f64 = 40.0;
/// Share of steps that outlast a session: a modem that has warmed up is back at its old frequency the next time.
const BETWEEN_STEP_SHARE: f64 = 0.03;
/// A preamble of LTE is sent before the network has corrected anything.
const PREAMBLE_STEP_SIGMA_HZ: f64 = 150.0;
/// Share of measurements that are wrong altogether.
const BLUNDER: f64 = 1e-3;
/// Between the devices of one cell, whose frequencies differ by at most ±0.2 ppm each (TS 36.101 §6.5.1F).
const DEVICES_SIGMA_HZ: f64 = 130.0;
/// Share of devices that are bound to no such limit: another cell on the carrier, a modem out of order.
const FOREIGN: f64 = 0.2;

/// Level of one device between bursts: fading and power control within the tolerance.
const LEVEL_SIGMA_DB: f64 = 5.0;
const LEVEL_TAIL: f64 = 0.1;
const LEVEL_TAIL_SIGMA_DB: f64 = 12.0;
/// Level between devices.
const LEVELS_SIGMA_DB: f64 = 12.0;

/// Pauses within a session are spread evenly over their logarithms from here on …
const PAUSE_S: f64 = 0.2;
/// … and another burst follows this much likelier, by its logarithm, than such a spread says.
const GOES_ON: f64 = 0.8;
/// Where no frequency can be compared, that many more devices might have sent it.
pub(super) const FREQUENCY_UNTOLD: f64 = -2.0;
/// Time after a preamble within which its answer is granted the uplink, and what such a burst weighs.
const GRANT_S: std::ops::Range<f64> = 0.002..0.06;
const GRANTED: f64 = 2.0;
/// What the same preamble again weighs.
const SAME_PREAMBLE: f64 = 4.0;

fn density(apart: f64, sigma: f64) -> f64 {
    (-0.5 * (apart / sigma).powi(2)).exp() / (sigma * std::f64::consts::TAU.sqrt())
}

/// Weight of two positions on the grid, with `drift_hz` what a device moves by between them.
fn frequency(a: &GridPosition, b: &GridPosition, drift_hz: f64, (step_share, step_hz): (f64, f64)) -> f64 {
    let (apart_hz, modulus_hz) = (a.distance_hz(b), a.modulus_hz.min(b.modulus_hz));
    let measured = a.sigma_hz.hypot(b.sigma_hz);
    let core = (1.0 - step_share - BLUNDER) * density(apart_hz, measured.hypot(drift_hz));
    let step = step_share * density(apart_hz, measured.hypot(step_hz));
    let same = core + step + BLUNDER / modulus_hz;
    let other = (1.0 - FOREIGN) * density(apart_hz, measured.hypot(DEVICES_SIGMA_HZ)) + FOREIGN / modulus_hz;
    (same / other).ln()
}

/// Weight of two bursts' frequencies seconds apart, where both tell one.
pub(super) fn frequency_within_session(a: &Fingerprint, b: &Fingerprint) -> Option<f64> {
    let is_mixed = (a.channel == Channel::Prach) != (b.channel == Channel::Prach);
    let step_hz = if is_mixed { PREAMBLE_STEP_SIGMA_HZ } else { STEP_SIGMA_HZ };
    Some(frequency(a.grid.as_ref()?, b.grid.as_ref()?, SESSION_SIGMA_HZ, (STEP_SHARE, step_hz)))
}

/// Weight of a burst's frequency against that of a device heard in an earlier session.
pub(super) fn frequency_between_sessions(device: &GridPosition, burst: &GridPosition) -> f64 {
    frequency(device, burst, WAKE_SIGMA_HZ, (BETWEEN_STEP_SHARE, STEP_SIGMA_HZ))
}

/// Difference of level that no power control explains: a device keeps its power or its power per tone, or what lies
/// between (TS 36.213 §16.2.1).
pub(super) fn level_apart_db(a: &Fingerprint, b: &Fingerprint) -> f64 {
    let (total_db, density_db) = (a.power_dbfs - b.power_dbfs, a.density_dbfs() - b.density_dbfs());
    if total_db * density_db <= 0.0 {
        0.0
    } else if total_db.abs() < density_db.abs() {
        total_db
    } else {
        density_db
    }
}

/// Weight of a difference of level.
pub(super) fn level(apart_db: f64) -> f64 {
    let tail = LEVEL_TAIL * density(apart_db, LEVEL_TAIL_SIGMA_DB);
    let same = (1.0 - LEVEL_TAIL) * density(apart_db, LEVEL_SIGMA_DB) + tail;
    (same / density(apart_db, LEVELS_SIGMA_DB)).ln().max(BLUNDER.ln())
}

/// Weight of a session's last burst having ended `pause_s` before, where new devices come at this rate.
pub(super) fn pause(pause_s: f64, new_devices_hz: f64) -> f64 {
    GOES_ON - ((pause_s + PAUSE_S) * new_devices_hz).ln()
}

/// Weight of the order of two bursts of LTE; `None` where one session has no such order: a connected device asks for
/// the uplink on its control channel, not by a preamble.
pub(super) fn order(last: &Fingerprint, next: &Fingerprint) -> Option<f64> {
    if next.technology == Technology::NbIot {
        return Some(0.0);
    }
    let wait_s = next.extent.start_s - last.extent.end_s;
    match (last.channel, next.channel) {
        (Channel::Prach, Channel::Prach) => match (last.preamble, next.preamble) {
            (Some(before), Some(now)) => before.is(&now).then_some(SAME_PREAMBLE),
            _ => Some(0.0),
        },
        (_, Channel::Prach) => None,
        (Channel::Prach, _) | (Channel::Pusch, Channel::Pucch) if GRANT_S.contains(&wait_s) => Some(GRANTED),
        _ => Some(0.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(offset_hz: f64, sigma_hz: f64) -> GridPosition {
        GridPosition { offset_hz, modulus_hz: 3750.0, sigma_hz }
    }

    #[test]
    fn a_like_frequency_speaks_for_one_device_and_a_far_one_against_it() {
        let weight =
            |apart_hz| frequency(&at(1000.0, 3.0), &at(1000.0 + apart_hz, 3.0), 3.0, (STEP_SHARE, STEP_SIGMA_HZ));
        assert!(weight(0.0) > 2.5 && weight(8.0) > 1.0);
        assert!(weight(40.0) > -2.0, "a step of the modem is no proof against it: {}", weight(40.0));
        assert!(weight(700.0) < -4.0 && weight(1800.0) < -4.0);
        let steps: Vec<f64> = [0.0, 8.0, 20.0, 100.0, 200.0].iter().map(|hz| weight(*hz)).collect();
        assert!(steps.is_sorted_by(|a, b| a > b), "{steps:?}");
    }

    #[test]
    fn densities_are_densities() {
        let step_hz = 0.5;
        let sum: f64 = (-4000..4000).map(|i| density(f64::from(i) * step_hz, 30.0) * step_hz).sum();
        assert!((sum - 1.0).abs() < 1e-6);
    }

    #[test]
    fn an_uncertain_frequency_weighs_little() {
        assert!(frequency(&at(0.0, 90.0), &at(130.0, 90.0), 3.0, (STEP_SHARE, 40.0)).abs() < 0.5);
    }
}
