//! What every verb has at hand: its global flags, its words, the project, the records, a question.

use std::io::{BufRead, IsTerminal};
use std::path::PathBuf;

use super::args::{Global, TargetWord};
use super::formats::{Format, Look};
use super::printer::Printer;
use super::stop::Stop;
use crate::config::{self, Loaded, Overrides, Project, Source};
use crate::error::{Error, Result};
use crate::extract::weblog;
use crate::records;
use crate::state::State;

/// One call of the program.
pub(super) struct Session {
    pub(super) printer: Printer,
    pub(super) global: Global,
    pub(super) stop: Stop,
}

impl Session {
    pub(super) fn new(printer: Printer, global: Global) -> Session {
        Session { printer, global, stop: Stop::new() }
    }

    /// The project with the secrets its sources need, for verbs that connect.
    pub(super) fn project(&self) -> Result<Project> {
        Ok(self.load(true)?.project)
    }

    /// The project without its secrets, for verbs that connect to nothing.
    pub(super) fn project_offline(&self) -> Result<Project> {
        Ok(self.load(false)?.project)
    }

    /// Loads the settings and says what deserves a word.
    pub(super) fn load(&self, read_secrets: bool) -> Result<Loaded> {
        // A deleted working folder is no reason to fail while `--project` names another.
        let here = std::env::current_dir().unwrap_or_else(|_| PathBuf::from("."));
        let loaded = config::load(&here, &self.overrides(read_secrets))?;
        let formats = loaded.project.sources.iter().filter_map(|source| match source {
            Source::Weblog(log) => weblog::formats(log).err(),
            Source::Database(_) => None,
        });
        if let Some(error) = Error::all(formats.collect()) {
            return Err(error);
        }
        for warning in &loaded.warnings {
            self.printer.warn(warning);
        }
        self.printer.detail(format!("project {}", loaded.project.root.display()));
        Ok(loaded)
    }

    fn overrides(&self, read_secrets: bool) -> Overrides {
        let mut overrides = Overrides::from_process();
        overrides.project = self.global.project.clone();
        overrides.read_secrets = read_secrets;
        if let Some(target) = self.global.target {
            let word = match target {
                TargetWord::Local => "local",
                TargetWord::Redshift => "redshift",
            };
            overrides = overrides.flag("--target", "project.target", word);
        }
        if let Some(jobs) = self.global.jobs {
            overrides = overrides.flag("--jobs", "project.jobs", jobs.to_string());
        }
        overrides
    }

    /// The run records of a project; `None` before its first run. Creates nothing.
    pub(super) async fn records(&self, project: &Project) -> Result<Option<State>> {
        let Some(state) = State::existing(project).await? else { return Ok(None) };
        Ok(records::exist(state.readers()).await?.then_some(state))
    }

    /// Asks a question that must be answered with yes before something is done.
    ///
    /// Errors: `usage/confirm` when nobody can answer, which names the flag that answers.
    pub(super) fn confirm(&self, question: &str) -> Result<bool> {
        if self.global.yes {
            return Ok(true);
        }
        if self.global.no_input || !std::io::stdin().is_terminal() || !self.printer.err_terminal() {
            let message = format!("`{question}` needs an answer, and nobody can give one here");
            return Err(Error::config("usage/confirm", message).hint("say it in advance: --yes"));
        }
        self.printer.prompt(format!("{question} [y/N] "));
        let mut answer = String::new();
        std::io::stdin()
            .lock()
            .read_line(&mut answer)
            .map_err(|e| Error::failed("cli/input", "cannot read the answer").because(e))?;
        Ok(matches!(answer.trim().to_ascii_lowercase().as_str(), "y" | "yes"))
    }

    /// The format of rows: `--format`, then `--json`, then a table.
    pub(super) fn format(&self, typed: Option<Format>) -> Format {
        match typed {
            Some(format) => format,
            None if self.printer.is_json() => Format::Json,
            None => Format::Table,
        }
    }

    /// How a table for people looks here.
    pub(super) fn look(&self, grouped: bool) -> Look {
        Look {
            width: self.printer.width(),
            grouped,
            utf8: self.printer.signs().utf8,
            terminal: self.printer.out_terminal(),
        }
    }
}

/// Said by the verbs that show runs, where there is none yet.
pub(super) const NO_RUN: &str = "nothing has run here yet; begin with: landfall run";
