//! Formats as servers' configurations write them: what they read, and what is no format.
//!
//! Sources: Apache's mod_log_config ("Custom Log Formats", "Examples"), nginx's
//! ngx_http_log_module (`log_format`) and the packaged nginx.conf (`main`).

use super::*;

const LINE: &str = r#"10.0.0.1 - frank [10/Oct/2000:13:55:36 -0700] "GET /a HTTP/1.0" 200 2326 "http://x/" "Mozilla""#;

fn formats(text: &str) -> Formats {
    Formats::compile(&[text.to_string()]).unwrap_or_else(|error| panic!("{text}: {error}"))
}

/// The fields `text` reads from `line`, those of `LINE` being usual.
#[track_caller]
fn read<'l>(text: &str, line: &'l str) -> Line<'l> {
    formats(text).read(line.as_bytes()).unwrap_or_else(|error| panic!("{text}: {error}: {line}"))
}

/// What every format below reads of `LINE`: address, time, request, status, size.
#[track_caller]
fn reads_the_usual(text: &str, line: &str) {
    let fields = read(text, line);
    let want = Line {
        address: Some(b"10.0.0.1"),
        timestamp: Some(b"10/Oct/2000:13:55:36 -0700"),
        request: Some(b"GET /a HTTP/1.0"),
        status: Some(200),
        bytes_sent: Some(2326),
        ..fields
    };
    assert_eq!(fields, want, "{text}");
}

#[test]
fn nginx_notation_reads_what_apache_notation_reads() {
    let nginx = r#"$remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent "$http_referer" "$http_user_agent""#;
    let mut fields = read("combined", LINE);
    assert_eq!(fields.username, Some(&b"frank"[..]));
    fields.identity = None;
    assert_eq!(read(nginx, LINE), fields);
    let braces = nginx.replace("$status", "${status}");
    assert_eq!(read(&braces, LINE), fields);
}

#[test]
fn combined_is_written_as_the_manual_writes_it() {
    for text in [
        r#"%h %l %u %t "%r" %>s %b "%{Referer}i" "%{User-Agent}i""#,
        r#"%h %l %u %t \"%r\" %>s %b \"%{Referer}i\" \"%{User-agent}i\""#,
        r#"%a %l %u %t "%r" %s %B "%{referer}i" "%{USER-AGENT}i""#,
        r#"%h %l %u [%{%d/%b/%Y:%H:%M:%S %z}t] "%m %U%q %H" %>s %O "%{Referer}i" "%{User-Agent}i""#,
        r#"%h %l %u [%{begin:%d/%b/%Y:%H:%M:%S %z}t] "%r" %400,501!s %b "%{Referer}i" "%{User-Agent}i""#,
    ] {
        reads_the_usual(text, LINE);
        assert_eq!(read(text, LINE).user_agent, Some(&b"Mozilla"[..]), "{text}");
    }
}

#[test]
fn named_formats_read_their_lines() {
    reads_the_usual("combined", LINE);
    reads_the_usual("combinedio", &format!("{LINE} 512 2700"));
    reads_the_usual("main", &format!("{LINE} \"-\""));
    reads_the_usual("vhost_combined", &format!("www.example.com:443 {LINE}"));
    reads_the_usual("common", &LINE[..LINE.find(" \"http").expect("a referer")]);
}

#[test]
fn fields_of_no_column_are_read_over() {
    let combined = r#"%h %l %u %t "%r" %>s %b "%{Referer}i" "%{User-Agent}i""#;
    for (format, line) in [
        (format!("{combined} %D"), format!("{LINE} 1234")),
        (format!("{combined} %D \"%{{X-Id}}o\""), format!("{LINE} 1234 \"a \\\" b\"")),
        (format!("%v {combined}"), format!("www.example.com {LINE}")),
        (format!("%v {combined} %D"), format!("www.example.com {LINE} 512")),
        (format!("{combined} %T/%D"), format!("{LINE} 0/1234")),
        (format!("{combined} %I %O %S %k %X %^FB"), format!("{LINE} 1 2 3 4 + 5")),
        (format!("{combined} %{{ms}}T %{{sec}}t.%{{msec_frac}}t"), format!("{LINE} 1 97.003")),
        (format!("{combined} %{{SSL_PROTOCOL}}x %{{version}}c"), format!("{LINE} TLSv1.3 x")),
        (format!("{combined} %{{cookie}}n %{{X}}^ti %{{c}}a"), format!("{LINE} a b 10.0.0.9")),
        (format!("{combined} 100%% %U%q"), format!("{LINE} 100% /a?b=c")),
    ] {
        reads_the_usual(&format, &line);
    }
    let error = formats(&format!("{combined} %D")).read(LINE.as_bytes());
    assert_eq!(error.map_err(|e| e.reason()), Err("line/bare_quote"), "declared, so required");
}

#[test]
fn nginx_formats_of_every_day() {
    let main = r#"$remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent "$http_referer" "$http_user_agent""#;
    for (format, line) in [
        (format!("{main} $request_time"), format!("{LINE} 0.012")),
        (
            format!("{main} rt=$request_time urt=\"$upstream_response_time\" $pipe"),
            format!("{LINE} rt=0.012 urt=\"0.001, 0.011\" ."),
        ),
        (
            // several servers were tried: the values stand in a list
            format!("{main} $upstream_addr $upstream_response_time"),
            format!("{LINE} 10.0.0.5:80, 10.0.0.6:80 0.001, 0.011"),
        ),
        (format!("$host:$server_port {main}"), format!("www.example.com:443 {LINE}")),
        (format!("{main} \"$gzip_ratio\" $skip"), format!("{LINE} \"-\" anything")),
        (
            main.replace("$request\"", "$request_method $request_uri $server_protocol\""),
            LINE.to_string(),
        ),
    ] {
        reads_the_usual(&format, &line);
    }
}

#[test]
fn formats_without_spaces_between_their_fields() {
    let tabs = r"%h\t%t\t%r\t%>s\t%b\t%{User-Agent}i";
    let line = "10.0.0.1\t[10/Oct/2000:13:55:36 -0700]\tGET /a HTTP/1.0\t200\t2326\tMozilla (a b)";
    reads_the_usual(tabs, line);
    assert_eq!(read(tabs, line).user_agent, Some(&b"Mozilla (a b)"[..]));
    let json = r#"{"at":"$time_local","from":"$remote_addr","what":"$request","status":$status,"bytes":$body_bytes_sent,"agent":"$http_user_agent"}"#;
    let line = r#"{"at":"10/Oct/2000:13:55:36 -0700","from":"10.0.0.1","what":"GET /a HTTP/1.0","status":200,"bytes":2326,"agent":"a \"b\" {c}"}"#;
    reads_the_usual(json, line);
    assert_eq!(read(json, line).user_agent, Some(&br#"a \"b\" {c}"#[..]), "escapes as written");
}

#[test]
fn what_a_proxy_says_is_the_address_only_where_there_is_no_other() {
    let rest = r#"%l %u %t "%r" %>s %b "%{Referer}i" "%{User-Agent}i""#;
    let list = LINE.replacen("10.0.0.1", "10.0.0.1, 10.9.9.9", 1);
    let forwarded = format!("%{{X-Forwarded-For}}i {rest}");
    assert_eq!(read(&forwarded, &list).address, Some(&b"10.0.0.1, 10.9.9.9"[..]));
    reads_the_usual(&format!("%{{X-Forwarded-For}}i %h {rest}"), &format!("10.9.9.9 {LINE}"));
    reads_the_usual(&format!("%h {rest} %a %{{c}}a"), &format!("{LINE} 10.9.9.9 10.9.9.8"));
    let real = r#"$http_x_real_ip [$time_local] "$request" $status $bytes_sent"#;
    reads_the_usual(real, r#"10.0.0.1 [10/Oct/2000:13:55:36 -0700] "GET /a HTTP/1.0" 200 2326"#);
    let iso = "$remote_addr $time_iso8601 $status";
    let fields = read(iso, "10.0.0.1 2000-10-10T13:55:36-07:00 200");
    assert_eq!(fields.timestamp, Some(&b"2000-10-10T13:55:36-07:00"[..]));
}

#[test]
fn what_is_no_format_is_refused_with_the_place_and_a_hint() {
    for (text, why, hint) in [
        ("%h%u %t", "has nothing between `%h` at byte 0 and `%u` at byte 2", "as in the server's"),
        ("%h %u", "has no field for a timestamp", "as in the server's"),
        ("%t %u", "has no field for an address", "as in the server's"),
        ("%h %t %{Refererer i", "has a `{` without `}` at byte 7", "as in the server's"),
        ("%h %t %", "ends in `%`", "as in the server's"),
        ("%h %t %Q", "has `%Q` at byte 6, which is no directive", "mod_log_config"),
        ("%h %t %{X}y", "has `%{X}y` at byte 6, which is no directive", "%{NAME}n"),
        ("%h %t %^xy", "has `%^xy` at byte 6, which is no directive", "mod_log_config"),
        ("%h %t %r %b", "has `%r` at byte 6 where a space ends it", "between quotes"),
        ("%h %t é%é", "at byte 8, which is no directive", "mod_log_config"),
        ("$remote_addr $ [$time_local]", "a `$` without a variable's name at byte 13", "as in"),
        ("$remote_addr ${x [$time_local]", "without a variable's name at byte 13", "as in"),
        (
            "$remote_adr [$time_local]",
            "has `$remote_adr` at byte 0",
            "did you mean `$remote_addr`?",
        ),
        ("$remote_addr [$time_local] $my_zone", "has `$my_zone` at byte 27", "`$skip`"),
        ("$remote_addr $time_local $status", "where a space ends it", "between quotes or brackets"),
        ("combind", "has no field for an address", "use combined, common"),
        ("", "has no field for an address", "use combined"),
    ] {
        let error = Format::compile(text).expect_err(text);
        assert_eq!((error.code(), error.kind().exit_code()), ("weblog/format", 2));
        assert!(error.message().contains(why), "{text}: {}", error.message());
        let advice = error.advice().unwrap_or_default();
        assert!(advice.contains(hint), "{text}: {advice}");
    }
}

proptest::proptest! {
    /// Any text is a format or is refused, and any format reads or refuses any line.
    #[test]
    fn no_text_and_no_line_is_too_much(
        text in r#"(%h|%t|%r|%\{[a-zA-Z-]{0,12}\}[a-z^]|\$[a-z_]{1,12}|\$remote_addr|\[\$time_local\]|["\[\] ,\\%$]|\PC){0,12}"#,
        line in r#"([0-9a-z.]{0,9}|[ ,"\\\[\]]|\PC){0,20}"#,
    ) {
        if let Ok(formats) = Formats::compile(&[text]) {
            let read = formats.read(line.as_bytes()).is_ok();
            proptest::prop_assert_eq!(formats.which(line.as_bytes()).is_some(), read);
        }
    }
}
