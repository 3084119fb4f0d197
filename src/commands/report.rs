//! `report`: records into what a client gets.

use anyhow::Result;

use super::tell;
use crate::cli::ReportArgs;
use crate::report;

pub(super) fn run(args: &ReportArgs) -> Result<()> {
    let beside = || match args.session.is_dir() {
        true => args.session.join("report.html"),
        false => args.session.with_extension("html"),
    };
    let html = args.output.clone().unwrap_or_else(beside);
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
