//! Small constructors of syntax trees. They decide nothing.

use datafusion::sql::sqlparser::ast::helpers::attached_token::AttachedToken;
use datafusion::sql::sqlparser::ast::{
    self, CaseWhen, Expr, Function, FunctionArg, FunctionArgExpr, FunctionArgumentList,
    FunctionArguments, GroupByExpr, Ident, ObjectName, Query, Select, SelectFlavor, SelectItem,
    SetExpr, TableAlias, TableFactor, TableWithJoins, Value,
};

use crate::dialect::command::ObjectRef;
use crate::types::SqlType;

/// An identifier that is taken as it stands.
pub fn ident(name: &str) -> Ident {
    Ident::with_quote('"', name)
}

/// `qualifier.name`.
pub fn qualified(qualifier: &str, name: &str) -> Expr {
    Expr::CompoundIdentifier(vec![ident(qualifier), ident(name)])
}

/// `"name"`.
pub fn column(name: &str) -> Expr {
    Expr::Identifier(ident(name))
}

pub fn text(value: &str) -> Expr {
    Expr::value(Value::SingleQuotedString(value.to_owned()))
}

/// The text of a text literal.
pub fn text_of(expr: &Expr) -> Option<&str> {
    let Expr::Value(value) = expr else { return None };
    match &value.value {
        Value::SingleQuotedString(text) => Some(text),
        _ => None,
    }
}

pub fn number(value: i64) -> Expr {
    Expr::value(Value::Number(value.to_string(), false))
}

pub fn null() -> Expr {
    Expr::value(Value::Null)
}

/// A placeholder to take an expression out of a tree that is being rewritten.
pub fn take(expr: &mut Expr) -> Expr {
    std::mem::replace(expr, null())
}

pub fn nested(expr: Expr) -> Expr {
    match expr {
        Expr::BinaryOp { .. } | Expr::UnaryOp { .. } => Expr::Nested(Box::new(expr)),
        other => other,
    }
}

/// `name(args)`.
pub fn call(name: &str, args: Vec<Expr>) -> Expr {
    Expr::Function(function(name, args))
}

/// `name(args)` as a function node, to be given OVER or DISTINCT.
pub fn function(name: &str, args: Vec<Expr>) -> Function {
    Function {
        name: ObjectName::from(vec![Ident::new(name)]),
        uses_odbc_syntax: false,
        parameters: FunctionArguments::None,
        args: FunctionArguments::List(FunctionArgumentList {
            duplicate_treatment: None,
            args: args.into_iter().map(argument).collect(),
            clauses: Vec::new(),
        }),
        filter: None,
        null_treatment: None,
        over: None,
        within_group: Vec::new(),
    }
}

pub fn argument(expr: Expr) -> FunctionArg {
    FunctionArg::Unnamed(FunctionArgExpr::Expr(expr))
}

/// A type as the tree names it.
pub fn data_type(ty: SqlType) -> ast::DataType {
    ast::DataType::Custom(ObjectName::from(vec![Ident::new(ty.to_string())]), Vec::new())
}

/// `CAST(expr AS type)`.
pub fn cast(expr: Expr, data_type: ast::DataType) -> Expr {
    Expr::Cast {
        kind: ast::CastKind::Cast,
        expr: Box::new(expr),
        data_type,
        array: false,
        format: None,
    }
}

/// A value as a column of a type takes it, whatever stands beside it; the length of a text is not cut.
///
/// In the tree it is a cast of the kind that no text may write (`rules/expressions`).
pub fn assigned(expr: Expr, ty: SqlType) -> Expr {
    let data_type = match ty.text_bytes() {
        Some(_) => ast::DataType::Varchar(None),
        None => data_type(ty),
    };
    let kind = ast::CastKind::SafeCast;
    Expr::Cast { kind, expr: Box::new(expr), data_type, array: false, format: None }
}

pub fn binary(left: Expr, op: ast::BinaryOperator, right: Expr) -> Expr {
    Expr::BinaryOp { left: Box::new(left), op, right: Box::new(right) }
}

/// `CASE WHEN c THEN r ... [ELSE e] END`.
pub fn case(conditions: Vec<(Expr, Expr)>, otherwise: Option<Expr>) -> Expr {
    Expr::Case {
        case_token: AttachedToken::empty(),
        end_token: AttachedToken::empty(),
        operand: None,
        conditions: conditions
            .into_iter()
            .map(|(condition, result)| CaseWhen { condition, result })
            .collect(),
        else_result: otherwise.map(Box::new),
    }
}

/// `expr AS alias`.
pub fn item(expr: Expr, alias: &str) -> SelectItem {
    SelectItem::ExprWithAlias { expr, alias: ident(alias) }
}

pub fn object_name(name: &ObjectRef) -> ObjectName {
    let schema = name.schema.iter().map(|s| ident(s));
    ObjectName::from(schema.chain([ident(&name.table)]).collect::<Vec<_>>())
}

pub fn alias(name: &str) -> TableAlias {
    TableAlias { explicit: true, name: ident(name), columns: Vec::new(), at: None }
}

/// `name AS alias` in FROM.
pub fn table(name: &ObjectRef, alias_name: Option<&str>) -> TableFactor {
    TableFactor::Table {
        name: object_name(name),
        alias: alias_name.map(alias),
        args: None,
        with_hints: Vec::new(),
        version: None,
        with_ordinality: false,
        partitions: Vec::new(),
        json_path: None,
        sample: None,
        index_hints: Vec::new(),
    }
}

pub fn alone(relation: TableFactor) -> TableWithJoins {
    TableWithJoins { relation, joins: Vec::new() }
}

/// `(query) AS alias` in FROM.
pub fn derived(query: Query, alias_name: &str, columns: &[String]) -> TableFactor {
    let mut alias = alias(alias_name);
    alias.columns = columns
        .iter()
        .map(|c| ast::TableAliasColumnDef { name: ident(c), data_type: None })
        .collect();
    TableFactor::Derived {
        lateral: false,
        subquery: Box::new(query),
        alias: Some(alias),
        sample: None,
    }
}

/// `SELECT projection FROM from [WHERE filter]`.
pub fn select(
    projection: Vec<SelectItem>,
    from: Vec<TableWithJoins>,
    filter: Option<Expr>,
) -> Select {
    Select {
        select_token: AttachedToken::empty(),
        optimizer_hints: Vec::new(),
        distinct: None,
        select_modifiers: None,
        top: None,
        top_before_distinct: false,
        projection,
        exclude: None,
        into: None,
        from,
        lateral_views: Vec::new(),
        prewhere: None,
        selection: filter,
        connect_by: Vec::new(),
        group_by: GroupByExpr::Expressions(Vec::new(), Vec::new()),
        cluster_by: Vec::new(),
        distribute_by: Vec::new(),
        sort_by: Vec::new(),
        having: None,
        named_window: Vec::new(),
        qualify: None,
        window_before_qualify: false,
        value_table_mode: None,
        flavor: SelectFlavor::Standard,
    }
}

pub fn query(with: Option<ast::With>, body: SetExpr) -> Query {
    Query {
        with,
        body: Box::new(body),
        order_by: None,
        limit_clause: None,
        fetch: None,
        locks: Vec::new(),
        for_clause: None,
        settings: None,
        format_clause: None,
        pipe_operators: Vec::new(),
    }
}

/// A query of one SELECT.
pub fn select_query(with: Option<ast::With>, select: Select) -> Query {
    query(with, SetExpr::Select(Box::new(select)))
}
