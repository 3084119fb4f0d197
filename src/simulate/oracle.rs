//! Our waveforms against captures that another generator made, where those are at hand.

use std::path::PathBuf;

use dsp::spec::nprach;
use dsp::spec::npusch::{Format, Modulation, Spacing, reference_symbols};
use dsp::synth::npusch::Grant;
use dsp::synth::preamble::Preamble;
use dsp::synth::pusch::Allocation;
use dsp::synth::random::Random;
use dsp::synth::{Emission, Receiver, Waveform};
use num_complex::{Complex32, Complex64};
use serde_json::Value;

/// A capture of another generator and its truth.
struct Foreign {
    samples: Vec<Complex32>,
    receiver: Receiver,
    truth: Value,
}

impl Foreign {
    fn open(name: &str) -> Option<Self> {
        let shared = std::env::var_os("CELLSWEEP_SHARED")
            .map_or_else(|| concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared").into(), PathBuf::from);
        let data = shared.join("scenes").join(format!("{name}.sigmf-data"));
        let Ok(bytes) = std::fs::read(&data) else {
            eprintln!("skipped: no {}", data.display());
            return None;
        };
        let truth: Value =
            serde_json::from_str(&std::fs::read_to_string(data.with_extension("truth.json")).unwrap()).unwrap();
        let format: captures::SampleFormat = truth["datatype"].as_str().unwrap().parse().unwrap();
        let mut samples = vec![Complex32::ZERO; bytes.len() / format.bytes_per_sample()];
        format.decode(&bytes, &mut samples);
        let impairments = &truth["impairments"];
        // Where noise is stated, it is in codes of one component; 16-bit codes count 1/32768.
        let stated = [&impairments["noise_rms_lsb_per_component"], &truth["noise"]["sigma_per_component_file_units"]];
        let sigma = stated.iter().find_map(|value| value.as_f64()).unwrap_or_default() / 32768.0;
        let noise_dbfs = 10.0 * (2.0 * sigma * sigma).max(1e-30).log10();
        let clock_error_ppm = impairments["sample_clock_ppm"].as_f64().unwrap_or_default();
        let ideal = Receiver::ideal(truth["sample_rate_hz"].as_f64().unwrap(), noise_dbfs);
        Some(Self { samples, receiver: Receiver { clock_error_ppm, ..ideal }, truth })
    }

    fn bursts<'a>(&'a self, kind: &'a str) -> impl Iterator<Item = &'a Value> {
        self.truth["bursts"].as_array().unwrap().iter().filter(move |burst| burst["kind"] == kind)
    }

    /// Correlation with `waveform` where the truth puts `burst`, one value (and its weight) a piece of `piece_s`, over
    /// the samples `which` takes.
    fn correlations(
        &self,
        burst: &Value,
        waveform: Box<dyn Waveform>,
        which: impl Fn(f64) -> bool,
        piece_s: f64,
    ) -> Vec<(Complex64, f64)> {
        let number = |key: &str| burst[key].as_f64().unwrap();
        let carrier_hz = burst["observed_carrier_hz"].as_f64().unwrap_or_else(|| {
            let (low_hz, high_hz) = waveform.band_hz();
            number("center_hz") - (low_hz + high_hz) / 2.0
        });
        let (rate_hz, clock_rate) = (self.receiver.sample_rate_hz, self.receiver.clock_rate());
        let emission = Emission {
            waveform,
            start_s: number("start_s") / clock_rate,
            carrier_hz: carrier_hz * clock_rate,
            gain: Complex64::ONE,
            ramp_s: 0.0,
        };
        let mut pieces = Vec::new();
        let first = (number("start_s") * rate_hz).ceil() as usize;
        let end = (number("end_s") * rate_hz) as usize;
        for (i, sample) in self.samples.iter().enumerate().take(end).skip(first) {
            let time_s = i as f64 / (rate_hz * clock_rate);
            let since_s = time_s - emission.start_s;
            if which(since_s) {
                let piece = (since_s / piece_s) as usize;
                pieces.resize(pieces.len().max(piece + 1), (Complex64::ZERO, 0.0));
                let ours = emission.at(time_s);
                pieces[piece].0 += Complex64::new(sample.re.into(), sample.im.into()) * ours.conj();
                pieces[piece].1 += ours.norm_sqr();
            }
        }
        pieces
    }

    /// Power found in the shape of `waveform` over the power the truth states, in dB: 0 where the two generators agree
    /// in every phase.
    fn agreement_db(&self, burst: &Value, waveform: Box<dyn Waveform>, which: impl Fn(f64) -> bool) -> f64 {
        let (product, energy) = self.correlations(burst, waveform, which, f64::INFINITY)[0];
        let number = |key: &str| burst[key].as_f64().unwrap();
        let occupied_hz = burst["snr_bw_hz"].as_f64().unwrap_or_else(|| number("bandwidth_hz"));
        let expected = self.receiver.power_for(number("snr_db"), occupied_hz);
        10.0 * ((product / energy).norm_sqr() / expected).log10()
    }

    /// How well pieces of `piece_s` agree in phase with each other: 1 where they all do, less by noise.
    fn coherence(&self, burst: &Value, waveform: Box<dyn Waveform>, which: impl Fn(f64) -> bool, piece_s: f64) -> f64 {
        let pieces = self.correlations(burst, waveform, which, piece_s);
        let sum: Complex64 = pieces.iter().map(|piece| piece.0).sum();
        sum.norm() / pieces.iter().map(|piece| piece.0.norm()).sum::<f64>()
    }
}

fn preamble(burst: &Value) -> (nprach::Format, Preamble) {
    let number = |key: &str| burst["params"][key].as_u64().unwrap();
    let format = nprach::Format::ALL[number("format") as usize];
    let preamble = Preamble::new(
        format,
        number("cell_id") as u16,
        number("sc_offset") as u8,
        number("n_init") as u8,
        number("repetitions") as u8,
    );
    (format, preamble.unwrap())
}

fn grant(burst: &Value) -> Grant {
    let params = &burst["params"];
    let number = |key: &str| params[key].as_u64().unwrap();
    let spacing = if number("spacing_hz") == 3750 { Spacing::Narrow } else { Spacing::Wide };
    let slots_per_frame = (0.010 / spacing.slot_s()).round() as u64;
    Grant {
        format: if number("npusch_format") == 1 { Format::One } else { Format::Two },
        spacing,
        tones: number("n_tones") as u16,
        first_subcarrier: number("first_subcarrier") as u16,
        modulation: if params["modulation"] == "pi/2-BPSK" { Modulation::Bpsk } else { Modulation::Qpsk },
        resource_units: number("n_ru") as u16,
        repetitions: number("repetitions") as u16,
        cell_id: number("cell_id") as u16,
        rnti: number("rnti") as u16,
        first_slot: number("n_f") * slots_per_frame + number("n_s"),
    }
}

/// Whether an instant lies in a reference symbol of `grant`.
fn in_reference(grant: Grant, time_s: f64) -> bool {
    let within_s = time_s % grant.spacing.slot_s();
    reference_symbols(grant.format, grant.spacing).iter().any(|&l| {
        let start_s = grant.spacing.symbol_start_s(l);
        let length_s = grant.spacing.cyclic_prefix_s(l) + grant.spacing.useful_s();
        (start_s..start_s + length_s).contains(&within_s)
    })
}

/// Whole preambles agree in every hop and phase.
#[test]
fn preambles_are_those_of_another_generator() {
    let Some(foreign) = Foreign::open("pub01_nprach_clean") else { return };
    for burst in foreign.bursts("nprach") {
        let agreement_db = foreign.agreement_db(burst, Box::new(preamble(burst).1), |_| true);
        assert!(agreement_db.abs() < 0.5, "{agreement_db} dB for {burst}");
    }
}

/// Format 2 and long preambles too, under a clock error.
#[test]
fn long_preambles_are_those_of_another_generator() {
    let Some(foreign) = Foreign::open("pub03_narrow_lowsnr") else { return };
    let mut formats = Vec::new();
    for burst in foreign.bursts("nprach").filter(|burst| burst["snr_db"].as_f64() > Some(3.0)) {
        let (format, preamble) = preamble(burst);
        let coherence = foreign.coherence(burst, Box::new(preamble), |_| true, format.group_s());
        assert!(coherence > 0.9, "{coherence} for {burst}");
        formats.push(format);
    }
    assert!(formats.contains(&nprach::Format::Zero) && formats.contains(&nprach::Format::Two), "{formats:?}");
}

/// Reference symbols of data and acknowledgements agree in every phase over the whole transmission.
#[test]
fn reference_signals_are_those_of_another_generator() {
    let Some(foreign) = Foreign::open("pub02_npusch_clean") else { return };
    for kind in ["npusch1", "npusch2"] {
        // Our cells have no cyclic shift; below 2 dB the noise alone moves the figure by more than the bound.
        let ours = |burst: &&Value| burst["params"]["cyclic_shift"] == 0 && burst["snr_db"].as_f64() > Some(2.0);
        for burst in foreign.bursts(kind).filter(ours) {
            let grant = grant(burst);
            let waveform = grant.waveform(&mut Random::new(1)).unwrap();
            assert_eq!(grant.num_slots(), burst["params"]["n_slots"]);
            assert_eq!(grant.identical(), burst["params"]["m_identical"]);
            assert!((waveform.on_s() - burst["on_time_s"].as_f64().unwrap()).abs() < 1e-9, "{burst}");
            let agreement_db = foreign.agreement_db(burst, Box::new(waveform), |time_s| in_reference(grant, time_s));
            assert!(agreement_db.abs() < 1.0, "{agreement_db} dB for {burst}");
        }
    }
}

/// Reference symbols on both sides of an uplink gap agree.
#[test]
fn gaps_are_those_of_another_generator() {
    let Some(foreign) = Foreign::open("pub03_narrow_lowsnr") else { return };
    let with_gap = |burst: &&Value| burst["params"]["ul_gaps_at_s"][0] == 0.256;
    let burst = foreign.bursts("npusch1").find(with_gap).unwrap();
    let grant = grant(burst);
    let waveform = grant.waveform(&mut Random::new(1)).unwrap();
    let length_s = (burst["end_s"].as_f64().unwrap() - burst["start_s"].as_f64().unwrap()) / 1.00002;
    assert!((waveform.duration_s() - length_s).abs() < 1e-6, "{} {length_s}", waveform.duration_s());
    let coherence = foreign.coherence(
        burst,
        Box::new(waveform),
        |time_s| in_reference(grant, time_s),
        16.0 * grant.spacing.slot_s(),
    );
    assert!(coherence > 0.9, "{coherence}");
}

/// Reference symbols of LTE agree with those of a whole protocol stack's encoder.
#[test]
fn lte_reference_signals_are_those_of_another_encoder() {
    let Some(foreign) = Foreign::open("lte_a1_6prb_1m92") else { return };
    let mut num_held = 0;
    for burst in foreign.bursts("lte-pusch").filter(|burst| burst["snr_db"].as_f64() > Some(8.0)) {
        let transmissions = foreign.truth["transmissions"].as_array().unwrap();
        let params = &transmissions.iter().find(|sent| sent["tx_id"] == burst["tx_id"]).unwrap()["params"];
        let number = |key: &str| burst[key].as_u64().unwrap() as u16;
        // Table 5.5.2.1.1-1.
        let cyclic_shift = [0, 6, 3, 4, 2, 8, 10, 9][params["n_dmrs_field"].as_u64().unwrap() as usize];
        let allocation = Allocation {
            cell_id: number("cell_id"),
            carrier_prb: params["nprb"].as_u64().unwrap() as u16,
            first_prb: number("prb_start"),
            num_prb: number("n_prb"),
            subframes: number("subframes"),
            first_subframe: burst["dmrs"][0]["tti"].as_u64().unwrap(),
            cyclic_shift,
        };
        if allocation.num_prb == 2 {
            continue;
        }
        let waveform = allocation.waveform(&mut Random::new(1)).unwrap();
        let in_reference = |time_s: f64| {
            let start_s = Spacing::Wide.symbol_start_s(3);
            (start_s..Spacing::Wide.symbol_start_s(4)).contains(&(time_s % Spacing::Wide.slot_s()))
        };
        let agreement_db = foreign.agreement_db(burst, Box::new(waveform), in_reference);
        assert!(agreement_db.abs() < 1.0, "{agreement_db} dB for {burst}");
        num_held += 1;
    }
    assert!(num_held > 2, "{num_held}");
}
