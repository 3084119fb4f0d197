//! One preamble heard twice: from neighbouring seeds, as the mirror image of an imperfect receiver, as its skirt.

use crate::finding::{Finding, Segment};

/// Mirror images, skirts of the same hops, and everything a preamble's own distortion can make are this much weaker.
const IMAGE_DB: f32 = 15.0;
const SKIRT_DB: f32 = 25.0;
const UNDER_DB: f32 = 38.0;
/// Distortion stays near: within some channels of 200 kHz, and within the preamble's time for this share of its own.
const UNDER_HZ: f64 = 500e3;
const UNDER_SHARE: f64 = 0.5;
/// Preambles heard from this near an instant on began together.
const SAME_START_S: f64 = 0.3e-3;
/// Hops that one preamble heard twice has in common, if only as pieces of another format's, and those where both times
/// began together; two preambles in one block have a twelfth in common.
const SHARED: f64 = 0.35;
const SHARED_FROM_START: f64 = 0.2;

/// Whether `finding` is another of `preambles` heard again. Only those that are on the air at the same time matter, so
/// the answer is the same once all that begin before its end are known.
///
/// Of two that share their hops the one with more to show stays; of the rest an echo is weaker.
pub fn is_echo<'a>(finding: &Finding, preambles: impl Iterator<Item = &'a Finding> + Clone) -> bool {
    let beside = preambles.filter(|other| {
        *other != finding && other.extent.start_s < finding.extent.end_s && other.extent.end_s > finding.extent.start_s
    });
    let is_again = |one: &Finding| beside.clone().any(|other| repeats(one, other)) || repeats(one, finding);
    is_again(finding) || beside.clone().any(|other| is_shadow(finding, other) && !is_again(other))
}

/// `one` is `other` found again, with less to show for it: the same hops, or some of them from the same instant on, as
/// seen from another origin of the block. Preambles of one start never share a hop (TS 36.211 §10.1.6.1).
fn repeats(one: &Finding, other: &Finding) -> bool {
    let same_start = (one.extent.start_s - other.extent.start_s).abs() < SAME_START_S;
    let share = if same_start { SHARED_FROM_START } else { SHARED };
    outranks(other, one) && coincide(one, other, 1.0, share)
}

/// Has more to show; where both have the same, began earlier or lies lower.
fn outranks(one: &Finding, other: &Finding) -> bool {
    let rank = |f: &Finding| (f.parameters.metric.unwrap_or_default(), -f.extent.start_s, -f.extent.center_hz);
    rank(one) > rank(other)
}

/// This share of the hops of the shorter one are the other's, by time, as they are (`sign` 1) or mirrored about the
/// stream's centre.
fn coincide(a: &Finding, b: &Finding, sign: f64, share: f64) -> bool {
    let (short, long) = if a.segments.len() < b.segments.len() { (a, b) } else { (b, a) };
    let same = |a: &Segment, b: &Segment| (a.center_hz - sign * b.center_hz).abs() < 0.4 * a.bandwidth_hz;
    let shared_s =
        |a: &Segment| -> f64 { long.segments.iter().filter(|b| same(a, b)).map(|b| a.shared_s(b).max(0.0)).sum() };
    let total_s: f64 = short.segments.iter().map(Segment::duration_s).sum();
    short.segments.iter().map(shared_s).sum::<f64>() >= share * total_s
}

/// Mirrored and weaker; or weaker and of the same start and cells in another place; or far weaker and never alone.
fn is_shadow(weaker: &Finding, stronger: &Finding) -> bool {
    let below_db = stronger.power_dbfs - weaker.power_dbfs;
    let together = weaker.extent.shared_s(&stronger.extent) > 0.95 * weaker.extent.duration_s();
    let near = (weaker.extent.center_hz - stronger.extent.center_hz).abs() < UNDER_HZ
        && weaker.extent.shared_s(&stronger.extent) > UNDER_SHARE * weaker.extent.duration_s();
    let same_start = (weaker.extent.start_s - stronger.extent.start_s).abs() < SAME_START_S;
    (below_db > IMAGE_DB && coincide(weaker, stronger, -1.0, SHARED))
        || (below_db > SKIRT_DB && same_start && weaker.parameters.cell_ids == stronger.parameters.cell_ids && together)
        || (below_db > UNDER_DB && near)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::{Channel, Parameters, Technology};

    fn preamble(tones_hz: &[f64], power_dbfs: f32, metric: f64) -> Finding {
        let hop = |(i, hz): (usize, &f64)| Segment {
            start_s: 0.1 + i as f64 * 1.4e-3,
            end_s: 0.1 + (i + 1) as f64 * 1.4e-3,
            center_hz: *hz,
            bandwidth_hz: 3750.0,
        };
        Finding {
            extent: Segment {
                start_s: 0.1,
                end_s: 0.1 + tones_hz.len() as f64 * 1.4e-3,
                center_hz: 0.0,
                bandwidth_hz: 45e3,
            },
            segments: tones_hz.iter().enumerate().map(hop).collect(),
            power_dbfs,
            snr_db: 20.0,
            technology: Technology::NbIot,
            channel: Channel::Nprach,
            confidence: 0.99,
            clipped: false,
            parameters: Parameters { metric: Some(metric), ..Parameters::default() },
        }
    }

    #[test]
    fn another_origin_of_the_same_preamble_is_an_echo() {
        let own = preamble(&[50e3, 53.75e3, 76.25e3, 72.5e3, 57.5e3, 53.75e3, 31.25e3, 35e3], -30.0, 9.0);
        let shifted = preamble(&[50e3, 53.75e3, 31.25e3, 35e3, 80e3, 83.75e3, 61.25e3, 65e3], -33.0, 3.0);
        let later = Segment { start_s: shifted.extent.start_s + 0.7e-3, ..shifted.extent };
        let all = [own.clone(), shifted.clone()];
        assert!(is_echo(&shifted, all.iter()) && !is_echo(&own, all.iter()));
        let late = Finding { extent: later, ..shifted };
        assert!(!is_echo(&late, [own, late.clone()].iter()));
    }

    #[test]
    fn of_two_equal_ones_one_stays() {
        let tones = [50e3, 53.75e3, 76.25e3, 72.5e3];
        let (one, mut other) = (preamble(&tones, -30.0, 9.0), preamble(&tones.map(|hz| hz + 1.0), -30.0, 9.0));
        other.extent.center_hz += 1.0;
        let all = [one.clone(), other.clone()];
        assert_ne!(is_echo(&one, all.iter()), is_echo(&other, all.iter()));
    }

    #[test]
    fn images_and_repeats_are_echoes_and_neighbours_are_not() {
        let tones = [50e3, 53.75e3, 76.25e3, 72.5e3];
        let mirrored = tones.map(|hz| -hz);
        let own = preamble(&tones, -30.0, 9.0);
        let (image, again) = (preamble(&mirrored, -60.0, 3.0), preamble(&tones, -31.0, 5.0));
        let other = preamble(&[100e3, 96.25e3, 73.75e3, 77.5e3], -40.0, 4.0);
        let all = [own.clone(), image.clone(), again.clone(), other.clone()];
        let echo = |finding: &Finding| is_echo(finding, all.iter());
        assert_eq!((echo(&own), echo(&image), echo(&again), echo(&other)), (false, true, true, false));
    }
}
