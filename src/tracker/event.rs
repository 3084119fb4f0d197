//! What happens to a sweep beside bursts: the receiver's gain, marks and stimuli, each with its instant.
//!
//! Times are those of the stream (or of the whole sweep, where it was continued): the engine knows no clock.

use super::stimuli::Stimulus;

/// One thing that happened.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// From now on the receiver has this gain; `None` where it sets it itself and does not tell.
    Gain {
        /// When.
        time_s: f64,
        /// The gain.
        gain_db: Option<f64>,
    },
    /// From now on the operator is in this zone; `None`: in none.
    Mark {
        /// When.
        time_s: f64,
        /// Name of the zone; one that is not on the list joins it.
        zone: Option<String>,
    },
    /// Something was done to make a module answer.
    Stimulus(Stimulus),
}

impl Event {
    /// When it happened.
    pub fn time_s(&self) -> f64 {
        match self {
            Self::Gain { time_s, .. } | Self::Mark { time_s, .. } => *time_s,
            Self::Stimulus(stimulus) => stimulus.time_s,
        }
    }

    /// The same so many seconds later.
    pub fn later(&self, by_s: f64) -> Self {
        let mut event = self.clone();
        match &mut event {
            Self::Gain { time_s, .. } | Self::Mark { time_s, .. } => *time_s += by_s,
            Self::Stimulus(stimulus) => stimulus.time_s += by_s,
        }
        event
    }
}
