//! Expressions, one by one: calls, casts, patterns, intervals, the pinned clock. It sees no types.

use datafusion::sql::sqlparser::ast::{
    BinaryOperator, CastKind, CeilFloorKind, DataType, DateTimeField, DuplicateTreatment, Expr,
    Function, FunctionArg, FunctionArgExpr, FunctionArguments, Ident, Spanned, TrimWhereField,
    UnaryOperator, Value, ValueWithSpan,
};

use super::table::{FUNCTIONS, How, find};
use super::{Located, literals, moments, shaped};
use crate::dialect::build::{self, argument, binary, call, case, cast, number, take, text};
use crate::dialect::functions::Part;
use crate::dialect::functions::marks;
use crate::dialect::plan::Clock;
use crate::error::{Error, Result, nearest};

/// Functions whose first argument names a part of a date.
pub const WITH_PART: &[&str] = &[
    "dateadd",
    "date_add",
    "datediff",
    "date_diff",
    "date_part",
    "pgdate_part",
    "datepart",
    "date_trunc",
];

/// Words without brackets that stand for what only Redshift knows.
const ELSEWHERE: &[&str] = &["current_aws_account", "current_namespace", "current_session_arn"];

/// Makes the date part of a call, written as a name, a text.
pub fn name_parts(expr: &mut Expr) -> std::result::Result<(), Located> {
    let Expr::Function(function) = expr else { return Ok(()) };
    if !WITH_PART.contains(&name_of(function)) {
        return Ok(());
    }
    let span = function.span();
    let Some(first) = args_mut(function).and_then(|a| a.into_iter().next()) else {
        return Ok(());
    };
    let part = match &*first {
        Expr::Identifier(ident) => Some(ident.value.clone()),
        other => build::text_of(other).map(str::to_owned),
    };
    if let Some(part) = part {
        if Part::parse(&part).is_none() {
            let error = Error::failed("sql/date-part", format!("`{part}` is not a date part"))
                .hint(
                    "use year, quarter, month, week, day, hour, minute, second, epoch, dow or doy \
                       (r_Dateparts_for_datetime_functions)",
                );
            return Err(Box::new((error, span)));
        }
        *first = text(&part);
    }
    Ok(())
}

/// Rewrites one expression whose parts are rewritten already.
pub fn expression(expr: &mut Expr, clock: &Clock) -> std::result::Result<(), Located> {
    if let Expr::Identifier(ident) = expr {
        if let Some(value) = moments::keyword(ident, clock) {
            *expr = value;
        } else if ident.quote_style.is_none() && ELSEWHERE.contains(&ident.value.as_str()) {
            return Err(Box::new((unknown(&ident.value), ident.span)));
        }
        return Ok(());
    }
    if let Expr::Value(ValueWithSpan { value: Value::Number(digits, _), span }) = expr {
        if let Some(plain) = literals::written_out(digits).map_err(|e| Box::new((e, *span)))? {
            *expr = plain;
        }
        return Ok(());
    }
    if matches!(expr, Expr::Value(_) | Expr::CompoundIdentifier(_) | Expr::BinaryOp { .. }) {
        return Ok(());
    }
    let span = expr.span();
    match rewritten(take(expr), clock) {
        Ok(new) => {
            *expr = new;
            Ok(())
        }
        Err(error) => Err(Box::new((error, span))),
    }
}

fn rewritten(expr: Expr, clock: &Clock) -> Result<Expr> {
    Ok(match expr {
        Expr::Function(function) => return self::function(function, clock),
        cast @ (Expr::Cast { .. } | Expr::TypedString(_)) => return casting(cast, clock),
        Expr::Convert { expr, data_type: Some(data_type), .. } => {
            return rewritten(cast(*expr, data_type), clock);
        }
        Expr::Extract { field, expr, .. } => return extracted(&field_name(&field), *expr),
        Expr::Substring { expr, substring_from, substring_for, .. } => {
            let from = substring_from.map_or_else(|| number(1), |e| *e);
            let count = substring_for.map(|e| *e);
            call("substring", [*expr, from].into_iter().chain(count).collect())
        }
        Expr::Position { expr, r#in } => call("strpos", vec![*r#in, *expr]),
        Expr::Trim { expr, trim_where, trim_what, trim_characters } => {
            let name = match trim_where {
                Some(TrimWhereField::Leading) => "ltrim",
                Some(TrimWhereField::Trailing) => "rtrim",
                _ => "btrim",
            };
            let what = trim_what.map(|e| vec![*e]).or(trim_characters).unwrap_or_default();
            call(name, std::iter::once(*expr).chain(what).collect())
        }
        Expr::Ceil { expr, field } if plain(&field) => call("ceiling", vec![*expr]),
        Expr::Floor { expr, field } if plain(&field) => call("floor", vec![*expr]),
        Expr::SimilarTo { negated, expr, pattern, escape_char } => {
            let escape = escape_char.and_then(|v| v.into_string()).unwrap_or_else(|| "\\".into());
            let pattern = call("similar_pattern", vec![*pattern, text(&escape)]);
            let op = if negated {
                BinaryOperator::PGRegexNotMatch
            } else {
                BinaryOperator::PGRegexMatch
            };
            Expr::Nested(Box::new(binary(*expr, op, pattern)))
        }
        // regardless of the case of ASCII letters alone (r_patternmatching_condition_like)
        Expr::ILike { negated, any, expr, pattern, escape_char } => {
            let lower = |e: Expr| Box::new(call("ascii_lower", vec![e]));
            let pattern = lower(like_pattern(*pattern, escape_char));
            Expr::Like { negated, any, expr: lower(*expr), pattern, escape_char: None }
        }
        Expr::Like { negated, any, expr, pattern, escape_char: Some(escape) } => {
            let pattern = Box::new(like_pattern(*pattern, Some(escape)));
            Expr::Like { negated, any, expr, pattern, escape_char: None }
        }
        Expr::UnaryOp { op, expr } => unary(op, *expr),
        Expr::Interval(mut interval) => {
            super::interval::plain(&mut interval)?;
            Expr::Interval(interval)
        }
        Expr::Collate { expr, collation } => {
            let how = collation.0.last().and_then(|p| p.as_ident()).map_or("", |i| &i.value);
            shaped::collated(*expr, how)?
        }
        Expr::AtTimeZone { timestamp, time_zone } => {
            call("at_time_zone", vec![*timestamp, *time_zone])
        }
        other => other,
    })
}

/// EXTRACT; of the seconds since 1970 four bytes hold those until 2038 alone.
fn extracted(name: &str, from: Expr) -> Result<Expr> {
    let function = match Part::parse(name) {
        Some(Part::Epoch) => "extract_epoch",
        Some(_) => "extract",
        None => {
            return Err(Error::failed("sql/date-part", format!("`{name}` is not a date part")));
        }
    };
    Ok(call(function, vec![text(name), from]))
}

/// `CAST(value AS type)` and `type 'value'`.
fn casting(expr: Expr, clock: &Clock) -> Result<Expr> {
    let moment = match &expr {
        Expr::Cast { expr, data_type, .. } => moments::special(expr, data_type, clock),
        Expr::TypedString(typed) => {
            moments::special(&Expr::Value(typed.value.clone()), &typed.data_type, clock)
        }
        _ => None,
    };
    if let Some(moment) = moment {
        return Ok(moment);
    }
    Ok(match expr {
        Expr::Cast { expr, data_type: DataType::Interval { .. }, .. }
            if build::text_of(&expr).is_some() =>
        {
            let mut interval = shaped::interval_of(*expr);
            super::interval::plain(&mut interval)?;
            Expr::Interval(interval)
        }
        Expr::Cast { kind: CastKind::SafeCast, expr, data_type, .. } => {
            call(marks::ASSIGNED, vec![*expr, cast(build::null(), data_type)])
        }
        Expr::Cast { kind, expr, data_type, array, format } => match cut_of(&data_type) {
            Some((cut, n)) => {
                let inner =
                    Expr::Cast { kind, expr, data_type: DataType::Varchar(None), array, format };
                call(cut, vec![inner, number(n)])
            }
            None => marked(Expr::Cast { kind, expr, data_type, array, format }),
        },
        other => other,
    })
}

/// A cast of anything but a constant, with the type in its name while it is planned.
fn marked(cast: Expr) -> Expr {
    let Expr::Cast { expr, data_type, .. } = &cast else { return cast };
    if matches!(**expr, Expr::Value(_) | Expr::TypedString(_)) {
        return cast;
    }
    let name = text(&data_type.to_string());
    call(marks::CAST, vec![cast, name])
}

/// The operators of r_OPERATOR_SYMBOLS that stand before their operand.
fn unary(op: UnaryOperator, operand: Expr) -> Expr {
    match op {
        UnaryOperator::BitwiseNot => call("bitwise_not", vec![operand]),
        UnaryOperator::Minus if matches!(operand, Expr::Interval(_)) => match operand {
            Expr::Interval(mut interval) => {
                super::interval::turned(&mut interval);
                Expr::Interval(interval)
            }
            operand => operand,
        },
        UnaryOperator::PGAbs => call("abs", vec![operand]),
        UnaryOperator::PGSquareRoot => call("sqrt", vec![operand]),
        UnaryOperator::PGCubeRoot => call("cbrt", vec![operand]),
        op => Expr::UnaryOp { op, expr: Box::new(operand) },
    }
}

/// A pattern of LIKE with the backslash for its escape.
fn like_pattern(pattern: Expr, escape: Option<ValueWithSpan>) -> Expr {
    match escape.and_then(|v| v.into_string()) {
        Some(escape) if escape != "\\" => call("like_pattern", vec![pattern, text(&escape)]),
        _ => pattern,
    }
}

fn plain(field: &CeilFloorKind) -> bool {
    matches!(field, CeilFloorKind::DateTimeField(DateTimeField::NoDateTime))
}

fn field_name(field: &DateTimeField) -> String {
    match field {
        DateTimeField::Custom(ident) => ident.value.clone(),
        other => other.to_string(),
    }
}

/// `varchar(n)` and `char(n)` cut what is too long in an explicit cast (r_Character_types).
fn cut_of(data_type: &DataType) -> Option<(&'static str, i64)> {
    use crate::types::SqlType;
    let written = data_type.to_string();
    match SqlType::parse(&written).ok()? {
        SqlType::Varchar(n) if written.contains('(') => Some(("cut", i64::from(n))),
        SqlType::Char(n) => Some(("cut_char", i64::from(n))),
        _ => None,
    }
}

pub fn name_of(function: &Function) -> &str {
    function.name.0.last().and_then(|p| p.as_ident()).map_or("", |i| i.value.as_str())
}

fn function(mut function: Function, clock: &Clock) -> Result<Expr> {
    let name = name_of(&function).to_owned();
    moments::arguments(&name, &mut function, clock);
    if let Some(value) = moments::function(&name, &function, clock) {
        return Ok(value);
    }
    if function.filter.is_some() {
        return Err(Error::failed("sql/filter", "an aggregate has a FILTER clause")
            .hint("write SUM(CASE WHEN condition THEN value END)"));
    }
    match find(&name) {
        Some(How::Keep) => Ok(Expr::Function(function)),
        Some(How::To(other)) => {
            rename(&mut function, other);
            Ok(Expr::Function(function))
        }
        Some(How::Shape(shape)) => shape(function),
        None => Err(unknown(&name)),
    }
}

fn unknown(name: &str) -> Error {
    if let Some(why) = super::elsewhere::why(name) {
        return Error::failed(
            "sql/unsupported",
            format!("function {name} is not supported locally"),
        )
        .hint(why);
    }
    let error = Error::failed("sql/unknown-function", format!("function {name} does not exist"));
    match nearest(name, FUNCTIONS.iter().map(|(known, _)| *known)) {
        Some(near) => error.hint(format!("did you mean `{near}`?")),
        None => error.hint("it is not a function of Redshift, or not one Landfall runs yet"),
    }
}

pub fn rename(function: &mut Function, name: &str) {
    function.name = vec![Ident::new(name)].into();
}

/// The plain arguments of a call, to be changed; `None` if some argument is not plain.
pub fn args_mut(function: &mut Function) -> Option<Vec<&mut Expr>> {
    let FunctionArguments::List(list) = &mut function.args else { return None };
    list.args
        .iter_mut()
        .map(|arg| match arg {
            FunctionArg::Unnamed(FunctionArgExpr::Expr(expr)) => Some(expr),
            _ => None,
        })
        .collect()
}

/// The arguments of a call of a fixed number.
pub fn args<const N: usize>(function: &mut Function) -> Result<[Expr; N]> {
    let name = name_of(function).to_owned();
    let all: Vec<Expr> = args_mut(function).unwrap_or_default().into_iter().map(take).collect();
    all.try_into().map_err(|all: Vec<Expr>| wrong_count(&name, N, all.len()))
}

fn wrong_count(name: &str, wants: usize, has: usize) -> Error {
    Error::failed("sql/arguments", format!("function {name} takes {wants} arguments, not {has}"))
}

pub fn set_args(function: &mut Function, args: Vec<Expr>) {
    if let FunctionArguments::List(list) = &mut function.args {
        list.args = args.into_iter().map(argument).collect();
    }
}

/// The sum in the type Redshift sums in.
pub fn sum(mut function: Function) -> Result<Expr> {
    let [value] = args(&mut function)?;
    Ok(sum_of(function, value))
}

/// A call of SUM; over a window it makes NUMERIC of BIGINT (r_WF_SUM, r_WF_AVG).
fn sum_of(mut function: Function, value: Expr) -> Expr {
    let input = if function.over.is_some() { "window_sum_input" } else { "sum_input" };
    set_args(&mut function, vec![call(input, vec![value])]);
    Expr::Function(function)
}

/// AVG is the sum divided by the count: integers truncate (r_AVG).
pub fn avg(mut function: Function) -> Result<Expr> {
    let [value] = args(&mut function)?;
    let mut count = function.clone();
    rename(&mut count, "count");
    set_args(&mut count, vec![value.clone()]);
    rename(&mut function, "sum");
    Ok(call("avg_result", vec![sum_of(function, value), Expr::Function(count)]))
}

pub fn of_flags(mut function: Function) -> Result<Expr> {
    let [value] = args(&mut function)?;
    set_args(&mut function, vec![call("flag_input", vec![value])]);
    Ok(Expr::Function(function))
}

pub fn approximate_count(mut function: Function) -> Result<Expr> {
    let distinct = matches!(&function.args, FunctionArguments::List(list)
        if list.duplicate_treatment == Some(DuplicateTreatment::Distinct));
    if !distinct {
        return Err(Error::failed("sql/syntax", "APPROXIMATE needs COUNT(DISTINCT expression)"));
    }
    if let FunctionArguments::List(list) = &mut function.args {
        list.duplicate_treatment = None;
    }
    rename(&mut function, "approx_distinct");
    signed(function)
}

/// A count that DataFusion gives without a sign.
pub fn signed(function: Function) -> Result<Expr> {
    Ok(cast(Expr::Function(function), DataType::BigInt(None)))
}

/// The share of the window's sum, as a float.
pub fn ratio_to_report(mut function: Function) -> Result<Expr> {
    let [value] = args(&mut function)?;
    let value = cast(value, DataType::DoublePrecision);
    rename(&mut function, "sum");
    set_args(&mut function, vec![value.clone()]);
    Ok(call("float_divide", vec![value, Expr::Function(function)]))
}

pub fn nvl2(mut function: Function) -> Result<Expr> {
    let [value, present, absent] = args(&mut function)?;
    let condition = Expr::IsNotNull(Box::new(build::nested(value)));
    // the answer has the type of the second, which the third is converted to (r_NVL2)
    let never = Expr::value(Value::Boolean(false));
    let witness = case(vec![(never, present.clone())], None);
    let absent = call(marks::NVL2_ELSE, vec![absent, witness]);
    Ok(case(vec![(condition, present)], Some(absent)))
}

/// DECODE(value, search, result, ..., default): NULL finds NULL (r_DECODE_expression).
pub fn decode(mut function: Function) -> Result<Expr> {
    let given: Vec<Expr> =
        args_mut(&mut function).unwrap_or_default().into_iter().map(take).collect();
    let mut given = given.into_iter();
    let Some(value) = given.next().map(build::nested) else {
        return Err(wrong_count("decode", 3, 0));
    };
    let mut branches = Vec::new();
    let mut otherwise = None;
    while let Some(search) = given.next() {
        match given.next() {
            Some(result) => branches.push((found(&value, search), result)),
            None => otherwise = Some(search),
        }
    }
    if branches.is_empty() {
        return Err(wrong_count("decode", 3, 2));
    }
    Ok(case(branches, otherwise))
}

fn found(value: &Expr, search: Expr) -> Expr {
    let is_null = |e: &Expr| Expr::IsNull(Box::new(e.clone()));
    match &search {
        Expr::Value(v) if v.value == Value::Null => is_null(value),
        Expr::Value(_) => binary(value.clone(), BinaryOperator::Eq, search),
        _ => {
            let search = build::nested(search);
            let both = binary(is_null(value), BinaryOperator::And, is_null(&search));
            let equal = binary(value.clone(), BinaryOperator::Eq, search);
            binary(equal, BinaryOperator::Or, both)
        }
    }
}

/// LEFT is the SUBSTRING from the first character on, of no negative length (r_LEFT).
pub fn left(mut function: Function) -> Result<Expr> {
    let [value, count] = args(&mut function)?;
    Ok(call("substring", vec![value, number(1), count]))
}

pub fn charindex(mut function: Function) -> Result<Expr> {
    let [part, whole] = args(&mut function)?;
    Ok(call("strpos", vec![whole, part]))
}

pub fn modulo(mut function: Function) -> Result<Expr> {
    let [left, right] = args(&mut function)?;
    let remainder = binary(build::nested(left), BinaryOperator::Modulo, build::nested(right));
    Ok(Expr::Nested(Box::new(remainder)))
}

pub fn date(mut function: Function) -> Result<Expr> {
    let [value] = args(&mut function)?;
    Ok(cast(value, DataType::Date))
}

pub fn date_part_year(mut function: Function) -> Result<Expr> {
    let [value] = args(&mut function)?;
    Ok(call("extract", vec![text("year"), value]))
}

/// CONVERT_TIMEZONE([source,] target, timestamp): the source is UTC where it is left out.
pub fn convert_timezone(mut function: Function) -> Result<Expr> {
    let mut given: Vec<Expr> =
        args_mut(&mut function).unwrap_or_default().into_iter().map(take).collect();
    if given.len() == 2 {
        given.insert(0, text("UTC"));
    }
    if given.len() != 3 {
        return Err(wrong_count("convert_timezone", 3, given.len()));
    }
    Ok(call("convert_timezone", given))
}
