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

    let found = radio::find("").unwrap_or_default();
    let Some(first) = found.first() else {
        return format!("Radio:            {}\n", radio::none_found(""));
    };
    let others = match found.len() {
        1 => String::new(),
        count => format!(" (and {} more: cellsweep devices)", count - 1),
    };
    format!(
        "Radio:            {}{others}\n\
         A sweep:          cellsweep sweep --device {} --region eu --zones vehicle (or us, jp, cn, au)\n",
        first.label,
        first.key()
    )
}

#[cfg(not(feature = "soapy"))]
fn radio() -> String {
    "Radio:            this build has no radio support; build it with: cargo build --release --features soapy\n"
        .to_owned()
}
