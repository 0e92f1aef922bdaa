//! What the files to be checked define, made in advance: a file may read what another makes. It tells
//! nothing.

use std::collections::BTreeSet;

use super::Script;
use crate::dialect::{Command, ObjectRef};
use crate::error::Result;
use crate::warehouse::local::DryRun;

/// Rounds in which definitions are looked for that need others: views on views on tables.
const ROUNDS: usize = 8;

/// What was defined in advance of the files that define it.
#[derive(Default)]
pub struct Forward {
    pub schemas: BTreeSet<String>,
    pub relations: BTreeSet<ObjectRef>,
}

impl Forward {
    /// Forgets what a file itself makes and what would bind tables before the statement that makes
    /// it: views and foreign keys.
    pub async fn unbind(&self, dry: &mut DryRun<'_>, script: &Script) -> Result<()> {
        for parsed in script.statements.iter().flatten().filter(|parsed| binds(&parsed.command)) {
            if let Some(name) = defines(&parsed.command).filter(|n| self.relations.contains(*n)) {
                dry.forget(name).await?;
            }
        }
        Ok(())
    }
}

fn binds(command: &Command) -> bool {
    match command {
        Command::CreateView(_) => true,
        Command::CreateTable(t) => !t.temp && !t.attributes.foreign.is_empty(),
        _ => false,
    }
}

/// Defines every table and view of the texts in advance, in any order; returns those it made.
pub async fn define(dry: &mut DryRun<'_>, around: &[Script], checked: &[Script]) -> Forward {
    let mut made = Forward::default();
    for _ in 0..ROUNDS {
        let before = made.relations.len();
        for script in around.iter().chain(checked) {
            dry.new_session();
            for parsed in script.statements.iter().flatten() {
                if let Command::CreateSchema { name, .. } = &parsed.command {
                    if dry.judge(parsed).await.error.is_none() {
                        made.schemas.insert(name.clone());
                    }
                    continue;
                }
                let Some(name) = defines(&parsed.command) else { continue };
                let temporary = is_temporary(&parsed.command);
                if !temporary && dry.knows(name) {
                    continue;
                }
                dry.judge(parsed).await;
                if !temporary && dry.knows(name) {
                    made.relations.insert(name.clone());
                }
            }
        }
        if made.relations.len() == before {
            break;
        }
    }
    made
}

pub fn is_temporary(command: &Command) -> bool {
    match command {
        Command::CreateTable(t) => t.temp,
        Command::CreateTableAs(t) => t.temp,
        _ => false,
    }
}

pub fn defines(command: &Command) -> Option<&ObjectRef> {
    match command {
        Command::CreateTable(t) => Some(&t.name),
        Command::CreateTableAs(t) => Some(&t.name),
        Command::CreateView(v) => Some(&v.name),
        _ => None,
    }
}
