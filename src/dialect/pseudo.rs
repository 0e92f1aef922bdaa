//! The pseudocolumns of external tables, `"$path"` and `"$size"`: whether a command names one. It
//! resolves nothing.
//!
//! Source: r_CREATE_EXTERNAL_TABLE_usage.

use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{Expr, Select, SelectItem, Visit, Visitor};

use super::command::{Command, InsertSource};

/// Where a row lies, and how many bytes its file has.
pub const PSEUDO: [&str; 2] = ["$path", "$size"];

/// How a command speaks of pseudocolumns.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Pseudo {
    pub named: bool,
    /// There is a `*` in a list of columns, which never gives them.
    pub star: bool,
}

/// Looks through the queries of a command.
pub fn pseudo(command: &Command) -> Pseudo {
    let mut found = Pseudo::default();
    let _ = match command {
        Command::Query(query) | Command::Declare { query, .. } => query.visit(&mut found),
        Command::CreateTableAs(create) => create.query.visit(&mut found),
        Command::CreateView(view) => view.query.visit(&mut found),
        Command::Unload(unload) => unload.query.visit(&mut found),
        Command::Insert(insert) => match &insert.source {
            InsertSource::Query(query) => query.visit(&mut found),
            InsertSource::DefaultValues => ControlFlow::Continue(()),
        },
        Command::Explain { command } => {
            found = pseudo(command);
            ControlFlow::Continue(())
        }
        _ => ControlFlow::Continue(()),
    };
    found
}

impl Visitor for Pseudo {
    type Break = ();

    fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<()> {
        let name = match expr {
            Expr::Identifier(name) => Some(name),
            Expr::CompoundIdentifier(parts) => parts.last(),
            _ => None,
        };
        self.named |= name.is_some_and(|name| PSEUDO.contains(&name.value.as_str()));
        ControlFlow::Continue(())
    }

    fn pre_visit_select(&mut self, select: &Select) -> ControlFlow<()> {
        let star = |item: &SelectItem| {
            matches!(item, SelectItem::Wildcard(_) | SelectItem::QualifiedWildcard(..))
        };
        self.star |= select.projection.iter().any(star);
        ControlFlow::Continue(())
    }
}
