//! `explain`: the story behind a number or a code: what happens, why, an example, the way out.

use serde_json::{Value, json};

use crate::cli::Exit;
use crate::cli::args::Explain as Words;
use crate::cli::clean::clean_line;
use crate::cli::session::Session;
use crate::dialect::{self, Explained};
use crate::error::{Error, Result};

/// Columns a paragraph is wrapped at.
const WIDTH: usize = 88;

/// Tells the story, or lists what there is to tell.
pub(in crate::cli) fn explain(session: &Session, words: &Words) -> Result<Exit> {
    let Some(word) = words.code.as_deref() else {
        return list(session);
    };
    let found = match dialect::explain(word) {
        Ok(found) => found,
        Err(near) => return elsewhere(session, word, near),
    };
    for (index, explained) in found.iter().enumerate() {
        if session.printer.is_json() {
            session.printer.json_line(&object(explained))?;
            continue;
        }
        let gap = if index > 0 { "\n" } else { "" };
        session.printer.data(format!("{gap}{}", story(session, explained)))?;
    }
    Ok(Exit::Done)
}

fn list(session: &Session) -> Result<Exit> {
    for explained in dialect::about() {
        if session.printer.is_json() {
            session.printer.json_line(&object(&explained))?;
            continue;
        }
        let id = session.printer.ink().accent(format!("{:<5}", explained.id.unwrap_or_default()));
        session.printer.line(format!("{id}  {:<28}  {}", explained.code, explained.says))?;
    }
    Ok(Exit::Done)
}

fn story(session: &Session, e: &Explained) -> String {
    let paint = session.printer.ink();
    let head = match e.id {
        Some(id) => format!("{}  {}", paint.strong(id), e.code),
        None => paint.strong(e.code),
    };
    let mut text = format!(
        "{head}  {}\n{}\n\n{}\n",
        paint.faint(e.verdict),
        wrapped(e.says, ""),
        wrapped(e.story.why, "")
    );
    for (title, example) in [("Wrong", e.story.wrong), ("Right", e.story.right)] {
        if !example.is_empty() {
            text.push_str(&format!("\n{}\n{}\n", paint.strong(title), wrapped(example, "    ")));
        }
    }
    text.push_str(&format!("\n{} {}\n", paint.strong("Fix"), wrapped(e.fix, "    ").trim_start()));
    if let Some(link) = e.link() {
        text.push_str(&format!("{link}\n"));
    }
    text
}

/// A paragraph in lines, each after a margin.
fn wrapped(text: &str, margin: &str) -> String {
    let mut lines = vec![String::new()];
    for word in text.split_whitespace() {
        let full = lines.last().is_some_and(|line| {
            !line.is_empty() && margin.len() + line.chars().count() + word.chars().count() >= WIDTH
        });
        if full {
            lines.push(String::new());
        }
        if let Some(line) = lines.last_mut() {
            if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(word);
        }
    }
    lines.iter().map(|line| format!("{margin}{line}")).collect::<Vec<_>>().join("\n")
}

fn object(e: &Explained) -> Value {
    json!({
        "v": 1, "rule": e.id, "code": e.code, "verdict": e.verdict, "says": e.says,
        "why": e.story.why, "wrong": e.story.wrong, "right": e.story.right, "fix": e.fix,
        "page": e.link(),
    })
}

/// Rooms whose errors are no rules of SQL: the message and its help say all there is.
const ROOMS: &[(&str, &str)] = &[
    ("catalog", "the catalog of tables: landfall doctor checks it"),
    ("check", "what landfall check was asked to read"),
    ("config", "landfall.toml and the words of the command line: landfall config check reads them"),
    ("graph", "what waits for what among the tasks: landfall plan shows it"),
    ("land", "writing a landing partition: landfall doctor checks the place"),
    ("merge", "the merge of a landing partition into its store table"),
    ("pres", "the files in sql/pres and their order"),
    ("query", "what landfall query was asked"),
    ("report", "the files in sql/reports"),
    ("run", "a run as a whole: landfall status shows it"),
    ("source", "reading a source: landfall doctor tries it"),
    ("state", "the catalog database: landfall doctor checks it"),
    ("storage", "the folder or bucket that files lie in: landfall doctor checks it"),
    ("table", "a table spec in landfall.toml"),
    ("warehouse", "the warehouse: landfall doctor checks it"),
];

/// A word that is no rule: a code of another room, or a slip.
fn elsewhere(session: &Session, word: &str, near: Option<&'static str>) -> Result<Exit> {
    let room = word.split_once('/').and_then(|(room, _)| ROOMS.iter().find(|(r, _)| *r == room));
    if let (Some((_, what)), None) = (room, near) {
        let word = clean_line(word);
        session.printer.line(format!(
            "{word} is about {what}.\nIt is no rule of SQL: the message and its help say all there is."
        ))?;
        return Ok(Exit::Done);
    }
    let error = Error::config("explain/unknown", format!("there is no code `{word}`"));
    Err(match near {
        Some(near) => error.hint(format!("did you mean {near}?")),
        None => error.hint("landfall explain --list shows them all"),
    })
}
