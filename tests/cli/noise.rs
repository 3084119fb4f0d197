//! Noise is nothing.

use crate::program::{analyze, cellsweep, of_kind, parsed};

#[test]
fn noise_alone_is_reported_as_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    for (seed, format, noise_dbfs) in [(1, "cf32_le", -60.0), (2, "cu8", -25.0), (3, "ci16_le", -20.0)] {
        let scene = folder.path().join(format!("noise-{format}.toml"));
        let text = format!(
            "[scene]\nduration_s = 2.0\nsample_rate_hz = 1_920_000\ncenter_frequency_hz = 842_500_000\n\
             seed = {seed}\nnoise_dbfs = {noise_dbfs:.1}\nformat = \"{format}\"\n[receiver]\n"
        );
        std::fs::write(&scene, text).expect("a scene");
        cellsweep().arg("simulate").arg(&scene).assert().success();
        let capture = scene.with_extension("sigmf-meta");
        let records = parsed(&analyze(&[capture.to_str().expect("a path")]));
        assert_eq!(of_kind(&records, "burst"), Vec::<&serde_json::Value>::new(), "{format}");
        assert_eq!(of_kind(&records, "transmitter").len(), 0, "{format}");
        assert_eq!(of_kind(&records, "summary").len(), 1, "{format}");
    }
}
