//! What follows from an address and a user agent: asked once for each, landed as configured.

use std::net::IpAddr;
use std::sync::Mutex;

use super::super::country::Country;
use super::*;
use crate::config::{Extra, add_extra};

/// Every address is of New Zealand; keeps what it was asked.
#[derive(Default)]
struct Asked(Mutex<Vec<IpAddr>>);

impl Countries for Asked {
    fn name(&self) -> &str {
        "asked"
    }

    fn countries(&self, addresses: &[IpAddr]) -> Vec<Option<Country>> {
        self.0.lock().expect("a list").extend(addresses);
        vec![Some(*b"NZ"); addresses.len()]
    }
}

#[tokio::test]
async fn an_address_is_asked_once_in_a_run_whatever_files_chunks_and_workers() {
    let logs = Logs::new(&["a.log", "b.log"]);
    // several chunks of several megabytes, in which the addresses come again
    let agent = "x".repeat(2000);
    let text: String = (0..20_000)
        .map(|i| with_agent(&agent).replacen("8.8.8.8", &format!("8.8.{}.1", i % 100), 1) + "\n")
        .collect();
    logs.write("a.log", &text);
    // another log, which begins in its own way
    let first = with_agent("first").replacen("8.8.8.8", "8.8.7.1", 1);
    logs.write("b.log", format!("{first}\n{}", &text[..text.len() / 2]));
    let (window, _) = logs.plan().expect("a plan");
    let asked = Arc::new(Asked::default());
    let (countries, root) = (Arc::clone(&asked) as Arc<dyn Countries>, logs.folder.path());
    let landed = land_window_asking(countries, &logs.source, root, &window, 4, 0).await;
    let landed = landed.expect("landed");
    assert!(landed.rows.len() > 29_000 && landed.column("country").iter().all(|c| *c == "NZ"));
    let mut asked = asked.0.lock().expect("a list").clone();
    assert_eq!(asked.len(), 100, "each address once");
    asked.sort();
    asked.dedup();
    assert_eq!(asked.len(), 100);
}

/// A log whose source asks for all columns there are.
fn logs_with_everything() -> Logs {
    let mut logs = Logs::new(&["access.log"]);
    logs.source.extra = Extra::ALL.to_vec();
    add_extra(&mut logs.source.table, &Extra::ALL);
    logs
}

const FIREFOX: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:121.0) Gecko/20100101 Firefox/121.0";
const GOOGLE: &str = "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)";

#[tokio::test]
async fn columns_asked_for_are_landed_behind_the_others() {
    let mut logs = logs_with_everything();
    let lines = [FIREFOX, "-", GOOGLE, "nobody knows", "", FIREFOX].map(with_agent);
    logs.write("access.log", lines.join("\n") + "\n");
    let landed = logs.run().await;
    for (column, want) in [
        ("browser", ["Firefox", "NULL", "Googlebot", "NULL", "NULL", "Firefox"]),
        ("os", ["Linux", "NULL", "NULL", "NULL", "NULL", "Linux"]),
        ("is_bot", ["false", "NULL", "true", "false", "false", "false"]),
        ("device", ["Other"; 6]),
    ] {
        assert_eq!(landed.column(column), want, "{column}");
    }
}

#[tokio::test]
async fn columns_asked_for_are_right_when_no_user_agent_comes_twice() {
    let mut logs = logs_with_everything();
    let agents = |i: usize| match i % 3 {
        0 => format!("{FIREFOX} {i}"),
        1 => format!("{GOOGLE} {i}"),
        _ => "-".to_string(),
    };
    let text: String = (0..40_000).map(|i| with_agent(&agents(i)) + "\n").collect();
    logs.write("access.log", text);
    let landed = logs.run().await;
    assert_eq!(landed.rows.len(), 40_000);
    for (column, want) in [
        ("browser", ["Firefox", "Googlebot", "NULL"]),
        ("os", ["Linux", "NULL", "NULL"]),
        ("is_bot", ["false", "true", "NULL"]),
    ] {
        let found = landed.column(column);
        assert!(found.iter().enumerate().all(|(i, v)| *v == want[i % 3]), "{column}");
    }
}

#[tokio::test]
async fn without_being_asked_for_there_are_no_more_columns() {
    let landed = land(&[with_agent(FIREFOX)]).await;
    assert!(!landed.rows[0].contains_key("browser"), "{:?}", landed.rows[0]);
    assert_eq!(landed.rows[0].len(), 13, "all but the identity, which is `-`");
}

#[tokio::test]
async fn kinds_of_devices_are_those_of_the_source() {
    let mut logs = Logs::new(&["access.log"]);
    logs.source.devices = vec!["Firefox".to_string(), "Linux".to_string()];
    let lines = [FIREFOX, GOOGLE, "Linux", "-", "firefox iPad"].map(with_agent);
    logs.write("access.log", lines.join("\n") + "\n");
    let landed = logs.run().await;
    assert_eq!(landed.column("device"), ["Firefox", "Other", "Linux", "Other", "Other"]);
}
