//! The screens in a real terminal.

use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::program::{PROGRAM, sample};

/// Longer than anything on screen takes to appear.
const PATIENCE: Duration = Duration::from_secs(30);

/// What the shell in the terminal shows when it waits for a command.
const PROMPT: &str = "ready>";

/// A terminal of 80 by 24 with a shell in it; gone with this value.
struct Terminal {
    server: String,
}

impl Terminal {
    /// `None`, with a line that says so, where there is no tmux.
    fn open(name: &str) -> Option<Self> {
        let terminal = Self { server: format!("cellsweep-{name}-{}", std::process::id()) };
        let shell = format!("env PS1='{PROMPT}' sh");
        if !terminal.tmux(&["-f", "/dev/null", "new-session", "-d", "-x", "80", "-y", "24", &shell]).0 {
            eprintln!("skipped: there is no tmux that could open a terminal");
            return None;
        }
        terminal.wait_for(PROMPT);
        Some(terminal)
    }

    fn tmux(&self, arguments: &[&str]) -> (bool, String) {
        let command = Command::new("tmux").args(["-L", &self.server]).args(arguments).stdin(Stdio::null()).output();
        command.map_or((false, String::new()), |output| {
            (output.status.success(), String::from_utf8_lossy(&output.stdout).into_owned())
        })
    }

    fn screen(&self) -> String {
        self.tmux(&["capture-pane", "-p"]).1
    }

    fn key(&self, key: &str) {
        assert!(self.tmux(&["send-keys", key]).0, "{key}");
    }

    fn enter(&self, line: &str) {
        assert!(self.tmux(&["send-keys", "-l", line]).0, "{line}");
        self.key("Enter");
    }

    /// The screen once it shows some words.
    fn wait_for(&self, words: &str) -> String {
        let begun = Instant::now();
        loop {
            let screen = self.screen();
            if screen.contains(words) {
                return screen;
            }
            assert!(begun.elapsed() < PATIENCE, "no '{words}' on:\n{screen}");
            thread::sleep(Duration::from_millis(50));
        }
    }

    fn start(&self, more: &str) -> String {
        self.enter(&format!("clear; {PROGRAM} replay {} {more}; echo left with $?", sample().display()));
        self.wait_for("Replaying")
    }

    /// Process id of what the shell runs, where the system tells it.
    fn program(&self) -> Option<String> {
        let (_, shell) = self.tmux(&["display-message", "-p", "#{pane_pid}"]);
        let shell = shell.trim();
        let children = std::fs::read_to_string(format!("/proc/{shell}/task/{shell}/children")).ok()?;
        children.split_whitespace().next().map(str::to_owned)
    }

    /// The shell is back on its own screen, and echoes and ends lines as before.
    fn assert_restored(&self, status: &str) {
        let screen = self.wait_for(status);
        assert!(!screen.contains("Replaying") && screen.contains(PROMPT), "{screen}");
        self.enter("stty -a | grep -cE ' echo( |$).*' ; stty -a | grep -c ' icanon'; echo restored");
        let screen = self.wait_for("\nrestored");
        assert!(screen.contains("\n1\n1\nrestored"), "{screen}");
        let (_, modes) = self.tmux(&["display-message", "-p", "#{alternate_on} #{cursor_flag} #{mouse_any_flag}"]);
        assert_eq!(modes.trim(), "0 1 0", "alternate screen, cursor, mouse");
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        self.tmux(&["kill-server"]);
    }
}

#[test]
fn a_replay_is_watched_and_left() {
    let Some(terminal) = Terminal::open("watch") else { return };
    let screen = terminal.start("--speed 8");
    assert!(screen.contains("842.59") && screen.contains("q quit"), "{screen}");
    terminal.wait_for("finished");
    let survey = terminal.screen();
    terminal.key("?");
    terminal.wait_for("leave cellsweep");
    terminal.key("Escape");
    terminal.wait_for(survey.lines().next().expect("a head"));
    terminal.key("q");
    terminal.assert_restored("left with 0");
}

#[test]
fn ctrl_c_and_a_signal_give_the_terminal_back() {
    let Some(terminal) = Terminal::open("break") else { return };
    terminal.start("--speed 0.1");
    terminal.key("C-c");
    terminal.assert_restored("left with 0");
    terminal.start("--speed 0.1");
    if let Some(program) = terminal.program() {
        assert!(Command::new("kill").args(["-TERM", &program]).status().expect("kill runs").success());
        terminal.assert_restored("left with 0");
    }
}

#[test]
fn a_terminal_that_changes_its_size_and_has_no_colour_is_drawn_on() {
    let Some(terminal) = Terminal::open("resize") else { return };
    terminal.start("--speed 0.1 --no-color");
    for (width, height) in [("40", "10"), ("8", "3"), ("132", "43")] {
        terminal.tmux(&["resize-window", "-x", width, "-y", height]);
    }
    let screen = terminal.wait_for("Survey");
    assert!(screen.lines().any(|line| line.chars().count() > 100), "the wide screen is used:\n{screen}");
    let (_, coloured) = terminal.tmux(&["capture-pane", "-p", "-e"]);
    let is_colour = |code: &str| code.split(';').any(|n| (30..=48).contains(&n.parse().unwrap_or(0)) && n != "39");
    let codes: Vec<&str> = coloured.split("\x1b[").skip(1).filter_map(|rest| rest.split('m').next()).collect();
    assert!(!codes.iter().any(|code| is_colour(code)), "{codes:?}");
    // Left at another size than it was entered at, tmux (3.3a) keeps lines of the alternate screen, whoever drew them.
    terminal.tmux(&["resize-window", "-x", "80", "-y", "24"]);
    terminal.key("q");
    terminal.assert_restored("left with 0");
}
