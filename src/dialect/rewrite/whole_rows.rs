//! `SELECT *` over JOIN ... USING, written out: the columns of USING once and first, then what is
//! left of each relation. It knows no table; where the text does not tell whose a column is, the
//! SELECT stays as it is.
//!
//! Source: r_FROM_clause30, and the order of the columns in PostgreSQL, from which Redshift has it.
//! DataFusion 55.2 leaves the column where its table has it, so that INSERT ... SELECT * would put
//! values into other columns.

use datafusion::sql::sqlparser::ast::{
    ExcludeSelectItem, Ident, Join, JoinConstraint, ObjectName, ObjectNamePart, Select, SelectItem,
    SelectItemQualifiedWildcardKind, TableFactor, TableWithJoins, WildcardAdditionalOptions,
};

use super::using::{Merged, constraint, equal, merge, of_one_item, put, sides, simple, value};
use crate::dialect::build;
use crate::dialect::tables::called;

/// Writes the rows out and makes every USING an ON; the columns that were merged, or `None` if
/// nothing was done.
pub fn written_out(select: &mut Select) -> Option<Merged> {
    let starred =
        |item: &SelectItem| matches!(item, SelectItem::Wildcard(options) if plain(options));
    let uses = |join: &mut Join| {
        matches!(constraint(&mut join.join_operator), Some(JoinConstraint::Using(_)))
    };
    let mut joins = select.from.iter_mut().flat_map(|tree| &mut tree.joins);
    if !select.projection.iter().any(starred) || !joins.any(uses) {
        return None;
    }
    let mut from = select.from.clone();
    let rows = from.iter_mut().map(rows).collect::<Option<Vec<Rows>>>()?;
    select.from = from;
    let items: Vec<SelectItem> = rows.iter().flat_map(Rows::items).collect();
    select.projection = std::mem::take(&mut select.projection)
        .into_iter()
        .flat_map(|item| if starred(&item) { items.clone() } else { vec![item] })
        .collect();
    Some(of_one_item(rows.into_iter().map(|rows| rows.merged).collect()))
}

/// True for a `*` that nothing is taken from.
fn plain(options: &WildcardAdditionalOptions) -> bool {
    options.opt_exclude.is_none() && options.opt_alias.is_none()
}

/// What the joins of one item of FROM make a row of.
struct Rows {
    merged: Merged,
    /// Columns of USING, those of the last join first.
    first: Vec<String>,
    /// Relations, each with the columns that are merged.
    rest: Vec<(ObjectName, Vec<String>)>,
}

fn rows(tree: &mut TableWithJoins) -> Option<Rows> {
    let mut rows = Rows {
        merged: Merged::new(),
        first: Vec::new(),
        rest: vec![(qualifier(&tree.relation)?, Vec::new())],
    };
    let mut left = vec![called(&tree.relation)];
    for join in &mut tree.joins {
        let (right, name) = (called(&join.relation), qualifier(&join.relation)?);
        let mut taken = Vec::new();
        match constraint(&mut join.join_operator) {
            Some(JoinConstraint::Natural) => return None,
            Some(JoinConstraint::On(on)) => {
                put(on, &rows.merged);
            }
            Some(found @ JoinConstraint::Using(_)) => {
                let JoinConstraint::Using(columns) = &*found else { return None };
                taken = columns.iter().filter_map(simple).collect::<Vec<_>>();
                let sides = sides(&taken, &rows.merged, &left, right.as_deref());
                *found = JoinConstraint::On(equal(&sides)?);
                // a column that is not merged yet is one of the single relation on the left
                let new = taken.iter().filter(|c| value(&rows.merged, c).is_none()).cloned();
                let new: Vec<String> = new.collect();
                rows.rest.first_mut()?.1.extend(new);
                rows.first.retain(|column| !taken.contains(column));
                rows.first.splice(0..0, taken.iter().cloned());
                merge(&mut rows.merged, sides, &join.join_operator);
            }
            _ => {}
        }
        rows.rest.push((name, taken));
        left.push(right);
    }
    Some(rows)
}

impl Rows {
    fn items(&self) -> Vec<SelectItem> {
        let merged = self.first.iter().filter_map(|column| {
            Some(build::item(value(&self.merged, column)?.clone(), &column.clone()))
        });
        let rest = self.rest.iter().map(|(relation, taken)| {
            let exclude = taken.iter().map(|column| object_name(column)).collect::<Vec<_>>();
            let options = WildcardAdditionalOptions {
                opt_exclude: (!exclude.is_empty()).then_some(ExcludeSelectItem::Multiple(exclude)),
                ..WildcardAdditionalOptions::default()
            };
            let relation = SelectItemQualifiedWildcardKind::ObjectName(relation.clone());
            SelectItem::QualifiedWildcard(relation, options)
        });
        merged.chain(rest).collect()
    }
}

fn object_name(name: &str) -> ObjectName {
    ObjectName(vec![ObjectNamePart::Identifier(Ident::new(name))])
}

/// The name before `.*` that means the relation.
fn qualifier(factor: &TableFactor) -> Option<ObjectName> {
    match factor {
        TableFactor::Table { name, alias: None, .. } => Some(name.clone()),
        _ => called(factor).map(|alias| object_name(&alias)),
    }
}
