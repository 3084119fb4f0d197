//! The report as data: JSON whole, bursts and transmitters as CSV.

use anyhow::Result;
use serde_json::json;

use super::about::About;
use super::session::Session;

/// Everything in one object.
pub(super) fn json(session: &Session, about: &About) -> Result<String> {
    let whole = json!({
        "program": concat!("cellsweep ", env!("CARGO_PKG_VERSION")),
        "about": about,
        "passes": session.passes,
        "content": "no subscriber content was decoded",
    });
    Ok(serde_json::to_string_pretty(&whole)? + "\n")
}

/// One burst a line.
pub(super) fn bursts(session: &Session) -> Result<Vec<u8>> {
    let mut csv = csv::Writer::from_writer(Vec::new());
    csv.write_record([
        "capture",
        "id",
        "transmitter",
        "start_s",
        "end_s",
        "frequency_hz",
        "center_hz",
        "bandwidth_hz",
        "power_dbfs",
        "snr_db",
        "technology",
        "channel",
        "confidence",
        "clipped",
    ])?;
    for (index, pass) in session.passes.iter().enumerate() {
        for b in &pass.bursts {
            csv.write_record([
                (index + 1).to_string(),
                b.id.to_string(),
                or_empty(b.transmitter),
                b.start_s.to_string(),
                b.end_s.to_string(),
                or_empty(b.frequency_hz),
                b.center_hz.to_string(),
                b.bandwidth_hz.to_string(),
                b.power_dbfs.to_string(),
                b.snr_db.to_string(),
                b.technology.clone(),
                b.channel.clone(),
                b.confidence.to_string(),
                b.clipped.to_string(),
            ])?;
        }
    }
    Ok(csv.into_inner()?)
}

/// One transmitter a line.
pub(super) fn transmitters(session: &Session) -> Result<Vec<u8>> {
    let mut csv = csv::Writer::from_writer(Vec::new());
    csv.write_record([
        "capture",
        "id",
        "technology",
        "confidence",
        "bursts",
        "first_s",
        "last_s",
        "frequency_hz",
        "center_hz",
        "power_dbfs_max",
        "period_s",
        "known",
    ])?;
    for (index, pass) in session.passes.iter().enumerate() {
        for t in &pass.transmitters {
            csv.write_record([
                (index + 1).to_string(),
                t.id.to_string(),
                t.technology.clone(),
                t.confidence.to_string(),
                t.bursts.to_string(),
                t.first_s.to_string(),
                t.last_s.to_string(),
                or_empty(pass.frequency_hz(t.center_hz)),
                t.center_hz.to_string(),
                t.power_dbfs_max.to_string(),
                or_empty(t.period_s),
                t.known.to_string(),
            ])?;
        }
    }
    Ok(csv.into_inner()?)
}

fn or_empty<T: ToString>(value: Option<T>) -> String {
    value.map_or_else(String::new, |value| value.to_string())
}
