//! Two runs at once: one works, the other says who has the lock; nothing is written twice.

use std::process::{Child, Output, Stdio};

use crate::support::chance::number;
use crate::support::project::{Project, difference, text};

fn start(project: &Project) -> Child {
    project.command(&["run"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("starts")
}

fn end(child: Child) -> Output {
    child.wait_with_output().expect("ends")
}

#[tokio::test]
async fn of_two_runs_at_once_one_works_and_one_is_told_of_the_other() {
    let pairs = number("LANDFALL_TEST_PAIRS").unwrap_or(20);
    let project = Project::sample(20, 60);
    project.ok(&["seed"]);
    let mut want = None;
    let mut refused = 0;
    for pair in 0..pairs {
        project.forget();
        let (first, second) = (start(&project), start(&project));
        let ended = [end(first), end(second)];
        let codes: Vec<_> = ended.iter().map(|output| output.status.code()).collect();
        let said: Vec<String> = ended.iter().map(|output| text(&output.stderr)).collect();
        match codes.as_slice() {
            [Some(0), Some(5)] | [Some(5), Some(0)] => {
                refused += 1;
                let loser = &said[usize::from(codes[1] == Some(5))];
                assert!(loser.contains("state/locked"), "{loser}");
                assert!(loser.contains("another run holds this project"), "{loser}");
            }
            // The second began when the first had ended: it is the next sequence, and changes nothing.
            [Some(0), Some(0)] => {
                let done = project.done(2).await;
                assert!(!done.is_empty(), "{said:?}");
                for (task, rows) in done {
                    assert_eq!((rows.inserted, rows.updated), (0, 0), "{task}: {rows:?}");
                }
            }
            other => panic!("pair {pair} ended with {other:?}: {said:#?}"),
        }
        let mut tables = project.tables().await;
        tables.retain(|name, _| !name.starts_with("landing"));
        let want = want.get_or_insert_with(|| tables.clone());
        assert_eq!(difference(want, &tables), None, "pair {pair}");
    }
    println!("together: {pairs} pairs, {refused} met");
    assert!(refused * 2 > pairs, "only {refused} of {pairs} pairs met: nothing was tested");
}

/// Nobody has made the sample yet: both begin with it.
#[tokio::test]
async fn two_first_runs_at_once_make_one_sample() {
    let project = Project::sample(20, 60);
    for _ in 0..8 {
        project.forget();
        project.forget_sample();
        let (first, second) = (start(&project), start(&project));
        let ended = [end(first), end(second)];
        let codes: Vec<_> = ended.iter().map(|output| output.status.code()).collect();
        let said: Vec<String> = ended.iter().map(|output| text(&output.stderr)).collect();
        assert!(codes.contains(&Some(0)), "{said:#?}");
        assert!(codes.iter().all(|code| matches!(code, Some(0 | 5))), "{codes:?} {said:#?}");
        let tables = project.tables().await;
        assert_eq!(tables["store_mysql.order_headers"].len(), 20);
        assert_eq!(tables["store_weblog.access"].len(), 60);
    }
}

#[test]
fn a_holder_that_was_killed_leaves_no_lock() {
    let project = Project::sample(20, 60);
    project.ok(&["seed"]);
    let lock = project.path().join(".landfall/lock");
    for _ in 0..5 {
        let mut holder = start(&project);
        // It holds the lock once the file names it.
        while std::fs::read(&lock).map_or(true, |text| text.is_empty()) {
            if holder.try_wait().expect("a child").is_some() {
                break;
            }
            std::thread::yield_now();
        }
        holder.kill().expect("kills");
        holder.wait().expect("ends");
        project.ok(&["run"]);
    }
}
