//! `devices`: the radios that are plugged in, and which uplink bands they can hear.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{self, Write as _};

use anyhow::Result;
use dsp::spec::bands::Band;
use serde::Serialize;

use crate::cli::DevicesArgs;
use crate::config::Config;
use crate::source::radio::abilities::Abilities;
use crate::source::radio::{self, Found};

#[derive(Serialize)]
struct Device<'a> {
    label: &'a str,
    driver: &'a str,
    serial: Option<&'a str>,
    args: BTreeMap<&'a str, &'a str>,
    /// Null where the device could not be asked.
    channels: Option<usize>,
    frequency_hz: Option<&'a [(f64, f64)]>,
    sample_rate_hz: Option<&'a [(f64, f64)]>,
    gain_db: Option<(f64, f64)>,
    bands_heard: Option<&'a [u16]>,
    bands_heard_in_part: Option<&'a [u16]>,
    bands_not_heard: Option<&'a [u16]>,
}

pub(super) fn run(args: &DevicesArgs) -> Result<()> {
    let found = radio::find(&args.device)?;
    let ask = |found: Found| {
        let able = Abilities::of(&found);
        (found, able)
    };
    let asked: Vec<(Found, Result<Abilities, String>)> = found.into_iter().map(ask).collect();
    let text = if args.json { json(&asked)? } else { asked.iter().map(|(found, able)| told(found, able)).collect() };
    if asked.is_empty() {
        let _ = writeln!(io::stderr(), "{}", radio::none_found(&args.device));
    }
    if args.choose
        && let Some((found, _)) = asked.first()
    {
        // What the user typed opens it, as not every driver gives all of it back.
        let device = if args.device.is_empty() { found.key() } else { args.device.clone() };
        let path = Config { device: Some(device) }.write()?;
        let _ = writeln!(io::stderr(), "{} is used from now on ({})", found.label, path.display());
    }
    super::print(text.as_bytes())
}

/// A line that opens it again, then what it can hear.
fn told(found: &Found, able: &Result<Abilities, String>) -> String {
    let serial = found.serial.as_ref().map_or_else(String::new, |serial| format!(", serial={serial}"));
    let mut text = format!("{}: driver={}{serial}\n", found.label, found.driver);
    let able = match able {
        Ok(able) => able,
        Err(why) => {
            let _ = writeln!(text, "  cannot be asked what it hears ({why}); does another program use it?");
            return text;
        }
    };
    let mut facts = Vec::new();
    facts.extend(spans(&able.frequency_hz, 1e6, "MHz").map(|range| format!("tunes {range}")));
    facts.extend(spans(&able.sample_rate_hz, 1e6, "MS/s").map(|range| format!("samples at {range}")));
    facts.extend(able.gain_db.map(|(low, high)| format!("gain {low} to {high} dB")));
    if able.num_channels > 1 {
        facts.push(format!("{} channels", able.num_channels));
    }
    if !facts.is_empty() {
        let _ = writeln!(text, "  {}", facts.join("; "));
    }
    let [whole, part, none] = able.bands();
    for (verdict, bands) in [("hears the uplink of", whole), ("hears in part", part), ("cannot hear", none)] {
        if !bands.is_empty() {
            let names: Vec<String> = bands.iter().filter_map(|number| Some(name(Band::numbered(*number)?))).collect();
            let _ = writeln!(text, "  {verdict} {}", names.join(", "));
        }
    }
    text
}

fn name(band: &Band) -> String {
    format!("B{} ({:.0} MHz)", band.number, band.uplink_hz.0 / 1e6)
}

/// `24 to 1766 MHz`, several with commas, long lists of single values from the least to the most.
fn spans(ranges: &[(f64, f64)], unit: f64, name: &str) -> Option<String> {
    let (first, last) = (ranges.first()?, ranges.last()?);
    let one = |(low, high): &(f64, f64)| match low == high {
        true => format!("{}", low / unit),
        false => format!("{} to {}", low / unit, high / unit),
    };
    Some(match ranges.len() {
        1..=3 => format!("{} {name}", ranges.iter().map(one).collect::<Vec<_>>().join(", ")),
        _ => format!("{} to {} {name} in steps", first.0 / unit, last.1 / unit),
    })
}

fn json(asked: &[(Found, Result<Abilities, String>)]) -> Result<String> {
    let bands: Vec<Option<[Vec<u16>; 3]>> = asked.iter().map(|(_, able)| Some(able.as_ref().ok()?.bands())).collect();
    let devices = asked.iter().zip(&bands).map(|((found, able), bands)| {
        let able = able.as_ref().ok();
        let band = |index: usize| bands.as_ref().map(|bands| bands[index].as_slice());
        Device {
            label: &found.label,
            driver: &found.driver,
            serial: found.serial.as_deref(),
            args: found.args.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect(),
            channels: able.map(|able| able.num_channels),
            frequency_hz: able.map(|able| able.frequency_hz.as_slice()),
            sample_rate_hz: able.map(|able| able.sample_rate_hz.as_slice()),
            gain_db: able.and_then(|able| able.gain_db),
            bands_heard: band(0),
            bands_heard_in_part: band(1),
            bands_not_heard: band(2),
        }
    });
    Ok(format!("{}\n", serde_json::to_string(&devices.collect::<Vec<_>>())?))
}
