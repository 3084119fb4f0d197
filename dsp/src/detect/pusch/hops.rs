//! Pieces of one shared channel transmission that hops (TS 36.211 §5.3.4).
//!
//! LTE-M changes between narrowbands and leaves out two symbols to retune (§5.2.5); LTE changes at a slot's end without a
//! pause. Both stay on the grid of resource blocks of one carrier, with one frequency error.

use crate::finding::{Channel, Finding, Segment, Technology};
use crate::spec::lte::{BLOCK_HZ, NARROWBAND_BLOCKS};

/// Pauses between pieces: to retune, two symbols of either length; none, to within the timing's error.
const RETUNING_S: std::ops::Range<f64> = 100e-6..200e-6;
const NO_PAUSE_S: f64 = 15e-6;

/// Levels of two pieces differ by no more.
const LEVEL_DB: f32 = 5.0;

/// Distance from whole resource blocks that errors of the two frequencies explain, in standard deviations and at least.
const OFF_SIGMAS: f64 = 4.0;
const OFF_HZ: f64 = 60.0;

/// Confidence of LTE-M after a hop with retuning.
const RETUNED_CONFIDENCE: f64 = 0.98;

/// How a piece follows a burst.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Hop {
    /// The transmitter paused to retune.
    pub(crate) retuned: bool,
    /// From the distance of whole resource blocks.
    pub(crate) off_hz: f64,
}

/// How `piece` continues `burst`, if it does.
pub(crate) fn hop(burst: &Finding, piece: &Finding) -> Option<Hop> {
    let last = burst.segments.last().unwrap_or(&burst.extent);
    let next = &piece.extent;
    let pause_s = next.start_s - last.end_s;
    let retuned = RETUNING_S.contains(&pause_s);
    let blocks = (burst.parameters.n_prb, piece.parameters.n_prb);
    let cells = match (&burst.parameters.cell_ids, &piece.parameters.cell_ids) {
        (Some(cells), Some(others)) => cells.iter().any(|id| others.contains(id)),
        _ => true,
    };
    let steps = (next.center_hz - last.center_hz) / BLOCK_HZ;
    let off_hz = (steps - steps.round()).abs() * BLOCK_HZ;
    let sigma = |finding: &Finding| finding.parameters.frequency_sigma_hz.unwrap_or(0.0);
    let narrow = blocks.0.is_some_and(|n| n <= NARROWBAND_BLOCKS);
    let fits = burst.channel == Channel::Pusch
        && piece.channel == Channel::Pusch
        && blocks.0 == blocks.1
        && cells
        && (burst.power_dbfs - piece.power_dbfs).abs() < LEVEL_DB
        && steps.round() != 0.0
        && off_hz < OFF_HZ + OFF_SIGMAS * sigma(burst).hypot(sigma(piece))
        && (retuned && narrow || pause_s.abs() < NO_PAUSE_S);
    fits.then_some(Hop { retuned, off_hz })
}

/// What `burst` is once `piece` has joined it by `hop`.
pub(crate) fn join(burst: &mut Finding, piece: &Finding, hop: Hop) {
    let p = &mut burst.parameters;
    p.base_sequences.extend(&piece.parameters.base_sequences);
    p.modulation = p.modulation.take().or_else(|| piece.parameters.modulation.clone());
    if hop.retuned || piece.technology == Technology::LteM {
        burst.technology = Technology::LteM;
        burst.confidence = burst.confidence.max(RETUNED_CONFIDENCE);
        p.alternatives.retain(|name| *name == "nb-iot/npusch1" && !hop.retuned);
    }
    if burst.technology == Technology::LteM {
        let pieces = if burst.segments.is_empty() { std::slice::from_ref(&burst.extent) } else { &burst.segments };
        let on_s: f64 = pieces.iter().map(Segment::duration_s).sum();
        p.repetitions = Some((on_s * 1e3).round().clamp(1.0, f64::from(u16::MAX)) as u16);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::Parameters;

    fn piece(start_s: f64, end_s: f64, center_hz: f64) -> Finding {
        Finding {
            extent: Segment { start_s, end_s, center_hz, bandwidth_hz: 540e3 },
            segments: Vec::new(),
            power_dbfs: -40.0,
            snr_db: 10.0,
            technology: Technology::Lte,
            channel: Channel::Pusch,
            confidence: 0.7,
            clipped: false,
            parameters: Parameters {
                n_prb: Some(3),
                cell_ids: Some(vec![17, 47]),
                frequency_sigma_hz: Some(5.0),
                alternatives: vec!["lte-m/pusch".into()],
                ..Parameters::default()
            },
        }
    }

    const FIRST: (f64, f64, f64) = (0.010, 0.013928, -1e6);

    #[test]
    fn a_hop_with_a_pause_is_lte_m() {
        let mut burst = piece(FIRST.0, FIRST.1, FIRST.2);
        let next = piece(0.014071, 0.018, FIRST.2 + 30.0 * BLOCK_HZ + 20.0);
        let hop = hop(&burst, &next).unwrap();
        assert!(hop.retuned);
        join(&mut burst, &next, hop);
        assert_eq!(burst.technology, Technology::LteM);
        assert!(burst.parameters.alternatives.is_empty());
    }

    #[test]
    fn other_transmitters_are_no_hops() {
        let burst = piece(FIRST.0, FIRST.1, FIRST.2);
        let far_hz = FIRST.2 + 30.0 * BLOCK_HZ;
        let mut other_cell = piece(0.014071, 0.018, far_hz);
        other_cell.parameters.cell_ids = Some(vec![18]);
        let mut wider = piece(0.014071, 0.018, far_hz);
        wider.parameters.n_prb = Some(4);
        let others = [
            piece(0.014071, 0.018, far_hz + 900.0),
            piece(0.014071, 0.018, FIRST.2),
            piece(0.015, 0.018, far_hz),
            other_cell,
            wider,
        ];
        assert!(others.iter().all(|other| hop(&burst, other).is_none()));
    }
}
