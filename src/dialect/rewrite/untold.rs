//! A column of USING that one of several relations has, when the text does not tell which: it is marked
//! with the relations that may have it, and told by the planner, which knows them. It sees names, no
//! tables.

use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{Expr, Query, VisitMut, VisitorMut};

use crate::dialect::build::{column, ident, qualified};

/// Stands at the head of a mark.
const MARK: &str = "__landfall_one_of";
/// Between the parts of a mark; no name has it.
const BETWEEN: char = '\u{1f}';

/// Marks the left side of columns of USING that is not told. `place` tells one USING from another.
pub fn mark(
    sides: &mut [(String, Option<Expr>, Option<Expr>)],
    relations: &[Option<String>],
    place: &str,
) {
    let names: Vec<&str> = relations.iter().flatten().map(String::as_str).collect();
    if names.len() < 2 {
        return;
    }
    for (name, left, _) in sides.iter_mut().filter(|(_, left, _)| left.is_none()) {
        let head = [MARK, place, name.as_str()].into_iter();
        let mark: Vec<&str> = head.chain(names.iter().copied()).collect();
        let mark = mark.join(&BETWEEN.to_string());
        *left = Some(qualified(&mark, name));
    }
}

/// True for a column that is marked.
pub fn is_marked(expr: &Expr) -> bool {
    matches!(expr, Expr::CompoundIdentifier(parts)
        if parts.first().is_some_and(|part| part.value.starts_with(MARK)))
}

/// The relations of a mark; `None` for the name of a relation.
pub fn candidates(mark: &str) -> Option<Vec<String>> {
    let mut parts = mark.split(BETWEEN);
    (parts.next() == Some(MARK)).then(|| parts.skip(2).map(str::to_owned).collect())
}

/// Puts a relation in the place of a mark, or leaves the column without one.
pub fn tell(query: &mut Query, mark: &str, relation: Option<&str>) {
    let _ = query.visit(&mut Tell { mark, relation });
}

struct Tell<'a> {
    mark: &'a str,
    relation: Option<&'a str>,
}

impl VisitorMut for Tell<'_> {
    type Break = ();

    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        if let Expr::CompoundIdentifier(parts) = expr
            && let [relation, name] = parts.as_mut_slice()
            && relation.value == self.mark
        {
            match self.relation {
                Some(told) => *relation = ident(told),
                None => *expr = column(&name.value.clone()),
            }
        }
        ControlFlow::Continue(())
    }
}
