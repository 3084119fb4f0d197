//! The page itself: every text goes through the template's escaping, so a name can never become markup.

use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::about::{About, Stimulus};
use super::charts;
use super::coverage::{Coverage, PERIODS_S};
use super::places;
use super::session::{Pass, Session, Transmitter};
use super::spectrogram;
use super::words::{Language, Words, fill};

const STYLE: &str = include_str!("style.css");

/// Transmitters that have a finding of their own; the annex lists all.
const MAX_FINDINGS: usize = 20;
/// An answer to a stimulus comes within this time.
const ANSWER_S: f64 = 60.0;

/// The whole page.
pub(super) fn page(session: &Session, about: &About, words: &Words, language: Language) -> String {
    let document = html! {
        (DOCTYPE)
        html lang=(language.code()) {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { (words.title) }
                style { (PreEscaped(STYLE)) }
            }
            body {
                main {
                    (general(about, words))
                    (scope(about, words))
                    (equipment(about, words))
                    (coverage(session, words))
                    (stimuli(session, about, words))
                    (findings(session, about, words))
                    (summary(session, words))
                    (annex(session, words))
                }
            }
        }
    };
    document.into_string()
}

/// Names and values, one row each.
fn facts(rows: &[(&str, String)]) -> Markup {
    html! {
        dl {
            @for (name, value) in rows {
                dt { (name) }
                dd { (value) }
            }
        }
    }
}

fn given(value: Option<&String>, words: &Words) -> String {
    value.unwrap_or(&words.not_given).clone()
}

fn listed(values: &[String], words: &Words) -> String {
    if values.is_empty() { words.not_given.clone() } else { values.join("; ") }
}

fn general(about: &About, words: &Words) -> Markup {
    let w = &words.general;
    html! {
        header {
            @if let Some(line) = &about.confidentiality { p.confidential { (line) } }
            h1 { (words.title) }
            (facts(&[
                (&w.report_id, given(about.report_id.as_ref(), words)),
                (&w.client, given(about.client.as_ref(), words)),
                (&w.subject, given(about.subject.as_ref(), words)),
                (&w.examiner, given(about.examiner.as_ref(), words)),
                (&w.date, given(about.date.as_ref(), words)),
            ]))
        }
    }
}

fn scope(about: &About, words: &Words) -> Markup {
    let w = &words.scope;
    html! {
        section {
            h2 { (w.heading) }
            (facts(&[
                (&w.included, listed(&about.included, words)),
                (&w.excluded, listed(&about.excluded, words)),
                (&w.present, given(about.present.as_ref(), words)),
                (&w.phones, given(about.phones.as_ref(), words)),
            ]))
        }
    }
}

fn equipment(about: &About, words: &Words) -> Markup {
    let w = &words.equipment;
    let control = about.positive_control.as_ref().unwrap_or(&w.no_positive_control).clone();
    html! {
        section {
            h2 { (w.heading) }
            (facts(&[
                (&w.receiver, given(about.receiver.as_ref(), words)),
                (&w.antennas, given(about.antennas.as_ref(), words)),
                (&w.settings, given(about.settings.as_ref(), words)),
                (&w.software, concat!("cellsweep ", env!("CARGO_PKG_VERSION")).to_owned()),
                (&w.positive_control, control),
                (&w.baseline, given(about.baseline.as_ref(), words)),
            ]))
        }
    }
}

fn coverage(session: &Session, words: &Words) -> Markup {
    let w = &words.coverage;
    html! {
        section {
            h2 { (w.heading) }
            @for pass in &session.passes {
                (covered(pass, words))
            }
            p { (w.limits) }
        }
    }
}

fn covered(pass: &Pass, words: &Words) -> Markup {
    let (w, coverage) = (&words.coverage, Coverage::of(pass));
    let or_unknown = |value: Option<String>| value.unwrap_or_else(|| words.not_known.clone());
    let range =
        coverage.low_hz.zip(coverage.high_hz).map(|(low, high)| format!("{} – {}", megahertz(low), megahertz(high)));
    let lost = coverage.blind_share.zip(pass.summary.as_ref()).map(|(share, summary)| {
        format!("{:.2} s ({:.1} %), {} {}", summary.blind_s, 100.0 * share, summary.samples_dropped, w.samples)
    });
    let bands = coverage.bands.iter().map(|(band, share)| format!("B{} ({:.0} %)", band.number, 100.0 * share));
    let bands: Vec<String> = bands.collect();
    html! {
        h3 { (w.capture) " " span.path { (pass.capture.path) } }
        (facts(&[
            (&w.range, or_unknown(range)),
            (&w.listened, or_unknown(coverage.listened_s.map(|seconds| format!("{seconds:.2} s")))),
            (&w.blind, or_unknown(lost)),
            (&w.overloaded, or_unknown(pass.summary.as_ref().map(|summary| format!("{:.2} s", summary.clipped_s)))),
            (&w.noise, or_unknown(coverage.noise_dbfs_hz.map(|density| format!("{density:.1} dBFS/Hz")))),
            (&w.least, or_unknown(coverage.least_dbfs.map(|level| format!("{level:.1} dBFS")))),
            (&w.bands, if bands.is_empty() { w.no_bands.clone() } else { bands.join(", ") }),
        ]))
        @if pass.summary.is_none() { p.warning { (w.cut_short) } }
        p { (w.chance) }
        table {
            thead { tr { th { (w.period) } th { (w.probability) } } }
            tbody {
                @for (name, period_s) in w.every.iter().zip(PERIODS_S) {
                    tr { td { (name) } td.number { (or_unknown(coverage.chance(period_s).map(percent))) } }
                }
            }
        }
    }
}

fn stimuli(session: &Session, about: &About, words: &Words) -> Markup {
    let w = &words.stimuli;
    let answered = |time_s: f64| -> String {
        let Some(pass) = session.passes.first() else { return w.nobody.clone() };
        let answers = pass.transmitters.iter().filter(|t| t.technology != "unknown").filter_map(|t| {
            let first = pass.bursts_of(t.id).map(|b| b.start_s).filter(|s| (time_s..time_s + ANSWER_S).contains(s));
            let first_s = first.fold(f64::INFINITY, f64::min);
            first_s.is_finite().then(|| format!("{} ({:.1} s)", t.id, first_s - time_s))
        });
        let answers: Vec<String> = answers.collect();
        if answers.is_empty() { w.nobody.clone() } else { answers.join(", ") }
    };
    html! {
        section {
            h2 { (w.heading) }
            @let all = provoked(session.passes.first(), about);
            @if all.is_empty() { p { (w.none) } } @else {
                table {
                    thead { tr { th { (w.time) } th { (w.what) } th { (w.answered) } } }
                    tbody {
                        @for stimulus in &all {
                            tr {
                                td.number { (format!("{:.1} s", stimulus.time_s)) }
                                td { (stimulus.what) }
                                td { (answered(stimulus.time_s)) }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// What was done to provoke devices, as the records and as the examiner have it, in order of time.
fn provoked(pass: Option<&Pass>, about: &About) -> Vec<Stimulus> {
    let recorded = pass.map_or(&[][..], |pass| &pass.stimuli);
    let mut all: Vec<Stimulus> = recorded.iter().chain(&about.stimulus).cloned().collect();
    all.sort_by(|a, b| a.time_s.total_cmp(&b.time_s));
    all
}

/// Transmitters worth a finding, those that matter most first.
fn ranked(pass: &Pass) -> Vec<&Transmitter> {
    let order = |t: &Transmitter| match t.technology.as_str() {
        _ if t.known => 3,
        "nb-iot" | "lte-m" => 0,
        "gsm" => 1,
        _ => 2,
    };
    let mut found: Vec<&Transmitter> = pass.transmitters.iter().filter(|t| t.technology != "unknown").collect();
    found.sort_by(|a, b| {
        order(a).cmp(&order(b)).then(b.power_dbfs_max.total_cmp(&a.power_dbfs_max)).then(a.id.cmp(&b.id))
    });
    found
}

fn findings(session: &Session, about: &About, words: &Words) -> Markup {
    let w = &words.findings;
    let nothing = session.passes.iter().all(|pass| ranked(pass).is_empty());
    html! {
        section {
            h2 { (w.heading) }
            @if nothing { p { (w.none) } }
            @for (index, pass) in session.passes.iter().enumerate() {
                @let mut rows = ranked(pass);
                @let others = pass.transmitters.len() - rows.len();
                @let () = rows.truncate(MAX_FINDINGS);
                @let stimuli = if index == 0 { provoked(Some(pass), about) } else { Vec::new() };
                @if session.passes.len() > 1 { h3 { span.path { (pass.capture.path) } } }
                @if !rows.is_empty() {
                    h4 { (w.timeline) }
                    div.wide { (charts::timeline(pass, &rows, &stimuli, &w.seconds)) }
                }
                @let mut capture = spectrogram::reopen(pass);
                @for row in &rows {
                    (finding(pass, row, about, words, capture.as_mut()))
                }
                @if others > 0 { p { (fill(&w.others, &[("count", &others.to_string())])) } }
            }
            p.caveat { (w.caveat) }
        }
    }
}

fn finding(
    pass: &Pass,
    t: &Transmitter,
    about: &About,
    words: &Words,
    capture: Option<&mut captures::Capture>,
) -> Markup {
    let w = &words.findings;
    let verdict = about.verdict(t.id);
    let bandwidth_hz = t.parameters["bandwidth_hz"].as_f64();
    let width = bandwidth_hz.map_or_else(String::new, |hz| format!(", {:.0} kHz", hz / 1e3));
    let place = pass.frequency_hz(t.center_hz).map_or_else(|| format!("{:+.1} kHz", t.center_hz / 1e3), megahertz);
    let disposition = match verdict.and_then(|v| v.disposition.clone()) {
        Some(said) => said,
        None if t.known => w.known.clone(),
        None => w.to_review.clone(),
    };
    let evidence = t.parameters["evidence"].as_array().cloned().unwrap_or_default();
    let strongest = pass.bursts_of(t.id).max_by(|a, b| a.power_dbfs.total_cmp(&b.power_dbfs));
    let picture = capture.zip(strongest).and_then(|(capture, burst)| spectrogram::data_address(capture, burst));
    html! {
        article {
            h3 { (w.transmitter) " " (t.id) ": " (words.technologies.of(&t.technology)) " (" (percent(t.confidence)) ")" }
            (facts(&[
                (&w.frequency, format!("{place}{width}")),
                (&w.level, format!("{:.1} dBFS", t.power_dbfs_max)),
                (&w.heard, format!("{:.2} s, {:.2} s", t.first_s, t.last_s)),
                (&w.bursts, t.bursts.to_string()),
                (&w.period, t.period_s.map_or_else(|| w.no_period.clone(), |period| format!("{period:.1} s"))),
                (&w.place, given(verdict.and_then(|v| v.place.clone()).or_else(|| places::likeliest(t)).as_ref(), words)),
                (&w.reference, given(places::standing(t, words).as_ref(), words)),
                (&w.disposition, disposition),
                (&w.action, given(verdict.and_then(|v| v.action.as_ref()), words)),
                (&w.file, file(pass)),
            ]))
            @if let Some(note) = verdict.and_then(|v| v.note.as_ref()) { p { (note) } }
            @if pass.bursts_of(t.id).any(|burst| burst.clipped) { p.warning { (w.overloaded) } }
            div.pictures {
                (charts::levels(pass.bursts_of(t.id)))
                @match picture {
                    Some(address) => figure { img src=(address) alt=(w.spectrogram); figcaption { (w.spectrogram) } },
                    None => p.quiet { (w.no_spectrogram) },
                }
            }
            (places::zones(t, words))
            (places::responses(t, words))
            @if !evidence.is_empty() {
                h4 { (w.evidence) }
                ul { @for line in &evidence { li { (line.as_str().unwrap_or_default()) } } }
            }
        }
    }
}

/// Name and hash of the recording.
fn file(pass: &Pass) -> String {
    match &pass.capture.sha256 {
        Some(hash) => format!("{} (SHA-256 {hash})", pass.capture.path),
        None => pass.capture.path.clone(),
    }
}

fn summary(session: &Session, words: &Words) -> Markup {
    let w = &words.summary;
    let all: Vec<&Transmitter> = session.passes.iter().flat_map(ranked).collect();
    let machines = all.iter().filter(|t| matches!(t.technology.as_str(), "nb-iot" | "lte-m")).count();
    let counts = [("count", all.len().to_string()), ("machines", machines.to_string())];
    let counts: Vec<(&str, &str)> = counts.iter().map(|(name, value)| (*name, value.as_str())).collect();
    html! {
        section {
            h2 { (w.heading) }
            p { (if all.is_empty() { w.nothing.clone() } else { fill(&w.something, &counts) }) }
            p { (w.hedge) }
        }
    }
}

fn annex(session: &Session, words: &Words) -> Markup {
    let w = &words.annex;
    html! {
        section {
            h2 { (w.heading) }
            p { (w.content) }
            p { (w.files) " JSON, CSV" }
            ul {
                @for pass in &session.passes { li.path { (file(pass)) } }
            }
        }
    }
}

fn megahertz(hz: f64) -> String {
    format!("{:.3} MHz", hz / 1e6)
}

/// A probability as people say it; never a certainty, never an impossibility.
pub(super) fn percent(share: f64) -> String {
    match 100.0 * share {
        p if p > 99.0 => ">99 %".to_owned(),
        p if p < 1.0 => "<1 %".to_owned(),
        p => format!("{p:.0} %"),
    }
}
