//! A dry run: statements are judged by the rules and planned, in a transaction that never commits.
//!
//! Definitions change the shape of the transaction, so that later statements are planned with the
//! tables that earlier ones make. No row is read and none is written.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;

use datafusion::execution::session_state::SessionState;
use datafusion::logical_expr::LogicalPlan;
use datafusion::sql::sqlparser::ast::{ObjectName, Spanned, Visit, Visitor};

use crate::dialect::{
    self, AlterAction, Command, CreateTableAs, Finding, InsertSource, Known, KnownColumn,
    KnownTable, ObjectRef, Parsed,
};
use crate::error::{Error, Place, Result};
use crate::tables::SEQUENCE_COLUMN;
use crate::types::SqlType;

use super::changes::plan_change;
use super::engine::Local;
use super::names::is_system;
use super::statement::{dispatch, output_schema, plan};
use super::transaction::{Temporary, Transaction};
use super::{
    alter, ddl, inherited, landing, load, materialized, names, prepared, readonly, system,
};

/// What the rules and the planner say of one statement.
#[derive(Debug, Default)]
pub struct Judged {
    pub findings: Vec<Finding>,
    /// Why it cannot be planned; told only where no rule refuses it already.
    pub error: Option<Error>,
    /// A table it names that nothing here knows, so that it was not planned.
    pub unplanned: Option<ObjectRef>,
}

/// A transaction in which nothing runs.
pub struct DryRun<'a> {
    local: &'a Local,
    txn: Transaction,
    /// What the queries of CREATE TABLE AS tell of their columns: lengths of texts are in no plan.
    made_of: BTreeMap<ObjectRef, KnownTable>,
    /// Tables whose definition was refused, or that only Redshift can make.
    elsewhere: BTreeSet<ObjectRef>,
    /// Whether a name that nothing knows is an error.
    strict: bool,
}

impl Local {
    /// Begins a dry run on the tables as they are now.
    ///
    /// With `strict` a table that nothing knows is an error; without, such statements are judged
    /// by the rules alone.
    pub async fn dry_run(&self, strict: bool) -> Result<DryRun<'_>> {
        let mut txn = self.begin(None).await?;
        txn.only_plan();
        Ok(DryRun {
            local: self,
            txn,
            made_of: BTreeMap::new(),
            elsewhere: BTreeSet::new(),
            strict,
        })
    }
}

impl DryRun<'_> {
    /// Begins a session: temporary tables of the one before are gone.
    pub fn new_session(&mut self) {
        self.txn.set_temporary(Temporary::new());
        self.txn.settings.prepared.clear();
        self.txn.settings.end();
        self.made_of.retain(|name, _| name.schema.is_some());
    }

    /// Forgets a table or view that an earlier statement made.
    pub async fn forget(&mut self, name: &ObjectRef) -> Result<()> {
        self.txn.drop_view(name);
        self.txn.drop_table(name).await
    }

    pub fn knows(&self, name: &ObjectRef) -> bool {
        self.txn.has_table(name)
            || self.txn.view(name).is_some()
            || system::has(name)
            || landing::spec(&self.local.specs, &self.txn.resolve(name)).is_some()
    }

    /// Judges a statement, and takes note of what it defines.
    pub async fn judge(&mut self, parsed: &Parsed) -> Judged {
        let parsed = match prepared::expanded(&self.txn, parsed) {
            Ok(parsed) => parsed,
            Err(error) => {
                let error = Some(located(error, &parsed.place));
                return Judged { error, ..Judged::default() };
            }
        };
        let parsed = parsed.as_ref();
        if let Err(error) = names::refuse_other_database(parsed) {
            return Judged { error: Some(error), ..Judged::default() };
        }
        let known = self.known(&parsed.command).await;
        let findings = dialect::check(parsed, &known);
        let mut judged = Judged { findings, ..Judged::default() };
        let refused = judged.findings.iter().any(|f| f.rule.severity.stops());
        if !refused {
            match self.missing(&parsed.command) {
                Some(name) if self.is_error(&name) || is_system(&name) => {
                    let place = place_of_relation(parsed, &name);
                    judged.error = Some(self.txn.unknown_table(&name).at(place));
                }
                Some(name) => judged.unplanned = Some(name),
                None => {
                    let planned = self.plan(parsed, &known).await;
                    judged.error = planned.err().map(|e| located(e, &parsed.place));
                }
            }
        }
        if refused || judged.error.is_some() || judged.unplanned.is_some() {
            let lost = made(&parsed.command).filter(|name| !self.knows(name));
            self.elsewhere.extend(lost);
        }
        judged
    }

    /// What is known of the tables a statement names.
    async fn known(&mut self, command: &Command) -> Known {
        let refs = dialect::tables_of(command);
        let mut known = BTreeMap::new();
        for name in refs.reads.into_iter().chain(refs.writes) {
            if let Some(table) = self.known_table(&name).await {
                known.insert(name, table);
            }
        }
        Known(known)
    }

    async fn known_table(&mut self, name: &ObjectRef) -> Option<KnownTable> {
        if let Some(table) = self.made_of.get(name) {
            return Some(table.clone());
        }
        if self.txn.has_table(name) {
            let def = &self.txn.table(name).await.ok()?.def;
            let columns = def.columns.iter().map(|c| KnownColumn {
                name: c.name.clone(),
                ty: c.ty,
                not_null: c.not_null,
            });
            let unique = ddl::keys_of(def.words());
            return Some(KnownTable { columns: columns.collect(), unique });
        }
        let spec = landing::spec(&self.local.specs, &self.txn.resolve(name))?;
        let sequence =
            KnownColumn { name: SEQUENCE_COLUMN.into(), ty: SqlType::BigInt, not_null: true };
        let columns = spec.columns.iter().map(|c| KnownColumn {
            name: c.name.clone(),
            ty: c.ty,
            not_null: c.not_null,
        });
        Some(KnownTable { columns: columns.chain([sequence]).collect(), unique: Vec::new() })
    }

    /// A table the statement needs and that nothing knows.
    fn missing(&self, command: &Command) -> Option<ObjectRef> {
        let refs = dialect::tables_of(command);
        let target = match command {
            Command::Insert(insert) => Some(&insert.target),
            Command::Truncate { table } => Some(table),
            Command::Copy(copy) => Some(&copy.target),
            Command::AlterTable(alter) => Some(&alter.name),
            Command::AlterMaterializedView { name } => Some(name),
            Command::Care(care) => care.names.iter().find(|name| !self.cared_for(name)),
            _ => None,
        };
        let late = matches!(command, Command::CreateView(view) if view.no_schema_binding);
        let needed = refs.reads.iter().filter(|_| !late).chain(target);
        needed.into_iter().find(|name| !self.knows(name)).cloned()
    }

    /// Tables of the system are taken care of, too.
    fn cared_for(&self, name: &ObjectRef) -> bool {
        self.knows(name) || is_system(name) || self.txn.external(name).is_some()
    }

    fn is_error(&self, name: &ObjectRef) -> bool {
        self.strict && !is_system(name) && !self.elsewhere.contains(name)
    }

    /// Plans what would run, and carries definitions out on the shape alone.
    async fn plan(&mut self, parsed: &Parsed, known: &Known) -> Result<()> {
        let (local, txn) = (self.local, &mut self.txn);
        readonly::refuse(txn, &parsed.command)?;
        names::refuse_view(txn, &parsed.command)?;
        materialized::refuse(local, txn, &parsed.command)?;
        match &parsed.command {
            Command::CreateSchema { .. }
            | Command::DropSchema { .. }
            | Command::CreateTable(_)
            | Command::CreateView(_)
            | Command::CreateExternalSchema(_)
            | Command::CreateExternalTable(_)
            | Command::DropTable { .. }
            | Command::DropView { .. }
            | Command::DropMaterializedView { .. }
            | Command::AlterMaterializedView { .. }
            | Command::Begin { .. }
            | Command::Commit
            | Command::Care(_)
            | Command::Prepare(_)
            | Command::Deallocate { .. }
            | Command::Set { .. } => dispatch(local, txn, parsed).await.map(drop),
            Command::AlterTable(alter) => match &alter.action {
                AlterAction::AddColumn(_)
                | AlterAction::DropColumn { .. }
                | AlterAction::RenameColumn { .. }
                | AlterAction::RenameTable { .. }
                | AlterAction::AddConstraint(_)
                | AlterAction::DropConstraint { .. }
                | AlterAction::Keys(_) => dispatch(local, txn, parsed).await.map(drop),
                AlterAction::ColumnType { name, ty } if txn.has_table(&alter.name) => {
                    let def = &txn.table(&alter.name).await?.def;
                    alter::retypable(def, name, *ty).map(drop)
                }
                _ => Ok(()),
            },
            Command::CreateTableAs(create) => {
                let table = known.table_as(&parsed.command, create);
                self.create_table_as(parsed, create).await?;
                self.made_of.insert(create.name.clone(), table);
                Ok(())
            }
            Command::Rollback => {
                txn.settings.undo();
                Ok(())
            }
            Command::RefreshMaterializedView { name, .. } => materialized::known(txn, name),
            Command::Copy(copy) => load::check(txn, copy).await,
            Command::Unload(unload) => {
                let query = (*unload.query).clone();
                let planned = plan(local, txn, parsed, query, None).await;
                let planned = planned.and_then(|(session, plan)| finished(&session, &plan));
                // the query stands in a text, with places of its own
                planned.map(drop).map_err(|e| e.at(parsed.place.clone()))
            }
            Command::Query(query) | Command::Declare { query, .. } => {
                let (session, planned) = plan(local, txn, parsed, (**query).clone(), None).await?;
                finished(&session, &planned).map(drop)
            }
            Command::Explain { command } => {
                let inner = Parsed { command: (**command).clone(), ..parsed.clone() };
                Box::pin(self.plan(&inner, known)).await
            }
            Command::Insert(insert) => change(local, txn, parsed, &insert.target).await,
            Command::Update(update) => change(local, txn, parsed, &update.target).await,
            Command::Delete(delete) => change(local, txn, parsed, &delete.target).await,
            Command::Merge(merge) => change(local, txn, parsed, &merge.target).await,
            _ => Ok(()),
        }
    }

    async fn create_table_as(&mut self, parsed: &Parsed, create: &CreateTableAs) -> Result<()> {
        let (local, txn) = (self.local, &mut self.txn);
        if !ddl::name_is_free(txn, &create.name, create.temp, create.if_not_exists)? {
            return Ok(());
        }
        let (session, planned) = plan(local, txn, parsed, (*create.query).clone(), None).await?;
        let texts = dialect::text_types(&planned);
        let source = inherited::words(txn, &planned, &create.columns).await?;
        let planned = finished(&session, &planned)?;
        let schema = output_schema(planned.schema().inner());
        ddl::create_for_query(txn, create, &schema, &texts, source)
    }
}

async fn change(
    local: &Local,
    txn: &mut Transaction,
    parsed: &Parsed,
    target: &ObjectRef,
) -> Result<()> {
    let (session, planned, _) = plan_change(local, txn, parsed, target).await?;
    finished(&session, &planned).map(drop)
}

/// The plan after analysis, where types are settled.
fn finished(session: &SessionState, plan: &LogicalPlan) -> Result<LogicalPlan> {
    session.optimize(plan).map_err(|e| dialect::sql_error(e, None))
}

fn located(error: Error, place: &Place) -> Error {
    if error.place().is_none() { error.at(place.clone()) } else { error }
}

/// The tables and views a statement would make.
fn made(command: &Command) -> Option<ObjectRef> {
    match command {
        Command::CreateTable(t) => Some(t.name.clone()),
        Command::CreateTableAs(t) => Some(t.name.clone()),
        Command::CreateView(v) => Some(v.name.clone()),
        Command::CreateExternalTable(t) => Some(t.name.clone()),
        _ => None,
    }
}

/// Where a statement names a relation; its beginning where that cannot be told.
fn place_of_relation(parsed: &Parsed, name: &ObjectRef) -> Place {
    struct Find<'a>(&'a ObjectRef);
    impl Visitor for Find<'_> {
        type Break = datafusion::sql::sqlparser::tokenizer::Span;
        fn pre_visit_relation(&mut self, relation: &ObjectName) -> ControlFlow<Self::Break> {
            match dialect::object_ref(relation) {
                Some(found) if found == *self.0 => ControlFlow::Break(relation.span()),
                _ => ControlFlow::Continue(()),
            }
        }
    }
    let mut find = Find(name);
    let found = match &parsed.command {
        Command::Query(query) => query.visit(&mut find),
        Command::CreateTableAs(create) => create.query.visit(&mut find),
        Command::CreateView(view) => view.query.visit(&mut find),
        Command::Insert(insert) => match &insert.source {
            InsertSource::Query(query) => query.visit(&mut find),
            InsertSource::DefaultValues => ControlFlow::Continue(()),
        },
        Command::Update(update) => update.from.visit(&mut find),
        Command::Delete(delete) => delete.using.visit(&mut find),
        Command::Merge(merge) => merge.source.visit(&mut find),
        _ => ControlFlow::Continue(()),
    };
    match found {
        ControlFlow::Break(span) if span.start.line > 0 => Place::new(
            &parsed.place.file,
            usize::try_from(span.start.line).unwrap_or(1),
            usize::try_from(span.start.column).unwrap_or(1),
        ),
        _ => parsed.place.clone(),
    }
}
