//! Projects that change after their first run: columns asked for later, sources from other files.

use std::fs;

use crate::support::project::{Project, select};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn columns_asked_for_later_are_added_and_old_lines_have_none() {
    let project = Project::sample(20, 60);
    project.ok(&["run"]);
    project.edit(&[("require_files = true", "extra = [\"browser\", \"is_bot\"] #")]);
    let log = project.path().join("data/access.log");
    let mut text = fs::read_to_string(&log).expect("a log");
    let robot = "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)";
    text += &format!(
        "66.249.66.1 - - [02/Feb/2022:00:00:00 +0000] \"GET / HTTP/1.1\" 200 5 \"-\" \"{robot}\"\n"
    );
    fs::write(&log, text).expect("written");
    let said = project.run(&["run"]);
    let told = String::from_utf8_lossy(&said.stderr).into_owned();
    assert_eq!(said.status.code(), Some(0), "{told}");
    assert!(told.contains("`store_weblog.access` has 2 more columns"), "{told}");

    let warehouse = project.warehouse().await;
    let columns = ["user_agent", "browser", "is_bot"];
    let rows = select(&warehouse, "store_weblog.access", &columns, None).await;
    assert!(rows.len() > 50, "{} rows", rows.len());
    let (new, old): (Vec<_>, Vec<_>) = rows.into_iter().partition(|row| row[1].is_some());
    let some = |text: &str| Some(text.to_string());
    assert_eq!(new, [[some(robot), some("Googlebot"), some("true")]]);
    assert!(old.iter().all(|row| row[2].is_none()));

    // once more is no change
    let told = project.run(&["run"]);
    let told = String::from_utf8_lossy(&told.stderr).into_owned();
    assert!(!told.contains("more column"), "{told}");
}

#[test]
fn a_database_from_csv_files_comes_with_a_log_if_there_is_none() {
    let project = Project::sample(20, 60);
    let folder = project.path().join("extracts");
    fs::create_dir(&folder).expect("a folder");
    for table in
        ["companies", "customers", "products", "product_prices", "order_headers", "order_lines"]
    {
        fs::write(folder.join(format!("{table}.csv")), "").expect("written");
    }
    let log = project.path().join("data/access.log");
    // a mistake in the files leaves no log behind
    fs::write(folder.join("companies.csv"), "x\n").expect("written");
    assert_eq!(project.run(&["seed", "--from-csv", "extracts"]).status.code(), Some(1));
    assert!(!log.exists());
    fs::write(folder.join("companies.csv"), "").expect("written");
    project.ok(&["seed", "--from-csv", "extracts"]);
    project.ok(&["run"]);

    // a log that is there is somebody's
    fs::write(&log, "mine\n").expect("written");
    project.ok(&["seed", "--from-csv", "extracts"]);
    assert_eq!(fs::read_to_string(&log).expect("a log"), "mine\n");
    project.ok(&["seed", "--from-csv", "extracts", "--log-lines", "7"]);
    assert!(fs::read_to_string(&log).expect("a log").lines().count() >= 7);
}
