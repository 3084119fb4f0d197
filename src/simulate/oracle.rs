//! Our waveforms against captures that another generator made, where those are at hand.

use std::path::PathBuf;

use dsp::spec::nprach;
use dsp::spec::npusch::{Format, Modulation, Spacing, reference_symbols};
use dsp::synth::npusch::Grant;
use dsp::synth::preamble::Preamble;
use dsp::synth::random::Random;
use dsp::synth::{Emission, Receiver, Waveform};
use num_complex::{Complex32, Complex64};
use serde_json::Value;

/// A capture of another generator: its samples in units of its noise, and its truth.
struct Foreign {
    samples: Vec<Complex32>,
    sample_rate_hz: f64,
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
        // Their noise is given in codes of a component; 16-bit codes count 1/32768.
        let sigma = truth["impairments"]["noise_rms_lsb_per_component"].as_f64().unwrap() / 32768.0;
        let scale = (1.0 / (sigma * std::f64::consts::SQRT_2)) as f32;
        samples.iter_mut().for_each(|sample| *sample *= scale);
        Some(Self { samples, sample_rate_hz: truth["sample_rate_hz"].as_f64().unwrap(), truth })
    }

    fn bursts<'a>(&'a self, kind: &'a str) -> impl Iterator<Item = &'a Value> {
        self.truth["bursts"].as_array().unwrap().iter().filter(move |burst| burst["kind"] == kind)
    }

    /// Power found in the shape of `waveform` over the power the truth states, in dB, over the samples `which` takes;
    /// 0 where the two generators agree in every phase.
    fn agreement_db(&self, burst: &Value, waveform: Box<dyn Waveform>, which: impl Fn(f64) -> bool) -> f64 {
        let number = |key: &str| burst[key].as_f64().unwrap();
        let receiver = Receiver::ideal(self.sample_rate_hz, 0.0);
        let emission = Emission {
            waveform,
            start_s: number("start_s"),
            carrier_hz: number("observed_carrier_hz"),
            gain: Complex64::ONE,
            ramp_s: 0.0,
        };
        let (mut product, mut energy) = (Complex64::ZERO, 0.0);
        let first = (number("start_s") * self.sample_rate_hz).ceil() as usize;
        let end = (number("end_s") * self.sample_rate_hz) as usize;
        for (i, sample) in self.samples.iter().enumerate().take(end).skip(first) {
            let time_s = i as f64 / self.sample_rate_hz;
            if which(time_s - emission.start_s) {
                let ours = emission.at(time_s);
                product += Complex64::new(sample.re.into(), sample.im.into()) * ours.conj();
                energy += ours.norm_sqr();
            }
        }
        let expected = receiver.power_for(number("snr_db"), number("snr_bw_hz"));
        10.0 * ((product / energy).norm_sqr() / expected).log10()
    }
}

/// Whole preambles agree in every hop and phase.
#[test]
fn preambles_are_those_of_another_generator() {
    let Some(foreign) = Foreign::open("pub01_nprach_clean") else { return };
    for burst in foreign.bursts("nprach") {
        let number = |key: &str| burst["params"][key].as_u64().unwrap();
        let preamble = Preamble::new(
            nprach::Format::ALL[number("format") as usize],
            number("cell_id") as u16,
            number("sc_offset") as u8,
            number("n_init") as u8,
            number("repetitions") as u8,
        );
        let agreement_db = foreign.agreement_db(burst, Box::new(preamble.unwrap()), |_| true);
        assert!(agreement_db.abs() < 0.5, "{agreement_db} dB for {burst}");
    }
}

/// Reference symbols of data and acknowledgements agree in every phase over the whole transmission.
#[test]
fn reference_signals_are_those_of_another_generator() {
    let Some(foreign) = Foreign::open("pub02_npusch_clean") else { return };
    for (kind, format) in [("npusch1", Format::One), ("npusch2", Format::Two)] {
        // Our cells have no cyclic shift; below 2 dB the noise alone moves the figure by more than the bound.
        let ours = |burst: &&Value| burst["params"]["cyclic_shift"] == 0 && burst["snr_db"].as_f64() > Some(2.0);
        for burst in foreign.bursts(kind).filter(ours) {
            let params = &burst["params"];
            let number = |key: &str| params[key].as_u64().unwrap();
            let spacing = if number("spacing_hz") == 3750 { Spacing::Narrow } else { Spacing::Wide };
            let slots_per_frame = (0.010 / spacing.slot_s()).round() as u64;
            let grant = Grant {
                format,
                spacing,
                tones: number("n_tones") as u16,
                first_subcarrier: number("first_subcarrier") as u16,
                modulation: if params["modulation"] == "pi/2-BPSK" { Modulation::Bpsk } else { Modulation::Qpsk },
                resource_units: number("n_ru") as u16,
                repetitions: number("repetitions") as u16,
                cell_id: number("cell_id") as u16,
                rnti: number("rnti") as u16,
                first_slot: number("n_f") * slots_per_frame + number("n_s"),
            };
            let waveform = grant.waveform(&mut Random::new(1)).unwrap();
            assert_eq!(grant.num_slots() as u64, number("n_slots"));
            assert_eq!(u64::from(grant.identical()), number("m_identical"));
            assert!((waveform.on_s() - burst["on_time_s"].as_f64().unwrap()).abs() < 1e-9, "{burst}");
            let pilot = |time_s: f64| {
                let within_s = time_s % spacing.slot_s();
                reference_symbols(format, spacing).iter().any(|&l| {
                    let start_s = spacing.symbol_start_s(l);
                    let length_s = spacing.cyclic_prefix_s(l) + spacing.useful_s();
                    (start_s..start_s + length_s).contains(&within_s)
                })
            };
            let agreement_db = foreign.agreement_db(burst, Box::new(waveform), pilot);
            assert!(agreement_db.abs() < 1.0, "{agreement_db} dB for {burst}");
        }
    }
}
