//! Where words go: data to standard output, talk to standard error. Nothing else prints.
//!
//! A reader that closes the pipe (`| head`) ends the program quietly: [`Printer::data`] answers
//! with an error of the code [`CLOSED`], which the entry point turns into exit 0. Rust ignores
//! SIGPIPE, and `println!` would panic there.

use std::fmt::Display;
use std::io::{self, BufWriter, IsTerminal, Write};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use anstyle::{AnsiColor, Style};

use super::clean::{clean, scrub};
use crate::error::{Error, Result};

/// The code of the error that means "the reader has gone", which is no failure.
pub(super) const CLOSED: &str = "output/closed";

/// When colours are used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub(super) enum ColorWhen {
    /// On a terminal, unless NO_COLOR is set
    #[default]
    Auto,
    Always,
    Never,
}

/// How much is said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub(super) enum Volume {
    /// Warnings and errors.
    Quiet,
    #[default]
    Normal,
    /// And what was decided, and why.
    Verbose,
}

/// A place of the environment, so that decisions can be tested without it.
pub(super) type Environment<'a> = &'a dyn Fn(&str) -> Option<String>;

/// Reads the process environment; an empty variable counts as unset, as NO_COLOR asks.
pub(super) fn environment(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// Whether a stream gets colours: `--color`, then NO_COLOR, then FORCE_COLOR and CLICOLOR_FORCE,
/// then CLICOLOR=0 and TERM=dumb, then whether it is a terminal.
pub(super) fn colours(when: ColorWhen, env: Environment<'_>, terminal: bool) -> bool {
    let forced = |name| env(name).is_some_and(|value| value != "0");
    match when {
        ColorWhen::Always => true,
        ColorWhen::Never => false,
        ColorWhen::Auto if env("NO_COLOR").is_some() => false,
        ColorWhen::Auto if forced("FORCE_COLOR") || forced("CLICOLOR_FORCE") => true,
        ColorWhen::Auto => {
            terminal
                && env("CLICOLOR").is_none_or(|value| value != "0")
                && env("TERM").is_none_or(|value| value != "dumb")
        }
    }
}

/// Whether the locale can show more than ASCII.
pub(super) fn speaks_utf8(env: Environment<'_>) -> bool {
    ["LC_ALL", "LC_CTYPE", "LANG"].iter().find_map(|name| env(name)).is_some_and(|locale| {
        let locale = locale.to_ascii_lowercase();
        locale.contains("utf-8") || locale.contains("utf8")
    })
}

/// Signs that have an ASCII form for locales without UTF-8.
#[derive(Debug, Clone, Copy)]
pub(super) struct Signs {
    pub(super) dot: &'static str,
    pub(super) arrow: &'static str,
    /// Full, head and empty piece of a progress bar.
    pub(super) bar: &'static str,
    pub(super) utf8: bool,
}

impl Signs {
    pub(super) fn new(utf8: bool) -> Signs {
        match utf8 {
            true => Signs { dot: "·", arrow: "→", bar: "━╸ ", utf8 },
            false => Signs { dot: "-", arrow: "->", bar: "=> ", utf8 },
        }
    }
}

/// Paints words, or leaves them.
#[derive(Debug, Clone, Copy)]
pub(super) struct Palette {
    pub(super) on: bool,
}

impl Palette {
    fn paint(self, style: Style, text: impl Display) -> String {
        if self.on { format!("{style}{text}{style:#}") } else { text.to_string() }
    }

    pub(super) fn bad(self, text: impl Display) -> String {
        self.paint(AnsiColor::Red.on_default().bold(), text)
    }

    pub(super) fn warn(self, text: impl Display) -> String {
        self.paint(AnsiColor::Yellow.on_default().bold(), text)
    }

    pub(super) fn good(self, text: impl Display) -> String {
        self.paint(AnsiColor::Green.on_default(), text)
    }

    pub(super) fn accent(self, text: impl Display) -> String {
        self.paint(AnsiColor::Cyan.on_default(), text)
    }

    pub(super) fn strong(self, text: impl Display) -> String {
        self.paint(Style::new().bold(), text)
    }

    pub(super) fn faint(self, text: impl Display) -> String {
        self.paint(Style::new().dimmed(), text)
    }
}

/// The two streams of the program. Cheap to clone.
#[derive(Clone)]
pub(super) struct Printer(Arc<Streams>);

struct Streams {
    out: Mutex<Box<dyn Write + Send>>,
    err: Mutex<Box<dyn Write + Send>>,
    out_palette: Palette,
    err_palette: Palette,
    out_terminal: bool,
    err_terminal: bool,
    signs: Signs,
    volume: Volume,
    json: bool,
}

impl Printer {
    /// The printer of this process.
    pub(super) fn new(color: ColorWhen, volume: Volume, json: bool) -> Printer {
        let (out_terminal, err_terminal) = (io::stdout().is_terminal(), io::stderr().is_terminal());
        Printer(Arc::new(Streams {
            out: Mutex::new(Box::new(BufWriter::new(io::stdout()))),
            err: Mutex::new(Box::new(io::stderr())),
            out_palette: Palette { on: colours(color, &environment, out_terminal) },
            err_palette: Palette { on: colours(color, &environment, err_terminal) },
            out_terminal,
            err_terminal,
            signs: Signs::new(speaks_utf8(&environment)),
            volume,
            json,
        }))
    }

    /// Writes data, byte for byte.
    pub(super) fn data(&self, text: impl AsRef<[u8]>) -> Result<()> {
        self.with_data(|out| out.write_all(text.as_ref()))
    }

    /// Writes a line of data.
    pub(super) fn line(&self, text: impl Display) -> Result<()> {
        self.with_data(|out| writeln!(out, "{text}"))
    }

    /// Writes one object of data as a line of JSON, at once.
    pub(super) fn json_line(&self, value: &impl serde::Serialize) -> Result<()> {
        let text = serde_json::to_string(value)
            .map_err(|e| Error::failed("output/write", "cannot write JSON").because(e))?;
        self.line(text)?;
        self.flush()
    }

    /// Lets `write` have standard output.
    pub(super) fn with_data(
        &self,
        write: impl FnOnce(&mut dyn Write) -> io::Result<()>,
    ) -> Result<()> {
        write(&mut **locked(&self.0.out)).map_err(output_error)
    }

    /// Sends what is buffered.
    pub(super) fn flush(&self) -> Result<()> {
        locked(&self.0.out).flush().map_err(output_error)
    }

    /// Says something, unless asked to be quiet. The text is ours; foreign parts are cleaned by
    /// whoever puts them in.
    pub(super) fn say(&self, text: impl Display) {
        if self.0.volume >= Volume::Normal {
            self.always(text);
        }
    }

    /// Says what only `-v` wants to know.
    pub(super) fn detail(&self, text: impl Display) {
        if self.0.volume >= Volume::Verbose {
            self.always(text);
        }
    }

    /// Warns, also when quiet.
    pub(super) fn warn(&self, text: &str) {
        let text = scrub(text);
        self.always(format!("{} {}", self.talk().warn("warning:"), clean(&text)));
    }

    /// Says something that must be heard. A closed standard error is nobody listening.
    pub(super) fn always(&self, text: impl Display) {
        let mut err = locked(&self.0.err);
        let _ = writeln!(err, "{text}");
        let _ = err.flush();
    }

    /// Writes a prompt without a line end.
    pub(super) fn prompt(&self, text: impl Display) {
        let mut err = locked(&self.0.err);
        let _ = write!(err, "{text}");
        let _ = err.flush();
    }

    /// Colours of the data.
    pub(super) fn ink(&self) -> Palette {
        self.0.out_palette
    }

    /// Colours of the talk.
    pub(super) fn talk(&self) -> Palette {
        self.0.err_palette
    }

    pub(super) fn signs(&self) -> Signs {
        self.0.signs
    }

    pub(super) fn is_json(&self) -> bool {
        self.0.json
    }

    pub(super) fn volume(&self) -> Volume {
        self.0.volume
    }

    /// Whether the data goes to a terminal, which obeys controls in it.
    pub(super) fn out_terminal(&self) -> bool {
        self.0.out_terminal
    }

    pub(super) fn err_terminal(&self) -> bool {
        self.0.err_terminal
    }

    /// Columns of the terminal the data goes to; `None` when it goes elsewhere.
    pub(super) fn width(&self) -> Option<u16> {
        if !self.0.out_terminal {
            return None;
        }
        terminal_size::terminal_size().map(|(width, _)| width.0)
    }
}

/// A panic while a stream was held leaves nothing half-written that matters.
fn locked<T: ?Sized>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn output_error(cause: io::Error) -> Error {
    match cause.kind() {
        io::ErrorKind::BrokenPipe => Error::failed(CLOSED, "the reader of the output has gone"),
        _ => Error::failed("output/write", "cannot write to standard output").because(cause),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colour_follows_the_flag_then_the_environment_then_the_terminal() {
        use ColorWhen::*;
        for (when, variables, terminal, want) in [
            (Auto, &[][..], true, true),
            (Auto, &[], false, false),
            (Auto, &[("TERM", "dumb")], true, false),
            (Auto, &[("CLICOLOR", "0")], true, false),
            (Auto, &[("NO_COLOR", "1"), ("FORCE_COLOR", "1")], true, false),
            (Auto, &[("FORCE_COLOR", "1")], false, true),
            (Auto, &[("CLICOLOR_FORCE", "1"), ("TERM", "dumb")], false, true),
            (Auto, &[("CLICOLOR_FORCE", "0")], false, false),
            (Always, &[("NO_COLOR", "1")], false, true),
            (Never, &[("FORCE_COLOR", "1")], true, false),
        ] {
            let env =
                |name: &str| variables.iter().find(|(n, _)| *n == name).map(|(_, v)| v.to_string());
            assert_eq!(colours(when, &env, terminal), want, "{when:?} {variables:?} {terminal}");
        }
    }

    #[test]
    fn the_first_locale_variable_that_is_set_decides() {
        for (variables, want) in [
            (&[][..], false),
            (&[("LANG", "en_US.UTF-8")], true),
            (&[("LANG", "C.utf8")], true),
            (&[("LC_ALL", "C"), ("LANG", "en_US.UTF-8")], false),
        ] {
            let env =
                |name: &str| variables.iter().find(|(n, _)| *n == name).map(|(_, v)| v.to_string());
            assert_eq!(speaks_utf8(&env), want, "{variables:?}");
        }
    }

    #[test]
    fn a_closed_pipe_is_told_apart_from_a_full_disk() {
        assert_eq!(output_error(io::ErrorKind::BrokenPipe.into()).code(), CLOSED);
        assert_eq!(output_error(io::ErrorKind::StorageFull.into()).code(), "output/write");
    }

    #[test]
    fn paint_changes_nothing_when_off() {
        assert_eq!(Palette { on: false }.bad("x"), "x");
        assert!(Palette { on: true }.bad("x").contains("\u{1b}["));
    }
}
