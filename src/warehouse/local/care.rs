//! ANALYZE, VACUUM, LOCK and COMMENT: nothing is done here, but what they name is there.
//!
//! Source: r_ANALYZE, r_VACUUM_command, r_LOCK, r_COMMENT.

use std::sync::Arc;

use crate::dialect::{Care, Kind, ObjectRef};
use crate::error::{Error, Result};
use crate::warehouse::Outcome;

use super::engine::Local;
use super::external::is_external;
use super::names::is_system;
use super::rekey::unknown_constraint;
use super::reshape::find;
use super::transaction::Transaction;
use super::words::Words;

pub async fn run(local: &Local, txn: &mut Transaction, care: &Care) -> Result<Outcome> {
    for name in &care.names {
        known(local, txn, care, name)?;
    }
    let Some(name) = care.names.first().filter(|name| txn.has_table(name)) else {
        return Ok(Outcome::default());
    };
    let def = Arc::clone(&txn.table(name).await?.def);
    for column in &care.columns {
        find(&def, column)?;
    }
    match &care.constraint {
        Some(gone) if !Words::of(&def).drop_named(&def.name.table, gone) => {
            Err(unknown_constraint(&def, gone))
        }
        _ => Ok(Outcome::default()),
    }
}

fn known(local: &Local, txn: &Transaction, care: &Care, name: &ObjectRef) -> Result<()> {
    if txn.has_table(name) || is_system(name) {
        return Ok(());
    }
    if is_external(local, txn, name) {
        return match care.what {
            "ANALYZE" => Err(Error::failed(
                "sql/external-read-only",
                format!("the external table {name} is not analyzed"),
            )
            .hint("set its table property numRows instead (r_ANALYZE)")),
            _ => Ok(()),
        };
    }
    match txn.view(name).is_some() {
        true if care.what == "LOCK" => {
            Err(Error::failed("sql/is-view", format!("{name} is a view"))
                .hint("lock the tables it reads (r_LOCK)"))
        }
        true => Ok(()),
        false if care.kind == Kind::View => {
            Err(Error::failed("sql/unknown-table", format!("view \"{name}\" does not exist")))
        }
        false => Err(txn.unknown_table(name)),
    }
}
