//! `bands`: where modules transmit.

use std::fmt::Write as _;
use std::io::{self, Write as _};

use anyhow::Result;
use dsp::spec::bands::{BANDS, Band, Duplex, GSM_BANDS};
use serde::Serialize;

use crate::cli::BandsArgs;

/// One row, LTE's or GSM's.
#[derive(Serialize)]
struct Row {
    name: String,
    duplex: &'static str,
    uplink_low_hz: f64,
    uplink_high_hz: f64,
    technologies: Vec<&'static str>,
    /// Uplink channel number (EARFCN) nearest to the frequency asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    uplink_channel: Option<u32>,
}

pub(super) fn run(args: &BandsArgs) -> Result<()> {
    let rows = rows(args.at);
    let text = if args.json { serde_json::to_string(&rows)? + "\n" } else { table(&rows) };
    if rows.is_empty() {
        let _ =
            writeln!(io::stderr(), "no module transmits there in any band known here; list all with: cellsweep bands");
    }
    super::print(text.as_bytes())
}

fn rows(at_hz: Option<f64>) -> Vec<Row> {
    let holds = |(low, high): (f64, f64)| at_hz.is_none_or(|hz| (low..=high).contains(&hz));
    let lte = BANDS.iter().filter(|band| holds(band.uplink_hz)).map(|band| Row {
        name: format!("B{}", band.number),
        duplex: if band.duplex == Duplex::Fdd { "FDD" } else { "TDD" },
        uplink_low_hz: band.uplink_hz.0,
        uplink_high_hz: band.uplink_hz.1,
        technologies: technologies(band),
        uplink_channel: at_hz.and_then(|hz| Some(band.uplink_channel(hz)?.0)),
    });
    let gsm = GSM_BANDS.iter().filter(|band| holds(band.uplink_hz)).map(|band| Row {
        name: band.name.to_owned(),
        duplex: "FDD",
        uplink_low_hz: band.uplink_hz.0,
        uplink_high_hz: band.uplink_hz.1,
        technologies: vec!["gsm"],
        uplink_channel: None,
    });
    let mut rows: Vec<Row> = lte.chain(gsm).collect();
    rows.sort_by(|a, b| a.uplink_low_hz.total_cmp(&b.uplink_low_hz));
    rows
}

/// What a module of the band may speak; LTE itself is everywhere.
fn technologies(band: &Band) -> Vec<&'static str> {
    let told = [(band.nb_iot, "nb-iot"), (band.lte_m, "lte-m"), (band.cat_1bis, "lte cat 1bis")];
    let mut names: Vec<&str> = told.iter().filter(|(is, _)| *is).map(|(_, name)| *name).collect();
    if !band.cat_1bis {
        names.push("lte");
    }
    names
}

fn table(rows: &[Row]) -> String {
    let mut text = String::new();
    for row in rows {
        let channel = row.uplink_channel.map_or_else(String::new, |n| format!("  channel {n}"));
        let _ = writeln!(
            text,
            "{:<10} {}  {:>6.1} to {:>6.1} MHz  {}{channel}",
            row.name,
            row.duplex,
            row.uplink_low_hz / 1e6,
            row.uplink_high_hz / 1e6,
            row.technologies.join(", ")
        );
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_band_is_listed_once_by_frequency() {
        let rows = rows(None);
        assert_eq!(rows.len(), BANDS.len() + GSM_BANDS.len());
        assert!(rows.windows(2).all(|pair| pair[0].uplink_low_hz <= pair[1].uplink_low_hz));
    }

    #[test]
    fn a_frequency_names_its_bands_with_their_channels() {
        let names: Vec<String> = rows(Some(880.1e6)).into_iter().map(|row| row.name).collect();
        assert_eq!(names, ["GSM-R", "B8"]);
        assert_eq!(rows(Some(880.1e6))[1].uplink_channel, Some(21_451));
        assert!(rows(Some(100e6)).is_empty());
    }
}
