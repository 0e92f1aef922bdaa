//! Narrowed statements beside what they mean, and the bounds that leave files and row groups out.

use std::path::Path;

use super::*;
use crate::dialect;
use crate::warehouse::local::tests::{query, run, warehouse};

/// Forty rows in two files of keys k0 to k39, the 1st of January and the days after it; a third
/// with a key that repeats and a row without one.
async fn store() -> (tempfile::TempDir, Local) {
    let (dir, local) = warehouse().await;
    let insert = |numbers: std::ops::Range<i32>| {
        let row = |i| format!("('k{i}', {}, timestamp '2021-01-01' + {i}, {i})", i % 3);
        format!("insert into s.t values {};", numbers.map(row).collect::<Vec<_>>().join(", "))
    };
    let sql = format!(
        "create schema s; create table s.t (k varchar(8), n integer, v timestamp, x integer); {} {}
         insert into s.t values ('k7', 1, timestamp '2021-01-01', 70),
             (null, 0, timestamp '2021-01-01', 99);",
        insert(0..20),
        insert(20..40),
    );
    run(&local, &sql).await.expect("a store");
    (dir, local)
}

/// What `narrow` leaves of a table, file by file, for the last statement of a batch.
async fn left(local: &Local, sql: &str) -> Option<Vec<Option<Vec<u32>>>> {
    let mut txn = local.begin(None).await.expect("a transaction");
    let mut parsed = dialect::parse_script(sql, Path::new("test")).expect("parses");
    let last = parsed.pop().expect("a statement");
    for before in &parsed {
        local.parsed(&mut txn, before).await.expect("runs");
    }
    let narrowed = narrow(local, &mut txn, &last.command).await.expect("narrows")?;
    let positions = |rows: &Arc<RoaringBitmap>| rows.iter().collect();
    Some(narrowed.rows.iter().map(|r| r.as_ref().map(positions)).collect())
}

const STAGE: &str = "create temp table stage (k varchar(8), n integer, v timestamp, x integer);";

#[tokio::test]
async fn only_rows_with_a_key_of_the_stage_are_left() {
    let (_dir, local) = store().await;
    let merge =
        "insert into stage values ('k3', 0, null, 1), ('k25', 1, null, 2), ('k25', 9, null, 3),
            ('new', 0, null, 4), (null, 0, null, 5);
        merge into s.t using stage on stage.k = t.k and stage.n = t.n
        when matched then update set x = stage.x
        when not matched then insert (k, n, x) values (stage.k, stage.n, stage.x)";
    let left = left(&local, &format!("{STAGE} {merge}")).await.expect("narrowed");
    assert_eq!(left, [Some(vec![3]), Some(vec![5]), Some(vec![])]);
    run(&local, &format!("{STAGE} {merge}")).await.expect("merges");
    assert_eq!(
        query(
            &local,
            "select k, n, x from s.t where x < 6 and v is not null or v is null order by x, k"
        )
        .await,
        [
            "k0|0|0", "k1|1|1", "k3|0|1", "k2|2|2", "k25|1|2", "k25|9|3", "k4|1|4", "new|0|4",
            "k5|2|5", "NULL|0|5"
        ]
    );
    assert_eq!(query(&local, "select count(*) from s.t").await, ["45"]);
}

#[tokio::test]
async fn a_bound_no_row_meets_leaves_nothing_and_deletes_nothing() {
    let (_dir, local) = store().await;
    let delete = |day: &str| {
        format!(
            "{STAGE} insert into stage values ('k3', 0, timestamp '{day}', 3), ('k30', 0, timestamp '{day}', 30);
             delete from stage using s.t where stage.k = t.k and stage.v <= t.v"
        )
    };
    let newer = left(&local, &delete("2022-01-01")).await.expect("narrowed");
    assert_eq!(newer, [Some(vec![]), Some(vec![]), Some(vec![])]);
    // The first file ends on the 20th of January, the second holds k30 of the 31st.
    let between = left(&local, &delete("2021-01-25")).await.expect("narrowed");
    assert_eq!(between, [Some(vec![]), Some(vec![10]), Some(vec![])]);
    let done = run(&local, &delete("2021-01-25")).await.expect("deletes");
    assert_eq!(done[2].deleted, 1);
}

#[tokio::test]
async fn the_target_is_narrowed_too_and_deleted_rows_stay_away() {
    let (_dir, local) = store().await;
    run(&local, "delete from s.t where x in (3, 25)").await.expect("deletes");
    let delete =
        "insert into stage values ('k3', 0, null, 3), ('k7', 1, null, 7), ('k25', 1, null, 1);
        delete from s.t using stage where t.k = stage.k";
    let left = left(&local, &format!("{STAGE} {delete}")).await.expect("narrowed");
    // Half of the last file is wanted: it is read as a whole.
    assert_eq!(left, [Some(vec![3, 7]), Some(vec![5]), None]);
    let done = run(&local, &format!("{STAGE} {delete}")).await.expect("deletes");
    assert_eq!(done[2].deleted, 2, "k7 twice; k3 and k25 were gone");
}

#[tokio::test]
async fn a_file_older_than_a_key_is_read_as_a_whole() {
    let (_dir, local) = store().await;
    let later = "alter table s.t add column late integer;
        insert into s.t (k, late) values ('k3', 5), ('a', 6), ('b', 7), ('k3', null)";
    run(&local, later).await.expect("alters");
    let update = "create temp table few (late integer, k varchar(8));
        insert into few values (5, 'k3');
        update s.t set x = 1000 from few where t.late = few.late and t.k = few.k";
    let left = left(&local, update).await.expect("narrowed");
    // The third file holds no k3, and says so by its bounds.
    assert_eq!(left, [None, None, Some(vec![]), Some(vec![0])]);
    let done = run(&local, update).await.expect("updates");
    assert_eq!(done[2].updated, 1);
}

#[tokio::test]
async fn the_source_of_a_merge_is_never_narrowed() {
    let (_dir, local) = store().await;
    let merge = "create temp table few (k varchar(8), x integer);
        insert into few values ('k3', 0);
        merge into few using s.t on few.k = t.k
        when matched then update set x = t.x
        when not matched then insert (k, x) values (t.k, t.x)";
    assert!(left(&local, merge).await.is_none());
    let done = run(&local, merge).await.expect("merges");
    assert_eq!((done[2].updated, done[2].inserted), (1, 41));
}

fn text(least: &str, greatest: &str) -> Bound {
    let value = |text: &str| ScalarValue::Utf8View(Some(text.to_string()));
    Bound {
        id: 1,
        ty: DataType::Utf8View,
        order: Order::Equal,
        least: value(least),
        greatest: value(greatest),
    }
}

#[test]
fn bounds_leave_out_what_no_comparison_can_meet() {
    let utf8 = |text: &str| ScalarValue::Utf8(Some(text.to_string()));
    let outside = |bound: &Bound, min: &str, max: &str| bound.excludes(&utf8(min), &utf8(max));
    let bound = text("b", "d");
    assert!(outside(&bound, "e", "f") && outside(&bound, "a", "az"));
    assert!(!outside(&bound, "a", "b") && !outside(&bound, "d", "f") && !outside(&bound, "a", "z"));
    assert!(!bound.excludes(&ScalarValue::Null, &ScalarValue::Null), "unknown bounds");
    // 'b' followed by blanks is equal to 'b' and less than 'b' followed by a tab is not.
    assert!(!outside(&text("a", "b"), "b\t", "c"));
    assert!(!outside(&text("a", "b"), "b ", "c"));
    let none = Bound { least: ScalarValue::Utf8View(None), ..text("b", "d") };
    assert!(outside(&none, "b", "d"), "only NULLs: nothing is equal to them");
}

#[test]
fn one_sided_bounds_look_at_one_side() {
    let int = |v: i64| ScalarValue::Int64(Some(v));
    let bound =
        |order| Bound { id: 1, ty: DataType::Int64, order, least: int(10), greatest: int(20) };
    assert!(bound(Order::AtLeast).excludes(&int(1), &int(9)));
    assert!(!bound(Order::AtLeast).excludes(&int(1), &int(10)));
    assert!(!bound(Order::AtLeast).excludes(&int(30), &int(40)));
    assert!(bound(Order::AtMost).excludes(&int(21), &int(40)));
    assert!(!bound(Order::AtMost).excludes(&int(20), &int(40)));
}
