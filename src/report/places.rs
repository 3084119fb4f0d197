//! Where a transmitter was strongest, and what it answered to.

use maud::{Markup, html};
use serde_json::Value;

use super::page::percent;
use super::session::Transmitter;
use super::words::{Words, fill};

/// Zones that are told in a line.
const MAX_TOLD: usize = 3;
/// Zones less likely are not.
const LEAST_TOLD: f64 = 0.05;

fn zones_of(t: &Transmitter) -> &[Value] {
    t.parameters["whereabouts"]["zones"].as_array().map_or(&[], Vec::as_slice)
}

/// The likeliest zones with their probabilities, where the transmitter was heard in zones.
pub(super) fn likeliest(t: &Transmitter) -> Option<String> {
    let told: Vec<String> = zones_of(t)
        .iter()
        .filter_map(|zone| Some((zone["zone"].as_str()?, zone["probability"].as_f64()?)))
        .take(MAX_TOLD)
        .filter(|(_, probability)| *probability >= LEAST_TOLD)
        .map(|(zone, probability)| format!("{zone} ({})", percent(probability)))
        .collect();
    (!told.is_empty()).then(|| told.join(", "))
}

/// How it stands against the reference sweep, where there was one.
pub(super) fn standing(t: &Transmitter, words: &Words) -> Option<String> {
    let w = &words.findings;
    match t.parameters["baseline"].as_str()? {
        "new" => Some(w.is_new.clone()),
        "stronger" => {
            let by_db = format!("{:.0}", t.parameters["stronger_by_db"].as_f64()?);
            Some(fill(&w.stronger, &[("db", &by_db)]))
        }
        _ => Some(w.alike.clone()),
    }
}

/// Ranking of the zones, with what was heard in each.
pub(super) fn zones(t: &Transmitter, words: &Words) -> Markup {
    let w = &words.findings;
    let level = |value: &Value| value.as_f64().map_or_else(|| "–".to_owned(), |db| format!("{db:.1}"));
    let all = zones_of(t);
    let outside = t.parameters["whereabouts"]["outside"].as_f64();
    html! {
        @if !all.is_empty() {
            h4 { (w.zones) }
            table {
                thead { tr { th { (w.zone) } th { (w.probability) } th { (w.best) } th { (w.median) } th { (w.bursts) } } }
                tbody {
                    @for zone in all {
                        tr {
                            td { (zone["zone"].as_str().unwrap_or_default()) }
                            td.number { (percent(zone["probability"].as_f64().unwrap_or(0.0))) }
                            td.number { (level(&zone["best_db"])) }
                            td.number { (level(&zone["median_db"])) }
                            td.number { (zone["looks"].as_u64().unwrap_or(0)) }
                        }
                    }
                }
            }
            @if let Some(outside) = outside { p { (w.outside) " " (percent(outside)) } }
        }
    }
}

/// What it answered to, how often, and how likely that is by chance.
pub(super) fn responses(t: &Transmitter, words: &Words) -> Markup {
    let w = &words.findings;
    let all = t.parameters["responses"].as_array().map_or(&[][..], Vec::as_slice);
    html! {
        @if !all.is_empty() {
            h4 { (w.responses) }
            table {
                thead { tr { th { (words.stimuli.what) } th { (w.answered) } th { (w.after) } th { (w.chance) } } }
                tbody {
                    @for response in all {
                        tr {
                            td { (response["kind"].as_str().unwrap_or_default()) }
                            td.number { (response["answered"].as_u64().unwrap_or(0)) " / "
                                (response["stimuli"].as_u64().unwrap_or(0)) }
                            td.number { (format!("{:.1} s", response["median_after_s"].as_f64().unwrap_or(0.0))) }
                            td.number { (percent(response["chance_of_any"].as_f64().unwrap_or(1.0))) }
                        }
                    }
                }
            }
        }
    }
}
