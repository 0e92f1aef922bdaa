//! Every mistake a project can have: its code and its place, all of them in one pass.

use super::*;

/// The lines of a source `shop` up to its table, then a table with what is given.
fn table(lines: &str) -> String {
    format!(
        "[source.shop]\nurl = \"sqlite:x\"\ntimezone = \"UTC\"\n[[source.shop.table]]\n{lines}\n"
    )
}

/// As [`table`], with name, key and columns in order: what follows is line 8.
fn sound(lines: &str) -> String {
    table(&format!(
        "name = \"t\"\nkey = [\"a\"]\n\
         columns = [\"a int not null\", \"at timestamp not null\", \"d timestamp\"]\n{lines}"
    ))
}

fn project(lines: &str) -> String {
    format!("[project]\n{lines}\n{GOOD}")
}

fn source(lines: &str) -> String {
    format!(
        "[source.shop]\n{lines}\ntimezone = \"UTC\"\n[[source.shop.table]]\nname = \"t\"\n\
         key = [\"a\"]\ncolumns = [\"a int\"]\n"
    )
}

fn log(lines: &str) -> String {
    format!("[source.weblog]\n{lines}\n")
}

#[track_caller]
fn check(text: String, want: &[&str]) {
    assert_eq!(told(&text, &with(&[("EMPTY", ""), ("SET", "value")])), want, "{text}");
}

#[test]
fn keys_and_types() {
    check("".into(), &["config/no-tables 1:1"]);
    check("[project\nname = 1".into(), &["config/syntax 1:9"]);
    check(format!("[project]\nname = \"a\"\nname = \"b\"\n{GOOD}"), &["config/syntax 3:1"]);
    check(format!("jobs = 4\n{GOOD}"), &["config/unknown-key 1:1"]);
    check(format!("project = 4\n{GOOD}"), &["config/wrong-type 1:1"]);
    check(project("jbos = 4"), &["config/unknown-key 2:1"]);
    check(project("jobs = \"4\""), &["config/wrong-type 2:8"]);
    check(project("fsync = 1"), &["config/wrong-type 2:9"]);
    check(project("name = [\"a\"]"), &["config/wrong-type 2:8"]);
    check(format!("[target.redshfit]\njobs = 1\n{GOOD}"), &["config/unknown-key 1:9"]);
    check(format!("[target.local]\nname = \"x\"\n{GOOD}"), &["config/unknown-key 2:1"]);
    check(format!("[sample]\nsede = 1\n{GOOD}"), &["config/unknown-key 2:1"]);
    check(sound("watermrak = \"at\""), &["config/unknown-key 8:1"]);
    check(sound("lag = \"1s\""), &["config/unknown-key 8:1"]);
    check("[source]\nshop = 1\n".into(), &["config/no-tables 1:1", "config/wrong-type 2:1"]);
    check(
        "[source.shop]\nurl = \"sqlite:x\"\ntable = 1\n".into(),
        &["config/no-tables 1:9", "config/wrong-type 3:1"],
    );
}

#[test]
fn project_settings() {
    check(project("jobs = 0"), &["config/range 2:8"]);
    check(project("jobs = 65"), &["config/range 2:8"]);
    check(project("jobs = -1"), &["config/range 2:8"]);
    check(project("memory_limit = \"1MB\""), &["config/range 2:16"]);
    check(project("memory_limit = \"lots\""), &["config/range 2:16"]);
    check(project("memory_limit = \"99999TB\""), &["config/range 2:16"]);
    check(project("target = \"redshfit\""), &["config/target 2:10"]);
    check(project("name = \"\""), &["config/name 2:8"]);
    check(project("state = \"../elsewhere\""), &["config/path 2:9"]);
    check(project("landing = \"a/../../b\""), &["config/path 2:11"]);
    check(project("landing = \"\""), &["config/path 2:11"]);
    check(project("landing = \"~/landing\""), &["config/path 2:11"]);
    check(project("landing = \"gs://bucket/x\""), &["config/url 2:11"]);
    for bad in [
        "s3://",
        "s3://B_d/x",
        "s3://a/x",
        "s3://key:word@bucket/x",
        "s3://-ab/x",
        "s3://bucket/x?a=b",
        "s3://bucket/a/../../b",
        "s3://bucket:99/x",
    ] {
        check(project(&format!("landing = \"{bad}\"")), &["config/url 2:11"]);
    }
    check(
        format!("[sample]\norders = 0\nseed = -1\n{GOOD}"),
        &["config/range 2:10", "config/range 3:8"],
    );
}

#[test]
fn source_settings() {
    check(source(""), &["config/missing-key 1:9"]);
    check(source("url = \"sqlite:x\"\nfiles = [\"a\"]"), &["config/missing-key 1:9"]);
    for bad in [
        "",
        "data/x.sqlite",
        "oracle://h/x",
        "mysql://h",
        "mysql:///x",
        "sqlite:",
        "sqlite::memory:",
        "sqlite:x?mode=ro",
        "postgres://h/x?sslmode=disable",
    ] {
        check(source(&format!("url = \"{bad}\"")), &["config/url 2:7"]);
    }
    for bad in ["mysql://u:secret@h/x", "postgres://h/x?password=secret", "mysql://u:a${SET}@h/x"] {
        check(source(&format!("url = \"{bad}\"")), &["config/secret 2:7"]);
    }
    check(
        source("url = \"mysql://${NOPE}@${NEITHER}/x\""),
        &["config/variable 2:7", "config/variable 2:7"],
    );
    check(source("url = \"mysql://${}@h/x\""), &["config/variable 2:7"]);
    check(source("url = \"mysql://h/x\"\npassword = \"p\""), &["config/secret 3:12"]);
    check(source("url = \"mysql://h/x\"\npassword_env = \"NOPE\""), &["config/variable 3:16"]);
    check(source("url = \"mysql://h/x\"\npassword_env = \"EMPTY\""), &["config/variable 3:16"]);
    check(source("url = \"mysql://h/x\"\npassword_env = \"p@ss word\""), &["config/variable 3:16"]);
    check(source("url = \"mysql://h/x\"\npassword_command = []"), &["config/secret 3:20"]);
    check(
        source("url = \"mysql://u:${SET}@h/x\"\npassword_env = \"SET\""),
        &["config/secret 3:16"],
    );
    check(
        source("url = \"mysql://h/x\"\npassword_env = \"SET\"\npassword_file = \"f\""),
        &["config/secret 3:16"],
    );
    check(source("url = \"sqlite:x\"\nlag = \"-1s\""), &["config/range 3:7"]);
    check(source("url = \"sqlite:x\"\nlag = \"2d\""), &["config/range 3:7"]);
    check(source("url = \"sqlite:x\"\nlag = \"120\""), &["config/range 3:7"]);
    check(source("url = \"mysql://h/x\"\ntls = \"on\""), &["config/range 3:7"]);
    check(source("url = \"sqlite:x\"\ncountry = \"table\""), &["config/unknown-key 3:11"]);
    check(GOOD.replace("\"UTC\"", "\"Utopia\""), &["config/timezone 4:12"]);
    check(GOOD.replace("source.shop", "source.Shop"), &["config/name 2:9"]);
    check("[source.shop]\nurl = \"sqlite:x\"\n".into(), &["config/no-tables 1:9"]);
}

#[test]
fn web_logs() {
    check(log("files = []"), &["config/files 2:9"]);
    check(log("files = [\"a\", \"\"]"), &["config/path 2:15"]);
    check(log("files = [\"a\"]\ncountry = \"moon\""), &["config/country 3:11"]);
    check(log("files = [\"a\"]\ncountry = \"mmdb:\""), &["config/country 3:11"]);
    check(log("files = [\"a\"]\ndevices = [\"iPad\", \"\"]"), &["config/devices 3:20"]);
    check(log("files = [\"a\"]\ndevices = [\"a\", \"a\"]"), &["config/devices 3:17"]);
    let long = format!("files = [\"a\"]\ndevices = [\"{}\"]", "x".repeat(17));
    check(log(&long), &["config/devices 3:12"]);
    check(log("files = [\"a\"]\nextra = [\"os\", \"borwser\"]"), &["config/extra 3:16"]);
    check(log("files = [\"a\"]\nextra = [\"os\", \"os\"]"), &["config/extra 3:16"]);
    check(log("files = [\"a\"]\nlag = \"1s\""), &["config/unknown-key 3:7"]);
    check(log("files = [\"a\"]\ncountry = \"ipinfo\"\ntoken = \"t\""), &["config/secret 4:9"]);
    check(
        log("files = [\"a\"]\ncountry = \"ipinfo\"\nipinfo_url = \"http://ipinfo.io\""),
        &["config/url 4:14"],
    );
    check(
        log("files = [\"a\"]\n[[source.weblog.table]]\nname = \"x\""),
        &["config/weblog-table 3:1"],
    );
}

#[test]
fn tables() {
    check(table(""), &["config/missing-key 4:1"; 3]);
    check(table("name = \"\"\nkey = [\"a\"]\ncolumns = [\"a int\"]"), &["config/name 5:8"]);
    check(
        table("name = \"t\"\nkey = []\ncolumns = []"),
        &["config/empty-key 6:7", "config/columns 7:11"],
    );
    check(
        table("name = \"t\"\nkey = [\"b\", \"a\", \"a\"]\ncolumns = [\"a int\"]"),
        &["config/unknown-column 6:8", "config/duplicate-column 6:18"],
    );
    check(
        table(
            "name = \"t\"\nkey = [\"a\"]\ncolumns = [\n\"a tinyint\",\n\"A int\",\n\"b\",\n\"b int\"]",
        ),
        &[
            "types/unknown 8:1",
            "config/duplicate-column 9:1",
            "config/name 9:1",
            "config/column 10:1",
            "config/duplicate-column 11:1",
        ],
    );
    check(sound("extract = \"incremental\""), &["config/missing-key 4:1"]);
    check(sound("extract = \"sometimes\""), &["config/extract 8:11"]);
    check(sound("lookback = \"1h\""), &["config/extract 8:12"]);
    check(sound("extract = \"incremental\"\nwatermark = \"ta\""), &["config/unknown-column 9:13"]);
    check(sound("extract = \"incremental\"\nwatermark = \"a\""), &["config/watermark 9:13"]);
    check(sound("extract = \"incremental\"\nwatermark = \"d\""), &["config/watermark 9:13"]);
    check(
        sound("extract = \"incremental\"\nwatermark = \"at\"\nlookback = \"60d\""),
        &["config/range 10:12"],
    );
    check(sound("where = \" \""), &["config/where 8:9"]);
    check(sound("from = \"\""), &["config/missing-key 8:8"]);
    check(sound("landing = \"orders\""), &["config/name 8:11"]);
    check(sound("store = \"a.b.c\""), &["config/name 8:9"]);
    check(sound("store = \"pres.orders\""), &["config/name 8:9"]);
    check(
        sound("extract = \"incremental\"\nwatermark = \"at\"").replace("timezone = \"UTC\"", ""),
        &["config/missing-key 1:9"],
    );
}

#[test]
fn two_tables_in_one_place() {
    let second = |name: &str, lines: &str| {
        format!(
            "{GOOD}[[source.shop.table]]\nname = \"{name}\"\nkey = [\"no\"]\n\
                 columns = [\"no int\"]\n{lines}\n"
        )
    };
    check(second("orders", ""), &["config/duplicate-table 9:1"]);
    check(second("ORDERS", ""), &["config/duplicate-table 9:1", "config/name 10:8"]);
    check(second("more", "landing = \"landing_shop.orders\""), &["config/duplicate-target 9:1"]);
    check(second("more", "store = \"Store_Shop.Orders\""), &["config/duplicate-target 9:1"]);
    check(second("more", "store = \"landing_shop.orders\""), &["config/duplicate-target 9:1"]);
    check(second("more", "store = \"landing_shop.more\""), &["config/duplicate-target 9:1"]);
    check(
        format!(
            "{}[source.weblog]\nfiles = [\"a\"]\n",
            second("more", "store = \"store_weblog.access\"")
        ),
        &["config/duplicate-target 14:9"],
    );
}

#[test]
fn one_pass_finds_everything_and_hints_at_the_cure() {
    let text = "[project]\njbos = 4\nlanding = \"..\"\n[source.shop]\nurl = \"mysql://u:hunter2@h/x\"\n\
                timezone = \"Mars\"\n[[source.shop.table]]\nname = \"orders\"\nkey = [\"ordr_no\"]\n\
                columns = [\"order_no int4x\"]\nwatermak = \"x\"\n";
    let error = load_text(text, &with(&[])).expect_err("mistakes");
    let codes: Vec<&str> = all(&error).map(Error::code).collect();
    assert_eq!(
        codes,
        [
            "config/unknown-key",
            "config/path",
            "config/secret",
            "config/timezone",
            "config/unknown-column",
            "types/unknown",
            "config/unknown-key",
        ]
    );
    let hints: Vec<&str> = all(&error).filter_map(Error::advice).collect();
    for hint in ["did you mean `jobs`?", "did you mean `order_no`?", "did you mean `watermark`?"] {
        assert!(hints.contains(&hint), "{hint} not in {hints:?}");
    }
    assert!(!format!("{error:?}").contains("hunter2"));
    assert!(all(&error).all(|e| e.kind() == crate::error::Kind::Config));
}

#[test]
fn files_that_are_no_text() {
    let none = with(&[]);
    assert_eq!(told(b"a = 1\nb\xff = 2".as_slice(), &none), ["config/not-utf8 2:2"]);
    assert_eq!(told("#".repeat((1 << 20) + 1), &none), ["config/too-big 1:1"]);
    let comment = "#".repeat((1 << 20) - GOOD.len());
    assert_eq!(told(format!("{comment}{GOOD}"), &none), Vec::<String>::new());
    assert_eq!(
        told(format!("\u{feff}{}", GOOD.replace('\n', "\r\n")), &none),
        Vec::<String>::new()
    );
    let late = format!("\u{feff}{}jobs = 1\r\n", GOOD.replace('\n', "\r\n"));
    assert_eq!(told(late, &none), ["config/unknown-key 9:1"]);
    let folder = tempfile::tempdir().expect("folder");
    std::fs::create_dir(folder.path().join("landfall.toml")).expect("folder");
    assert_eq!(load(folder.path(), &none).expect_err("a folder").code(), "config/not-a-file");
}

#[test]
fn no_project() {
    let folder = tempfile::tempdir().expect("folder");
    let none = with(&[]);
    assert_eq!(load(folder.path(), &none).expect_err("nothing").code(), "config/no-project");
    let named = Overrides { project: Some("nowhere".into()), ..Overrides::default() };
    assert_eq!(load(folder.path(), &named).expect_err("nothing").code(), "config/no-project");
}

proptest::proptest! {
    #[test]
    fn any_document_loads_or_is_refused(
        keys in proptest::collection::vec("(\\[\\[?source\\.[a-z]{1,3}(\\.table)?\\]\\]?|\
            (name|key|url|columns|extract|watermark|files|landing) = (\"[ -~]{0,20}\"|\
            \\[(\"[ -!#-~]{0,12}\",){0,3}\\]|-?[0-9]{1,20}|true))", 0..12),
    ) {
        let _ = told(keys.join("\n"), &with(&[]));
    }
}

#[test]
fn catalog_settings() {
    let project = |line: &str| format!("[project]\n{line}\n{GOOD}");
    for bad in [
        "",
        "shop.db",
        "mysql://h/x",
        "postgres://h",
        "postgres:///x",
        "postgres://h/x?sslmode=disable",
        "postgres://h/x?schema=Two Words",
        "postgres://h/x?schema=",
    ] {
        check(project(&format!("catalog = \"{bad}\"")), &["config/url 2:11"]);
    }
    for bad in ["postgres://u:secret@h/x", "postgres://h/x?password=secret"] {
        check(project(&format!("catalog = \"{bad}\"")), &["config/secret 2:11"]);
        let variable = with(&[("LANDFALL_CATALOG", bad)]);
        assert_eq!(told(GOOD, &variable), ["config/secret LANDFALL_CATALOG"]);
    }
    check(project("catalog_tls = \"maybe\""), &["config/range 2:15"]);
}
