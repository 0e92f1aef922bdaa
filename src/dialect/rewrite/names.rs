//! The names of output columns as Redshift gives them: `count`, not `count(*)`. It changes no value.
//!
//! Source: PostgreSQL 8.0's FigureColname, which Redshift keeps; result names in the manual's
//! examples (`date_add`, `pgdate_part`, `?column?`).

use std::collections::HashMap;

use datafusion::sql::sqlparser::ast::{
    DataType, Expr, Select, SelectItem, SelectItemQualifiedWildcardKind,
};

use crate::dialect::build;

/// Stands between a name and a number where two columns of one query have the same name.
pub const MARK: char = '\u{1f}';

/// Words without brackets that stand for a value of the session.
const WORDS: &[&str] = &["sysdate", "user", "current_user", "session_user", "current_user_id"];

/// The name of an output column as a reader sees it.
pub fn output_name(name: &str) -> &str {
    name.split(MARK).next().unwrap_or(name)
}

/// Gives every unnamed expression its name and every second use of a name a mark.
pub fn select(select: &mut Select) {
    let mut seen: HashMap<String, usize> = HashMap::new();
    let stars: Vec<Option<String>> = select.projection.iter().filter_map(star).collect();
    for item in &mut select.projection {
        let name = match item {
            SelectItem::UnnamedExpr(expr) => name_of(expr).unwrap_or("?column?").to_owned(),
            SelectItem::ExprWithAlias { alias, .. } => alias.value.clone(),
            _ => continue,
        };
        let starred = usize::from(is_starred(item, &stars));
        let uses = seen.entry(name.clone()).or_insert(starred);
        *uses += 1;
        let unique = if *uses == 1 { name } else { format!("{name}{MARK}{}", *uses) };
        match item {
            SelectItem::UnnamedExpr(expr) => {
                let own = match expr {
                    // a word that becomes a value keeps its name
                    Expr::Identifier(ident) => {
                        ident.quote_style.is_some() || !WORDS.contains(&ident.value.as_str())
                    }
                    Expr::CompoundIdentifier(_) => true,
                    _ => false,
                };
                if !own || *uses > 1 {
                    let expr = build::take(expr);
                    *item = build::item(expr, &unique);
                }
            }
            SelectItem::ExprWithAlias { alias, .. } if *uses > 1 => {
                alias.value = unique;
            }
            _ => {}
        }
    }
}

/// What `*` and `t.*` have all columns of: `None` for all tables.
fn star(item: &SelectItem) -> Option<Option<String>> {
    match item {
        SelectItem::Wildcard(_) => Some(None),
        SelectItem::QualifiedWildcard(SelectItemQualifiedWildcardKind::ObjectName(name), _) => {
            name.0.last()?.as_ident().map(|ident| Some(ident.value.clone()))
        }
        _ => None,
    }
}

/// True for a column that stands in the list once more by a star.
fn is_starred(item: &SelectItem, stars: &[Option<String>]) -> bool {
    let table = match item {
        SelectItem::UnnamedExpr(Expr::Identifier(ident)) => {
            return stars.contains(&None)
                && (ident.quote_style.is_some() || !WORDS.contains(&ident.value.as_str()));
        }
        SelectItem::UnnamedExpr(Expr::CompoundIdentifier(parts)) => parts.iter().rev().nth(1),
        _ => return false,
    };
    stars.iter().any(|star| match star {
        None => true,
        Some(name) => table.is_some_and(|table| table.value == *name),
    })
}

/// What Redshift calls an expression; `None` when only its type could name it.
fn name_of(expr: &Expr) -> Option<&str> {
    Some(match expr {
        Expr::Identifier(ident) => match ident.value.as_str() {
            "sysdate" if ident.quote_style.is_none() => "timestamp",
            "user" if ident.quote_style.is_none() => "current_user",
            name => name,
        },
        Expr::CompoundIdentifier(parts) => parts.last()?.value.as_str(),
        Expr::Function(function) => match function.name.0.last()?.as_ident()?.value.as_str() {
            "dateadd" => "date_add",
            "datediff" => "date_diff",
            "date_part" => "pgdate_part",
            "nvl" => "coalesce",
            "decode" => "case",
            "current_date" => "date",
            "current_timestamp" => "timestamptz",
            "localtimestamp" => "timestamp",
            "localtime" => "time",
            "ceil" => "ceiling",
            crate::dialect::lex::APPROXIMATE_COUNT => "count",
            crate::dialect::lex::APPROXIMATE_DISC => "percentile_disc",
            name => name,
        },
        Expr::Cast { expr, data_type, .. } => {
            return name_of(expr).or_else(|| type_name(data_type));
        }
        Expr::Convert { expr, data_type, .. } => {
            return name_of(expr).or_else(|| data_type.as_ref().and_then(type_name));
        }
        Expr::Nested(inner) => return name_of(inner),
        Expr::Case { .. } => "case",
        Expr::Extract { .. } => "date_part",
        Expr::Substring { .. } => "substring",
        Expr::Position { .. } => "strpos",
        Expr::Trim { .. } => "btrim",
        Expr::Ceil { .. } => "ceiling",
        Expr::Floor { .. } => "floor",
        Expr::Exists { .. } => "exists",
        _ => return None,
    })
}

/// The internal name of a type, as PostgreSQL's catalog has it.
fn type_name(data_type: &DataType) -> Option<&'static str> {
    use crate::types::SqlType;
    Some(match SqlType::parse(&data_type.to_string()).ok()? {
        SqlType::Boolean => "bool",
        SqlType::SmallInt => "int2",
        SqlType::Integer => "int4",
        SqlType::BigInt => "int8",
        SqlType::Real => "float4",
        SqlType::Double => "float8",
        SqlType::Decimal { .. } => "numeric",
        SqlType::Char(_) => "bpchar",
        SqlType::Varchar(_) => "varchar",
        SqlType::Date => "date",
        SqlType::Timestamp => "timestamp",
        SqlType::TimestampTz => "timestamptz",
        SqlType::Time => "time",
        SqlType::Varbyte(_) => "varbyte",
    })
}
