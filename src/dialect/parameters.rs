//! The parameters of a prepared statement, `$1`, `$2`: how many there are, and the statement with
//! values in their places. It runs nothing.
//!
//! Source: r_PREPARE, r_EXECUTE.

use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{
    CharacterLength, DataType, Expr, Value, VisitMut, VisitorMut,
};

use super::build;
use super::command::{Command, InsertSource, Prepare};
use crate::error::{Error, Result};

/// The longest VARCHAR: a parameter of a text type without a length has none.
const TEXT: u64 = 65535;

/// Refuses what no EXECUTE could run.
pub fn check(prepare: &Prepare) -> Result<()> {
    for ty in &prepare.types {
        if cast_to(ty).is_none() {
            return Err(Error::failed(
                "sql/unsupported",
                format!("a parameter of type {ty} is not supported locally"),
            )
            .hint("give whole numbers, FLOAT, BOOLEAN, dates, times, and CHAR or VARCHAR without a length"));
        }
    }
    let mut command = prepare.command.clone();
    let mut highest = 0;
    let _ = each(&mut command, &mut |expr| {
        if let Some(number) = parameter(expr) {
            highest = highest.max(number);
        }
    });
    if highest > prepare.types.len() {
        return Err(Error::failed("sql/parameters", format!("there is no parameter ${highest}"))
            .hint(
                "give the type of each parameter: PREPARE name (int, varchar) AS ... (r_PREPARE)",
            ));
    }
    Ok(())
}

/// The statement with these values for its parameters.
pub fn filled(prepare: &Prepare, values: &[Expr]) -> Result<Command> {
    if values.len() != prepare.types.len() {
        return Err(Error::failed(
            "sql/parameters",
            format!("{} takes {} values, not {}", prepare.name, prepare.types.len(), values.len()),
        )
        .hint("EXECUTE gives one value for each type of PREPARE (r_EXECUTE)"));
    }
    let mut command = prepare.command.clone();
    let _ = each(&mut command, &mut |expr| {
        let Some(index) = parameter(expr).and_then(|number| number.checked_sub(1)) else { return };
        let (Some(value), Some(ty)) = (values.get(index), prepare.types.get(index)) else { return };
        if let Some(ty) = cast_to(ty) {
            *expr = build::cast(build::nested(value.clone()), ty);
        }
    });
    Ok(command)
}

/// The number of `$1`.
fn parameter(expr: &Expr) -> Option<usize> {
    let Expr::Value(value) = expr else { return None };
    let Value::Placeholder(name) = &value.value else { return None };
    name.strip_prefix('$')?.parse().ok()
}

/// What a value becomes; `None` for a type whose length or digits the manual leaves open.
fn cast_to(ty: &DataType) -> Option<DataType> {
    match ty {
        DataType::Char(None)
        | DataType::Character(None)
        | DataType::Varchar(None)
        | DataType::CharacterVarying(None)
        | DataType::Text => Some(DataType::Varchar(Some(CharacterLength::IntegerLength {
            length: TEXT,
            unit: None,
        }))),
        DataType::SmallInt(_)
        | DataType::Int2(_)
        | DataType::Int(_)
        | DataType::Integer(_)
        | DataType::Int4(_)
        | DataType::BigInt(_)
        | DataType::Int8(_)
        | DataType::Real
        | DataType::Float4
        | DataType::Float8
        | DataType::Float(_)
        | DataType::Double(_)
        | DataType::DoublePrecision
        | DataType::Bool
        | DataType::Boolean
        | DataType::Date
        | DataType::Timestamp(..) => Some(ty.clone()),
        _ => None,
    }
}

/// Every expression of SELECT, INSERT, UPDATE or DELETE.
fn each(command: &mut Command, change: &mut dyn FnMut(&mut Expr)) -> ControlFlow<()> {
    struct Each<'a>(&'a mut dyn FnMut(&mut Expr));
    impl VisitorMut for Each<'_> {
        type Break = ();
        fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
            (self.0)(expr);
            ControlFlow::Continue(())
        }
    }
    let mut each = Each(change);
    match command {
        Command::Query(query) => query.visit(&mut each),
        Command::Insert(insert) => match &mut insert.source {
            InsertSource::Query(query) => query.visit(&mut each),
            InsertSource::DefaultValues => ControlFlow::Continue(()),
        },
        Command::Update(update) => {
            update.with.visit(&mut each)?;
            update.from.visit(&mut each)?;
            update.filter.visit(&mut each)?;
            update.set.iter_mut().try_for_each(|(_, value)| value.visit(&mut each))
        }
        Command::Delete(delete) => {
            delete.with.visit(&mut each)?;
            delete.using.visit(&mut each)?;
            delete.filter.visit(&mut each)
        }
        _ => ControlFlow::Continue(()),
    }
}
