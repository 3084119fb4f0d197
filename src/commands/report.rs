//! `report`: records into what a client gets.

use anyhow::Result;

use super::tell;
use crate::cli::ReportArgs;
use crate::report;

pub(super) fn run(args: &ReportArgs) -> Result<()> {
    let html = args.output.clone().unwrap_or_else(|| args.session.with_extension("html"));
    let made = report::make(&args.session, args.about.as_deref(), &html, args.language)?;
    tell(&format!(
        "{}; the annex is in {}, {} and {}",
        made.html.display(),
        made.json.display(),
        made.bursts_csv.display(),
        made.transmitters_csv.display()
    ));
    Ok(())
}
