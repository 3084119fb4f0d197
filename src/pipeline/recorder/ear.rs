//! What the recorder hears of findings: bursts, and up to when all are known.

use anyhow::Result;
use crossbeam_channel::Sender;

use super::Order;
use crate::pipeline::Listener;
use crate::pipeline::snapshot::{Burst, Transmitter};

/// Steps in which the recorder is told up to when all bursts are known.
const STEP_S: f64 = 0.1;

/// Listens for the recorder. A recorder that a disk holds up misses what it has no room for: nobody waits for it.
pub(super) struct Ear {
    orders: Sender<Order>,
    settled_s: f64,
}

impl Ear {
    pub(super) fn new(orders: Sender<Order>) -> Self {
        Self { orders, settled_s: f64::NEG_INFINITY }
    }
}

impl Listener for Ear {
    fn burst(&mut self, burst: &Burst) -> Result<()> {
        let _ = self.orders.try_send(Order::Burst(Box::new(burst.clone())));
        Ok(())
    }

    fn settled(&mut self, settled_s: f64) -> Result<()> {
        if settled_s >= self.settled_s + STEP_S && self.orders.try_send(Order::Settled(settled_s)).is_ok() {
            self.settled_s = settled_s;
        }
        Ok(())
    }

    fn end(&mut self, _: &[Transmitter]) -> Result<()> {
        let _ = self.orders.try_send(Order::End);
        Ok(())
    }
}
