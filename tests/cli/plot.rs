//! `plot`, `completions`, `man`, and the program called without a command.

use std::fs;
use std::path::Path;

use crate::program::{cellsweep, clip};

fn text(path: &Path) -> &str {
    path.to_str().expect("a path")
}

/// Width and height of a PNG, and how many different pixels it has.
fn png(path: &Path) -> (u32, u32, usize) {
    let decoder = png::Decoder::new(std::io::BufReader::new(fs::File::open(path).expect("a picture")));
    let mut reader = decoder.read_info().expect("a PNG");
    let mut pixels = vec![0; reader.output_buffer_size().expect("a size")];
    let info = reader.next_frame(&mut pixels).expect("pixels");
    let mut colors: Vec<&[u8]> = pixels[..info.buffer_size()].chunks(3).collect();
    colors.sort_unstable();
    colors.dedup();
    (info.width, info.height, colors.len())
}

#[test]
fn plots_show_the_bursts_as_svg_and_png() {
    let folder = tempfile::tempdir().expect("a folder");
    let at = |name: &str| folder.path().join(name);
    let (clip, records) = (clip(folder.path()), at("records.jsonl"));
    cellsweep().args(["analyze", text(&clip), "--output", text(&records)]).assert().success();
    let spectrogram = ["plot", "spectrogram", text(&clip), "--records", text(&records), "--title", "a <clip>"];
    for (name, arguments) in [
        ("spectrogram", &spectrogram[..]),
        ("timeline", &["plot", "timeline", text(&records)]),
        ("levels", &["plot", "levels", text(&records), "--dark"]),
    ] {
        let (svg, bitmap) = (at(&format!("{name}.svg")), at(&format!("{name}.png")));
        cellsweep().args(arguments).args(["--output", text(&svg)]).assert().success().stdout("");
        cellsweep().args(arguments).args(["--output", text(&bitmap), "--size", "640,400"]).assert().success();
        let drawn = fs::read_to_string(&svg).expect("a picture");
        assert!(drawn.starts_with("<svg") && drawn.trim_end().ends_with("</svg>"), "{name}");
        assert!(drawn.contains("seconds"), "{name}");
        let (width, height, colors) = png(&bitmap);
        assert_eq!((width, height), (640, 400));
        assert!(colors > 3, "{name}: text, axes and bursts, not paper alone");
    }
    let drawn = fs::read_to_string(at("spectrogram.svg")).expect("a picture");
    assert!(drawn.contains("nprach") && drawn.contains("data:image/png;base64,"));
    assert!(drawn.contains("a &lt;clip&gt;"), "a title stays text");
    assert!(fs::read_to_string(at("timeline.svg")).expect("a picture").contains("nb-iot"));
}

#[test]
fn what_cannot_be_plotted_is_said() {
    let folder = tempfile::tempdir().expect("a folder");
    let clip = clip(folder.path());
    let empty = folder.path().join("empty.jsonl");
    fs::write(&empty, "").expect("a file");
    let svg = folder.path().join("x.svg");
    for (arguments, said) in [
        (vec!["spectrogram", text(&clip), "--output", "x.gif"], "x.gif"),
        (vec!["spectrogram", text(&clip), "--start", "9", "--output", text(&svg)], "--start"),
        (vec!["spectrogram", text(&clip), "--around", "100M", "--span", "1k", "--output", text(&svg)], "--around"),
        (vec!["timeline", text(&empty), "--output", text(&svg)], "no records"),
        (vec!["levels", text(&clip), "--output", text(&svg)], "line 1"),
    ] {
        let output = cellsweep().arg("plot").args(&arguments).output().expect("the program runs");
        let error = String::from_utf8(output.stderr).expect("text");
        assert_eq!(output.status.code(), Some(1), "{arguments:?}: {error}");
        assert!(error.contains(said) && error.lines().count() == 1, "{arguments:?}: {error}");
    }
    assert!(!svg.exists());
}

#[test]
fn shells_and_man_are_told_every_command() {
    let print = |arguments: &[&str]| {
        let output = cellsweep().args(arguments).output().expect("the program runs");
        assert!(output.status.success());
        String::from_utf8(output.stdout).expect("text")
    };
    let texts = [print(&["completions", "bash"]), print(&["completions", "zsh"]), print(&["man"])];
    for command in ["analyze", "replay", "simulate", "report", "plot"] {
        assert!(texts.iter().all(|text| text.contains(command)), "{command}");
    }
}

#[test]
fn without_a_command_it_says_what_to_do_next() {
    let output = cellsweep().output().expect("the program runs");
    assert!(output.status.code() == Some(2) && output.stdout.is_empty());
    let said = String::from_utf8(output.stderr).expect("text");
    assert!((6..=12).contains(&said.lines().count()), "{said}");
    for wanted in ["replay", "analyze", "report", "--help"] {
        assert!(said.contains(wanted), "{wanted}: {said}");
    }
}
