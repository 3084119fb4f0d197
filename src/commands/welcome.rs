//! The program called without a command: what to do next, given what is plugged in.

/// What works without a radio.
const WITHOUT: &str = "\
A recording:      cellsweep replay FILE (screens), cellsweep analyze FILE -o X.jsonl (findings)
A client waits:   cellsweep report X.jsonl (a page of HTML)
No recording yet: cellsweep simulate SCENE.toml, or the capture that comes with the source:
                  cellsweep replay captures/samples/vehicle-sweep.sigmf-meta --zones vehicle
Everything else:  cellsweep --help
";

/// Ten lines or so.
pub(super) fn text() -> String {
    let head = "cellsweep finds concealed cellular modules by listening for their uplink. It only receives.\n\n";
    format!("{head}{}{WITHOUT}", radio())
}

/// The first radio and a command that listens with it.
#[cfg(feature = "soapy")]
fn radio() -> String {
    use crate::source::radio;
    use crate::source::radio::abilities::Abilities;

    let found = radio::find("").unwrap_or_default();
    let Some(first) = found.first() else {
        return format!("Radio:            {}\n", radio::none_found(""));
    };
    let serial = first.serial.as_ref().map_or_else(String::new, |serial| format!(",serial={serial}"));
    let device = format!("driver={}{serial}", first.driver);
    let others = match found.len() {
        1 => String::new(),
        count => format!(" (and {} more: cellsweep devices)", count - 1),
    };
    let bands = Abilities::of(first).map(|able| able.bands()[0].clone()).unwrap_or_default();
    let [eu, us] = [[8, 20, 28], [5, 12, 13]].map(|region| {
        let heard: Vec<String> = region.iter().filter(|band| bands.contains(band)).map(u16::to_string).collect();
        heard.join(",")
    });
    let sweep = |bands: &str| match bands {
        "" => "--center HZ".to_owned(),
        bands => format!("--band {bands}"),
    };
    format!(
        "Radio:            {}{others}\nA sweep, Europe:  cellsweep sweep --device {device} {} --zones vehicle\n\
         America:          cellsweep sweep --device {device} {} --zones vehicle\n",
        first.label,
        sweep(&eu),
        sweep(&us)
    )
}

#[cfg(not(feature = "soapy"))]
fn radio() -> String {
    "Radio:            this build has no radio support; build it with: cargo build --release --features soapy\n"
        .to_owned()
}
