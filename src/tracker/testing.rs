//! Made-up bursts.

use dsp::finding::{Channel, Finding, Parameters, Segment, Technology};

/// A sure NB-IoT burst of 30 ms.
pub(super) fn burst(channel: Channel, start_s: f64, center_hz: f64, bandwidth_hz: f64) -> Finding {
    Finding {
        extent: Segment { start_s, end_s: start_s + 0.03, center_hz, bandwidth_hz },
        segments: Vec::new(),
        power_dbfs: -40.0,
        snr_db: 20.0,
        technology: Technology::NbIot,
        channel,
        confidence: 0.9,
        clipped: false,
        parameters: Parameters { frequency_sigma_hz: Some(4.0), ..Parameters::default() },
    }
}
