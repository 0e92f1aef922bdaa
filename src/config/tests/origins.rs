//! Where values come from: layers, variables, flags, secrets, folders.

use super::*;

fn origin<'a>(loaded: &'a Loaded, key: &str) -> (&'a str, &'a str) {
    let setting = loaded.origins.iter().find(|s| s.key == key);
    let setting = setting.unwrap_or_else(|| panic!("no setting {key}"));
    (&setting.value, &setting.origin)
}

#[test]
fn every_layer_beats_the_one_below() {
    let folder = tempfile::tempdir().expect("folder");
    let tracked =
        |lines: &str| write(folder.path(), "landfall.toml", &format!("{lines}{GOOD}"), 0o644);
    tracked("");
    let jobs = |overrides: &Overrides| {
        let loaded = load(folder.path(), overrides).expect("loads");
        (loaded.project.jobs, origin(&loaded, "project.jobs").1.to_string())
    };
    assert_eq!(jobs(&with(&[])).1, "default");
    tracked("[project]\njobs = 2\n");
    assert_eq!(jobs(&with(&[])), (2, "landfall.toml:2".into()));
    tracked("[project]\njobs = 2\n[target.local]\njobs = 3\n[target.redshift]\njobs = 9\n");
    assert_eq!(jobs(&with(&[])), (3, "landfall.toml:4".into()));
    let redshift = with(&[("LANDFALL_TARGET", "redshift")]);
    assert_eq!(jobs(&redshift), (9, "landfall.toml:6".into()));
    write(folder.path(), "landfall.local.toml", "[project]\njobs = 4\n", 0o644);
    assert_eq!(jobs(&with(&[])), (4, "landfall.local.toml:2".into()));
    let variable = with(&[("LANDFALL_JOBS", "5")]);
    assert_eq!(jobs(&variable), (5, "LANDFALL_JOBS".into()));
    assert_eq!(jobs(&variable.flag("--jobs", "project.jobs", "6")), (6, "--jobs".into()));
    assert_eq!(jobs(&with(&[("LANDFALL_JOBS", "")])), (4, "landfall.local.toml:2".into()));
}

#[test]
fn mistakes_outside_of_files_name_the_variable_or_flag() {
    let overrides = with(&[
        ("LANDFALL_JOBS", "many"),
        ("LANDFALL_FSYNC", "maybe"),
        ("LANDFALL_STATE_DIR", "../x"),
    ])
    .flag("--config", "project.jbos", "1")
    .flag("--lag", "source.shop.lag", "soon")
    .flag("--config", "source.other.lag", "1s");
    assert_eq!(
        told(GOOD, &overrides),
        [
            "config/wrong-type LANDFALL_JOBS",
            "config/wrong-type LANDFALL_FSYNC",
            "config/unknown-key --config",
            "config/unknown-key --config",
            "config/path LANDFALL_STATE_DIR",
            "config/range --lag",
        ]
    );
}

#[test]
fn a_local_file_changes_settings_but_declares_no_table() {
    let folder = tempfile::tempdir().expect("folder");
    write(folder.path(), "landfall.toml", GOOD, 0o644);
    write(
        folder.path(),
        "landfall.local.toml",
        "[source.shop]\nurl = \"sqlite:other.db\"\n",
        0o644,
    );
    let loaded = load(folder.path(), &with(&[])).expect("loads");
    assert_eq!(origin(&loaded, "source.shop.url"), ("sqlite:other.db", "landfall.local.toml:2"));
    assert_eq!(loaded.project.sources[0].tables().len(), 1);
    let table = "[[source.shop.table]]\nname = \"x\"\n";
    write(folder.path(), "landfall.local.toml", table, 0o644);
    let error = load(folder.path(), &with(&[])).expect_err("a table");
    assert_eq!(error.code(), "config/local-table");
    assert_eq!(error.place().expect("place").file, Path::new("landfall.local.toml"));
}

#[test]
fn the_nearest_parent_is_the_project_and_paths_are_its_own() {
    let folder = tempfile::tempdir().expect("folder");
    let root = folder.path().join("my project");
    let deep = root.join("sql/pres");
    std::fs::create_dir_all(&deep).expect("folders");
    write(&root, "landfall.toml", GOOD, 0o644);
    let project = load(&deep, &with(&[])).expect("loads").project;
    assert_eq!(project.root, root);
    assert_eq!(project.name, "my project");
    assert_eq!(project.state_dir, root.join(".landfall"));
    assert_eq!(project.landing.to_file_path(), Ok(root.clone()));
    assert_eq!(project.reports_dir, root.join("sql/reports"));
    let Source::Database(shop) = &project.sources[0] else { panic!("a database") };
    assert_eq!(shop.sqlite_path(), Some(root.join("shop.db")));
    assert!(shop.url.as_str().starts_with("sqlite:///"), "{}", shop.url);

    let named = Overrides { project: Some("my project".into()), ..Overrides::default() };
    assert_eq!(load(folder.path(), &named).expect("named").project.root, root);
    let variable = with(&[("LANDFALL_PROJECT", root.to_str().expect("UTF-8"))]);
    assert_eq!(load(folder.path(), &variable).expect("named").project.root, root);
}

#[test]
fn a_password_reaches_the_source_and_nothing_else() {
    let server = GOOD.replace("sqlite:shop.db", "mysql://reader@db/shop");
    let canary = "CANARY7f3a";
    let check = |text: &str, overrides: &Overrides, folder: &Path| {
        write(folder, "landfall.toml", text, 0o644);
        let loaded = load(folder, overrides).unwrap_or_else(|e| panic!("{text}: {e:?}"));
        assert!(!format!("{loaded:?}").contains(canary), "{text}");
        let Source::Database(shop) = &loaded.project.sources[0] else { panic!("a database") };
        assert_eq!(shop.url.as_str(), "mysql://reader@db/shop");
        shop.password.as_ref().map(|p| p.reveal().to_string())
    };
    let folder = tempfile::tempdir().expect("folder");
    let folder = folder.path();
    let with_line = |line: &str| server.replace("timezone", &format!("{line}\ntimezone"));

    let set = with(&[("PW", canary), ("URL", &format!("mariadb://reader:{canary}%20x@db/shop"))]);
    let text = with_line("password_env = \"PW\"");
    assert_eq!(check(&text, &set, folder).as_deref(), Some(canary));
    let text = server.replace("mysql://reader@db/shop", "${URL}");
    assert_eq!(check(&text, &set, folder), Some(format!("{canary} x")));
    let text = server.replace("reader@", "reader:${PW}@");
    assert_eq!(check(&text, &set, folder).as_deref(), Some(canary));

    write(folder, "pw", &format!("{canary}\n"), 0o600);
    let text = with_line("password_file = \"pw\"");
    assert_eq!(check(&text, &set, folder).as_deref(), Some(canary));
    let text = with_line("password_command = [\"cat\", \"pw\"]");
    assert_eq!(check(&text, &set, folder).as_deref(), Some(canary));
    let unread = Overrides { read_secrets: false, ..with(&[]) };
    assert_eq!(check(&text, &unread, folder), None);
    assert_eq!(check(&with_line("password_env = \"PW\""), &unread, folder), None);

    let local = format!("[source.shop]\npassword = \"{canary}\"\n");
    write(folder, "landfall.local.toml", &local, 0o600);
    assert_eq!(check(&server, &set, folder).as_deref(), Some(canary));
}

#[test]
fn a_secret_that_others_can_read_is_refused() {
    let folder = tempfile::tempdir().expect("folder");
    let text = GOOD.replace("sqlite:shop.db", "mysql://reader@db/shop");
    let with_file = text.replace("timezone", "password_file = \"pw\"\ntimezone");
    write(folder.path(), "landfall.toml", &with_file, 0o644);
    write(folder.path(), "pw", "CANARY7f3a\n", 0o640);
    let error = load(folder.path(), &with(&[])).expect_err("group may read");
    assert_eq!((error.code(), error.place().map(|p| p.line)), ("config/secret", Some(4)));

    write(folder.path(), "landfall.toml", &text, 0o644);
    let local = "[source.shop]\npassword = \"CANARY7f3a\"\n";
    write(folder.path(), "landfall.local.toml", local, 0o644);
    let error = load(folder.path(), &with(&[])).expect_err("others may read");
    assert_eq!(error.advice(), Some("chmod 600 landfall.local.toml"));
    assert!(!format!("{error:?}").contains("CANARY7f3a"));

    let failing = text.replace("timezone", "password_command = [\"false\"]\ntimezone");
    write(folder.path(), "landfall.toml", &failing, 0o644);
    std::fs::remove_file(folder.path().join("landfall.local.toml")).expect("removed");
    assert_eq!(load(folder.path(), &with(&[])).expect_err("fails").code(), "config/secret");
}

#[test]
fn servers_and_countries_are_read() {
    let text = GOOD.replace("sqlite:shop.db", "postgresql://reader@db:5433/shop")
        + "[source.weblog]\nfiles = [\"logs/*.gz\"]\ncountry = \"ipinfo\"\nrequire_files = false\n";
    let loaded = load_text(&text, &with(&[("IPINFO_TOKEN", "CANARY7f3a")])).expect("loads");
    let [Source::Database(shop), Source::Weblog(log)] = loaded.project.sources.as_slice() else {
        panic!("two sources")
    };
    assert_eq!(shop.url.as_str(), "postgres://reader@db:5433/shop");
    assert!(!shop.tls_off && shop.lag_seconds == 120);
    assert_eq!(log.files, ["logs/*.gz"]);
    assert!(!log.require_files);
    let CountrySource::Ipinfo { url, token } = &log.country else { panic!("ipinfo") };
    assert_eq!(url.as_str(), "https://ipinfo.io/");
    assert_eq!(token.as_ref().map(Secret::reveal), Some("CANARY7f3a"));
    let text = "[source.weblog]\nfiles = [\"a\"]\ncountry = \"mmdb:geo.mmdb\"\n";
    let loaded = load_text(text, &with(&[])).expect("loads");
    let Source::Weblog(log) = &loaded.project.sources[0] else { panic!("a log") };
    let CountrySource::Mmdb(path) = &log.country else { panic!("mmdb") };
    assert_eq!(path, &loaded.project.root.join("geo.mmdb"));
    assert_eq!(log.devices, DEVICES);
    assert!(log.extra.is_empty() && log.table.columns.len() == 14);
}

#[test]
fn devices_and_extra_columns_of_a_log_are_data() {
    let text = "[source.weblog]\nfiles = [\"a\"]\ndevices = [\"iPad\", \"Android\"]\n\
                extra = [\"is_bot\", \"browser\"]\n";
    let loaded = load_text(text, &with(&[])).expect("loads");
    let Source::Weblog(log) = &loaded.project.sources[0] else { panic!("a log") };
    assert_eq!(log.devices, ["iPad", "Android"]);
    assert_eq!(log.extra, [Extra::IsBot, Extra::Browser]);
    let last: Vec<String> =
        log.table.columns[14..].iter().map(|c| format!("{} {}", c.name, c.ty)).collect();
    assert_eq!(last, ["is_bot boolean", "browser varchar(64)"]);
}

#[test]
fn shown_values_name_variables_and_defaults() {
    let text = format!("[project]\nlanding = \"${{LAKE}}\"\n{GOOD}");
    let loaded = load_text(text, &with(&[("LAKE", "s3://company-lake/raw")])).expect("loads");
    assert_eq!(loaded.project.landing.as_str(), "s3://company-lake/raw");
    assert_eq!(origin(&loaded, "project.landing"), ("${LAKE}", "landfall.toml:2"));
    assert_eq!(origin(&loaded, "project.memory_limit"), ("512MB", "default"));
    assert_eq!(origin(&loaded, "source.shop.table.orders.extract"), ("full", "default"));
    assert_eq!(origin(&loaded, "source.shop.table.orders.key"), ("no", "landfall.toml:9"));
    assert_eq!(origin(&loaded, "source.shop.table.orders.columns").0, "3 columns");
}

#[test]
fn a_slip_in_a_variable_is_a_warning_and_a_stranger_is_not() {
    let loaded = load_good(&with(&[("LANDFALL_JOB", "3"), ("LANDFALL_HARNESS_ROOM_42", "x")]));
    assert_eq!(
        loaded.warnings,
        ["environment: LANDFALL_JOB is not a setting; did you mean LANDFALL_JOBS?"]
    );
}

#[test]
fn types_spectrum_cannot_read_are_a_warning_where_it_matters() {
    let text = GOOD.replace("note varchar(20)", "seen timestamptz");
    let warnings = |pairs: &[(&str, &str)]| load_text(&text, &with(pairs)).expect("loads").warnings;
    assert_eq!(warnings(&[]), Vec::<String>::new());
    assert_eq!(
        warnings(&[("LANDFALL_TARGET", "redshift")]),
        ["landing_shop.orders: Redshift cannot read `seen` from landing as timestamptz"]
    );
}

#[test]
fn a_catalog_is_a_file_or_a_schema_of_a_server() {
    let text = |lines: &str| format!("[project]\n{lines}\n{GOOD}");
    let server = |lines: &str, overrides: &Overrides| {
        let loaded = load_text(text(lines), overrides).unwrap_or_else(|e| panic!("{lines}: {e:?}"));
        assert!(!format!("{loaded:?}").contains("CANARY7f3a"), "{lines}");
        match loaded.project.catalog {
            Catalog::File => None,
            Catalog::Server(s) => Some((
                s.url.to_string(),
                s.schema,
                s.tls_off,
                s.password.map(|p| p.reveal().to_string()),
            )),
        }
    };
    let bare = "postgres://me@db/shop";
    let found = |schema: &str, tls_off, password: Option<&str>| {
        Some((bare.to_string(), schema.to_string(), tls_off, password.map(str::to_string)))
    };
    let none = with(&[]);
    assert_eq!(server("", &none), None);
    assert_eq!(server("catalog = \"sqlite\"", &none), None);
    let line = "catalog = \"postgresql://me@db/shop\"";
    assert_eq!(server(line, &none), found("public", false, None));
    let variable = with(&[("LANDFALL_CATALOG", "postgres://me@db/shop?schema=shop_2")]);
    assert_eq!(server("catalog_tls = \"off\"", &variable), found("shop_2", true, None));
    assert_eq!(server(line, &with(&[("LANDFALL_CATALOG", "sqlite")])), None);
    let password = with(&[("LANDFALL_CATALOG_PASSWORD", "CANARY7f3a")]);
    assert_eq!(server(line, &password), found("public", false, Some("CANARY7f3a")));
    let filled = "catalog = \"postgres://me:${PW}@db/shop\"";
    let set = with(&[("PW", "CANARY7f3a")]);
    assert_eq!(server(filled, &set), found("public", false, Some("CANARY7f3a")));
    let rest = "catalog = \"postgres://me@db/shop?sslrootcert=%2Fca.pem&schema=x\"";
    let url = server(rest, &none).expect("a server").0;
    assert_eq!(url, "postgres://me@db/shop?sslrootcert=%2Fca.pem");
}
