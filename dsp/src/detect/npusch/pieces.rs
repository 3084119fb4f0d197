//! Pieces of one transmission, which the standard's gaps or other signals have parted.
//!
//! In: findings. Out: the finding they make together. Pieces stand on the same tones at the same level, and overlap,
//! touch, or leave the gap of TS 36.211 §10.1.3.6 between them; no grant lets one device send again sooner.

use super::{Timing, levels};
use crate::finding::{Channel, Finding, Segment};
use crate::spec::npusch::{Format, GAP_AFTER_S, GAP_S, Spacing};

/// How far apart two measurements of one centre may be, beside three of their standard deviations.
const CENTER_SLACK_HZ: f64 = 100.0;
/// … of one level.
const LEVEL_DB: f32 = 5.0;
/// … of one gap, and how long a pause is none.
const TIME_SLACK_S: f64 = 1e-3;

/// Share of its time that energy must lie within a transmission to be a piece of it.
const OWN_SHARE: f64 = 0.6;

/// The transmission that `a` and `b` are pieces of, if they are.
pub fn whole(a: &Finding, b: &Finding) -> Option<Finding> {
    let format = match a.channel {
        Channel::Npusch1 => Format::One,
        Channel::Npusch2 => Format::Two,
        _ => return None,
    };
    let (first, last) = if a.extent.start_s <= b.extent.start_s { (a, b) } else { (b, a) };
    let (p, q) = (&first.parameters, &last.parameters);
    let sigma_hz = p.frequency_sigma_hz.unwrap_or(0.0).hypot(q.frequency_sigma_hz.unwrap_or(0.0));
    let slack_hz = (CENTER_SLACK_HZ + 3.0 * sigma_hz).min(p.subcarrier_spacing_hz? / 2.0);
    let pause_s = last.extent.start_s - first.extent.end_s;
    // The gap comes after each 256 ms, the first of them at the transmission's start.
    let into_period_s = first.extent.duration_s() % (GAP_AFTER_S + GAP_S);
    let is_gap = (pause_s - GAP_S).abs() < TIME_SLACK_S && (into_period_s - GAP_AFTER_S).abs() < TIME_SLACK_S;
    let together = pause_s < TIME_SLACK_S || is_gap;
    let same = first.channel == last.channel
        && (p.tones, p.subcarrier_spacing_hz) == (q.tones, q.subcarrier_spacing_hz)
        && (first.extent.center_hz - last.extent.center_hz).abs() < slack_hz
        && (first.power_dbfs - last.power_dbfs).abs() < LEVEL_DB;
    if !(same && together) {
        return None;
    }
    let surest = if last.confidence > first.confidence { last } else { first };
    let spacing = if p.subcarrier_spacing_hz == Some(Spacing::Narrow.hz()) { Spacing::Narrow } else { Spacing::Wide };
    let timing = Timing { format, spacing, tones: p.tones?, gaps: true };
    let end_s = first.extent.end_s.max(last.extent.end_s);
    let elapsed_s = end_s + spacing.guard_s() - first.extent.start_s;
    let gaps_s = (elapsed_s / (GAP_AFTER_S + GAP_S)).floor() * GAP_S;
    let num_slots = ((elapsed_s - gaps_s) / spacing.slot_s()).round() as usize;
    let (extent, resource_units) = timing.extent(first.extent.start_s, num_slots, surest.extent.center_hz);
    let mut whole = surest.clone();
    let (on_first, on_last) = (first.extent.duration_s(), last.extent.duration_s());
    let mean = |a: f32, b: f32| {
        let linear = |db: f32| 10f64.powf(f64::from(db) / 10.0);
        (linear(a) * on_first + linear(b) * on_last) / (on_first + on_last)
    };
    (whole.power_dbfs, _) = levels(mean(first.power_dbfs, last.power_dbfs), 0.0);
    (whole.snr_db, _) = levels(mean(first.snr_db, last.snr_db), 0.0);
    whole.clipped = first.clipped || last.clipped;
    whole.extent = Segment { bandwidth_hz: surest.extent.bandwidth_hz, ..extent };
    whole.parameters.resource_units = resource_units;
    Some(whole)
}

/// Says whether `energy` that nothing has put a name to is a piece of the transmission `finding`.
pub fn is_piece(energy: &Finding, finding: &Finding) -> bool {
    let (e, whole) = (&energy.extent, &finding.extent);
    matches!(finding.channel, Channel::Npusch1 | Channel::Npusch2)
        && whole.shared_s(e) > OWN_SHARE * e.duration_s()
        && (e.center_hz - whole.center_hz).abs() < whole.bandwidth_hz / 2.0
        && e.bandwidth_hz < 2.0 * whole.bandwidth_hz.max(MIN_SEEN_HZ)
        && (energy.power_dbfs - finding.power_dbfs).abs() < LEVEL_DB
}

/// Width that the narrowest tone shows.
const MIN_SEEN_HZ: f64 = 7.5e3;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::{Parameters, Technology};

    fn piece(start_s: f64, end_s: f64, center_hz: f64) -> Finding {
        Finding {
            extent: Segment { start_s, end_s, center_hz, bandwidth_hz: 15e3 },
            segments: Vec::new(),
            power_dbfs: -50.0,
            snr_db: 3.0,
            technology: Technology::NbIot,
            channel: Channel::Npusch1,
            confidence: 0.9,
            clipped: false,
            parameters: Parameters {
                tones: Some(1),
                subcarrier_spacing_hz: Some(15e3),
                frequency_sigma_hz: Some(2.0),
                ..Parameters::default()
            },
        }
    }

    #[test]
    fn the_standards_gap_parts_nothing() {
        let whole = whole(&piece(0.1, 0.356, 2e3), &piece(0.396, 0.652, 2020.0)).unwrap();
        assert!((whole.extent.start_s - 0.1).abs() < 1e-9 && (whole.extent.end_s - 0.652).abs() < 1e-6);
        assert_eq!(whole.parameters.resource_units, Some(64));
        assert!((whole.power_dbfs + 50.0).abs() < 0.01 && (whole.snr_db - 3.0).abs() < 0.01);
    }

    #[test]
    fn two_views_of_one_stretch_are_one() {
        let whole = whole(&piece(0.12, 0.164, 2e3), &piece(0.1, 0.13, 2e3)).unwrap();
        assert_eq!(whole.parameters.resource_units, Some(8));
    }

    #[test]
    fn other_pauses_and_tones_are_others() {
        let first = piece(0.1, 0.356, 2e3);
        assert!(whole(&first, &piece(0.376, 0.4, 2e3)).is_none());
        assert!(whole(&piece(0.1, 0.108, 2e3), &piece(0.148, 0.156, 2e3)).is_none());
        assert!(whole(&first, &piece(0.396, 0.652, 17e3)).is_none());
        assert!(whole(&first, &Finding { power_dbfs: -40.0, ..piece(0.396, 0.652, 2e3) }).is_none());
    }

    #[test]
    fn energy_within_is_a_piece_and_beside_is_not() {
        let unnamed = |center_hz| Finding { channel: Channel::Unknown, ..piece(0.2, 0.21, center_hz) };
        assert!(is_piece(&unnamed(3e3), &piece(0.1, 0.356, 2e3)));
        assert!(!is_piece(&unnamed(17e3), &piece(0.1, 0.356, 2e3)));
    }
}
