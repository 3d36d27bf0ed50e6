//! Where bars are drawn: standard error, where it is a terminal, whose window may become narrower.

use std::io;
use std::sync::{Mutex, MutexGuard, PoisonError};

use console::Term;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle, TermLike};

/// Times per second that a bar is drawn at most.
const RATE: u8 = 10;
/// Columns of a terminal from which on it is not narrow.
const WIDE: u16 = 60;

/// How a bar looks: templates for terminals that are wide and for narrow ones.
#[derive(Debug, Clone, Copy)]
pub(super) struct Look {
    pub wide: &'static str,
    pub narrow: &'static str,
}

/// Whether the terminal has few columns now.
pub(super) fn is_narrow() -> bool {
    Term::stderr().size().1 < WIDE
}

impl Look {
    /// That of the terminal as it is now.
    pub(super) fn style(self) -> ProgressStyle {
        let template = if is_narrow() { self.narrow } else { self.wide };
        // Templates are constants of ours: a mistake in one would only cost the bar its looks.
        ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
    }

    /// A bar that is `shown`, where standard error is a terminal, or none.
    pub(super) fn bar(self, shown: bool) -> ProgressBar {
        let term = Term::buffered_stderr();
        if !shown || !term.is_term() {
            return ProgressBar::hidden();
        }
        let screen = Screen {
            // It cuts lines off instead, and says which terminal it is.
            reflows: std::env::var_os("XTERM_VERSION").is_none(),
            drawn: Mutex::default(),
            term,
        };
        let target = ProgressDrawTarget::term_like_with_hz(Box::new(screen), RATE);
        ProgressBar::with_draw_target(None, target).with_style(self.style())
    }
}

/// A line that stands on the screen.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Drawn {
    /// Columns of it, up to the cursor.
    columns: usize,
    /// Columns that the terminal had.
    width: usize,
}

impl Drawn {
    /// Rows that it takes more, where the terminal has `width` columns now: terminals break the lines that stand there
    /// anew.
    fn more_rows(self, width: usize) -> usize {
        let rows = |width: usize| self.columns.div_ceil(width.max(1)).max(1);
        rows(width).saturating_sub(rows(self.width))
    }
}

/// A terminal that takes a bar away whole, though the window became narrower since it was drawn.
#[derive(Debug)]
struct Screen {
    term: Term,
    reflows: bool,
    drawn: Mutex<Drawn>,
}

impl Screen {
    fn drawn(&self) -> MutexGuard<'_, Drawn> {
        self.drawn.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl TermLike for Screen {
    fn width(&self) -> u16 {
        self.term.size().1
    }

    fn height(&self) -> u16 {
        self.term.size().0
    }

    fn move_cursor_up(&self, n: usize) -> io::Result<()> {
        self.term.move_cursor_up(n)
    }

    fn move_cursor_down(&self, n: usize) -> io::Result<()> {
        self.term.move_cursor_down(n)
    }

    fn move_cursor_right(&self, n: usize) -> io::Result<()> {
        self.term.move_cursor_right(n)
    }

    fn move_cursor_left(&self, n: usize) -> io::Result<()> {
        self.term.move_cursor_left(n)
    }

    fn write_line(&self, text: &str) -> io::Result<()> {
        *self.drawn() = Drawn::default();
        self.term.write_line(text)
    }

    /// Writes without the spaces that fill a line up: a line of the terminal's width is two of a narrower one.
    fn write_str(&self, text: &str) -> io::Result<()> {
        let text = text.trim_end_matches(' ');
        let mut drawn = self.drawn();
        drawn.columns += console::measure_text_width(text);
        drawn.width = usize::from(self.width());
        self.term.write_str(text)
    }

    fn clear_line(&self) -> io::Result<()> {
        let drawn = std::mem::take(&mut *self.drawn());
        let more = drawn.more_rows(usize::from(self.width()));
        if self.reflows && more > 0 {
            self.term.clear_line()?;
            self.term.move_cursor_up(more)?;
            return self.term.clear_to_end_of_screen();
        }
        self.term.clear_line()
    }

    fn flush(&self) -> io::Result<()> {
        self.term.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_takes_more_rows_of_a_narrower_terminal() {
        let drawn = Drawn {
            columns: 70,
            width: 80,
        };
        let rows = [80, 100, 70, 69, 35, 34, 1, 0].map(|width| drawn.more_rows(width));
        assert_eq!(rows, [0, 0, 0, 1, 1, 2, 69, 69]);
        assert_eq!(Drawn::default().more_rows(10), 0);
        // It took two before.
        let long = Drawn {
            columns: 100,
            width: 60,
        };
        assert_eq!([120, 60, 40].map(|width| long.more_rows(width)), [0, 0, 1]);
    }
}
