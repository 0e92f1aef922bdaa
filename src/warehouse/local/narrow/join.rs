//! Reads off a MERGE, DELETE or UPDATE of two tables which columns must agree for their rows to
//! meet. Pure: it knows no table, only the text.
//!
//! What it does not understand it leaves out, and a conjunct left out only makes more rows meet.

use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{
    BinaryOperator, Expr, Query, TableFactor, TableWithJoins, Visit, Visitor,
};

use crate::dialect::{Command, ObjectRef};

/// Two tables and what a pair of their rows must fulfil.
#[derive(Debug, PartialEq)]
pub struct Meeting {
    pub target: ObjectRef,
    pub other: ObjectRef,
    /// True when rows of `other` are needed that meet no row: the source of a MERGE.
    pub keeps_other: bool,
    /// Comparisons of a column of the target, on the left, with one of the other table.
    pub comparisons: Vec<(String, Order, String)>,
}

/// How the target's value stands to the other's: equal, at most, at least.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    Equal,
    AtMost,
    AtLeast,
}

impl Order {
    pub fn turned(self) -> Order {
        match self {
            Order::Equal => Order::Equal,
            Order::AtMost => Order::AtLeast,
            Order::AtLeast => Order::AtMost,
        }
    }
}

/// The meeting of a command's target with the one other table it names; `None` where there is no
/// such other table, or where a subquery may read either of them once more.
pub fn meeting(command: &Command) -> Option<Meeting> {
    match command {
        Command::Merge(merge) => {
            let source = named(&merge.source)?;
            let target = Named { table: merge.target.clone(), alias: merge.target_alias.clone() };
            build(target, source, true, &merge.on)
        }
        Command::Delete(delete) if delete.with.is_none() => {
            let other = only(&delete.using)?;
            let target = Named { table: delete.target.clone(), alias: delete.alias.clone() };
            build(target, other, false, delete.filter.as_ref()?)
        }
        Command::Update(update) if update.with.is_none() => {
            if update.set.iter().any(|(_, value)| has_query(value)) {
                return None;
            }
            let other = only(&update.from)?;
            let target = Named { table: update.target.clone(), alias: update.alias.clone() };
            build(target, other, false, update.filter.as_ref()?)
        }
        _ => None,
    }
}

struct Named {
    table: ObjectRef,
    alias: Option<String>,
}

impl Named {
    fn name(&self) -> &str {
        self.alias.as_deref().unwrap_or(&self.table.table)
    }

    /// The column of this table an expression is.
    fn column<'a>(&self, expr: &'a Expr) -> Option<&'a str> {
        let Expr::CompoundIdentifier(parts) = expr else { return None };
        match parts.as_slice() {
            [table, column] if table.value == self.name() => Some(&column.value),
            [schema, table, column]
                if self.alias.is_none()
                    && table.value == self.table.table
                    && Some(&schema.value) == self.table.schema.as_ref() =>
            {
                Some(&column.value)
            }
            _ => None,
        }
    }
}

fn named(factor: &TableFactor) -> Option<Named> {
    let TableFactor::Table { name, alias, args: None, .. } = factor else { return None };
    if alias.as_ref().is_some_and(|a| !a.columns.is_empty()) {
        return None;
    }
    let parts: Option<Vec<&str>> =
        name.0.iter().map(|p| p.as_ident().map(|i| i.value.as_str())).collect();
    let table = match parts?.as_slice() {
        [table] => ObjectRef::new(None, table),
        [schema, table] => ObjectRef::new(Some(schema), table),
        _ => return None,
    };
    Some(Named { table, alias: alias.as_ref().map(|a| a.name.value.clone()) })
}

fn only(from: &[TableWithJoins]) -> Option<Named> {
    match from {
        [table] if table.joins.is_empty() => named(&table.relation),
        _ => None,
    }
}

fn build(target: Named, other: Named, keeps_other: bool, on: &Expr) -> Option<Meeting> {
    if target.name() == other.name() || has_query(on) {
        return None;
    }
    let mut comparisons = Vec::new();
    conjuncts(on, &mut |left, order, right| {
        if let (Some(a), Some(b)) = (target.column(left), other.column(right)) {
            comparisons.push((a.to_string(), order, b.to_string()));
        } else if let (Some(a), Some(b)) = (target.column(right), other.column(left)) {
            comparisons.push((a.to_string(), order.turned(), b.to_string()));
        }
    });
    Some(Meeting { target: target.table, other: other.table, keeps_other, comparisons })
}

/// Calls `found` for each comparison that must hold for the whole to hold.
fn conjuncts<'a>(expr: &'a Expr, found: &mut impl FnMut(&'a Expr, Order, &'a Expr)) {
    match expr {
        Expr::Nested(inner) => conjuncts(inner, found),
        Expr::BinaryOp { left, op, right } => match op {
            BinaryOperator::And => {
                conjuncts(left, found);
                conjuncts(right, found);
            }
            BinaryOperator::Eq => found(left, Order::Equal, right),
            BinaryOperator::Lt | BinaryOperator::LtEq => found(left, Order::AtMost, right),
            BinaryOperator::Gt | BinaryOperator::GtEq => found(left, Order::AtLeast, right),
            _ => {}
        },
        _ => {}
    }
}

struct Finder;

impl Visitor for Finder {
    type Break = ();

    fn pre_visit_query(&mut self, _: &Query) -> ControlFlow<()> {
        ControlFlow::Break(())
    }
}

fn has_query(expr: &Expr) -> bool {
    expr.visit(&mut Finder).is_break()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    fn of(sql: &str) -> Option<Meeting> {
        let parsed = crate::dialect::parse_script(sql, Path::new("test")).expect("parses");
        meeting(&parsed[0].command)
    }

    fn comparisons(sql: &str) -> Vec<(String, Order, String)> {
        of(sql).expect("a meeting").comparisons
    }

    fn is(a: &str, order: Order, b: &str) -> (String, Order, String) {
        (a.into(), order, b.into())
    }

    #[test]
    fn the_merge_of_a_store() {
        let sql = "merge into s.t using stage on stage.a = t.a and stage.b = s.t.b
                   when matched then update set c = stage.c
                   when not matched then insert (a) values (stage.a)";
        let found = of(sql).expect("a meeting");
        assert_eq!(found.target, ObjectRef::new(Some("s"), "t"));
        assert!(found.keeps_other);
        assert_eq!(found.comparisons, [is("a", Order::Equal, "a"), is("b", Order::Equal, "b")]);
    }

    #[test]
    fn only_what_must_hold_counts() {
        let sql = "delete from stage using s.t where stage.a = t.a and stage.v <= t.v
                   and (stage.x < t.x or stage.y = t.y) and not (stage.z = t.z) and stage.q = 5";
        assert_eq!(comparisons(sql), [is("a", Order::Equal, "a"), is("v", Order::AtMost, "v")]);
        let sql = "update t set c = x.c from u as x where x.v > t.v and x.a = t.a";
        assert_eq!(comparisons(sql), [is("v", Order::AtMost, "v"), is("a", Order::Equal, "a")]);
    }

    #[test]
    fn more_tables_and_subqueries_have_no_meeting() {
        for sql in [
            "delete from t using u, v where t.a = u.a",
            "delete from t using u join v on u.a = v.a where t.a = u.a",
            "delete from t using u where t.a = u.a and t.b in (select b from u)",
            "update t set c = (select max(c) from u) from u where t.a = u.a",
            "delete from t using (select * from u) as x where t.a = x.a",
            "delete from t where t.a = 1",
        ] {
            assert_eq!(of(sql), None, "{sql}");
        }
    }
}
