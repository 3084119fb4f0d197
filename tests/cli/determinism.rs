//! One capture, one result: to the byte, however it is computed.

use std::io::{self, Write};
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc;

use captures::OpenOptions;
use cellsweep::pipeline::snapshot::{Control, Snapshot, State};
use cellsweep::pipeline::{self, Options, Outputs};
use cellsweep::records::RecordWriter;
use cellsweep::source::capture_file::CaptureFile;
use crossbeam_channel::bounded;

use crate::program::{analyze, beacon, clip, of_kind, parsed, sample, sample_records, without_performance};

/// Ways to compute: threads, and milliseconds in a block.
const WAYS: [(&str, &str); 6] = [("1", "1"), ("2", "7.3"), ("4", "20"), ("1", "1000"), ("2", "1"), ("4", "1000")];

fn assert_same_computed(capture: &Path, expected: &str, ways: &[(&str, &str)]) {
    let path = capture.to_str().expect("a path");
    let expected = without_performance(expected);
    assert!(expected.matches("\"record\":\"burst\"").count() >= 10, "there is something to differ in");
    for (threads, block_ms) in ways {
        let records = without_performance(&analyze(&[path, "--threads", threads, "--block-ms", block_ms]));
        assert!(records == expected, "{threads} threads, blocks of {block_ms} ms:\n{records}\nnot\n{expected}");
    }
}

#[test]
fn threads_and_blocks_do_not_change_the_records() {
    let folder = tempfile::tempdir().expect("a folder");
    let clip = clip(folder.path());
    assert_same_computed(&clip, &analyze(&[clip.to_str().expect("a path")]), &WAYS);
    assert_same_computed(&sample(), sample_records(), &WAYS[..2]);
}

#[test]
fn threads_and_blocks_do_not_change_the_records_of_a_real_recording() {
    let Some((capture, _)) = beacon() else { return };
    assert_same_computed(&capture, &analyze(&[capture.to_str().expect("a path")]), &WAYS);
}

/// Sends on what is written.
struct Sink(mpsc::Sender<Vec<u8>>);

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.send(bytes.to_vec()).map_err(io::Error::other)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Replays a capture as the screens do, halting and hurrying on the way; its records and last snapshot.
fn replayed(path: &Path, threads: usize, block_s: f64) -> (String, Arc<Snapshot>) {
    let capture = captures::open(path, &OpenOptions::default()).expect("a capture");
    let (sink, written) = mpsc::channel();
    let (snapshots, shown) = bounded(2);
    let (wishes, controls) = bounded(4);
    let mut records = RecordWriter::new(Box::new(Sink(sink)), "memory".to_owned());
    records.capture(capture.info(), Some(capture.sha256().expect("a hash"))).expect("a record");
    let outputs = Outputs { records: Some(records), snapshots: Some(snapshots), ..Outputs::default() };
    let options = Options { threads, block_s, speed: Some(4.0), thorough: false };
    let mut last = None;
    pipeline::run_beside(Box::new(CaptureFile::new(capture)), options, outputs, controls, || {
        let ask = |control| wishes.send(control).expect("the pipeline listens");
        ask(Control::Pause(true));
        assert!(shown.iter().any(|snapshot| snapshot.state == State::Paused), "it halts");
        ask(Control::Step(0.1));
        ask(Control::Pause(false));
        ask(Control::Speed(20.0));
        assert!(shown.iter().any(|snapshot| snapshot.state == State::Finished), "it comes to its end");
        drop(wishes);
        last = shown.iter().last();
        Ok(())
    })
    .expect("a replay");
    let text = String::from_utf8(written.iter().flatten().collect()).expect("UTF-8");
    (text, last.expect("a last snapshot"))
}

#[test]
fn replay_finds_what_analysis_finds() {
    let folder = tempfile::tempdir().expect("a folder");
    let clip = clip(folder.path());
    let expected = without_performance(&analyze(&[clip.to_str().expect("a path")]));
    for (threads, block_s) in [(1, 0.05), (2, 0.0073)] {
        let (records, snapshot) = replayed(&clip, threads, block_s);
        assert!(without_performance(&records) == expected, "{threads} threads:\n{records}\nnot\n{expected}");

        let records = parsed(&records);
        let recorded = of_kind(&records, "burst");
        assert_eq!(snapshot.num_bursts as usize, recorded.len());
        for (shown, recorded) in snapshot.bursts.iter().zip(&recorded) {
            assert_eq!(shown.id, recorded["id"]);
            assert_eq!(shown.transmitter.map(u64::from), recorded["transmitter"].as_u64());
            assert_eq!(shown.finding.technology.name(), recorded["technology"]);
            assert_eq!(shown.finding.channel.name(), recorded["channel"]);
        }
        let shown: Vec<_> = snapshot.transmitters.iter().map(|t| (u64::from(t.id), t.bursts)).collect();
        let recorded = of_kind(&records, "transmitter");
        let recorded: Vec<_> = recorded.iter().map(|t| (t["id"].as_u64(), t["bursts"].as_u64())).collect();
        assert_eq!(shown.into_iter().map(|(id, bursts)| (Some(id), Some(bursts))).collect::<Vec<_>>(), recorded);
    }
}
