//! The outer shape of INSERT, UPDATE, DELETE, MERGE and of statements that begin with WITH.
//! It keeps what is written, also what Redshift refuses; the rules say so with a reason.

use datafusion::sql::sqlparser::ast::helpers::attached_token::AttachedToken;
use datafusion::sql::sqlparser::ast::{self, SetExpr};

use super::reader::{Reader, object_ref};
use crate::dialect::command::{
    Command, CreateTableAs, Delete, Insert, InsertSource, Merge, MergeAction, MergeClause,
    MergeForm, TableAttributes, Update,
};
use crate::dialect::rules;
use crate::error::{Error, Result};

/// `WITH ... { SELECT | UPDATE | DELETE | MERGE }`.
pub fn with(r: &mut Reader<'_>) -> Result<Command> {
    r.expect("with")?;
    let with = ast::With {
        with_token: AttachedToken::empty(),
        recursive: r.take("recursive"),
        cte_tables: r.list(Reader::cte)?,
    };
    match r.word().as_deref() {
        Some("update") => update(r, Some(with)),
        Some("delete") => delete(r, Some(with)),
        Some("merge") => merge(r, Some(with)),
        Some("insert") => Err(rules::with_insert(r.place())),
        _ => {
            let mut query = r.query()?;
            if query.with.is_some() {
                return Err(r.expected("one WITH clause"));
            }
            query.with = Some(with);
            select_into(*query)
        }
    }
}

/// A query; `SELECT ... INTO t` is CREATE TABLE AS.
pub fn select_into(mut query: ast::Query) -> Result<Command> {
    let Some(into) = take_into(&mut query.body) else { return Ok(Command::Query(Box::new(query))) };
    let name = object_ref(&into.name)
        .ok_or_else(|| Error::failed("sql/syntax", "expected one table name after INTO"))?;
    let temp = into.temporary || name.is_temp_name();
    Ok(Command::CreateTableAs(Box::new(CreateTableAs {
        name,
        temp,
        if_not_exists: false,
        columns: Vec::new(),
        query: Box::new(query),
        attributes: TableAttributes::default(),
        materialized: None,
    })))
}

/// INTO of the first SELECT, which is that of UNION and its like too (r_SELECT_INTO).
fn take_into(body: &mut SetExpr) -> Option<ast::SelectInto> {
    match body {
        SetExpr::Select(select) => select.into.take(),
        SetExpr::SetOperation { left, .. } => take_into(left),
        _ => None,
    }
}

/// `INSERT INTO t [(columns)] { DEFAULT VALUES | VALUES ... | [WITH ..] SELECT ... | (query) }`.
pub fn insert(r: &mut Reader<'_>) -> Result<Command> {
    r.expect_words(&["insert", "into"])?;
    let target = r.object()?;
    let query_in_brackets =
        r.peek_is("(") && ["select", "with", "("].iter().any(|w| r.peek_is_at(1, w));
    let columns = if r.peek_is("(") && !query_in_brackets { r.column_list()? } else { Vec::new() };
    let source = if r.take_words(&["default", "values"]) {
        InsertSource::DefaultValues
    } else {
        InsertSource::Query(r.query()?)
    };
    Ok(Command::Insert(Box::new(Insert { target, columns, source })))
}

/// `UPDATE t [[AS] alias] SET c = e, ... [FROM ...] [WHERE ...]`.
pub fn update(r: &mut Reader<'_>, with: Option<ast::With>) -> Result<Command> {
    r.expect("update")?;
    let target = r.object()?;
    let alias = alias(r, &["set"])?;
    r.expect("set")?;
    let set = r.list(assignment)?;
    let from = if r.take("from") { r.list(Reader::table_and_joins)? } else { Vec::new() };
    let filter = if r.take("where") { Some(r.expression()?) } else { None };
    Ok(Command::Update(Box::new(Update { with, target, alias, set, from, filter })))
}

/// `DELETE [FROM] t [[AS] alias] [USING ...] [WHERE ...]`.
pub fn delete(r: &mut Reader<'_>, with: Option<ast::With>) -> Result<Command> {
    r.expect("delete")?;
    let from = r.take("from");
    let target = r.object()?;
    let alias = alias(r, &["using", "where"])?;
    if r.peek_is("using") && !from {
        return Err(r
            .expected("WHERE")
            .hint("USING needs the FROM keyword on Redshift: DELETE FROM t USING ... (r_DELETE)"));
    }
    let using = if r.take("using") { r.list(Reader::table_and_joins)? } else { Vec::new() };
    let filter = if r.take("where") { Some(r.expression()?) } else { None };
    Ok(Command::Delete(Box::new(Delete { with, target, alias, using, filter })))
}

/// `MERGE INTO t [alias] USING s [alias] ON c { WHEN ... | REMOVE DUPLICATES }`.
pub fn merge(r: &mut Reader<'_>, with: Option<ast::With>) -> Result<Command> {
    r.expect_words(&["merge", "into"])?;
    let target = r.object()?;
    let target_alias = alias(r, &["using"])?;
    r.expect("using")?;
    let source = r.table_factor()?;
    r.expect("on")?;
    let on = r.expression()?;
    let form = if r.take_words(&["remove", "duplicates"]) {
        MergeForm::RemoveDuplicates
    } else {
        let mut clauses = Vec::new();
        while r.take("when") {
            clauses.push(merge_clause(r)?);
        }
        if clauses.is_empty() {
            return Err(r.expected("WHEN MATCHED or REMOVE DUPLICATES"));
        }
        MergeForm::Clauses(clauses)
    };
    Ok(Command::Merge(Box::new(Merge { with, target, target_alias, source, on, form })))
}

fn merge_clause(r: &mut Reader<'_>) -> Result<MergeClause> {
    let matched = !r.take("not");
    r.expect("matched")?;
    let by_source = !matched && r.take_words(&["by", "source"]);
    let _by_target = r.take_words(&["by", "target"]);
    let condition = if r.take("and") { Some(r.expression()?) } else { None };
    r.expect("then")?;
    let action = if r.take("update") {
        r.expect("set")?;
        MergeAction::Update(r.list(assignment)?)
    } else if r.take("delete") {
        MergeAction::Delete
    } else if r.take("insert") {
        let columns = if r.peek_is("(") { r.column_list()? } else { Vec::new() };
        r.expect("values")?;
        r.expect_token("(")?;
        let values = r.list(Reader::expression)?;
        r.expect_token(")")?;
        MergeAction::Insert { columns, values }
    } else if r.take_words(&["do", "nothing"]) {
        MergeAction::DoNothing
    } else {
        return Err(r.expected("UPDATE, DELETE or INSERT"));
    };
    Ok(MergeClause { matched, by_source, condition, action })
}

/// `[qualifier.]column = expression`.
fn assignment(r: &mut Reader<'_>) -> Result<(Vec<ast::Ident>, ast::Expr)> {
    let mut parts = vec![r.ident()?];
    while r.take_token(".") {
        parts.push(r.ident()?);
    }
    r.expect_token("=")?;
    Ok((parts, r.expression()?))
}

/// `[AS] alias`, where `stops` are the words that may follow instead.
fn alias(r: &mut Reader<'_>, stops: &[&str]) -> Result<Option<String>> {
    if r.take("as") {
        return r.identifier().map(Some);
    }
    let stop = r.word().is_some_and(|w| stops.contains(&w.as_str()));
    if stop || r.at_end() || r.peek_is("(") { Ok(None) } else { r.identifier().map(Some) }
}
