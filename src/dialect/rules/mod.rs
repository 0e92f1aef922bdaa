//! What Redshift refuses, what Landfall cannot run faithfully, and the traps worth a warning.
//!
//! Every rule is one row of a table ([`rules`]): its number, its code, the page of the manual, the
//! fix, and how it is found. It changes nothing in a statement.

mod advised;
mod find;
mod list;
mod missing_rules;
mod queries;
mod statements;

use datafusion::sql::sqlparser::ast;

use super::command::{Command, Merge, Parsed};
use crate::error::{Error, Place, Result};

pub use list::rules;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Severity {
    /// Redshift refuses it, so it is refused here.
    Refused,
    /// Redshift runs it; Landfall cannot, faithfully.
    Unsupported,
    /// It runs, and often does not what was meant; told when it runs.
    Warning,
    /// It runs as meant today and breaks easily; told by `landfall check` alone.
    Advice,
}

/// One rule.
#[derive(Debug)]
pub struct Rule {
    /// Stable: `RS001`.
    pub id: &'static str,
    /// The code of the error it raises.
    pub code: &'static str,
    pub severity: Severity,
    /// What is wrong, lower case, without advice.
    pub says: &'static str,
    /// The page of the Redshift developer guide.
    pub page: &'static str,
    /// What to write instead.
    pub fix: &'static str,
    pub(crate) find: Find,
}

/// How a rule is found in a statement.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Find {
    /// A call of one of these functions.
    Call(&'static [&'static str]),
    Function(fn(&ast::Function) -> bool),
    Expr(fn(&ast::Expr) -> bool),
    Select(fn(&ast::Select) -> bool),
    Query(fn(&ast::Query) -> bool),
    Factor(fn(&ast::TableFactor) -> bool),
    Merge(fn(&Merge) -> bool),
    Command(fn(&Command) -> bool),
}

/// A rule that a statement broke, and where.
#[derive(Debug)]
pub struct Finding {
    pub rule: &'static Rule,
    pub place: Place,
}

impl Finding {
    /// The finding as an error.
    pub fn error(&self) -> Error {
        error_of(self.rule).at(self.place.clone())
    }

    /// The finding as one line: `RS001 TRUNCATE commits ...`.
    pub fn line(&self) -> String {
        format!("{} {}; {} ({})", self.rule.id, self.rule.says, self.rule.fix, self.rule.page)
    }
}

fn error_of(rule: &Rule) -> Error {
    Error::failed(rule.code, rule.says)
        .hint(format!("{} [{}, manual page {}]", rule.fix, rule.id, rule.page))
}

/// Every rule a statement breaks, in the order of the text.
pub fn check(parsed: &Parsed) -> Vec<Finding> {
    find::findings(parsed)
}

/// The first refusal as an error; otherwise the warnings, one line each. To be asked before a
/// statement runs.
pub fn refuse(parsed: &Parsed) -> Result<Vec<String>> {
    let findings = check(parsed);
    let stops = |s: Severity| matches!(s, Severity::Refused | Severity::Unsupported);
    match findings.iter().find(|f| stops(f.rule.severity)) {
        Some(finding) => Err(finding.error()),
        None => Ok(findings
            .iter()
            .filter(|f| f.rule.severity == Severity::Warning)
            .map(Finding::line)
            .collect()),
    }
}

/// Refuses a MERGE that Redshift refuses; without a place, for those who have only the command.
pub(crate) fn refuse_merge(merge: &Merge) -> Result<()> {
    rules()
        .find(|rule| matches!(rule.find, Find::Merge(broken) if broken(merge)))
        .map_or(Ok(()), |rule| Err(error_of(rule)))
}

#[cfg(test)]
mod tests;
