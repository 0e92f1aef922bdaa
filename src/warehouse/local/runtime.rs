//! What the engine says of a value it could not compute or store, in Redshift's words where it has
//! some. It decides nothing.

use crate::error::Error;

/// The error of a value, from the first line of what the engine says.
pub fn runtime_error(text: &str) -> Error {
    let has = |part: &str| text.contains(part);
    if has("more than one row") {
        return Error::failed("sql/subquery-rows", "single-row subquery returns more than one row")
            .hint("take MIN or MAX of it, or write IN (r_scalar_subqueries)");
    }
    if has("Divide by zero") {
        return Error::failed("sql/division", "division by zero");
    }
    if has("to store in a Decimal") {
        let says = "numeric data overflow (result precision)";
        return Error::failed(
            "sql/overflow",
            match too_large(text) {
                Some((value, digits)) => format!("{says}: {value} has more than {digits} digits"),
                None => says.to_owned(),
            },
        );
    }
    if let Some((value, ty)) = uncast(text) {
        return Error::failed("sql/overflow", format!("{ty} out of range: {value}"));
    }
    if has("verflow") || (has("Can't cast value") && has("to type Int")) {
        let text = text.trim_start_matches("Execution error: ").trim_start_matches("Arrow error: ");
        return Error::failed(
            "sql/overflow",
            match text.split_once("Overflow happened on: ") {
                Some((_, operation)) => format!("value out of range: {operation}"),
                None => text.to_owned(),
            },
        );
    }
    if has("regex parse error") {
        return Error::failed("sql/execution", "invalid regular expression")
            .hint("a sign that stands for itself needs \\\\ before it (pattern-matching-conditions-posix)");
    }
    let value = text
        .split_once("Cannot cast string '")
        .and_then(|(_, rest)| rest.split_once("' to value of "));
    if let Some((value, ty)) = value {
        let ty = match ty.split(|c: char| !c.is_alphanumeric()).next().unwrap_or_default() {
            "Decimal128" => "numeric",
            "Float64" => "double precision",
            "Float32" => "real",
            "Int16" => "smallint",
            "Int32" => "integer",
            "Int64" => "bigint",
            "Date32" => "date",
            "Timestamp" => "timestamp",
            "Boolean" => "boolean",
            _ => "this type",
        };
        return Error::failed(
            "sql/execution",
            format!("invalid input syntax for type {ty}: \"{value}\""),
        );
    }
    Error::failed("sql/execution", text.trim_start_matches("Execution error: "))
}

/// The value that does not fit a decimal, and the digits this has.
fn too_large(text: &str) -> Option<(&str, &str)> {
    let (before, after) = text.split_once(" is too large to store in a Decimal")?;
    let value = before.rsplit([' ', ':']).next()?;
    let digits = after.split_once("of precision ")?.1;
    let end = digits.find(|c: char| !c.is_ascii_digit()).unwrap_or(digits.len());
    Some((value, digits.get(..end)?))
}

/// The value of a cast to whole numbers that do not hold it, and their type.
fn uncast(text: &str) -> Option<(&str, &'static str)> {
    let (value, ty) = text.split_once("Can't cast value ")?.1.split_once(" to type ")?;
    let ty = match ty.split(|c: char| !c.is_alphanumeric()).next()? {
        "Int16" => "smallint",
        "Int32" => "integer",
        "Int64" => "bigint",
        _ => return None,
    };
    Some((value, ty))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_engines_words_are_not_told() {
        for (theirs, code, ours) in [
            (
                "Invalid argument error: 123456 is too large to store in a Decimal128 of precision 5. Max is 99999",
                "sql/overflow",
                "numeric data overflow (result precision): 123456 has more than 5 digits",
            ),
            (
                "Arrow error: Arithmetic overflow: Overflow happened on: -2147483648 / -1",
                "sql/overflow",
                "value out of range: -2147483648 / -1",
            ),
            ("External error: regex parse error:", "sql/execution", "invalid regular expression"),
            (
                "Arrow error: Cast error: Cannot cast string 'NaN' to value of Decimal128(38, 10) type",
                "sql/execution",
                "invalid input syntax for type numeric: \"NaN\"",
            ),
        ] {
            let error = runtime_error(theirs);
            assert_eq!((error.code(), error.message()), (code, ours));
        }
    }
}
