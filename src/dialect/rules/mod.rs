//! What Redshift refuses, what Landfall cannot run faithfully, and the traps worth a warning.
//!
//! Every rule is one row of a table ([`rules`]): its number, its code, the page of the manual, the
//! fix, its story with a statement that breaks it and one that does not, and how it is found.
//! `landfall explain`, the page of conformance and the tests read the same rows. It changes
//! nothing in a statement.
//!
//! ```text
//! aggregates windows sorted queries clauses outer expressions  what a query may not say
//! statements columns definitions materialized merges words transfers  what a statement may not be
//! missing_rules missing_statements          what Redshift runs and we do not
//! advised traps                             what runs and often is not what was meant
//! codes codes_more codes_views              the stories of errors raised elsewhere
//! find known scope keys correlated          how a rule is found
//! ```

mod advised;
mod aggregates;
mod clauses;
mod codes;
mod codes_more;
mod codes_views;
mod columns;
mod correlated;
mod definitions;
mod explain;
mod expressions;
mod find;
mod keys;
mod known;
mod list;
mod materialized;
mod merges;
mod missing_rules;
mod missing_statements;
mod outer;
mod queries;
mod reserved;
mod scope;
mod sorted;
mod statements;
mod transfers;
mod traps;
mod values;
mod windows;
mod words;

use datafusion::sql::sqlparser::ast;
use datafusion::sql::sqlparser::tokenizer::{Span, Token};

use super::command::{Command, CreateTable, Merge, Parsed};
use crate::error::{Error, Place, Result};

pub use explain::{Explained, about, explain};
pub use known::{Known, KnownColumn, KnownTable};
pub use list::rules;
pub(crate) use missing_statements::{ROW_LEVEL_SECURITY, Raised, raised};
pub(crate) use reserved::{reserved_name, reserved_table};
pub(crate) use statements::second_distkey;
pub(crate) use transfers::{copy_options, external_attribute, unload_options};
pub(crate) use words::{refused_start, refused_word, with_insert};

use scope::Scope;

/// Where the pages of the Redshift developer guide are.
pub const MANUAL: &str = "https://docs.aws.amazon.com/redshift/latest/dg/";

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

impl Severity {
    /// True where the statement does not run.
    pub fn stops(self) -> bool {
        matches!(self, Severity::Refused | Severity::Unsupported)
    }
}

/// What there is to tell of a rule beyond the rule itself.
#[derive(Debug, Clone, Copy)]
pub struct Story {
    /// What happens on Redshift, and why.
    pub why: &'static str,
    /// A statement that goes wrong.
    pub wrong: &'static str,
    /// The same, right.
    pub right: &'static str,
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
    pub story: Story,
    pub(crate) find: Find,
}

impl Rule {
    /// The rule with its story.
    pub(crate) const fn told(
        mut self,
        why: &'static str,
        wrong: &'static str,
        right: &'static str,
    ) -> Rule {
        self.story = Story { why, wrong, right };
        self
    }
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
    /// A query inside another.
    Subquery(fn(&ast::Query) -> bool),
    Factor(fn(&ast::TableFactor) -> bool),
    /// A join of any FROM, also that of an UPDATE or the USING of a DELETE.
    Join(fn(&ast::JoinOperator) -> bool),
    Merge(fn(&Merge) -> bool),
    Table(fn(&CreateTable) -> bool),
    Command(fn(&Command) -> bool),
    /// An expression, with the relations in sight and what is known of their columns.
    Typed(fn(&ast::Expr, &Scope<'_>) -> bool),
    /// A whole statement, with what is known of its tables; the places it is broken at.
    Whole(fn(&Command, &Known) -> Vec<Span>),
    /// A statement that begins with one of these words, which the parser need not know.
    Start(&'static [&'static [&'static str]]),
    /// A sign or word anywhere in a statement.
    Token(fn(&Token) -> bool),
    /// A word the parser stopped at.
    Word(&'static [&'static str]),
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

/// The error a rule raises.
pub(crate) fn error_of(rule: &Rule) -> Error {
    Error::failed(rule.code, rule.says)
        .hint(format!("{} [{}, manual page {}]", rule.fix, rule.id, rule.page))
}

/// Every rule a statement breaks, in the order of the text.
///
/// What is `known` of its tables makes some traps certain; without it those are not told.
pub fn check(parsed: &Parsed, known: &Known) -> Vec<Finding> {
    find::findings(parsed, known, |_| true)
}

/// The first refusal as an error; otherwise the warnings, one line each. To be asked before a
/// statement runs.
pub fn refuse(parsed: &Parsed) -> Result<Vec<String>> {
    let findings =
        find::findings(parsed, &Known::default(), |rule| rule.severity != Severity::Advice);
    match findings.iter().find(|f| f.rule.severity.stops()) {
        Some(finding) => Err(finding.error()),
        None => Ok(findings.iter().map(Finding::line).collect()),
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
