//! Which tables a command reads and writes, with the names of its WITH clauses left out. It resolves nothing.

use std::collections::BTreeSet;
use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{
    ObjectName, ObjectNamePart, Query, TableFactor, TableWithJoins, Visit, VisitMut, Visitor,
    VisitorMut, With,
};

use crate::dialect::build;
use crate::dialect::change::without_identity;
use crate::dialect::command::{
    AlterAction, Command, ConstraintKind, InsertSource, MergeAction, MergeForm, ObjectRef,
};
use crate::dialect::parse::object_ref;
use crate::dialect::sight::Sight;

/// The tables of a command, each once, sorted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TableRefs {
    /// Tables whose rows or columns it needs; the target of UPDATE, DELETE and MERGE too.
    pub reads: Vec<ObjectRef>,
    /// Tables it creates, changes or drops.
    pub writes: Vec<ObjectRef>,
}

/// The tables a command names.
///
/// A reference to the target with row identity counts as a read of the target.
pub fn tables_of(command: &Command) -> TableRefs {
    let mut reads = BTreeSet::new();
    let mut writes = BTreeSet::new();
    gather(command, &mut reads, &mut writes);
    TableRefs { reads: reads.into_iter().collect(), writes: writes.into_iter().collect() }
}

/// The relations of a FROM, in the order they are written.
pub fn factors(from: &[TableWithJoins]) -> impl Iterator<Item = &TableFactor> {
    from.iter()
        .flat_map(|t| std::iter::once(&t.relation).chain(t.joins.iter().map(|j| &j.relation)))
}

/// The same, to be changed.
pub fn factors_mut(from: &mut [TableWithJoins]) -> impl Iterator<Item = &mut TableFactor> {
    from.iter_mut().flat_map(|t| {
        std::iter::once(&mut t.relation).chain(t.joins.iter_mut().map(|j| &mut j.relation))
    })
}

/// What an item of FROM is called, if it is one relation.
pub fn called(factor: &TableFactor) -> Option<String> {
    match factor {
        TableFactor::Table { alias: Some(alias), .. }
        | TableFactor::Derived { alias: Some(alias), .. } => Some(alias.name.value.clone()),
        TableFactor::Table { name, alias: None, .. } => object_ref(name).map(|n| n.table),
        _ => None,
    }
}

/// The tables one query reads.
pub fn tables_of_query(query: &Query) -> BTreeSet<ObjectRef> {
    tables_of_tree(query)
}

/// The tables any part of a statement reads.
pub fn tables_of_tree(tree: &impl Visit) -> BTreeSet<ObjectRef> {
    let mut reader = Reader::new();
    let _ = tree.visit(&mut reader);
    reader.found
}

fn gather(command: &Command, reads: &mut BTreeSet<ObjectRef>, writes: &mut BTreeSet<ObjectRef>) {
    match command {
        Command::Query(query) => reads.extend(tables_of_query(query)),
        Command::Explain { command } => {
            // nothing is written when only the plan is wanted
            let refs = tables_of(command);
            reads.extend(refs.reads);
        }
        Command::Prepare(prepare) => gather(&prepare.command, reads, writes),
        Command::Declare { query, .. } => reads.extend(tables_of_query(query)),
        Command::CreateTable(t) => {
            writes.insert(t.name.clone());
            reads.extend(t.like.iter().map(|l| l.table.clone()));
            let foreign = t.attributes.foreign.iter().map(|key| &key.table);
            reads.extend(foreign.filter(|table| **table != t.name).cloned());
        }
        Command::CreateTableAs(t) => {
            writes.insert(t.name.clone());
            reads.extend(tables_of_query(&t.query));
        }
        Command::CreateView(v) => {
            writes.insert(v.name.clone());
            reads.extend(tables_of_query(&v.query));
        }
        Command::DropTable { names, .. }
        | Command::DropView { names, .. }
        | Command::DropMaterializedView { names, .. } => {
            writes.extend(names.iter().cloned());
        }
        Command::RefreshMaterializedView { name, .. } => {
            reads.insert(name.clone());
            writes.insert(name.clone());
        }
        Command::AlterMaterializedView { name } => {
            writes.insert(name.clone());
        }
        Command::AlterTable(alter) => {
            writes.insert(alter.name.clone());
            if let AlterAction::Append(append) = &alter.action {
                reads.insert(append.from.clone());
                writes.insert(append.from.clone());
            }
            if let AlterAction::AddConstraint(constraint) = &alter.action
                && let ConstraintKind::Foreign(key) = &constraint.kind
                && key.table != alter.name
            {
                reads.insert(key.table.clone());
            }
        }
        Command::Truncate { table } => {
            writes.insert(table.clone());
        }
        Command::Copy(copy) => {
            writes.insert(copy.target.clone());
        }
        Command::Unload(unload) => reads.extend(tables_of_query(&unload.query)),
        Command::CreateExternalTable(t) => {
            writes.insert(t.name.clone());
        }
        Command::Insert(_) | Command::Update(_) | Command::Delete(_) | Command::Merge(_) => {
            gather_dml(command, reads, writes);
        }
        _ => {}
    }
}

fn gather_dml(
    command: &Command,
    reads: &mut BTreeSet<ObjectRef>,
    writes: &mut BTreeSet<ObjectRef>,
) {
    let mut reader = Reader::new();
    match command {
        Command::Insert(insert) => {
            writes.insert(insert.target.clone());
            if let InsertSource::Query(query) = &insert.source {
                let _ = query.visit(&mut reader);
            }
        }
        Command::Update(update) => {
            writes.insert(update.target.clone());
            reads.insert(update.target.clone());
            reader.enter(update.with.as_ref());
            let _ = update.from.visit(&mut reader);
            let _ = update.filter.visit(&mut reader);
            for (_, value) in &update.set {
                let _ = value.visit(&mut reader);
            }
        }
        Command::Delete(delete) => {
            writes.insert(delete.target.clone());
            reads.insert(delete.target.clone());
            reader.enter(delete.with.as_ref());
            let _ = delete.using.visit(&mut reader);
            let _ = delete.filter.visit(&mut reader);
        }
        Command::Merge(merge) => {
            writes.insert(merge.target.clone());
            reads.insert(merge.target.clone());
            reader.enter(merge.with.as_ref());
            let _ = merge.source.visit(&mut reader);
            let _ = merge.on.visit(&mut reader);
            let MergeForm::Clauses(clauses) = &merge.form else {
                return reads.extend(reader.found);
            };
            for clause in clauses {
                match &clause.action {
                    MergeAction::Update(set) => set.iter().for_each(|(_, value)| {
                        let _ = value.visit(&mut reader);
                    }),
                    MergeAction::Insert { values, .. } => {
                        let _ = values.visit(&mut reader);
                    }
                    MergeAction::Delete | MergeAction::DoNothing => {}
                }
            }
        }
        _ => {}
    }
    reads.extend(reader.found);
}

/// Puts the tables of these names that are named without a schema into one, CTEs aside.
pub fn in_schema(query: &mut Query, schema: &str, tables: &BTreeSet<String>) {
    if tables.is_empty() {
        return;
    }
    let _ = query.visit(&mut Placer { ctes: Sight::new(), schema, tables });
}

/// The names of the queries of a WITH clause.
fn names(with: Option<&With>) -> Vec<String> {
    let ctes = with.map_or(&[][..], |with| with.cte_tables.as_slice());
    ctes.iter().map(|cte| cte.alias.name.value.clone()).collect()
}

fn enter(ctes: &mut Sight<String>, query: &Query) {
    ctes.before(query);
    ctes.enter(query, names(query.with.as_ref()));
}

fn hides(ctes: &Sight<String>, name: &str) -> bool {
    ctes.seen().any(|cte| cte == name)
}

struct Reader {
    ctes: Sight<String>,
    found: BTreeSet<ObjectRef>,
}

impl Reader {
    fn new() -> Reader {
        Reader { ctes: Sight::new(), found: BTreeSet::new() }
    }

    /// Enters a WITH clause that stands before UPDATE, DELETE or MERGE; it is visible from here on.
    fn enter(&mut self, with: Option<&With>) {
        self.ctes.clause(with, names(with));
        if let Some(with) = with {
            let _ = with.visit(self);
        }
        self.ctes.behind();
    }
}

impl Visitor for Reader {
    type Break = ();

    fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<()> {
        enter(&mut self.ctes, query);
        ControlFlow::Continue(())
    }

    fn post_visit_query(&mut self, query: &Query) -> ControlFlow<()> {
        self.ctes.leave(query);
        ControlFlow::Continue(())
    }

    fn pre_visit_relation(&mut self, relation: &ObjectName) -> ControlFlow<()> {
        if let Some(name) = object_ref(relation)
            && (name.schema.is_some() || !hides(&self.ctes, &name.table))
        {
            self.found.insert(without_identity(&name));
        }
        ControlFlow::Continue(())
    }
}

struct Placer<'a> {
    ctes: Sight<String>,
    schema: &'a str,
    tables: &'a BTreeSet<String>,
}

impl VisitorMut for Placer<'_> {
    type Break = ();

    fn pre_visit_query(&mut self, query: &mut Query) -> ControlFlow<()> {
        enter(&mut self.ctes, query);
        ControlFlow::Continue(())
    }

    fn post_visit_query(&mut self, query: &mut Query) -> ControlFlow<()> {
        self.ctes.leave(query);
        ControlFlow::Continue(())
    }

    fn pre_visit_relation(&mut self, relation: &mut ObjectName) -> ControlFlow<()> {
        if let [ObjectNamePart::Identifier(table)] = relation.0.as_slice()
            && self.tables.contains(&table.value)
            && !hides(&self.ctes, &table.value)
        {
            relation.0.insert(0, ObjectNamePart::Identifier(build::ident(self.schema)));
        }
        ControlFlow::Continue(())
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::dialect::parse_script;

    #[test]
    fn ctes_are_not_tables_and_targets_are() {
        for (text, reads, writes) in [
            ("select * from a.b, c", "a.b c", ""),
            ("with c as (select * from a.b) select * from c join d using (x)", "a.b d", ""),
            ("with t as (select * from t) select * from t", "t", ""),
            (
                "with recursive t(n) as (select 1 union all select n + 1 from t) select * from t",
                "",
                "",
            ),
            (
                "with x as (select 1), y as (select * from x) select (select max(q) from z) from y",
                "z",
                "",
            ),
            ("select * from (with i as (select * from k) select * from i) q, i", "i k", ""),
            ("insert into s.t select * from u where a in (select b from v)", "u v", "s.t"),
            (
                "with c as (select * from u) update s.t set a = c.a from c join s.t x on x.k = c.k",
                "s.t u",
                "s.t",
            ),
            ("delete from t using u where t.a = u.a and u.b in (select b from w)", "t u w", "t"),
            ("merge into t using (select * from s) q on t.a = q.a remove duplicates", "s t", "t"),
            ("create table p.x as select * from s.y", "s.y", "p.x"),
            ("create view p.v as select * from s.y", "s.y", "p.v"),
            ("create temp table st (like s.t)", "s.t", "st"),
            ("truncate p.x", "", "p.x"),
            ("drop table if exists a, b.c", "", "a b.c"),
            ("alter table a append from b", "b", "a b"),
            ("create materialized view p.m as select * from s.y", "s.y", "p.m"),
            ("refresh materialized view p.m", "p.m", "p.m"),
            ("explain delete from t", "t", ""),
            ("analyze t", "", ""),
        ] {
            let parsed = parse_script(text, Path::new("a.sql")).expect(text);
            let refs = tables_of(&parsed[0].command);
            let join = |all: &[ObjectRef]| {
                let mut names: Vec<String> = all.iter().map(ObjectRef::to_string).collect();
                names.sort();
                names.join(" ")
            };
            assert_eq!(
                (join(&refs.reads).as_str(), join(&refs.writes).as_str()),
                (reads, writes),
                "{text}"
            );
        }
    }
}
