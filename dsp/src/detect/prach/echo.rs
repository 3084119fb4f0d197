//! What else a preamble makes: itself found twice, its image in the receiver's mirror, pieces of energy.

use crate::finding::{Channel, Finding, Segment};
use crate::spec::prach::{Format, N_ZC, SEQUENCE_S, SPACING_HZ, inverse};

/// Findings of one preamble agree this well in delay (samples of the sequence), measured in other samples.
const SAME_DELAY: f64 = 6.0;
/// No neighbouring seeds lie further apart.
const SAME_CENTER_HZ: f64 = 300e3;
/// A mirror image lies this close to where it should in frequency, and is this much weaker.
const IMAGE_SLACK_HZ: f64 = 25e3;
const IMAGE_BELOW_DB: f32 = 15.0;
/// Pieces of energy this far outside of a preamble still are its own …
const OWN_SLACK_HZ: f64 = 40e3;
const OWN_SLACK_S: f64 = 0.4e-3;
/// … where this share of their time lies within it, and they are no stronger than what it has in their band by this.
const OWN_SHARE: f64 = 0.6;
const OWN_EXCESS_DB: f64 = 7.0;

/// Whether a stronger account of the same preamble, or the signal that `finding` is the image of, is among `others`.
pub fn is_echo<'a>(finding: &Finding, mut others: impl Iterator<Item = &'a Finding>) -> bool {
    others.any(|other| is_twin(finding, other) && is_better(other, finding) || is_image(finding, other))
}

/// Whether a piece of energy, or a less sure name for it, is the preamble itself.
pub fn owns(preamble: &Finding, piece: &Finding) -> bool {
    let (p, e) = (&preamble.extent, &piece.extent);
    let grown = Segment {
        start_s: p.start_s - OWN_SLACK_S,
        end_s: p.end_s + OWN_SLACK_S,
        center_hz: p.center_hz,
        bandwidth_hz: p.bandwidth_hz + 2.0 * OWN_SLACK_HZ,
    };
    let share_db = 10.0 * (e.bandwidth_hz / p.bandwidth_hz).clamp(1e-3, 1.0).log10();
    piece.channel != Channel::Prach
        && piece.confidence < preamble.confidence
        && grown.shared_s(e) > OWN_SHARE * e.duration_s()
        && grown.shared_hz(e) > 0.9 * e.bandwidth_hz
        && f64::from(piece.power_dbfs - preamble.power_dbfs) < share_db + OWN_EXCESS_DB
}

/// Where two accounts are of one preamble, the surer one counts; where they are equally sure, the earlier.
fn is_better(a: &Finding, b: &Finding) -> bool {
    let metric = |finding: &Finding| finding.parameters.metric.unwrap_or_default();
    let order = metric(a).total_cmp(&metric(b)).then(b.extent.start_s.total_cmp(&a.extent.start_s));
    order.then(b.extent.center_hz.total_cmp(&a.extent.center_hz)).is_gt()
}

/// Whether two findings are one preamble, found from two seeds.
///
/// Moved by whole subcarriers a sequence is itself with another delay, so that only both together can be compared.
fn is_twin(a: &Finding, b: &Finding) -> bool {
    let (Some(delay_a), Some(delay_b)) = (delay(a), delay(b)) else { return false };
    let Some(root) = same(a.parameters.root, b.parameters.root) else { return false };
    let apart_hz = a.extent.center_hz - b.extent.center_hz;
    let moved = inverse(usize::from(root)) as f64 * (apart_hz / SPACING_HZ).round();
    let apart = (delay_a - delay_b + moved).rem_euclid(N_ZC as f64);
    shares_half(&a.extent, &b.extent) && apart_hz.abs() < SAME_CENTER_HZ && apart.min(N_ZC as f64 - apart) < SAME_DELAY
}

/// Whether `finding` is the mirror image of `original`, which a receiver with unequal I and Q makes: conjugate, so of
/// the opposite root, at the opposite frequency.
fn is_image(finding: &Finding, original: &Finding) -> bool {
    let roots = finding.parameters.root.zip(original.parameters.root);
    finding.channel == Channel::Prach
        && original.channel == Channel::Prach
        && roots.is_some_and(|(a, b)| usize::from(a) + usize::from(b) == N_ZC)
        && shares_half(&finding.extent, &original.extent)
        && (finding.extent.center_hz + original.extent.center_hz).abs() < IMAGE_SLACK_HZ
        && finding.power_dbfs < original.power_dbfs - IMAGE_BELOW_DB
}

fn shares_half(a: &Segment, b: &Segment) -> bool {
    a.shared_s(b) > 0.5 * a.duration_s().min(b.duration_s())
}

fn same(a: Option<u16>, b: Option<u16>) -> Option<u16> {
    a.filter(|_| a == b)
}

/// Start of the unshifted sequence in its own samples, modulo its length.
fn delay(finding: &Finding) -> Option<f64> {
    let number = finding.parameters.format.filter(|_| finding.channel == Channel::Prach)?;
    let format = Format::ALL.into_iter().find(|format| format.number() == number)?;
    let shift = f64::from(finding.parameters.cyclic_shift?);
    let samples = (finding.extent.start_s + format.cyclic_prefix_s()) / SEQUENCE_S * N_ZC as f64;
    Some((samples - shift).rem_euclid(N_ZC as f64))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::{Parameters, Technology};

    fn preamble(root: u16, shift: u16, start_s: f64, center_hz: f64, power_dbfs: f32) -> Finding {
        Finding {
            extent: Segment { start_s, end_s: start_s + 0.903e-3, center_hz, bandwidth_hz: 1.08e6 },
            segments: Vec::new(),
            power_dbfs,
            snr_db: 10.0,
            technology: Technology::Lte,
            channel: Channel::Prach,
            confidence: 0.99,
            clipped: false,
            parameters: Parameters {
                format: Some(0),
                root: Some(root),
                cyclic_shift: Some(shift),
                metric: Some(2.0),
                ..Parameters::default()
            },
        }
    }

    #[test]
    fn one_preamble_found_twice_is_one_and_two_devices_are_two() {
        let known = preamble(129, 100, 0.1, 10e3, -50.0);
        let mut again = preamble(129, 100, 0.1 + 0.2e-6, 10e3, -50.0);
        again.parameters.metric = Some(1.5);
        assert!(is_echo(&again, [&known].into_iter()) && !is_echo(&known, [&again].into_iter()));
        // Four subcarriers off, so with another shift: still the same.
        let moved = (100 + 4 * inverse(129)) % N_ZC;
        let mut off = preamble(129, moved as u16, 0.1, 15e3, -50.0);
        off.parameters.metric = Some(1.5);
        assert!(is_echo(&off, [&known].into_iter()));
        let neighbour = preamble(129, 126, 0.1, 10e3, -60.0);
        assert!(!is_echo(&neighbour, [&known].into_iter()));
    }

    #[test]
    fn a_mirror_image_is_none_of_its_own() {
        let known = preamble(129, 100, 0.1, 300e3, -40.0);
        assert!(is_echo(&preamble(710, 5, 0.1, -300e3, -65.0), [&known].into_iter()));
        assert!(!is_echo(&preamble(710, 5, 0.1, -300e3, -45.0), [&known].into_iter()));
        assert!(!is_echo(&preamble(711, 5, 0.1, -300e3, -65.0), [&known].into_iter()));
    }

    #[test]
    fn a_preamble_owns_its_energy_and_no_stronger_resource_block() {
        let known = preamble(129, 100, 0.1, 0.0, -50.0);
        let mut piece = Finding { channel: Channel::Unknown, confidence: 0.5, ..known.clone() };
        piece.extent.bandwidth_hz = 1.12e6;
        assert!(owns(&known, &piece));
        piece.extent.bandwidth_hz = 180e3;
        piece.power_dbfs = -58.0;
        assert!(owns(&known, &piece));
        piece.power_dbfs = -45.0;
        assert!(!owns(&known, &piece));
    }
}
