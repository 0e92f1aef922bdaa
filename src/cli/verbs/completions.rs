//! `completions`: the script that teaches a shell the words.

use clap::CommandFactory;

use crate::cli::Exit;
use crate::cli::args::{Completions, Words};
use crate::cli::session::Session;
use crate::error::Result;

/// Prints the script.
pub(in crate::cli) fn completions(session: &Session, words: &Completions) -> Result<Exit> {
    let mut script = Vec::new();
    clap_complete::generate(words.shell, &mut Words::command(), "landfall", &mut script);
    session.printer.data(script)?;
    Ok(Exit::Done)
}
