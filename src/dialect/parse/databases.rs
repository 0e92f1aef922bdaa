//! Names without their database: there is one here. Those that are written are kept, so that a name
//! of another database is not taken for one of this.
//!
//! Source: cross-database_usage.

use std::ops::ControlFlow;
use std::path::Path;

use datafusion::sql::sqlparser::ast::{self, Ident, ObjectName, VisitMut, VisitorMut};
use datafusion::sql::sqlparser::tokenizer::Location;

use crate::dialect::lex::place_of;
use crate::error::{Error, Place, Result};

/// The databases a statement names, and where.
pub type Databases = Vec<(String, Place)>;

/// Takes the databases off the tables and columns of a tree; `start` is where its text begins.
///
/// sqlparser takes a statement that changes rows for a query, as PostgreSQL does in WITH; on
/// Redshift a query only reads (r_SELECT_synopsis).
pub fn within<T: VisitMut>(
    mut tree: T,
    start: Location,
    file: &Path,
    named: &mut Databases,
) -> Result<T> {
    let mut within = Within { start, file, named };
    match VisitMut::visit(&mut tree, &mut within) {
        ControlFlow::Continue(()) => Ok(tree),
        ControlFlow::Break(()) => Err(Error::failed(
            "sql/syntax",
            "INSERT, UPDATE, DELETE and MERGE are statements of their own, not part of a query",
        )
        .hint("run it before, and read its table here")
        .at(place_of(file, start))),
    }
}

struct Within<'a> {
    start: Location,
    file: &'a Path,
    named: &'a mut Databases,
}

impl Within<'_> {
    fn note(&mut self, database: &Ident) {
        let location = match database.span.start.line {
            0 => self.start,
            _ => database.span.start,
        };
        self.named.push((database.value.clone(), place_of(self.file, location)));
    }
}

impl VisitorMut for Within<'_> {
    type Break = ();

    fn pre_visit_query(&mut self, query: &mut ast::Query) -> ControlFlow<()> {
        use ast::SetExpr as S;
        match *query.body {
            S::Insert(_) | S::Update(_) | S::Delete(_) | S::Merge(_) => ControlFlow::Break(()),
            _ => ControlFlow::Continue(()),
        }
    }

    fn pre_visit_relation(&mut self, relation: &mut ObjectName) -> ControlFlow<()> {
        if relation.0.len() == 3 {
            let database = relation.0.remove(0);
            database.as_ident().into_iter().for_each(|name| self.note(name));
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_expr(&mut self, expr: &mut ast::Expr) -> ControlFlow<()> {
        if let ast::Expr::CompoundIdentifier(parts) = expr
            && parts.len() == 4
        {
            let database = parts.remove(0);
            self.note(&database);
        }
        ControlFlow::Continue(())
    }
}
