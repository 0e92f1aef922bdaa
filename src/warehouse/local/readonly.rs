//! BEGIN READ ONLY: what such a transaction does not do. It knows no row.
//!
//! Source: r_BEGIN.

use crate::dialect::{self, Command};
use crate::error::{Error, Result};

use super::transaction::Transaction;

/// Refuses to change a permanent table, or what there is, in a transaction that only reads.
pub fn refuse(txn: &Transaction, command: &Command) -> Result<()> {
    if !txn.settings.read_only || !changes(txn, command) {
        return Ok(());
    }
    Err(Error::failed(
        "sql/read-only",
        format!("cannot execute {} in a read-only transaction", command.verb()),
    )
    .hint("begin it with BEGIN, or with BEGIN READ WRITE (r_BEGIN)"))
}

fn changes(txn: &Transaction, command: &Command) -> bool {
    match command {
        Command::CreateSchema { .. }
        | Command::DropSchema { .. }
        | Command::CreateExternalSchema(_) => true,
        Command::CreateTable(create) => !create.temp,
        Command::CreateTableAs(create) => !create.temp,
        Command::Prepare(_) => false,
        _ => dialect::tables_of(command).writes.iter().any(|name| !txn.is_temporary(name)),
    }
}
