//! The thread that publishes records to an MQTT broker, so that several listeners feed one dashboard.
//!
//! In: records as they are written. Out: each under `TOPIC/KIND`, and `online` or `offline` under `TOPIC/status`, which
//! the broker keeps and sets to `offline` itself when the connection breaks.
//! A broker that is away or slow is tried again and again; nobody waits for it. Records for which there is no room
//! meanwhile are counted and told at the end.

use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use crossbeam_channel::{Receiver, bounded};
use rumqttc::{Client, Connection, Event, LastWill, MqttOptions, Outgoing, Packet, QoS};

const DEFAULT_PORT: u16 = 1883;
/// Records that wait for the broker at the most.
const WAITING: usize = 4096;
/// Longest record that is published.
const MAX_BYTES: usize = 1 << 20;
const KEEP_ALIVE: Duration = Duration::from_secs(15);
/// Between attempts to reach the broker.
const AFTER_ERROR: Duration = Duration::from_millis(500);
/// Longest wait for the last records to go out.
const PATIENCE: Duration = Duration::from_millis(1500);

/// Where to publish: `mqtt://HOST[:PORT]/TOPIC`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Broker {
    host: String,
    port: u16,
    topic: String,
}

impl FromStr for Broker {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let expected = "expected mqtt://HOST/TOPIC or mqtt://HOST:PORT/TOPIC, such as mqtt://10.0.0.1/cellsweep/garage";
        let (place, topic) = text.strip_prefix("mqtt://").and_then(|rest| rest.split_once('/')).ok_or(expected)?;
        let (host, port) = match place.rsplit_once(':') {
            Some((host, port)) => (host, port.parse().map_err(|_| expected)?),
            None => (place, DEFAULT_PORT),
        };
        let topic = topic.trim_end_matches('/');
        if host.is_empty() || topic.is_empty() || topic.contains(['#', '+', '\0']) {
            return Err(expected.to_owned());
        }
        Ok(Self { host: host.to_owned(), port, topic: topic.to_owned() })
    }
}

/// Publishes what it is given.
pub struct Publisher {
    client: Client,
    topic: String,
    name: String,
    lost: u64,
    shared: Arc<Shared>,
    over: Receiver<()>,
}

#[derive(Default)]
struct Shared {
    stop: AtomicBool,
    /// Messages given to the client, and those that went out.
    given: AtomicU64,
    sent: AtomicU64,
}

impl Publisher {
    /// Starts to publish; `log` is told when the broker is reached or lost.
    ///
    /// # Errors
    /// where the thread cannot be started. That the broker cannot be reached is none.
    pub fn start(broker: &Broker, log: fn(&str)) -> Result<Self> {
        let status = format!("{}/status", broker.topic);
        // A name of its own, lest the broker takes two listeners for one.
        let id = format!("cellsweep-{}-{}", std::process::id(), broker.topic.replace('/', "-"));
        let mut options = MqttOptions::new(id, &broker.host, broker.port);
        options.set_keep_alive(KEEP_ALIVE).set_max_packet_size(MAX_BYTES, MAX_BYTES);
        options.set_last_will(LastWill::new(&status, "offline", QoS::AtLeastOnce, true));
        let (client, connection) = Client::new(options, WAITING);
        let name = format!("{}:{}", broker.host, broker.port);
        let shared = Arc::new(Shared::default());
        let (done, over) = bounded(1);
        let thread = Thread { client: client.clone(), status, name: name.clone(), shared: Arc::clone(&shared), log };
        std::thread::Builder::new()
            .name("mqtt".to_owned())
            .spawn(move || {
                thread.run(connection);
                let _ = done.send(());
            })
            .context("the thread that publishes cannot be started")?;
        Ok(Self { client, topic: broker.topic.clone(), name, lost: 0, shared, over })
    }

    /// Publishes a record of a kind.
    pub fn publish(&mut self, kind: &str, record: &[u8]) {
        match self.client.try_publish(format!("{}/{kind}", self.topic), QoS::AtLeastOnce, false, record) {
            Ok(()) => _ = self.shared.given.fetch_add(1, Ordering::Relaxed),
            Err(_) => self.lost += 1,
        }
    }

    /// Waits for the last records to go out, but not for long; the sentence about those that did not, if any.
    pub fn finish(mut self) -> Option<String> {
        let deadline = Instant::now() + PATIENCE;
        let status = format!("{}/status", self.topic);
        if self.client.try_publish(status, QoS::AtLeastOnce, true, "offline").is_ok() {
            self.shared.given.fetch_add(1, Ordering::Relaxed);
        }
        let unsent =
            |shared: &Shared| shared.given.load(Ordering::Relaxed).saturating_sub(shared.sent.load(Ordering::Relaxed));
        while unsent(&self.shared) > 0 && Instant::now() < deadline {
            std::thread::sleep(Duration::from_millis(10));
        }
        self.shared.stop.store(true, Ordering::Relaxed);
        let _ = self.client.try_disconnect();
        let _ = self.over.recv_timeout(PATIENCE);
        self.lost += unsent(&self.shared);
        let lost = self.lost;
        (lost > 0).then(|| format!("{}: {lost} records were not published; is the broker there?", self.name))
    }
}

/// The thread that speaks with the broker.
struct Thread {
    client: Client,
    status: String,
    name: String,
    shared: Arc<Shared>,
    log: fn(&str),
}

impl Thread {
    fn run(self, mut connection: Connection) {
        let mut reached = None;
        for event in connection.iter() {
            match event {
                Ok(Event::Incoming(Packet::ConnAck(_))) => {
                    reached = Some(true);
                    (self.log)(&format!("{}: publishing", self.name));
                    if self.client.try_publish(&self.status, QoS::AtLeastOnce, true, "online").is_ok() {
                        self.shared.given.fetch_add(1, Ordering::Relaxed);
                    }
                }
                Ok(Event::Incoming(Packet::PubAck(_))) => _ = self.shared.sent.fetch_add(1, Ordering::Relaxed),
                Ok(Event::Outgoing(Outgoing::Disconnect)) => return,
                Ok(_) => {}
                Err(error) => {
                    if self.shared.stop.load(Ordering::Relaxed) {
                        return;
                    }
                    if reached != Some(false) {
                        reached = Some(false);
                        (self.log)(&format!("{}: the broker cannot be reached ({error}); trying again", self.name));
                    }
                    std::thread::sleep(AFTER_ERROR);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn brokers_are_read_as_typed() {
        let broker = |host: &str, port, topic: &str| Broker { host: host.to_owned(), port, topic: topic.to_owned() };
        assert_eq!("mqtt://10.0.0.1/cellsweep/garage".parse(), Ok(broker("10.0.0.1", 1883, "cellsweep/garage")));
        assert_eq!("mqtt://host:1884/x/".parse(), Ok(broker("host", 1884, "x")));
        for text in ["", "host/x", "mqtt://", "mqtt://host", "mqtt://host/", "mqtt:///x", "mqtt://h:p/x", "mqtt://h/#"]
        {
            assert!(text.parse::<Broker>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_broker_that_is_not_there_holds_nothing_up() {
        // Port 1 of this machine answers nothing.
        let mut publisher = Publisher::start(&"mqtt://127.0.0.1:1/x".parse().unwrap(), |_| {}).unwrap();
        let begun = Instant::now();
        (0..WAITING + 10).for_each(|_| publisher.publish("burst", b"{}"));
        assert!(begun.elapsed() < Duration::from_secs(2));
        let told = publisher.finish().unwrap();
        assert!(told.contains("records were not published"), "{told}");
        assert!(begun.elapsed() < Duration::from_secs(6), "{:?}", begun.elapsed());
    }
}
