//! Words of the report, one file a language.

use anyhow::{Context, Result};
use clap::ValueEnum;
use serde::Deserialize;

/// A language the report is written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum Language {
    /// English.
    #[default]
    En,
    /// German.
    De,
}

impl Language {
    /// The code pages carry.
    pub(super) const fn code(self) -> &'static str {
        match self {
            Self::En => "en",
            Self::De => "de",
        }
    }

    pub(super) fn words(self) -> Result<Words> {
        let text = match self {
            Self::En => include_str!("words/en.toml"),
            Self::De => include_str!("words/de.toml"),
        };
        toml::from_str(text).with_context(|| format!("the words of language {:?} are not whole", self.code()))
    }
}

/// Every sentence and label; `{…}` are filled in.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Words {
    pub(super) title: String,
    pub(super) not_given: String,
    pub(super) not_known: String,
    pub(super) general: General,
    pub(super) scope: Scope,
    pub(super) equipment: Equipment,
    pub(super) coverage: CoverageWords,
    pub(super) stimuli: Stimuli,
    pub(super) findings: Findings,
    pub(super) summary: SummaryWords,
    pub(super) annex: Annex,
    pub(super) technologies: Technologies,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct General {
    pub(super) report_id: String,
    pub(super) client: String,
    pub(super) subject: String,
    pub(super) examiner: String,
    pub(super) date: String,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Scope {
    pub(super) heading: String,
    pub(super) included: String,
    pub(super) excluded: String,
    pub(super) present: String,
    pub(super) phones: String,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Equipment {
    pub(super) heading: String,
    pub(super) receiver: String,
    pub(super) antennas: String,
    pub(super) settings: String,
    pub(super) software: String,
    pub(super) positive_control: String,
    pub(super) no_positive_control: String,
    pub(super) baseline: String,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CoverageWords {
    pub(super) heading: String,
    pub(super) capture: String,
    pub(super) range: String,
    pub(super) listened: String,
    pub(super) blind: String,
    pub(super) samples: String,
    pub(super) overloaded: String,
    pub(super) noise: String,
    pub(super) least: String,
    pub(super) bands: String,
    pub(super) no_bands: String,
    pub(super) cut_short: String,
    pub(super) chance: String,
    pub(super) period: String,
    pub(super) probability: String,
    pub(super) limits: String,
    pub(super) every: [String; 6],
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Stimuli {
    pub(super) heading: String,
    pub(super) none: String,
    pub(super) time: String,
    pub(super) what: String,
    pub(super) answered: String,
    pub(super) nobody: String,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Findings {
    pub(super) heading: String,
    pub(super) none: String,
    pub(super) timeline: String,
    pub(super) transmitter: String,
    pub(super) frequency: String,
    pub(super) level: String,
    pub(super) heard: String,
    pub(super) bursts: String,
    pub(super) period: String,
    pub(super) no_period: String,
    pub(super) evidence: String,
    pub(super) place: String,
    pub(super) disposition: String,
    pub(super) to_review: String,
    pub(super) known: String,
    pub(super) action: String,
    pub(super) caveat: String,
    pub(super) overloaded: String,
    pub(super) spectrogram: String,
    pub(super) no_spectrogram: String,
    pub(super) file: String,
    pub(super) others: String,
    pub(super) seconds: String,
    pub(super) reference: String,
    pub(super) is_new: String,
    pub(super) stronger: String,
    pub(super) alike: String,
    pub(super) zones: String,
    pub(super) zone: String,
    pub(super) probability: String,
    pub(super) best: String,
    pub(super) median: String,
    pub(super) outside: String,
    pub(super) responses: String,
    pub(super) answered: String,
    pub(super) after: String,
    pub(super) chance: String,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SummaryWords {
    pub(super) heading: String,
    pub(super) something: String,
    pub(super) nothing: String,
    pub(super) hedge: String,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Annex {
    pub(super) heading: String,
    pub(super) files: String,
    pub(super) content: String,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct Technologies {
    nb_iot: String,
    lte_m: String,
    lte: String,
    gsm: String,
    nr: String,
    unknown: String,
}

impl Technologies {
    /// What a technology means to a reader.
    pub(super) fn of(&self, name: &str) -> &str {
        match name {
            "nb-iot" => &self.nb_iot,
            "lte-m" => &self.lte_m,
            "lte" => &self.lte,
            "gsm" => &self.gsm,
            "nr" => &self.nr,
            _ => &self.unknown,
        }
    }
}

/// `{name}` in `text` becomes the value.
pub(super) fn fill(text: &str, values: &[(&str, &str)]) -> String {
    values.iter().fold(text.to_owned(), |text, (name, value)| text.replace(&format!("{{{name}}}"), value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_language_has_every_word_with_the_same_blanks() {
        let blanks = |language: Language| -> Vec<String> {
            let text = match language {
                Language::En => include_str!("words/en.toml"),
                Language::De => include_str!("words/de.toml"),
            };
            let mut all: Vec<String> = text
                .lines()
                .flat_map(|line| {
                    let key = line.split('=').next().unwrap_or_default().trim().to_owned();
                    line.match_indices('{')
                        .filter_map(move |(at, _)| Some(format!("{key} {}", &line[at..at + line[at..].find('}')?])))
                        .collect::<Vec<_>>()
                })
                .collect();
            all.sort();
            all
        };
        for language in Language::value_variants() {
            language.words().unwrap();
            assert_eq!(blanks(*language), blanks(Language::En), "{language:?}");
        }
    }
}
