//! What a burst tells of the device that sent it.
//!
//! In: a finding. Out: where its band edge stands on the grid that all transmissions of its carrier share, its level
//! by width, the cells it may belong to, the preamble it is.
//! Method: band edges of NB-IoT lie on multiples of 3.75 kHz from the carrier (TS 36.211 §10.1.2.1, §10.1.6.2; format
//! 2 preambles: 1.25 kHz), those of LTE on multiples of 15 kHz (§5.2.3); what is left over is the carrier and the
//! device's frequency error. Positions on different grids are compared on the finer one. A random access preamble of
//! LTE has delays and whole 1.25 kHz steps in common, so it tells only what is within a step.
//! Ignores: arrival time (a preamble comes early by what the timing advance later corrects).

use dsp::finding::{Channel, Finding, Segment, Technology};

/// Spacings that tones repeat on.
const LTE_GRID_HZ: f64 = 15e3;
const NB_IOT_GRID_HZ: f64 = 3750.0;
const RANDOM_ACCESS_GRID_HZ: f64 = 1250.0;
/// Length of a preamble's sequence, and what its shift may be off by.
const PREAMBLE_LENGTH: u16 = 839;
const SHIFT_SLACK: i64 = 16;
/// One standard deviation where the detector does not tell its own.
const UNTOLD_SIGMA_HZ: f64 = 25.0;
/// A position less certain than this share of the finest grid tells nothing.
const BLURRED: f64 = 0.08;
/// Cells are believed of bursts at least this sure.
const SURE: f64 = 0.9;

/// Where a band edge stands within a spacing.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct GridPosition {
    /// 0 to `modulus_hz`.
    pub(super) offset_hz: f64,
    /// The spacing.
    pub(super) modulus_hz: f64,
    /// One standard deviation of the measurement.
    pub(super) sigma_hz: f64,
}

impl GridPosition {
    /// Shortest way from `other` to this on the finer of the two grids.
    pub(super) fn distance_hz(&self, other: &Self) -> f64 {
        let modulus_hz = self.modulus_hz.min(other.modulus_hz);
        let apart_hz = (self.offset_hz - other.offset_hz).rem_euclid(modulus_hz);
        if apart_hz > modulus_hz / 2.0 { apart_hz - modulus_hz } else { apart_hz }
    }
}

/// What is compared between bursts.
#[derive(Debug, Clone)]
pub(super) struct Fingerprint {
    pub(super) technology: Technology,
    pub(super) channel: Channel,
    pub(super) extent: Segment,
    pub(super) grid: Option<GridPosition>,
    pub(super) power_dbfs: f64,
    /// Width it occupied at any instant.
    pub(super) width_hz: f64,
    pub(super) cell_ids: Option<Vec<u16>>,
    pub(super) preamble: Option<Preamble>,
}

/// Which random access preamble of LTE a burst is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Preamble {
    root: u16,
    cyclic_shift: u16,
    center_hz: f64,
}

impl Preamble {
    /// Whether both are one preamble. A carrier off by one spacing looks like a shift by the root's inverse, so a
    /// weak preamble may be told with another shift as long as its frequency is off by as many spacings.
    pub(super) fn is(&self, other: &Self) -> bool {
        let steps = ((self.center_hz - other.center_hz) / RANDOM_ACCESS_GRID_HZ).round();
        if self.root != other.root || steps.is_nan() || steps.abs() > f64::from(PREAMBLE_LENGTH) {
            return false;
        }
        let length = i64::from(PREAMBLE_LENGTH);
        let apart = i64::from(self.cyclic_shift) - i64::from(other.cyclic_shift) - steps as i64 * inverse(self.root);
        apart.rem_euclid(length).min((-apart).rem_euclid(length)) <= SHIFT_SLACK
    }
}

/// The root that times `root` is 1, modulo the preamble's length (a prime).
fn inverse(root: u16) -> i64 {
    let (length, mut power, mut product) = (i64::from(PREAMBLE_LENGTH), i64::from(root), 1);
    let mut exponent = length - 2;
    while exponent > 0 {
        if exponent % 2 == 1 {
            product = product * power % length;
        }
        power = power * power % length;
        exponent /= 2;
    }
    product
}

impl Fingerprint {
    pub(super) fn of(finding: &Finding) -> Self {
        let parameters = &finding.parameters;
        let cell_ids = if finding.confidence >= SURE { parameters.cell_ids.clone() } else { None };
        Self {
            technology: finding.technology,
            channel: finding.channel,
            extent: finding.extent,
            grid: grid_position(finding),
            power_dbfs: f64::from(finding.power_dbfs),
            width_hz: width_hz(finding),
            cell_ids: cell_ids.filter(|ids| !ids.is_empty()),
            preamble: (finding.channel == Channel::Prach)
                .then_some(parameters.root.zip(parameters.cyclic_shift))
                .flatten()
                .map(|(root, cyclic_shift)| Preamble { root, cyclic_shift, center_hz: finding.extent.center_hz }),
        }
    }

    /// Level in 1 Hz.
    pub(super) fn density_dbfs(&self) -> f64 {
        self.power_dbfs - 10.0 * self.width_hz.max(1.0).log10()
    }
}

/// Width it occupied at any instant.
pub(super) fn width_hz(finding: &Finding) -> f64 {
    match (finding.channel, finding.segments.first()) {
        (Channel::Nprach, _) => nprach_spacing_hz(finding),
        (_, Some(hop)) => hop.bandwidth_hz,
        (_, None) => finding.extent.bandwidth_hz,
    }
}

fn nprach_spacing_hz(finding: &Finding) -> f64 {
    if finding.parameters.format == Some(2) { RANDOM_ACCESS_GRID_HZ } else { NB_IOT_GRID_HZ }
}

fn grid_position(finding: &Finding) -> Option<GridPosition> {
    let edge_hz = finding.segments.first().unwrap_or(&finding.extent).low_hz();
    let modulus_hz = match finding.channel {
        Channel::Nprach => nprach_spacing_hz(finding),
        // Single tones of 3.75 kHz stand on their own spacing, all others on that of the data tones.
        Channel::Npusch1 | Channel::Npusch2 if finding.extent.bandwidth_hz < 10e3 => NB_IOT_GRID_HZ,
        Channel::Npusch1 | Channel::Npusch2 | Channel::Pusch | Channel::Pucch => LTE_GRID_HZ,
        Channel::Prach => RANDOM_ACCESS_GRID_HZ,
        _ => return None,
    };
    // A preamble's band is told as 839 spacings or as six resource blocks: both have the same middle.
    let edge_hz = if finding.channel == Channel::Prach { finding.extent.center_hz } else { edge_hz };
    let sigma_hz = finding.parameters.frequency_sigma_hz.unwrap_or(UNTOLD_SIGMA_HZ);
    (edge_hz.is_finite() && sigma_hz < BLURRED * RANDOM_ACCESS_GRID_HZ).then(|| GridPosition {
        offset_hz: edge_hz.rem_euclid(modulus_hz),
        modulus_hz,
        sigma_hz,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tracker::testing::burst;

    #[test]
    fn every_channel_of_a_carrier_stands_at_the_same_place_of_the_grid() {
        let carrier_hz = 123_456.0;
        let data = burst(Channel::Npusch1, 0.0, carrier_hz + 7500.0, 15e3);
        let wide = burst(Channel::Npusch1, 0.1, carrier_hz, 180e3);
        let slow = burst(Channel::Npusch1, 0.2, carrier_hz + 1875.0 + 3.0 * 3750.0, 3750.0);
        let preamble = burst(Channel::Nprach, 0.3, carrier_hz + 6.0 * 3750.0, 45e3);
        let partial = burst(Channel::Nprach, 0.4, carrier_hz + 1.5 * 3750.0, 11.0 * 3750.0);
        let positions: Vec<GridPosition> =
            [&data, &wide, &slow, &preamble, &partial].iter().filter_map(|f| Fingerprint::of(f).grid).collect();
        assert_eq!(positions.len(), 5);
        assert!(positions.iter().all(|p| p.distance_hz(&positions[0]).abs() < 1e-6), "{positions:?}");
    }

    #[test]
    fn positions_wrap_around_their_grid() {
        let at = |offset_hz| GridPosition { offset_hz, modulus_hz: 3750.0, sigma_hz: 1.0 };
        assert!((at(10.0).distance_hz(&at(3740.0)) - 20.0).abs() < 1e-9);
        assert!((at(3740.0).distance_hz(&at(10.0)) + 20.0).abs() < 1e-9);
    }

    #[test]
    fn a_preamble_is_known_again_across_whole_spacings() {
        let preamble = |root, cyclic_shift, center_hz| Preamble { root, cyclic_shift, center_hz };
        let first = preamble(190, 128, -601_687.77);
        assert!(first.is(&preamble(190, 574, -600_459.19)) && preamble(190, 172, -599_210.88).is(&first));
        assert!(!first.is(&preamble(190, 574, -601_687.77)) && !first.is(&preamble(181, 128, -601_687.77)));
        assert!((1..839).all(|root| inverse(root) * i64::from(root) % 839 == 1));
    }

    #[test]
    fn a_blurred_frequency_tells_nothing() {
        let mut finding = burst(Channel::Npusch1, 0.0, 7500.0, 3750.0);
        finding.parameters.frequency_sigma_hz = Some(1000.0);
        assert_eq!(Fingerprint::of(&finding).grid, None);
        finding.parameters.frequency_sigma_hz = Some(f64::NAN);
        assert_eq!(Fingerprint::of(&finding).grid, None);
    }
}
