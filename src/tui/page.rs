//! A page of text lines, scrolled where it is higher than its area.

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::{Modifier, Style};
use ratatui::text::{Line, Span};
use ratatui::widgets::Paragraph;

use super::words;

/// Lines of a page.
pub(super) type Lines = Vec<Line<'static>>;

/// Draws lines from the `scroll`th on; the answer is the furthest scroll that still fills the area.
pub(super) fn draw(lines: Lines, scroll: u16, frame: &mut Frame, area: Rect) -> u16 {
    let furthest = u16::try_from(lines.len()).unwrap_or(u16::MAX).saturating_sub(area.height);
    frame.render_widget(Paragraph::new(lines).scroll((scroll.min(furthest), 0)), area);
    if scroll < furthest && area.height > 1 {
        let corner = Rect { y: area.bottom() - 1, height: 1, ..area };
        let [_, corner] = Layout::horizontal([Constraint::Fill(1), Constraint::Length(8)]).areas(corner);
        frame.render_widget(Span::styled(" ▼ more ", Modifier::REVERSED), corner);
    }
    furthest
}

/// A label and its value, the value wrapped under itself.
pub(super) fn fact(label: &str, value: &str, label_width: usize, width: u16, label_style: Style) -> Lines {
    let values = words::wrap(value, usize::from(width).saturating_sub(label_width + 1));
    let labels = std::iter::once(label).chain(std::iter::repeat(""));
    let line = |(label, value): (&str, String)| {
        Line::from(vec![Span::styled(format!("{label:label_width$} "), label_style), Span::raw(value)])
    };
    labels.zip(values).map(line).collect()
}

/// Text wrapped, its first line after a bullet, the others under its text.
pub(super) fn bullet(text: &str, width: u16) -> Lines {
    let lines = words::wrap(text, usize::from(width).saturating_sub(2)).into_iter();
    lines
        .enumerate()
        .map(|(index, line)| Line::raw(format!("{}{line}", if index == 0 { "• " } else { "  " })))
        .collect()
}
