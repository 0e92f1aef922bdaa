//! Nothing reaches DataFusion's own DML, which in 55.2 loses conditions and changes every row.

use datafusion::catalog::TableProvider;
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::logical_expr::{LogicalPlan, lit};

use super::*;
use crate::dialect::{Command, ObjectRef};
use crate::warehouse::local::changes::plan_change;
use crate::warehouse::local::files::FileTable;

const TABLES: &str = "create schema s; \
    create table s.t (id int, name varchar(10)); create table s.u (id int, name varchar(10)); \
    insert into s.t (id, name) values (1, 'a'), (2, 'b'); insert into s.u (id, name) values (2, 'B');";

const CHANGES: &[&str] = &[
    "insert into s.t (id, name) values (3, 'c')",
    "insert into s.t (id, name) select id, name from s.u",
    "update s.t set name = 'x'",
    "update s.t set name = 'x' where id = 1",
    "update s.t set name = u.name from s.u u where t.id = u.id",
    "with c as (select * from s.u) update s.t set name = c.name from c join s.t x on x.id = c.id",
    "delete from s.t where id = 1",
    "delete from s.t where id in (select id from s.u)",
    "delete from s.t using s.u where t.id = u.id",
    "with c as (select id from s.u) delete from s.t using c where t.id = c.id",
    "merge into s.t using s.u on t.id = u.id when matched then update set name = u.name \
     when not matched then insert (id, name) values (u.id, u.name)",
    "merge into s.t using s.u on t.id = u.id when matched then delete \
     when not matched then insert (id, name) values (u.id, u.name)",
    "merge into s.t using s.u on t.id = u.id remove duplicates",
];

#[tokio::test]
async fn every_change_is_planned_as_a_query() {
    let (_dir, local) = warehouse().await;
    run(&local, TABLES).await.expect("runs");
    let target = ObjectRef::new(Some("s"), "t");
    for text in CHANGES {
        let parsed = dialect::parse_script(text, Path::new("t.sql")).expect(text).remove(0);
        let mut txn = local.begin(None).await.expect("begins");
        let planned = plan_change(&local, &mut txn, &parsed, &target).await;
        let (session, plan, _) = planned.unwrap_or_else(|e| panic!("{text}: {e:?}"));
        for plan in [session.optimize(&plan).expect(text), plan] {
            plan.apply(|node| {
                let query = !matches!(
                    node,
                    LogicalPlan::Dml(_) | LogicalPlan::Ddl(_) | LogicalPlan::Copy(_)
                );
                assert!(query, "{text}: {node}");
                Ok(TreeNodeRecursion::Continue)
            })
            .expect(text);
        }
    }
}

#[tokio::test]
async fn a_table_has_no_hooks_to_lose_rows_by() {
    let (_dir, local) = warehouse().await;
    run(&local, TABLES).await.expect("runs");
    let mut txn = local.begin(None).await.expect("begins");
    let table = txn.table(&ObjectRef::new(Some("s"), "t")).await.expect("a table");
    let provider =
        FileTable::with_row_identity(table.place.clone(), table.schema(), table.scan_files());
    let session = local.sessions.many();
    assert!(provider.delete_from(session, vec![lit(true)]).await.is_err());
    let set = vec![("name".to_string(), lit("x"))];
    assert!(provider.update(session, set, vec![]).await.is_err());
    assert_eq!(query(&local, "select count(*) from s.t where name in ('a', 'b')").await, ["2"]);
}

#[tokio::test]
async fn a_plan_of_a_change_changes_nothing() {
    let (_dir, local) = warehouse().await;
    run(&local, TABLES).await.expect("runs");
    for text in CHANGES.iter().filter(|t| !t.starts_with("with")) {
        let parsed = dialect::parse_script(&format!("explain {text}"), Path::new("t.sql"));
        let parsed = parsed.expect(text).remove(0);
        assert!(matches!(parsed.command, Command::Explain { .. }), "{text}");
        // whether it is refused or explained, the rows stay
        let _ = run(&local, &format!("explain {text}")).await;
        let mut dry = local.dry_run(true).await.expect("begins");
        let inner = dialect::parse_script(text, Path::new("t.sql")).expect(text).remove(0);
        let judged = dry.judge(&inner).await;
        assert!(judged.error.is_none() && judged.unplanned.is_none(), "{text}: {judged:?}");
        assert_eq!(query(&local, "select id, name from s.t order by id").await, ["1|a", "2|b"]);
    }
}
