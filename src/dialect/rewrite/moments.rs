//! What a session says of itself: the moment, the user, the schema. They are constants of the transaction.
//!
//! Source: Date_functions_header, r_System_administration_functions. Which of them cannot meet a
//! table stands in `rules`.

use datafusion::sql::sqlparser::ast::{DataType, Expr, Function, Ident, TimezoneInfo};

use crate::dialect::build::{self, cast, number, text, text_of};
use crate::dialect::plan::Clock;
use crate::dialect::session::{CATALOG, DEFAULT_SCHEMA};

/// Landfall has one user.
const USER: &str = "landfall";
const USER_ID: i64 = 1;

/// Words that stand without brackets.
pub fn keyword(ident: &Ident, clock: &Clock) -> Option<Expr> {
    if ident.quote_style.is_some() {
        return None;
    }
    match ident.value.as_str() {
        "sysdate" => Some(clock.timestamp()),
        "current_user" | "user" | "session_user" => Some(text(USER)),
        "current_user_id" => Some(number(USER_ID)),
        _ => None,
    }
}

/// Words that the parser takes for calls, and calls without arguments.
pub fn function(name: &str, function: &Function, clock: &Clock) -> Option<Expr> {
    use datafusion::sql::sqlparser::ast::FunctionArguments as Given;
    let given = matches!(&function.args, Given::List(list) if !list.args.is_empty());
    if given {
        return None;
    }
    let now = clock.transaction_start;
    let zoned = |value| cast(value, DataType::Timestamp(None, TimezoneInfo::WithTimeZone));
    Some(match name {
        "current_date" => clock.date(),
        "getdate" => clock.second(),
        "localtimestamp" => clock.timestamp(),
        "now" | "current_timestamp" => {
            zoned(text(&now.format("%Y-%m-%d %H:%M:%S%.6f+00").to_string()))
        }
        "localtime" => {
            let time = text(&now.format("%H:%M:%S%.6f").to_string());
            cast(time, DataType::Time(None, TimezoneInfo::None))
        }
        "timeofday" => text(&now.format("%a %b %d %H:%M:%S%.6f %Y UTC").to_string()),
        "current_user" | "session_user" | "user" => text(USER),
        "current_user_id" => number(USER_ID),
        "current_schema" => text(DEFAULT_SCHEMA),
        "current_database" => text(CATALOG),
        "version" => text(&version()),
        "pg_backend_pid" => number(i64::from(std::process::id())),
        _ => return None,
    })
}

/// The words a date or a timestamp may be instead of figures, where they are cast to one
/// (r_Date_and_time_literals, "Special datetime values"); `epoch` is in the manual's examples.
pub fn special(value: &Expr, to: &DataType, clock: &Clock) -> Option<Expr> {
    let word = word(value)?;
    let date = match to {
        DataType::Date => true,
        DataType::Timestamp(..) | DataType::Datetime(_) => false,
        _ => return None,
    };
    let now = clock.transaction_start;
    let day = |n: i64| (now + chrono::Duration::days(n)).format("%Y-%m-%d").to_string();
    let written = match word.trim().to_ascii_lowercase().as_str() {
        "now" if date => day(0),
        "now" => now.format("%Y-%m-%d %H:%M:%S%.6f").to_string(),
        "today" => day(0),
        "tomorrow" => day(1),
        "yesterday" => day(-1),
        "epoch" => "1970-01-01".to_owned(),
        _ => return None,
    };
    Some(cast(text(&written), to.clone()))
}

/// A text literal, cast to a text or not: the definitions of views that Redshift shows have
/// `'now'::text`.
fn word(value: &Expr) -> Option<&str> {
    match value {
        Expr::Nested(inner) => word(inner),
        Expr::Cast { expr, data_type, .. } => {
            let text = matches!(
                data_type,
                DataType::Text
                    | DataType::Varchar(None)
                    | DataType::CharacterVarying(None)
                    | DataType::CharVarying(None)
            );
            word(expr).filter(|_| text)
        }
        value => text_of(value),
    }
}

/// Functions of dates, whose arguments may be such words.
const OF_DATES: &[&str] = &[
    "dateadd",
    "date_add",
    "datediff",
    "date_diff",
    "date_part",
    "datepart",
    "date_trunc",
    "last_day",
    "next_day",
    "add_months",
    "months_between",
    "date_cmp",
    "timestamp_cmp",
    "convert_timezone",
];

/// Puts moments in the place of such words among the arguments of a function of dates.
pub fn arguments(name: &str, function: &mut Function, clock: &Clock) {
    if OF_DATES.contains(&name) {
        let to = DataType::Timestamp(None, TimezoneInfo::None);
        // `epoch` may be a part, too
        let skipped = usize::from(super::calls::WITH_PART.contains(&name));
        let given = super::calls::args_mut(function).unwrap_or_default();
        for argument in given.into_iter().skip(skipped) {
            if let Some(moment) = special(argument, &to, clock) {
                *argument = moment;
            } else if name == "date_trunc" && text_of(argument).is_some() {
                // of a column it is no moment (r_DATE_TRUNC)
                *argument = cast(build::take(argument), to.clone());
            }
        }
    }
}

/// In the form of Redshift's, which clients read the numbers out of.
fn version() -> String {
    format!("PostgreSQL 8.0.2 compatible, Landfall {}", env!("CARGO_PKG_VERSION"))
}
