//! The catalogue of bad input: one test for each case of access logs, named by its number.

use super::*;

const USUAL: &str = r#"8.8.8.8 - frank [10/Oct/2000:13:55:36 -0700] "GET /a?b=c HTTP/1.0" 200 2326 "http://x/" "Mozilla (iPad)""#;

#[tokio::test]
async fn a_usual_line_fills_every_column() {
    let landed = land(&[USUAL]).await;
    assert_eq!(landed.rejects, []);
    for (column, want) in [
        ("line_offset", "0"),
        ("ip_address", "8.8.8.8"),
        ("identity", "NULL"),
        ("username", "frank"),
        ("request_timestamp", "10/Oct/2000:13:55:36 -0700"),
        ("request_timestamp_converted", "2000-10-10T20:55:36"),
        ("request_line", "GET /a?b=c HTTP/1.0"),
        ("status_code", "200"),
        ("bytes_sent", "2326"),
        ("referer", "http://x/"),
        ("user_agent", "Mozilla (iPad)"),
        ("device", "iPad"),
        ("country", "US"),
    ] {
        assert_eq!(landed.column(column), [want], "{column}");
    }
}

#[tokio::test]
async fn row_groups_have_the_landing_schema_of_the_spec() {
    let spec = access_spec("weblog", Place::new("landfall.toml", 1, 1));
    let schema = spec.landing_schema();
    let formats = Arc::new(Formats::compile(&[]).expect("formats"));
    let table = Arc::new(Table::embedded().expect("a table"));
    let resolver = Arc::new(Resolver::new(table));
    let mut parser = Parser::new(formats, &schema, resolver).expect("a parser");
    let text = format!("{USUAL}\n");
    let group = parser.parse("id", 0, text.as_bytes()).expect("columns that fit").group;
    let rows = group.expect("a row").read(&schema, 9).expect("rows");
    assert_eq!((rows.num_rows(), rows.schema().fields()), (1, schema.fields()));
    assert!(spec.key.iter().all(|k| spec.column(k).is_some_and(|c| c.not_null)));
}

#[tokio::test]
async fn case_57_escapes_stay_as_the_log_wrote_them() {
    for agent in [r#"a \"b\" c"#, r"ends in \\", r"\x22\xe4", r#"\\\" x"#, r"\\\\"] {
        let landed = land(&[with_agent(agent)]).await;
        assert_eq!((landed.column("user_agent"), landed.reasons()), (vec![agent], vec![]));
    }
}

#[tokio::test]
async fn case_58_a_bare_quote_is_rejected() {
    let landed = land(&[with_agent(r#"Mozilla "quoted" x"#), with_agent(r#"a" "b"#)]).await;
    assert_eq!(landed.reasons(), ["line/bare_quote", "line/trailing"]);
    assert!(landed.rejects[0].detail.contains("a user agent"), "{}", landed.rejects[0].detail);
    let open = USUAL.trim_end_matches('"');
    assert_eq!(land(&[open]).await.reasons(), ["line/open_quote"]);
    assert_eq!(land(&[with_agent(r"odd \")]).await.reasons(), ["line/open_quote"]);
}

#[tokio::test]
async fn case_59_invalid_utf8_is_rejected_with_its_bytes() {
    let mut bad = with_agent("x").into_bytes();
    bad.insert(80, 0xff);
    let landed = land(&[USUAL.as_bytes(), &bad, with_agent("größe").as_bytes()]).await;
    assert_eq!(landed.reasons(), ["line/not_utf8"]);
    assert_eq!(landed.rejects[0].raw, bad);
    assert_eq!(landed.column("user_agent"), ["Mozilla (iPad)", "größe"]);
}

#[tokio::test]
async fn case_60_control_bytes_are_data() {
    let agent = "a\0b\x1b[31mc\td\x7f";
    assert_eq!(land(&[with_agent(agent)]).await.column("user_agent"), [agent]);
}

#[tokio::test]
async fn case_61_a_forged_line_is_a_line() {
    let forged = with_agent(
        "x\"\n10.0.0.1 - admin [10/Oct/2000:13:55:36 -0700] \"GET / HTTP/1.0\" 200 1 \"-\" \"y",
    );
    assert_eq!(land(&[forged]).await.column("username"), ["frank", "admin"]);
}

#[tokio::test]
async fn case_62_long_lines_land_up_to_their_columns_and_are_rejected_beyond() {
    let long = |bytes: usize| with_agent(&"x".repeat(bytes));
    let lines = [long(65_535), long(65_536), long(1 << 20), long(9 << 20), USUAL.to_string()];
    let landed = land(&lines).await;
    assert_eq!(landed.reasons(), ["line/field_too_long", "line/too_long", "line/too_long"]);
    assert_eq!(landed.rows.len(), 2);
    assert_eq!(landed.column("username"), ["frank", "frank"]);
    let raw: Vec<usize> = landed.rejects.iter().map(|r| r.raw.len()).collect();
    assert_eq!(raw, [lines[1].len(), 65_536, 65_536]);
    for (reject, line) in landed.rejects.iter().zip(&lines[1..]) {
        assert!(line.as_bytes().starts_with(&reject.raw));
    }
    let detail = &landed.rejects[2].detail;
    assert!(detail.contains(&lines[3].len().to_string()), "{detail}");
    assert_eq!(landed.rejects[2].position, "access.log:4");
    let offset: usize = lines[..4].iter().map(|l| l.len() + 1).sum();
    assert_eq!(landed.column("line_offset")[1], offset.to_string());
}

#[tokio::test]
async fn case_63_a_last_line_without_newline_waits() {
    let mut logs = Logs::new(&["access.log"]);
    logs.write("access.log", format!("{USUAL}\n{}", &USUAL[..40]));
    assert_eq!(logs.run().await.rows.len(), 1);
    logs.append("access.log", &USUAL[40..]);
    assert_eq!(logs.run().await, Landed::default());
    logs.append("access.log", "\n");
    let landed = logs.run().await;
    assert_eq!(landed.column("line_offset"), [(USUAL.len() + 1).to_string().as_str()]);
}

#[tokio::test]
async fn case_64_empty_lines_are_skipped_and_crlf_is_stripped() {
    let landed = land(&["", USUAL, "\r", &format!("{}\r", with_agent("x")), "", ""]).await;
    assert_eq!(landed.column("user_agent"), ["Mozilla (iPad)", "x"]);
    assert_eq!(landed.rejects, []);
}

#[tokio::test]
async fn case_65_every_kind_of_address_lands_as_written() {
    let addresses = [
        ("2001:4860::1", "US"),
        ("::ffff:8.8.8.8", "US"),
        ("fe80::1%eth0", "NULL"),
        ("piweba3y.prodigy.com", "NULL"),
        ("unix:", "NULL"),
        ("99.224.1.2, 10.0.0.1, 8.8.8.8", "CA"),
        ("10.0.0.1", "NULL"),
    ];
    let lines: Vec<String> =
        addresses.iter().map(|(a, _)| USUAL.replacen("8.8.8.8", a, 1)).collect();
    let landed = land(&lines).await;
    assert_eq!(landed.rejects, []);
    assert_eq!(landed.column("ip_address"), addresses.map(|(a, _)| a));
    assert_eq!(landed.column("country"), addresses.map(|(_, c)| c));
    assert_eq!(land(&[USUAL.replacen("8.8.8.8", "-", 1)]).await.column("ip_address"), ["NULL"]);
}

#[tokio::test]
async fn case_66_what_is_no_time_lands_as_1900() {
    let stamps = [
        "31/Dec/2016:23:59:60 +0000",
        "10/Okt/2000:13:55:36 -0700",
        "10/Oct/0000:13:55:36 -0700",
        "30/Feb/2000:00:00:00 +0000",
        "10/Oct/2000:13:55:36",
        "2000-10-10 13:55:36Z",
        "",
        "-",
    ];
    let line = |stamp: &&str| USUAL.replace("10/Oct/2000:13:55:36 -0700", stamp);
    let landed = land(&stamps.iter().map(line).collect::<Vec<_>>()).await;
    assert_eq!(landed.reasons(), [""; 0]);
    assert_eq!(landed.column("request_timestamp_converted"), ["1900-01-01T00:00:00"; 8]);
    assert_eq!(landed.column("request_timestamp")[..7], stamps[..7]);
    let odd = [
        "10/Oct/2000:13:55:36 +1345",
        "10/Oct/2099:13:55:36 +0000",
        "1/oct/2000:1:2:3 +0000",
        "2000-10-10T13:55:36-07:00",
        "10/Oct/2000:13:55:36 -0700",
    ];
    let landed = land(&odd.iter().map(line).collect::<Vec<_>>()).await;
    assert_eq!(
        landed.column("request_timestamp_converted"),
        [
            "2000-10-10T00:10:36",
            "2099-10-10T13:55:36",
            "2000-10-01T01:02:03",
            "2000-10-10T20:55:36",
            "2000-10-10T20:55:36"
        ],
        "out of order, in the future, far from UTC"
    );
    let without = USUAL.replace(['[', ']'], "");
    assert_eq!(land(&[without]).await.reasons(), ["line/no_brackets"]);
}

#[tokio::test]
async fn case_67_any_request_line_lands_raw() {
    let requests = [r"\x16\x03\x01\x02", "", "GET /", "GET  / HTTP/1.1 x"];
    let line = |request: &&str| USUAL.replace("GET /a?b=c HTTP/1.0", request);
    let landed = land(&requests.iter().map(line).collect::<Vec<_>>()).await;
    assert_eq!(landed.column("request_line"), requests);
    assert_eq!(land(&[line(&"-")]).await.column("request_line"), ["NULL"]);
}

#[tokio::test]
async fn case_68_status_and_size_are_numbers_null_or_rejected() {
    let line = |pair: &str| USUAL.replace("200 2326", pair);
    let good = ["- -", "000 0", "499 9223372036854775807", "999 007"];
    let landed = land(&good.map(line)).await;
    assert_eq!(landed.column("status_code"), ["NULL", "0", "499", "999"]);
    assert_eq!(landed.column("bytes_sent"), ["NULL", "0", "9223372036854775807", "7"]);
    let bad = [
        "20 1",
        "2000 1",
        "2x0 1",
        "200 -1",
        "200 18446744073709551616",
        "200 9223372036854775808",
        "200 1.5",
        "200",
    ];
    let landed = land(&bad.map(line)).await;
    let want = ["line/bad_status"; 3].into_iter().chain(["line/bad_size"; 5]);
    assert_eq!(landed.reasons(), want.collect::<Vec<_>>());
}

#[tokio::test]
async fn case_69_paths_are_not_decoded() {
    let path = format!("GET /%ff%00?q={} HTTP/1.1", "%41".repeat(20_000));
    let landed = land(&[USUAL.replace("GET /a?b=c HTTP/1.0", &path)]).await;
    assert_eq!(landed.column("request_line"), [path]);
}

#[tokio::test]
async fn case_70_tokens_and_addresses_in_a_query_are_the_logs_own_text() {
    let request = "GET /?token=s3cret&mail=a@b.example HTTP/1.1";
    let landed = land(&[USUAL.replace("GET /a?b=c HTTP/1.0", request)]).await;
    assert_eq!(landed.column("request_line"), [request]);
}

#[tokio::test]
async fn case_71_formats_may_be_mixed_in_a_file() {
    let common = r#"wpbfl2-45.gate.net - - [29/Aug/1995:23:53:25 -0400] "GET / HTTP/1.0" 200 -"#;
    let vhost = format!("www.example.com:443 {USUAL}");
    let landed = land(&[USUAL, common, &vhost, "no format at all"]).await;
    assert_eq!(landed.column("user_agent"), ["Mozilla (iPad)", "NULL", "Mozilla (iPad)"]);
    assert_eq!(landed.column("device"), ["iPad", "Other", "iPad"]);
    assert_eq!(landed.column("ip_address"), ["8.8.8.8", "wpbfl2-45.gate.net", "8.8.8.8"]);
    assert_eq!(landed.reasons(), ["line/no_brackets"]);
    let mut logs = Logs::new(&["access.log"]);
    logs.source.formats = vec!["common".to_string()];
    logs.write("access.log", format!("{USUAL}\n{common}\n"));
    let landed = logs.run().await;
    assert_eq!((landed.rows.len(), landed.reasons()), (1, vec!["line/trailing"]));
}

#[tokio::test]
async fn case_73_gzip_with_several_members_is_read_to_its_end() {
    let mut logs = Logs::new(&["access.log"]);
    let members =
        [gzip(format!("{USUAL}\n")), gzip(&USUAL[..50]), gzip(format!("{}\n", &USUAL[50..]))];
    logs.write("access.log", members.concat());
    let landed = logs.run().await;
    assert_eq!(landed.rows.len(), 2, "the name says plain, the bytes say gzip");
    logs.append("access.log", gzip(format!("{USUAL}\n")));
    assert_eq!(logs.run().await.column("line_offset"), [(2 * USUAL.len() + 2).to_string()]);
}

#[tokio::test]
async fn case_73_a_cut_gzip_fails_and_lands_nothing() {
    let mut logs = Logs::new(&["*.gz"]);
    let text: String =
        (0..5000).map(|i| with_agent(&format!("agent {}", i * 7919)) + "\n").collect();
    let whole = gzip(&text);
    logs.write("a.gz", &whole[..whole.len() / 2]);
    let error = logs.try_run().await.expect_err("a cut file");
    assert_eq!(error.code(), "weblog/compressed");
    logs.write("a.gz", &whole);
    assert_eq!(logs.run().await.rows.len(), 5000);
}

#[tokio::test]
async fn case_73_zstd_frames_are_read_too() {
    let mut logs = Logs::new(&["access.log"]);
    let frame = |text: &str| zstd::encode_all(text.as_bytes(), 1).expect("compressed");
    logs.write("access.log", [frame(&USUAL[..30]), frame(&format!("{}\n", &USUAL[30..]))].concat());
    assert_eq!(logs.run().await.rows.len(), 1);
}

#[cfg(unix)]
#[tokio::test]
async fn case_74_what_is_no_file_is_refused() {
    let logs = Logs::new(&["thing"]);
    let code = |logs: &Logs| logs.plan().map(|_| ()).map_err(|e| (e.kind().exit_code(), e.code()));
    std::fs::create_dir(logs.path("thing")).expect("a folder");
    assert_eq!(code(&logs), Err((2, "weblog/not_a_file")));
    let logs = Logs::new(&["thing"]);
    let status = std::process::Command::new("mkfifo").arg(logs.path("thing")).status();
    assert!(status.expect("mkfifo").success());
    assert_eq!(code(&logs), Err((2, "weblog/not_a_file")));
    let logs = Logs::new(&["/dev/null"]);
    assert_eq!(code(&logs), Err((2, "weblog/not_a_file")));
    let logs = Logs::new(&["thing"]);
    std::os::unix::fs::symlink("thing", logs.path("thing")).expect("a loop");
    assert_eq!(code(&logs), Err((4, "weblog/unreadable")));
}

#[tokio::test]
async fn case_74_a_pattern_without_files_warns_or_fails() {
    let mut logs = Logs::new(&["*.log", "logs/nothing.log"]);
    logs.write("a.log", format!("{USUAL}\n"));
    let landed = logs.run().await;
    assert_eq!((landed.rows.len(), landed.warnings.len()), (1, 1));
    assert!(landed.warnings[0].contains("logs/nothing.log"), "{:?}", landed.warnings);
    logs.source.require_files = true;
    assert_eq!(logs.plan().map(|_| ()).map_err(|e| e.code()), Err("weblog/files"));
}

#[tokio::test]
async fn case_74_a_file_that_is_gone_when_it_is_read_fails_and_can_be_tried_again() {
    let logs = Logs::new(&["*.log"]);
    logs.write("a.log", format!("{USUAL}\n"));
    let (window, _) = logs.plan().expect("a plan");
    logs.rename("a.log", "b.log");
    let landed = land_window(&logs.source, logs.folder.path(), &window, 1, 0).await;
    assert_eq!(landed.expect("found under its new name").rows.len(), 1);
    std::fs::remove_file(logs.path("b.log")).expect("removed");
    let gone = land_window(&logs.source, logs.folder.path(), &window, 1, 0).await;
    assert_eq!(gone.map(|_| ()).map_err(|e| e.code()), Err("weblog/gone"));
}

#[tokio::test]
async fn case_75_equal_lines_are_both_rows() {
    let landed = land(&[USUAL, USUAL, USUAL]).await;
    let length = USUAL.len() + 1;
    let want = [0, length, 2 * length].map(|o| o.to_string());
    assert_eq!(landed.column("line_offset"), want);
    let ids = landed.column("file_id");
    assert!(ids.iter().all(|id| *id == ids[0]));
}

#[tokio::test]
async fn rejects_name_their_line_even_when_the_file_was_begun_before() {
    let mut logs = Logs::new(&["access.log"]);
    logs.write("access.log", format!("{USUAL}\n\n{USUAL}\n"));
    logs.run().await;
    logs.append("access.log", format!("{USUAL}\n\nbroken\n"));
    let landed = logs.run().await;
    let reject = &landed.rejects[0];
    assert_eq!(reject.position, "access.log:6");
    assert_eq!(reject.offset as usize, 3 * USUAL.len() + 5);
    assert_eq!(reject.raw, b"broken");
}

#[tokio::test]
async fn short_logs_share_a_row_group_and_keep_their_places() {
    let logs = Logs::new(&["*.log"]);
    // the last is longer than what is left of the first chunk
    for log in 0..40 {
        let lines = if log == 39 { 12_000 } else { 3 };
        let text: String = (0..lines)
            .map(|i| match i {
                1 => "broken\n".to_string(),
                _ => with_agent(&format!("Mozilla (iPad) {log}")) + "\n",
            })
            .collect();
        logs.write(&format!("{log:02}.log"), text);
    }
    let (window, _) = logs.plan().expect("a window");
    let chunk = (1 << 20) + 20_000;
    let one =
        land_window(&logs.source, logs.folder.path(), &window, 1, chunk).await.expect("landed");
    let three =
        land_window(&logs.source, logs.folder.path(), &window, 3, chunk).await.expect("landed");
    assert!(one == three, "the same for any number of workers");
    assert_eq!((one.rows.len(), one.groups), (39 * 2 + 11_999, 2));
    let (agents, offsets, files) =
        (one.column("user_agent"), one.column("line_offset"), one.column("file_id"));
    for log in 0..39 {
        assert_eq!(agents[log * 2], format!("Mozilla (iPad) {log}"));
        assert_eq!((offsets[log * 2], files[log * 2]), ("0", files[log * 2 + 1]));
        let Window::Files { ranges } = &window else { panic!("files") };
        assert_eq!(files[log * 2], ranges[log].file_id);
        assert_eq!(one.rejects[log].position, format!("{log:02}.log:2"));
    }
}
