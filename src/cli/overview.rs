//! What a bare `landfall` prints: the verbs in groups and three examples.

use super::Exit;
use super::printer::Printer;
use crate::error::Result;

/// Verbs by what they are for; their one-line help comes from clap.
const GROUPS: &[(&str, &[&str])] = &[
    ("Begin", &["init", "seed", "discover", "weblog", "doctor"]),
    ("Work", &["plan", "run", "rerun", "emit", "check", "compact"]),
    ("Look", &["status", "history", "logs", "tables", "query", "report", "explain"]),
    ("Set up", &["config", "completions"]),
];

const EXAMPLES: &[(&str, &str)] = &[
    ("landfall init shop && cd shop && landfall run", "a project with sample data, answered"),
    ("landfall report monthly_sales", "what the run found"),
    ("landfall emit --target redshift", "the same SQL, for Amazon Redshift"),
];

/// Prints the overview.
pub(super) fn show(printer: &Printer) -> Result<Exit> {
    let command = <super::args::Words as clap::CommandFactory>::command();
    let paint = printer.ink();
    let mut text = format!(
        "{} {}  {}\n",
        paint.strong("landfall"),
        env!("CARGO_PKG_VERSION"),
        "a local-first warehouse in one binary, with Redshift's SQL"
    );
    for (title, verbs) in GROUPS {
        text.push_str(&format!("\n{}\n", paint.strong(title)));
        for verb in *verbs {
            let about = command
                .find_subcommand(verb)
                .and_then(|c| c.get_about())
                .map(ToString::to_string)
                .unwrap_or_default();
            text.push_str(&format!("  {}  {about}\n", paint.accent(format!("{verb:<11}"))));
        }
    }
    text.push_str(&format!("\n{}\n", paint.strong("Examples")));
    for (example, what) in EXAMPLES {
        text.push_str(&format!("  {example:<47}  {}\n", paint.faint(what)));
    }
    text.push_str("\nlandfall VERB --help says more about a verb.\n");
    printer.data(text)?;
    Ok(Exit::Done)
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn every_verb_is_in_one_group() {
        let command = super::super::args::Words::command();
        let mut verbs: Vec<&str> = command.get_subcommands().map(|c| c.get_name()).collect();
        let mut grouped: Vec<&str> =
            GROUPS.iter().flat_map(|(_, verbs)| verbs.iter().copied()).collect();
        verbs.sort_unstable();
        grouped.sort_unstable();
        assert_eq!(grouped, verbs);
    }
}
