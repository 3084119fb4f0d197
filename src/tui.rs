//! The terminal screens: draws the newest [`Snapshot`], says nothing to the pipeline but a [`Control`] or an [`Event`]
//! that a person has seen to: where they are, what they did.
//!
//! One thread, no clock of its own: it wakes for a key at once and looks for a newer snapshot at most [`Options::fps`]
//! times a second, so a slow terminal costs frames and never samples. What is on screen is a function of the
//! application's state and the snapshot; keys, footer and help come from one table.

mod alerts;
mod app;
mod band;
mod details;
#[cfg(test)]
mod fakes;
#[cfg(test)]
mod frames;
mod header;
mod health;
mod help;
mod hunt;
mod keys;
mod page;
mod spectrum;
mod survey;
mod table;
mod theme;
mod timeline;
mod waterfall;
mod words;
mod zones;

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender};
use ratatui::DefaultTerminal;
use ratatui::crossterm::event::{self, Event as Input, KeyEventKind};
use ratatui::crossterm::execute;
use ratatui::crossterm::style::Print;

use crate::pipeline::snapshot::{Control, Snapshot};
use crate::tracker::event::Event;
use app::App;
use theme::{Depth, Theme};

pub use keys::keys_markdown;

/// How the screens are to be drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Options {
    /// Draw without colour: the user said so, or `NO_COLOR` is set.
    pub no_color: bool,
    /// Frames drawn a second at most; 0 counts as 1.
    pub fps: u16,
    /// A live radio: it can neither pause nor seek.
    pub live: bool,
}

/// The terminal's bell.
const BELL: char = '\u{7}';

/// Where wishes go.
#[derive(Debug, Clone)]
pub struct Wishes {
    /// To the pipeline.
    pub controls: Sender<Control>,
    /// To the engine: marks and stimuli.
    pub events: Sender<Event>,
}

/// What a key asks of others than the screens.
#[derive(Debug, Clone, PartialEq)]
enum Wish {
    Control(Control),
    Event(Event),
}

/// Which screen is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Screen {
    /// Spectrum, waterfall and the table of transmitters.
    Survey,
    /// All that is known of the selected transmitter.
    Transmitter,
    /// The selected transmitter at arm's length: its level, hotter or colder.
    Hunt,
    /// The plan of what is swept, and where on it the selected transmitter may be.
    Zones,
    /// Bursts over time, and what was done.
    Timeline,
    /// How the receiver and the machine are doing.
    Health,
    /// The keys, and what the words mean.
    Help,
}

impl Screen {
    const ALL: [Self; 7] =
        [Self::Survey, Self::Transmitter, Self::Hunt, Self::Zones, Self::Timeline, Self::Health, Self::Help];

    /// The name on its tab.
    const fn name(self) -> &'static str {
        match self {
            Self::Survey => "Survey",
            Self::Transmitter => "Transmitter",
            Self::Hunt => "Hunt",
            Self::Zones => "Zones",
            Self::Timeline => "Timeline",
            Self::Health => "Health",
            Self::Help => "Help",
        }
    }
}

/// Shows the sweep until the user quits or `stop` is set, and restores the terminal. A panic in whichever thread
/// restores it first and sets `stop`.
///
/// Of the `snapshots` only the newest is drawn and the channel is emptied at every look; `wishes` are never waited
/// for. When the senders of `snapshots` are gone the last picture stays until the user quits.
///
/// # Errors
///
/// The terminal cannot be set up, read or written, for instance because standard output is no terminal.
pub fn run(
    snapshots: Receiver<Arc<Snapshot>>,
    wishes: &Wishes,
    stop: Arc<AtomicBool>,
    options: Options,
) -> io::Result<()> {
    let variable = |name| std::env::var(name).unwrap_or_default();
    let depth = Depth::of(options.no_color, &variable("COLORTERM"), &variable("TERM"));
    let mut terminal = ratatui::try_init()?;
    let panicked = stop_on_panic(Arc::clone(&stop));
    let app = App::new(Theme::new(depth), options.live);
    let outcome = show(&mut terminal, app, &snapshots, wishes, &stop, options.fps);
    if !panicked.load(Ordering::Relaxed) {
        ratatui::try_restore()?;
    }
    outcome
}

/// Leaves the screens when any thread panics: the hook of [`ratatui::try_init`] then has given the terminal back, and
/// a further frame, or giving it back twice, would write over the message. The answer is set when that has happened.
fn stop_on_panic(stop: Arc<AtomicBool>) -> Arc<AtomicBool> {
    let panicked = Arc::new(AtomicBool::new(false));
    let (seen, hook) = (Arc::clone(&panicked), std::panic::take_hook());
    std::panic::set_hook(Box::new(move |panic| {
        seen.store(true, Ordering::Relaxed);
        stop.store(true, Ordering::Relaxed);
        hook(panic);
    }));
    panicked
}

/// Keys handled between two frames at most, so that a pasted page cannot hold up the picture.
const MAX_EVENTS_PER_FRAME: usize = 64;

fn show(
    terminal: &mut DefaultTerminal,
    mut app: App,
    snapshots: &Receiver<Arc<Snapshot>>,
    wishes: &Wishes,
    stop: &AtomicBool,
    fps: u16,
) -> io::Result<()> {
    let frame_time = Duration::from_secs(1) / u32::from(fps.max(1));
    let mut snapshot: Option<Arc<Snapshot>> = None;
    let mut stale = true;
    let mut looked = None::<Instant>;
    while !app.quit && !stop.load(Ordering::Relaxed) {
        let elapsed = looked.map_or(frame_time, |at| at.elapsed());
        if event::poll(frame_time.saturating_sub(elapsed))? {
            for _ in 0..MAX_EVENTS_PER_FRAME {
                stale |= match event::read()? {
                    Input::Key(key) if key.kind != KeyEventKind::Release => {
                        // A pipeline that is gone or busy loses the wish; the user sees that and asks again.
                        match app.press(key, snapshot.as_deref()) {
                            Some(Wish::Control(control)) => _ = wishes.controls.try_send(control),
                            Some(Wish::Event(event)) => _ = wishes.events.try_send(event),
                            None => {}
                        }
                        true
                    }
                    Input::Resize(..) => true,
                    _ => false,
                };
                if !event::poll(Duration::ZERO)? {
                    break;
                }
            }
        }
        if looked.is_none_or(|at| at.elapsed() >= frame_time) {
            looked = Some(Instant::now());
            if let Some(newest) = snapshots.try_iter().last() {
                app.observe(&newest);
                snapshot = Some(newest);
                stale = true;
            }
        }
        if stale && !app.quit {
            let mut furthest = 0;
            terminal.draw(|frame| furthest = app.draw(snapshot.as_deref(), frame))?;
            app.limit_scroll(furthest);
            for _ in 0..app.take_rings() {
                execute!(io::stdout(), Print(BELL))?;
            }
            stale = false;
        }
    }
    Ok(())
}
