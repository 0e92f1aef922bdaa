//! Panics: a mistake of ours, told in two lines, with exit code 101 wherever it happened.

use std::io::Write;
use std::sync::atomic::{AtomicBool, Ordering};

use super::clean::{clean_line, scrub};

/// What Rust itself exits with.
pub(super) const EXIT_CODE: u8 = 101;

static HAPPENED: AtomicBool = AtomicBool::new(false);

/// Whether a thread of this process has panicked. A panic in a task of the runtime ends only that
/// task, and must still not look like success.
pub(super) fn happened() -> bool {
    HAPPENED.load(Ordering::SeqCst)
}

/// Replaces Rust's panic message by an apology; RUST_BACKTRACE brings the original as well.
pub(super) fn apologize() {
    let original = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        HAPPENED.store(true, Ordering::SeqCst);
        let message = panic.payload_as_str().unwrap_or("no message");
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        // A panic may happen while a stream is held, so nothing shared is used to tell it.
        let _ = writeln!(
            std::io::stderr(),
            "landfall {} met a mistake of its own, sorry: {} ({place})\n\
             Nothing unfinished counts; `landfall run` goes on where it stopped. Please report it \
             with these lines.",
            env!("CARGO_PKG_VERSION"),
            clean_line(&scrub(message)),
        );
        if super::printer::environment("RUST_BACKTRACE").is_some_and(|value| value != "0") {
            original(panic);
        }
    }));
}
