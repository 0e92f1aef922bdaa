//! What can be typed: flags and verbs as typed, nothing resolved. It reads and decides nothing.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

use super::formats::Format;
use super::printer::ColorWhen;
use super::progress::ProgressWhen;
use crate::sequence::Sequence;

/// A local-first warehouse in one binary, with Redshift's SQL.
#[derive(Debug, Parser)]
#[command(name = "landfall", version, propagate_version = true, max_term_width = 100)]
#[command(disable_help_subcommand = false, infer_subcommands = false)]
pub(super) struct Words {
    #[command(flatten)]
    pub(super) global: Global,
    #[command(subcommand)]
    pub(super) verb: Option<Verb>,
}

/// Flags that every verb takes.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Global options")]
pub(super) struct Global {
    /// Folder of the project [default: the nearest one above with landfall.toml]
    #[arg(short = 'C', long, global = true, value_name = "DIR")]
    pub(super) project: Option<PathBuf>,

    /// Where the SQL runs
    #[arg(long, global = true, value_enum, value_name = "TARGET")]
    pub(super) target: Option<TargetWord>,

    /// Tasks at a time, 1 to 64
    #[arg(long, global = true, value_name = "N")]
    #[arg(value_parser = clap::value_parser!(u16).range(1..=64))]
    pub(super) jobs: Option<u16>,

    /// Say only warnings and errors
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    pub(super) quiet: bool,

    /// Say more: what was decided, and why
    #[arg(short, long, global = true)]
    pub(super) verbose: bool,

    /// Write JSON for machines on standard output
    #[arg(long, global = true)]
    pub(super) json: bool,

    /// When to use colours
    #[arg(long, global = true, value_enum, value_name = "WHEN", default_value_t)]
    #[arg(env = "LANDFALL_COLOR", hide_env = true, hide_possible_values = true)]
    pub(super) color: ColorWhen,

    /// How to show progress
    #[arg(long, global = true, value_enum, value_name = "HOW", default_value_t)]
    #[arg(env = "LANDFALL_PROGRESS", hide_env = true, hide_possible_values = true)]
    pub(super) progress: ProgressWhen,

    /// Never ask; a question counts as no
    #[arg(long, global = true, env = "LANDFALL_NO_INPUT", hide_env = true)]
    #[arg(value_parser = clap::builder::FalseyValueParser::new())]
    pub(super) no_input: bool,

    /// Answer every question with yes
    #[arg(short, long, global = true)]
    pub(super) yes: bool,
}

/// Where the SQL runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum TargetWord {
    Local,
    Redshift,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(super) enum Verb {
    /// Make a new project: landfall.toml and the SQL files
    Init(Init),
    /// Make the sample sources, or change them as a day would
    Seed(Seed),
    /// Propose table specs from a live database
    Discover(Discover),
    /// Show what a run would do; changes nothing
    Plan(Plan),
    /// Run the unfinished sequence, or open the next one
    Run(Run),
    /// Do tasks again, with everything downstream of them
    Rerun(Rerun),
    /// Write every statement of a run, ready to read
    Emit(Emit),
    /// Judge SQL files by Redshift's rules; runs none of it
    Check(Check),
    /// Tell the story behind a rule or an error code
    Explain(Explain),
    /// Show how the last run stands
    Status(Status),
    /// List the runs
    History(History),
    /// Show what the tasks of a run did
    Logs(Logs),
    /// List tables with their rows, or the columns of one
    Tables(Tables),
    /// Answer a query over the store and pres tables
    Query(Query),
    /// Show a report, or list them
    Report(Report),
    /// Look into access logs, without a project
    Weblog(Weblog),
    /// Rewrite small and worn files into fewer, and remove files that nothing names
    Compact(Compact),
    /// Check the settings, the sources and the machine
    Doctor,
    /// Show the settings and where each comes from
    Config(Config),
    /// Write the completions of a shell
    Completions(Completions),
}

/// `init`
#[derive(Debug, Args)]
pub(super) struct Init {
    /// Folder of the new project; made when it is missing
    #[arg(default_value = ".", hide_default_value = true)]
    pub(super) dir: PathBuf,
    /// Overwrite files that exist
    #[arg(long)]
    pub(super) force: bool,
}

/// `seed`
#[derive(Debug, Args)]
pub(super) struct Seed {
    /// Orders to make [default: from the settings, or 3,800]
    #[arg(long, value_name = "N")]
    pub(super) orders: Option<u64>,
    /// Lines of the access log to make [default: from the settings, or 100,000]
    #[arg(long, value_name = "N")]
    pub(super) log_lines: Option<u64>,
    /// Seed of the generator: the same seed makes the same rows
    #[arg(long, value_name = "N")]
    pub(super) seed: Option<u64>,
    /// Make a next day instead: change, add and delete about this share of the orders
    #[arg(long, value_name = "PERCENT", value_parser = percent)]
    #[arg(conflicts_with_all = ["from_csv", "orders"])]
    pub(super) mutate: Option<f64>,
    /// Load ready CSV files instead of making rows; the log is made if it is missing
    #[arg(long, value_name = "DIR", conflicts_with = "orders")]
    pub(super) from_csv: Option<PathBuf>,
    /// Database to fill: a sqlite:, mysql: or postgres: URL [default: the project's]
    #[arg(long, value_name = "URL")]
    pub(super) to: Option<String>,
}

/// Reads `5%` or `5` as 5.
fn percent(text: &str) -> Result<f64, String> {
    match text.strip_suffix('%').unwrap_or(text).trim().parse::<f64>() {
        Ok(share) if share > 0.0 && share <= 100.0 => Ok(share),
        _ => Err("expected a share over 0 and up to 100, as `5%`".to_string()),
    }
}

/// `discover`
#[derive(Debug, Args)]
pub(super) struct Discover {
    /// A sqlite:, mysql: or postgres: URL, or the name of a source of the project
    pub(super) url: String,
    /// Only tables whose name matches; `*` stands for anything
    #[arg(long, value_name = "GLOB")]
    pub(super) only: Option<String>,
    /// Name of the source in the proposal
    #[arg(long, value_name = "NAME")]
    pub(super) name: Option<String>,
}

/// `plan`
#[derive(Debug, Args)]
pub(super) struct Plan {
    #[command(flatten)]
    pub(super) selection: Selection,
    /// Write the statements as well
    #[arg(long)]
    pub(super) sql: bool,
    /// Do not ask the sources for counts
    #[arg(long)]
    pub(super) offline: bool,
    /// Exit with 3 when something would run
    #[arg(long)]
    pub(super) detailed_exitcode: bool,
}

/// Which tasks.
#[derive(Debug, Clone, Args)]
pub(super) struct Selection {
    /// Tasks: names, globs, `+x` with all before, `x+` with all after, `state:failed`
    #[arg(value_name = "TASK")]
    pub(super) tasks: Vec<String>,
    /// As TASK; may be given several times
    #[arg(long, short = 's', value_name = "TASK")]
    pub(super) select: Vec<String>,
}

impl Selection {
    /// All selectors in the order typed.
    pub(super) fn all(&self) -> Vec<String> {
        self.tasks.iter().chain(&self.select).cloned().collect()
    }
}

/// `run`
#[derive(Debug, Args)]
pub(super) struct Run {
    #[command(flatten)]
    pub(super) selection: Selection,
    /// Give up an unfinished sequence and open the next
    #[arg(long, conflicts_with = "resume")]
    pub(super) new: bool,
    /// Only go on with an unfinished sequence
    #[arg(long)]
    pub(super) resume: bool,
    /// Stop after this layer
    #[arg(long, value_enum, value_name = "LAYER")]
    pub(super) until: Option<LayerWord>,
    /// Start nothing new after the first failure
    #[arg(long)]
    pub(super) fail_fast: bool,
    /// Let a full extract shrink by more than half
    #[arg(long)]
    pub(super) allow_shrink: bool,
}

/// A layer to stop after.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum LayerWord {
    Land,
    Store,
    Pres,
}

/// `rerun`
#[derive(Debug, Args)]
pub(super) struct Rerun {
    /// Tasks to do again
    #[arg(required = true, value_name = "TASK")]
    pub(super) tasks: Vec<String>,
    /// Sequence they belong to [default: the last one]
    #[arg(long, value_name = "N")]
    pub(super) seq: Option<Sequence>,
    /// Show what would be done again, and do nothing
    #[arg(long)]
    pub(super) dry_run: bool,
}

/// `compact`
#[derive(Debug, Args)]
pub(super) struct Compact {
    /// Show what would be done, and do nothing
    #[arg(long)]
    pub(super) dry_run: bool,
    /// Forget how the tables were before the end of this sequence
    #[arg(long, value_name = "N")]
    pub(super) expire_before_sequence: Option<Sequence>,
    /// Leave files alone that nothing names but that are younger than this
    #[arg(long, value_name = "MINUTES", default_value_t = 60)]
    pub(super) keep_minutes: u64,
}

/// `emit`
#[derive(Debug, Args)]
pub(super) struct Emit {
    #[command(flatten)]
    pub(super) selection: Selection,
    /// Write one file for each task here, instead of everything to standard output
    #[arg(long, value_name = "DIR")]
    pub(super) out_dir: Option<PathBuf>,
}

/// `check`
#[derive(Debug, Args)]
pub(super) struct Check {
    /// Files, folders, or - for standard input [default: the SQL of the project]
    #[arg(value_name = "FILE")]
    pub(super) paths: Vec<PathBuf>,
    /// Exit with 1 for warnings, too
    #[arg(long)]
    pub(super) deny_warnings: bool,
}

/// `explain`
#[derive(Debug, Args)]
pub(super) struct Explain {
    /// A rule or a code: `RS001`, `sql/merge-with`
    #[arg(required_unless_present = "list", conflicts_with = "list")]
    pub(super) code: Option<String>,
    /// List everything that can be explained
    #[arg(long)]
    pub(super) list: bool,
}

/// `status`
#[derive(Debug, Args)]
pub(super) struct Status {
    /// Sequence [default: the last one]
    pub(super) sequence: Option<Sequence>,
    /// Exit with 1 when that run is not complete
    #[arg(long)]
    pub(super) exit_status: bool,
}

/// `history`
#[derive(Debug, Args)]
pub(super) struct History {
    /// Runs to list, the newest first
    #[arg(short = 'n', long, value_name = "N", default_value_t = 20)]
    pub(super) number: u32,
}

/// `logs`
#[derive(Debug, Args)]
pub(super) struct Logs {
    /// A run, `11` or `11.2`, and a task, in any order [default: the last run, every task]
    #[arg(value_name = "RUN|TASK", num_args = 0..=2)]
    pub(super) of: Vec<String>,
    /// Only tasks that failed
    #[arg(long)]
    pub(super) failed: bool,
    /// With the statements that ran
    #[arg(long)]
    pub(super) sql: bool,
}

/// `tables`
#[derive(Debug, Args)]
pub(super) struct Tables {
    /// One table, `schema.table`, or a glob
    pub(super) name: Option<String>,
    /// Show the columns
    #[arg(long)]
    pub(super) schema: bool,
    /// How to write it
    #[arg(long, value_enum, value_name = "FORMAT")]
    pub(super) format: Option<Format>,
}

/// `query`
#[derive(Debug, Args)]
pub(super) struct Query {
    /// The query; `-` reads it from standard input
    #[arg(required_unless_present = "file", conflicts_with = "file")]
    pub(super) sql: Option<String>,
    /// Read the query from a file
    #[arg(short, long, value_name = "FILE")]
    pub(super) file: Option<PathBuf>,
    /// As the tables were at the end of this sequence
    #[arg(long, value_name = "N")]
    pub(super) as_of_sequence: Option<Sequence>,
    /// How to write the rows
    #[arg(long, value_enum, value_name = "FORMAT")]
    pub(super) format: Option<Format>,
}

/// `report`
#[derive(Debug, Args)]
pub(super) struct Report {
    /// The report; without a name, lists them
    pub(super) name: Option<String>,
    /// As the tables were at the end of this sequence
    #[arg(long, value_name = "N")]
    pub(super) as_of_sequence: Option<Sequence>,
    /// How to write the rows
    #[arg(long, value_enum, value_name = "FORMAT")]
    pub(super) format: Option<Format>,
}

/// `weblog`
#[derive(Debug, Args)]
pub(super) struct Weblog {
    #[command(subcommand)]
    pub(super) what: WeblogVerb,
}

#[derive(Debug, Subcommand)]
pub(super) enum WeblogVerb {
    /// Show the first rows of logs, count every line, and say why lines are quarantined
    ///
    /// Reads each log once, plain, gzip or zstd, and writes nothing. Exits with 1 when not one
    /// line can be read.
    Preview(Preview),
}

/// `weblog preview`
#[derive(Debug, Args)]
pub(super) struct Preview {
    /// Logs or globs; `-` reads standard input
    #[arg(required = true, value_name = "FILE")]
    pub(super) files: Vec<PathBuf>,
    /// Format of the lines, as in landfall.toml: combined, common, vhost_combined, combinedio,
    /// main, or Apache's or nginx's own notation; may be given several times
    /// [default: the first three]
    #[arg(long = "log-format", value_name = "NOTATION")]
    pub(super) log_formats: Vec<String>,
    /// Rows to show
    #[arg(short = 'n', long, value_name = "N", default_value_t = 10)]
    pub(super) limit: usize,
    /// How to write the rows
    #[arg(long, value_enum, value_name = "FORMAT")]
    pub(super) format: Option<Format>,
}

/// `config`
#[derive(Debug, Args)]
pub(super) struct Config {
    #[command(subcommand)]
    pub(super) what: ConfigVerb,
}

#[derive(Debug, Subcommand)]
pub(super) enum ConfigVerb {
    /// Show every setting in force; secrets as dots
    Show {
        /// Say where each setting comes from
        #[arg(long)]
        origin: bool,
    },
    /// Read the settings and say whether they are right
    Check,
    /// Show which landfall.toml is used
    Path,
}

/// `completions`
#[derive(Debug, Args)]
pub(super) struct Completions {
    #[arg(value_enum)]
    pub(super) shell: clap_complete::Shell,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_words_are_consistent() {
        Words::command().debug_assert();
    }

    #[test]
    fn percents_read_with_and_without_their_sign() {
        assert_eq!(percent("5%"), Ok(5.0));
        assert_eq!(percent("0.5"), Ok(0.5));
        for text in ["0", "-1%", "101", "x", "", "%", "NaN"] {
            assert!(percent(text).is_err(), "{text}");
        }
    }
}
