//! Records to a broker: a real mosquitto on this machine.

use std::io::{BufRead, BufReader, Write, stderr};
use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use crate::bench::{BENCH, lines, said};

/// A broker, ended with the test.
struct Broker {
    port: u16,
    broker: Child,
}

impl Broker {
    fn start() -> Option<Self> {
        let port = TcpListener::bind("127.0.0.1:0").ok()?.local_addr().ok()?.port();
        let program = ["mosquitto", "/usr/sbin/mosquitto"].into_iter().find_map(|program| {
            let mut command = Command::new(program);
            command.args(["-p", &port.to_string()]).stdout(Stdio::null()).stderr(Stdio::null()).spawn().ok()
        });
        let Some(broker) = program else {
            let _ = writeln!(stderr(), "skipped: publishing is tested against mosquitto, which is not installed");
            return None;
        };
        for _ in 0..100 {
            if std::net::TcpStream::connect(("127.0.0.1", port)).is_ok() {
                break;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        Some(Self { port, broker })
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        let _ = self.broker.kill();
        let _ = self.broker.wait();
    }
}

/// Subscribes as any client would: MQTT 3.1.1 by hand, so that no client of ours judges ours.
fn subscribe(port: u16, topic: &str) -> std::net::TcpStream {
    let mut stream = std::net::TcpStream::connect(("127.0.0.1", port)).expect("the broker");
    stream.set_read_timeout(Some(Duration::from_secs(20))).expect("a timeout");
    stream.write_all(b"\x10\x10\x00\x04MQTT\x04\x02\x00\x3c\x00\x04test").expect("CONNECT");
    let filter = format!("{topic}/#");
    let mut packet = vec![0x82, (filter.len() + 5) as u8, 0, 1, 0, filter.len() as u8];
    packet.extend(filter.bytes());
    packet.push(0);
    stream.write_all(&packet).expect("SUBSCRIBE");
    stream
}

/// Topic and payload of the next message.
fn message(reader: &mut impl BufRead) -> Option<(String, String)> {
    loop {
        let mut kind = [0];
        reader.read_exact(&mut kind).ok()?;
        let (mut length, mut shift) = (0usize, 0);
        loop {
            let mut byte = [0];
            reader.read_exact(&mut byte).ok()?;
            length |= usize::from(byte[0] & 0x7f) << shift;
            shift += 7;
            if byte[0] & 0x80 == 0 {
                break;
            }
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body).ok()?;
        if kind[0] >> 4 == 3 {
            let end = 2 + usize::from(u16::from_be_bytes([body[0], body[1]]));
            let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
            return Some((text(&body[2..end]), text(&body[end..])));
        }
    }
}

/// Every record arrives once under its kind, and the broker knows who is there.
#[test]
fn records_arrive_under_their_topics() {
    let Some(bench) = &*BENCH else { return };
    let Some(broker) = Broker::start() else { return };
    let mut reader = BufReader::new(subscribe(broker.port, "x/car"));
    let url = format!("mqtt://127.0.0.1:{}/x/car", broker.port);
    let mut args = bench.sweep("ci16_le", "");
    args.extend(["--duration", "0.4", "--mqtt", &url].map(str::to_owned));
    let output = bench.run(&args);
    assert!(output.status.success(), "{}", said(&output));
    let mut arrived: Vec<(String, String)> = Vec::new();
    while !arrived.last().is_some_and(|(topic, text)| topic == "x/car/status" && text == "offline") {
        arrived.push(message(&mut reader).expect("a message"));
    }
    for kind in ["capture", "burst", "transmitter", "summary"] {
        let topic = format!("x/car/{kind}");
        let texts: Vec<&str> = arrived.iter().filter(|(t, _)| *t == topic).map(|(_, text)| text.as_str()).collect();
        assert_eq!(texts, lines(&output, kind), "{kind}");
    }
    assert!(arrived.contains(&("x/car/status".to_owned(), "online".to_owned())), "{}", said(&output));
}

/// The sweep is none the worse for a broker that is away, and says so.
#[test]
fn a_broker_that_is_away_costs_nothing_but_a_sentence() {
    let Some(bench) = &*BENCH else { return };
    let port = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a port").port();
    let mut args = bench.sweep("ci16_le", "");
    args.extend(["--duration", "0.4", "--mqtt", &format!("mqtt://127.0.0.1:{port}/x")].map(str::to_owned));
    let output = bench.run(&args);
    assert!(output.status.success(), "{}", said(&output));
    let told = said(&output);
    assert!(told.contains("the broker cannot be reached"), "{told}");
    assert!(told.contains("records were not published"), "{told}");
}
