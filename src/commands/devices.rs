//! `devices`: the radios that are plugged in.

use std::collections::BTreeMap;
use std::io::{self, Write};

use anyhow::Result;
use serde::Serialize;

use crate::cli::DevicesArgs;
use crate::source::radio::{self, Found};

#[derive(Serialize)]
struct Device<'a> {
    label: &'a str,
    driver: &'a str,
    serial: Option<&'a str>,
    args: BTreeMap<&'a str, &'a str>,
}

pub(super) fn run(args: &DevicesArgs) -> Result<()> {
    let found = radio::find(&args.device)?;
    let text = if args.json { json(&found)? } else { found.iter().map(line).collect() };
    if found.is_empty() {
        let _ = writeln!(io::stderr(), "{}", radio::none_found(&args.device));
    }
    match io::stdout().write_all(text.as_bytes()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(()),
    }
}

fn line(found: &Found) -> String {
    let serial = found.serial.as_ref().map_or_else(String::new, |serial| format!(", serial={serial}"));
    format!("{}: driver={}{serial}\n", found.label, found.driver)
}

fn json(found: &[Found]) -> Result<String> {
    let devices = found.iter().map(|found| Device {
        label: &found.label,
        driver: &found.driver,
        serial: found.serial.as_deref(),
        args: found.args.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect(),
    });
    Ok(format!("{}\n", serde_json::to_string(&devices.collect::<Vec<_>>())?))
}
