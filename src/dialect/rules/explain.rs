//! What `landfall explain` finds by a number or a code. It prints nothing.

use super::codes::CODES;
use super::{MANUAL, Rule, Severity, Story, rules};
use super::{codes_more, codes_views};
use crate::error::nearest;

/// A rule or an error code, ready to be told.
#[derive(Debug, Clone, Copy)]
pub struct Explained {
    /// `RS102`; `None` for an error that no rule raises.
    pub id: Option<&'static str>,
    pub code: &'static str,
    /// What becomes of such a statement: `refused by Redshift`.
    pub verdict: &'static str,
    pub says: &'static str,
    pub fix: &'static str,
    pub page: &'static str,
    pub story: Story,
}

impl Explained {
    /// The address of its page in the manual.
    pub fn link(&self) -> Option<String> {
        (!self.page.is_empty()).then(|| format!("{MANUAL}{}.html", self.page))
    }

    fn of_rule(rule: &'static Rule) -> Explained {
        let verdict = match rule.severity {
            Severity::Refused => "refused by Redshift, so refused here",
            Severity::Unsupported => "Redshift runs it, the local engine does not",
            Severity::Warning => "runs, with a warning",
            Severity::Advice => "runs; landfall check warns",
        };
        Explained {
            id: Some(rule.id),
            code: rule.code,
            verdict,
            says: rule.says,
            fix: rule.fix,
            page: rule.page,
            story: rule.story,
        }
    }
}

/// Everything that can be explained: the rules by number, then the other codes.
pub fn about() -> Vec<Explained> {
    let mut all: Vec<Explained> = rules().map(Explained::of_rule).collect();
    all.sort_by_key(|e| e.id);
    let mut codes: Vec<_> =
        CODES.iter().chain(codes_more::CODES).chain(codes_views::CODES).collect();
    codes.sort_by_key(|c| c.code);
    all.extend(codes.into_iter().map(|c| Explained {
        id: None,
        code: c.code,
        verdict: "an error of the statement or its values",
        says: c.says,
        fix: c.fix,
        page: c.page,
        story: c.story,
    }));
    all
}

/// What a number (`RS102`, `rs102`) or a code (`sql/string-agg`, `string-agg`) stands for: one
/// entry, or those of every rule that shares the code. The error is the nearest word there is.
pub fn explain(word: &str) -> Result<Vec<Explained>, Option<&'static str>> {
    let word = word.trim().trim_start_matches("error[").trim_end_matches(']').to_ascii_lowercase();
    let all = about();
    let fits = |e: &&Explained| {
        e.id.is_some_and(|id| id.eq_ignore_ascii_case(&word))
            || e.code == word
            || e.code.strip_prefix("sql/") == Some(word.as_str())
    };
    let found: Vec<Explained> = all.iter().filter(fits).copied().collect();
    if !found.is_empty() {
        return Ok(found);
    }
    let bare = word.strip_prefix("sql/").unwrap_or(&word);
    let short = |e: &Explained| e.code.strip_prefix("sql/").unwrap_or(e.code);
    if word.starts_with("rs") {
        let upper = word.to_ascii_uppercase();
        return Err(nearest(&upper, all.iter().filter_map(|e| e.id)));
    }
    Err(nearest(bare, all.iter().map(short))
        .and_then(|near| all.iter().find(|e| short(e) == near))
        .map(|e| e.code))
}
