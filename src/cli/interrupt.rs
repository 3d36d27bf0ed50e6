//! Ctrl-C, and SIGTERM: the first one asks the run to end and be saved, a later one ends the process
//! at once.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::flag;

/// The exit status of a process that a signal stopped, by the custom of shells for Ctrl-C.
const STOPPED: i32 = 130;
/// How often it is looked whether somebody asked, to say that it was heard.
const LOOK: Duration = Duration::from_millis(50);
/// Programs that start others pass a signal on to those that had it already: what comes so soon
/// after the first is the same one.
const ECHO: Duration = Duration::from_millis(400);

/// Whether somebody asked the run to end.
#[derive(Debug)]
pub(super) struct Interrupt(Arc<AtomicBool>);

impl Interrupt {
    /// Listens from now on; `notice` shows the user a line.
    pub(super) fn listen(notice: impl Fn(&str) + Clone + Send + 'static) -> Self {
        let asked = Arc::new(AtomicBool::new(false));
        if let Err(error) = register(&asked, notice.clone()) {
            notice(&format!("Ctrl-C will not save the run: {error}"));
        }
        Self(asked)
    }

    /// Whether somebody asked.
    pub(super) fn asked(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

fn register(asked: &Arc<AtomicBool>, notice: impl Fn(&str) + Send + 'static) -> io::Result<()> {
    let armed = Arc::new(AtomicBool::new(false));
    for signal in [SIGINT, SIGTERM] {
        flag::register_conditional_shutdown(signal, STOPPED, Arc::clone(&armed))?;
        flag::register(signal, Arc::clone(asked))?;
    }
    let asked = Arc::clone(asked);
    let watch = move || {
        while !asked.load(Ordering::Relaxed) {
            thread::sleep(LOOK);
        }
        notice("stopping, and saving the run; Ctrl-C again stops at once");
        thread::sleep(ECHO);
        armed.store(true, Ordering::Relaxed);
    };
    thread::Builder::new()
        .name("interrupt".to_owned())
        .spawn(watch)
        .map(drop)
}
