//! A connection to the warehouse: statements one at a time, temporary tables that last as long as
//! it does, and transactions begun and ended by BEGIN, COMMIT and ROLLBACK. It writes no marker.
//!
//! Outside a transaction block every statement commits by itself (r_BEGIN, c_serial_isolation).
//! After an error inside a block nothing runs until the block ends.

use std::path::Path;
use std::sync::Arc;

use crate::dialect::{self, AlterAction, Command, Parsed};
use crate::error::{Error, Result};
use crate::warehouse::Outcome;

use super::Local;
use super::settings::Settings;
use super::transaction::{Temporary, Transaction};

/// Statements of one user, in order.
pub struct Session {
    local: Arc<Local>,
    block: Block,
    /// As the last commit left them.
    temporary: Temporary,
    settings: Settings,
}

enum Block {
    /// Every statement commits by itself.
    None,
    Open(Box<Transaction>),
    /// An error was met: only COMMIT and ROLLBACK are taken, and both roll back.
    Failed,
}

impl Local {
    /// A new connection, without temporary tables and outside any transaction block.
    pub fn connect(self: &Arc<Local>) -> Session {
        Session {
            local: Arc::clone(self),
            block: Block::None,
            temporary: Temporary::new(),
            settings: Settings::of_session(),
        }
    }
}

impl Session {
    /// Runs a text of one or several statements; returns what the last one did.
    ///
    /// An error outside a block undoes its own statement only; inside, the whole block.
    pub async fn run(&mut self, sql: &str) -> Result<Outcome> {
        let mut outcome = Outcome::default();
        for parsed in dialect::parse_script(sql, Path::new("session"))? {
            outcome = self.statement(&parsed).await?;
        }
        Ok(outcome)
    }

    async fn statement(&mut self, parsed: &Parsed) -> Result<Outcome> {
        match &parsed.command {
            Command::Begin { read_only } => self.begin(*read_only).await,
            Command::Commit => self.end(true).await,
            Command::Rollback => self.end(false).await,
            _ => match std::mem::replace(&mut self.block, Block::Failed) {
                Block::None => {
                    self.block = Block::None;
                    refuse_cursor(&parsed.command)?;
                    let mut txn = self.transaction().await?;
                    let outcome = self.local.parsed(&mut txn, parsed).await?;
                    self.commit(txn).await?;
                    Ok(outcome)
                }
                Block::Open(txn) if alone(&txn, &parsed.command) => Err(Error::failed(
                    "sql/in-transaction",
                    format!("{} cannot run inside a transaction block", parsed.command.verb()),
                )
                .hint("run it after COMMIT")),
                Block::Open(mut txn) => {
                    let outcome = self.local.parsed(&mut txn, parsed).await?;
                    if parsed.command.commits() {
                        // What the TRUNCATE committed includes the temporary tables and settings.
                        self.temporary = txn.temporary();
                        self.settings = txn.settings.clone();
                        self.settings.end();
                    }
                    self.block = Block::Open(txn);
                    Ok(outcome)
                }
                Block::Failed => Err(Error::failed(
                    "sql/aborted",
                    "current transaction is aborted, commands ignored until end of transaction block",
                )
                .hint("end it with ROLLBACK")),
            },
        }
    }

    /// A BEGIN inside a block changes nothing, as on Redshift.
    async fn begin(&mut self, read_only: bool) -> Result<Outcome> {
        if let Block::None = self.block {
            let mut txn = self.transaction().await?;
            txn.settings.begin(read_only);
            self.block = Block::Open(Box::new(txn));
        }
        Ok(Outcome::default())
    }

    async fn end(&mut self, keep: bool) -> Result<Outcome> {
        if let (Block::Open(txn), true) = (std::mem::replace(&mut self.block, Block::None), keep) {
            self.commit(*txn).await?;
        }
        Ok(Outcome::default())
    }

    async fn transaction(&self) -> Result<Transaction> {
        let mut txn = self.local.begin(None).await?;
        txn.set_temporary(self.temporary.clone());
        txn.settings = self.settings.clone();
        Ok(txn)
    }

    async fn commit(&mut self, txn: Transaction) -> Result<()> {
        let (temporary, settings) = (txn.temporary(), txn.settings.clone());
        txn.commit(None).await?;
        self.temporary = temporary;
        self.settings = settings;
        self.settings.end();
        Ok(())
    }
}

/// A cursor lives in a transaction block (declare).
fn refuse_cursor(command: &Command) -> Result<()> {
    match command {
        Command::Declare { .. } | Command::Fetch { .. } | Command::Close { .. } => {
            Err(Error::failed(
                "sql/cursor",
                format!("{} may only be used in transaction blocks", command.verb()),
            )
            .hint("write BEGIN before it"))
        }
        _ => Ok(()),
    }
}

/// What no transaction block takes: VACUUM, CREATE and DROP DATABASE, ALTER TABLE APPEND and ALTER
/// COLUMN TYPE, and whatever defines external tables (r_VACUUM_command, r_DROP_DATABASE,
/// r_ALTER_TABLE_APPEND, r_ALTER_TABLE, r_CREATE_EXTERNAL_TABLE, r_DROP_TABLE).
fn alone(txn: &Transaction, command: &Command) -> bool {
    match command {
        Command::Noted { what } => matches!(*what, "CREATE DATABASE" | "DROP DATABASE"),
        Command::Care(care) => care.what == "VACUUM",
        Command::DropTable { names, .. } => {
            names.iter().any(|name| !txn.has_table(name) && txn.external(name).is_some())
        }
        Command::CreateExternalTable(_) => true,
        Command::AlterTable(alter) if txn.external(&alter.name).is_some() => true,
        Command::AlterTable(alter) => matches!(
            alter.action,
            AlterAction::Append(_)
                | AlterAction::ColumnType { .. }
                | AlterAction::AddPartitions { .. }
                | AlterAction::MovePartition(_)
                | AlterAction::DropPartition { .. }
                | AlterAction::External(_)
        ),
        _ => false,
    }
}
