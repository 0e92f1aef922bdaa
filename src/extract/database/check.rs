//! Check: a table spec against the table as it stands in the source. Pure.
//!
//! Everything that is wrong is found in one pass, before anything is read.

use super::Warning;
use super::described::{Driver, SourceColumn, SourceTable};
use super::kind::{self, Kind};
use crate::error::{Error, nearest};
use crate::tables::{Extract, TableSpec};

/// The table is not there; `names` are those that are.
pub fn missing(spec: &TableSpec, names: &[String]) -> Error {
    let error = Error::config(
        "source/no_table",
        format!("source `{}` has no table `{}`", spec.source, spec.from),
    );
    let error = match nearest(&spec.from, names.iter().map(String::as_str)) {
        Some(near) => error.hint(format!("did you mean `{near}`?")),
        None => error.hint("`landfall discover` lists the tables of a source"),
    };
    placed(error, spec)
}

/// Compares a spec with its table; answers errors and warnings.
pub fn check(driver: Driver, spec: &TableSpec, table: &SourceTable) -> (Vec<Error>, Vec<Warning>) {
    let mut errors = Vec::new();
    let mut warnings = Vec::new();
    check_columns(driver, spec, table, &mut errors);
    check_key(driver, spec, table, &mut errors, &mut warnings);
    check_watermark(driver, spec, table, &mut errors, &mut warnings);
    let added: Vec<String> = table
        .columns
        .iter()
        .filter(|c| !spec.columns.iter().any(|s| table.column(driver, s.in_source()) == Some(c)))
        .map(|c| format!("`{}` ({})", c.name, c.type_text))
        .collect();
    if !added.is_empty() {
        warn(spec, &mut warnings, format!("the source has more columns: {}", added.join(", ")));
    }
    (errors, warnings)
}

fn check_columns(driver: Driver, spec: &TableSpec, table: &SourceTable, errors: &mut Vec<Error>) {
    for column in &spec.columns {
        let name = column.in_source();
        let Some(source) = table.column(driver, name) else {
            let error = Error::config(
                "source/no_column",
                format!("`{}` has no column `{name}`", table.full_name()),
            );
            let names = table.columns.iter().map(|c| c.name.as_str());
            errors.push(placed(
                match nearest(name, names) {
                    Some(near) => error.hint(format!("did you mean `{near}`?")),
                    None => error.hint(
                        "take the column out of the table spec, or bring it back in the source",
                    ),
                },
                spec,
            ));
            continue;
        };
        let understood = kind::understand(driver, &source.type_text);
        if !kind::accepts(driver, understood.kind, column.ty) {
            errors.push(placed(
                Error::config(
                    "source/type",
                    format!(
                        "column `{name}` is {} in the source and cannot be landed as {}",
                        source.type_text, column.ty
                    ),
                )
                .hint(format!("declare it as {}", understood.proposed)),
                spec,
            ));
        }
    }
}

fn check_key(
    driver: Driver,
    spec: &TableSpec,
    table: &SourceTable,
    errors: &mut Vec<Error>,
    warnings: &mut Vec<Warning>,
) {
    let keys: Vec<&SourceColumn> = spec
        .key
        .iter()
        .filter_map(|k| table.column(driver, spec.column(k).map_or(k, |c| c.in_source())))
        .collect();
    for column in &keys {
        // Whether a view's column can be NULL is not known; rows with a NULL key are put aside.
        if column.nullable && !table.view {
            errors.push(placed(
                Error::config(
                    "source/nullable_key",
                    format!("key column `{}` may be NULL in the source", column.name),
                )
                .hint("make it NOT NULL there, or choose a key that is"),
                spec,
            ));
        }
        if column.folds_case {
            warn(
                spec,
                warnings,
                format!(
                    "key column `{}` compares without case or trailing blanks in the source: a key \
                 spelled anew there becomes a second row in the store",
                    column.name
                ),
            );
        }
    }
    let covered = |name: &String| keys.iter().any(|k| k.name == *name);
    if table.view {
        return;
    }
    if table.primary_key.is_empty() {
        warn(
            spec,
            warnings,
            "the source table has no primary key: rows that share the declared key become one"
                .into(),
        );
    } else if !table.primary_key.iter().all(covered) {
        warn(
            spec,
            warnings,
            format!(
                "the declared key is less than the primary key ({}): rows that share it become one",
                table.primary_key.join(", ")
            ),
        );
    }
}

fn check_watermark(
    driver: Driver,
    spec: &TableSpec,
    table: &SourceTable,
    errors: &mut Vec<Error>,
    warnings: &mut Vec<Warning>,
) {
    let Extract::Incremental { watermark, .. } = &spec.extract else { return };
    if table.view {
        errors.push(placed(
            Error::config(
                "source/view",
                format!("`{}` is a view and can only be read whole", spec.from),
            )
            .hint("set `incremental = false`, or extract the table behind the view"),
            spec,
        ));
        return;
    }
    let declared = spec.column(watermark);
    let name = declared.map_or(watermark.as_str(), |c| c.in_source());
    let Some(source) = table.column(driver, name) else {
        // A declared column that is missing has been reported with the columns.
        if declared.is_none() {
            errors.push(placed(
                Error::config(
                    "source/no_column",
                    format!("`{}` has no watermark column `{name}`", table.full_name()),
                ),
                spec,
            ));
        }
        return;
    };
    let kind = kind::understand(driver, &source.type_text).kind;
    let fits = match driver {
        Driver::Sqlite => {
            !matches!(kind, Kind::Integer | Kind::Float | Kind::Bytes | Kind::Boolean)
        }
        Driver::MySql | Driver::Postgres => matches!(kind, Kind::Local | Kind::Instant),
    };
    if !fits || declared.is_some_and(|c| !c.ty.is_time()) {
        errors.push(placed(
            Error::config(
                "source/watermark_type",
                format!(
                    "watermark `{name}` is {} in the source; a watermark is a date with time",
                    source.type_text
                ),
            )
            .hint("choose the column that holds when a row last changed, or set `incremental = false`"),
            spec,
        ));
    } else if source.nullable && declared.is_none_or(|c| !c.not_null) {
        warn(
            spec,
            warnings,
            format!(
                "watermark `{name}` may be NULL in the source: rows without one are read on every run"
            ),
        );
    }
}

fn placed(error: Error, spec: &TableSpec) -> Error {
    error.about(spec.land_task().to_string()).at(spec.place.clone())
}

fn warn(spec: &TableSpec, warnings: &mut Vec<Warning>, message: String) {
    warnings.push(Warning { table: spec.name.clone(), message });
}

#[cfg(test)]
#[path = "check/tests.rs"]
mod tests;
