//! Asks the channel detectors about one candidate.
//!
//! In: a [`Question`] with the samples it needs at baseband. Out: findings, or the reasons why none was made.
//! A burst of energy is shown to every detector of its kind; the surest finding wins, and every detector that said no is
//! heard with its reason.
//! Every answer is a function of the question alone, so any number of analysts may work side by side.

use num_complex::Complex32;

use crate::baseband::Baseband;
use crate::carrier;
use crate::detect::candidate::Candidate;
use crate::detect::nprach::{self, Seed};
use crate::detect::{gsm, npusch, prach, pucch, pusch, srs};
use crate::finding::{Channel, Finding, Parameters, Rejection, Technology};
use crate::zoom::Zoom;

/// What is asked, with the samples brought to baseband.
#[derive(Debug, Default)]
pub struct Question {
    /// What the front end found.
    pub subject: Subject,
    /// Baseband samples around it.
    pub samples: Vec<Complex32>,
    /// Their rate.
    pub sample_rate_hz: f64,
    /// Offset from the stream's centre that stands at 0 Hz.
    pub center_hz: f64,
    /// Instant of the first sample.
    pub start_s: f64,
    /// The receiver was overloaded during it.
    pub clipped: bool,
}

/// What the front end found.
#[derive(Debug, Default, Clone)]
pub enum Subject {
    /// Nothing yet.
    #[default]
    None,
    /// A burst of energy.
    Burst(Candidate),
    /// A region that may hold a preamble, and the noise power in 1 Hz there.
    Preamble(Seed, f32),
    /// A region that may hold preambles of six resource blocks, and the noise power in 1 Hz there.
    WidePreamble(prach::Seed, f32),
}

/// Findings and rejections of one question.
#[derive(Debug, Default)]
pub struct Answer {
    /// What was found.
    pub findings: Vec<Finding>,
    /// Who said no, and why.
    pub rejections: Vec<Rejection>,
}

impl Question {
    fn baseband(&self) -> Baseband<'_> {
        Baseband {
            samples: &self.samples,
            sample_rate_hz: self.sample_rate_hz,
            center_hz: self.center_hz,
            start_s: self.start_s,
        }
    }
}

/// The detectors with their buffers; one for each thread that works.
pub struct Analyst {
    preambles: nprach::Refiner,
    shared_channels: pusch::Detector,
    control_channels: pucch::Detector,
    wide_preambles: prach::Refiner,
    gsm: gsm::Detector,
    halving: Zoom,
    halved: Vec<Complex32>,
    cleaned: Vec<Complex32>,
}

impl Default for Analyst {
    fn default() -> Self {
        Self {
            preambles: nprach::Refiner::default(),
            shared_channels: pusch::Detector::default(),
            control_channels: pucch::Detector::default(),
            wide_preambles: prach::Refiner::default(),
            gsm: gsm::Detector::default(),
            halving: Zoom::new(2.0 * npusch::RATE_HZ, npusch::RATE_HZ),
            halved: Vec::new(),
            cleaned: Vec::new(),
        }
    }
}

impl Analyst {
    /// Answers one question.
    pub fn answer(&mut self, question: &Question) -> Answer {
        let mut answer = Answer::default();
        match &question.subject {
            Subject::None => {}
            Subject::Burst(candidate) => self.name(&question.baseband(), candidate, &mut answer),
            Subject::Preamble(seed, noise_per_hz) => {
                match self.preambles.refine(&question.baseband(), seed, *noise_per_hz) {
                    Ok(findings) => answer.findings = findings,
                    Err(rejection) => answer.rejections.push(rejection),
                }
            }
            Subject::WidePreamble(seed, noise_per_hz) => {
                match self.wide_preambles.refine(&question.baseband(), seed, *noise_per_hz) {
                    Ok(findings) => answer.findings = findings,
                    Err(rejection) => answer.rejections.push(rejection),
                }
            }
        }
        for finding in &mut answer.findings {
            finding.clipped = question.clipped;
        }
        answer
    }

    /// Finds the surest name for a burst of energy.
    fn name(&mut self, baseband: &Baseband<'_>, candidate: &Candidate, answer: &mut Answer) {
        let narrow = candidate.extent.bandwidth_hz <= npusch::MAX_WIDTH_HZ;
        let gsm = self.gsm.classify(baseband, candidate);
        // What may be a part of a GSM burst comes at twice the rate that the others want.
        let doubled = narrow && (baseband.sample_rate_hz / npusch::RATE_HZ / 2.0 - 1.0).abs() < 1e-3;
        let baseband = if doubled {
            let halved = self.halving.extract(baseband.samples, 0.0, &mut self.halved);
            let sample_rate_hz = baseband.sample_rate_hz * halved.sample_rate_hz / (2.0 * npusch::RATE_HZ);
            &Baseband { samples: &self.halved, sample_rate_hz, ..*baseband }
        } else {
            baseband
        };
        let cleaned = if narrow { None } else { carrier::without_own(baseband, &mut self.cleaned) };
        let baseband = cleaned.as_ref().unwrap_or(baseband);
        let outcomes = [
            narrow.then(|| npusch::classify(baseband, candidate)),
            Some(self.shared_channels.classify(baseband, candidate)),
            narrow.then(|| self.control_channels.classify(baseband, candidate)),
            (!narrow).then(|| srs::classify(baseband, candidate)),
            Some(gsm),
        ];
        let mut best: Option<Finding> = None;
        for outcome in outcomes.into_iter().flatten() {
            match outcome {
                Ok(finding) if best.as_ref().is_none_or(|best| finding.confidence > best.confidence) => {
                    best = Some(finding);
                }
                Ok(_) => {}
                Err(rejection) => answer.rejections.push(rejection),
            }
        }
        answer.findings.push(best.unwrap_or_else(|| unknown(candidate)));
    }
}

/// Energy that no detector has put a name to.
fn unknown(candidate: &Candidate) -> Finding {
    Finding {
        extent: candidate.extent,
        segments: Vec::new(),
        power_dbfs: candidate.power_dbfs,
        snr_db: candidate.snr_db,
        technology: Technology::Unknown,
        channel: Channel::Unknown,
        confidence: 0.5,
        clipped: false,
        parameters: Parameters::default(),
    }
}
