//! A burst as an annotation of the recording that holds it, as inspectrum and others show it.

use std::ops::Range;

use captures::Annotation;
use serde_json::{Map, json};

use crate::pipeline::snapshot::Burst;

/// The burst that lies at `samples` of a recording around this frequency; without one, edges are offsets from it.
pub(crate) fn annotation(burst: &Burst, samples: Range<u64>, center_frequency_hz: Option<f64>) -> Annotation {
    let finding = &burst.finding;
    let center_hz = center_frequency_hz.unwrap_or(0.0) + finding.extent.center_hz;
    let half_hz = finding.extent.bandwidth_hz / 2.0;
    let extra = Map::from_iter([
        ("cellsweep:id".to_owned(), json!(burst.id)),
        ("cellsweep:transmitter".to_owned(), json!(burst.transmitter)),
        ("cellsweep:confidence".to_owned(), json!(finding.confidence)),
        ("cellsweep:snr_db".to_owned(), json!(finding.snr_db)),
        ("cellsweep:power_dbfs".to_owned(), json!(finding.power_dbfs)),
    ]);
    let transmitter = burst.transmitter.map_or_else(String::new, |id| format!(" of transmitter {id}"));
    Annotation {
        sample_start: samples.start,
        sample_count: Some(samples.end.saturating_sub(samples.start)),
        freq_lower_edge_hz: Some(center_hz - half_hz),
        freq_upper_edge_hz: Some(center_hz + half_hz),
        label: Some(format!("{} {}", finding.technology.name(), finding.channel.name())),
        comment: Some(format!("SNR {:.1} dB, sure to {:.2}{transmitter}", finding.snr_db, finding.confidence)),
        extra,
    }
}
