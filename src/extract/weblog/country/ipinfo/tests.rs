//! The IPinfo provider against a server on loopback that says what it is told to.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::sync::Mutex;

use super::super::MemoryCache;
use super::*;

/// A server that gives one canned response after the other, the last one for ever, and keeps the
/// head and body of each request.
struct Server {
    url: url::Url,
    requests: Arc<Mutex<Vec<(String, String)>>>,
}

fn server(responses: &[&str]) -> Server {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    let responses: Vec<String> = responses.iter().map(|r| r.to_string()).collect();
    let requests = Arc::new(Mutex::new(Vec::new()));
    let kept = Arc::clone(&requests);
    std::thread::spawn(move || {
        for (i, stream) in listener.incoming().enumerate() {
            let Ok(mut stream) = stream else { break };
            let mut reader = BufReader::new(stream.try_clone().expect("a stream"));
            let (mut head, mut length) = (String::new(), 0);
            loop {
                let mut line = String::new();
                if reader.read_line(&mut line).unwrap_or(0) == 0 || line == "\r\n" {
                    break;
                }
                if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                    length = value.trim().parse().expect("a length");
                }
                head.push_str(&line);
            }
            let mut body = vec![0; length];
            reader.read_exact(&mut body).expect("a body");
            let body = String::from_utf8(body).expect("text");
            kept.lock().expect("requests").push((head, body));
            let response = &responses[i.min(responses.len() - 1)];
            stream.write_all(response.as_bytes()).ok();
        }
    });
    Server { url: url.parse().expect("a URL"), requests }
}

fn respond(status: &str, body: &str) -> String {
    format!(
        "HTTP/1.1 {status}\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
}

fn provider(server: &Server) -> (Ipinfo, Arc<MemoryCache>) {
    let cache = Arc::new(MemoryCache::default());
    let token = Some(Secret::new("CANARY7f3a"));
    let mut ipinfo = Ipinfo::new(server.url.clone(), token, cache.clone()).expect("a provider");
    ipinfo.pause = Duration::ZERO;
    (ipinfo, cache)
}

fn ask(ipinfo: &Ipinfo, addresses: &[&str]) -> Vec<Option<String>> {
    let addresses: Vec<IpAddr> = addresses.iter().map(|a| a.parse().expect("an address")).collect();
    let answers = ipinfo.countries(&addresses);
    answers.iter().map(|c| c.map(|c| String::from_utf8_lossy(&c).into_owned())).collect()
}

fn asked(server: &Server) -> usize {
    server.requests.lock().expect("requests").len()
}

#[test]
fn a_batch_is_asked_once_and_its_answers_are_kept() {
    let server = server(&[&respond(
        "200 OK",
        r#"{"8.8.8.8":{"ip":"8.8.8.8","country":"US"},"2001:4860::1/country":"us","1.1.1.1":{"ip":"1.1.1.1"}}"#,
    )]);
    let (ipinfo, cache) = provider(&server);
    let addresses = ["8.8.8.8", "2001:4860::1", "1.1.1.1"];
    let want = [Some("US".to_string()), Some("US".to_string()), None];
    assert_eq!(ask(&ipinfo, &addresses), want);
    let (again, _) = provider(&server);
    let again = Ipinfo { cache, ..again };
    assert_eq!(ask(&again, &addresses), want);
    assert_eq!(asked(&server), 1, "the second provider reads the cache");
    let requests = server.requests.lock().expect("requests");
    let (head, body) = &requests[0];
    assert!(head.starts_with("POST /batch HTTP/1.1"), "{head}");
    assert!(head.to_ascii_lowercase().contains("authorization: bearer canary7f3a"), "{head}");
    assert_eq!(body, r#"["8.8.8.8","2001:4860::1","1.1.1.1"]"#);
    assert!(ipinfo.warnings().is_empty(), "{:?}", ipinfo.warnings());
}

#[test]
fn case_76_a_busy_server_is_asked_again_after_the_wait_it_names() {
    let busy = "HTTP/1.1 429 Too Many Requests\r\nconnection: close\r\nretry-after: 0\r\ncontent-length: 0\r\n\r\n";
    let server = server(&[busy, &respond("200 OK", r#"{"8.8.8.8":"US"}"#)]);
    let (ipinfo, _) = provider(&server);
    assert_eq!(ask(&ipinfo, &["8.8.8.8"]), [Some("US".to_string())]);
    assert_eq!(asked(&server), 2);
    let mut headers = HeaderMap::new();
    headers.insert(RETRY_AFTER, "3600".parse().expect("a value"));
    assert_eq!(retry_after(&headers), Some(LONGEST_WAIT));
}

#[test]
fn case_77_a_refused_token_stops_the_asking_and_stays_secret() {
    for status in ["401 Unauthorized", "403 Forbidden"] {
        let server = server(&[&respond(status, r#"{"error":"CANARY7f3a"}"#)]);
        let (ipinfo, _) = provider(&server);
        assert_eq!(ask(&ipinfo, &["8.8.8.8"]), [None]);
        assert_eq!(ask(&ipinfo, &["8.8.4.4"]), [None]);
        assert_eq!(asked(&server), 1);
        let warnings = ipinfo.warnings().join("\n");
        assert!(
            warnings.contains("refused the token") && warnings.contains("2 addresses"),
            "{warnings}"
        );
        assert!(!warnings.contains("CANARY"), "{warnings}");
    }
}

#[test]
fn case_78_the_circuit_opens_after_five_failures() {
    let server = server(&[&respond("503 Service Unavailable", "")]);
    let (ipinfo, _) = provider(&server);
    for address in ["8.8.8.8", "8.8.4.4", "9.9.9.9"] {
        assert_eq!(ask(&ipinfo, &[address]), [None]);
    }
    assert_eq!(asked(&server), CIRCUIT as usize);
    let warnings = ipinfo.warnings().join("\n");
    assert!(
        warnings.contains("5 times in a row") && warnings.contains("3 addresses"),
        "{warnings}"
    );
}

#[test]
fn case_78_an_unreachable_server_only_costs_the_country() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    drop(listener);
    let cache = Arc::new(MemoryCache::default());
    let mut ipinfo = Ipinfo::new(url.parse().expect("a URL"), None, cache).expect("a provider");
    ipinfo.pause = Duration::ZERO;
    assert_eq!(ask(&ipinfo, &["8.8.8.8"]), [None]);
    assert!(ipinfo.warnings()[0].starts_with("1 addresses could not"), "{:?}", ipinfo.warnings());
}

#[test]
fn case_79_private_addresses_are_never_sent() {
    let server = server(&[&respond("200 OK", r#"{"8.8.8.8":{"ip":"8.8.8.8","bogon":true}}"#)]);
    let (ipinfo, _) = provider(&server);
    let addresses = ["10.0.0.1", "::1", "192.0.2.7", "8.8.8.8"];
    assert_eq!(ask(&ipinfo, &addresses), [None, None, None, None]);
    assert_eq!(server.requests.lock().expect("requests")[0].1, r#"["8.8.8.8"]"#);
    assert!(ipinfo.warnings()[0].starts_with("3 private"), "{:?}", ipinfo.warnings());
}

#[test]
fn case_81_answers_that_make_no_sense_are_no_answers() {
    let long = format!(r#"{{"8.8.8.8":"{}"}}"#, "x".repeat(ANSWER_BYTES));
    for body in [
        "<html>",
        r#"{"8.8.8.8":{"ip":"8.8.8."#,
        r#"{"8.8.8.8":{"ip":"1.1.1.1","country":"AU"}}"#,
        r#"{"8.8.8.8":7}"#,
        r#"{}"#,
        "[]",
        &long,
    ] {
        let server = server(&[&respond("200 OK", body)]);
        let (ipinfo, cache) = provider(&server);
        assert_eq!(ask(&ipinfo, &["8.8.8.8"]), [None], "{body:.60}");
        assert_eq!(asked(&server), 1);
        assert!(ipinfo.warnings()[0].starts_with("1 addresses"), "{:?}", ipinfo.warnings());
        let kept =
            futures::executor::block_on(cache.get(&["8.8.8.8".parse().expect("an address")]));
        assert!(kept.expect("a cache").is_empty(), "what is no answer is asked again next time");
    }
}

#[tokio::test]
async fn it_may_be_asked_from_any_thread() {
    let server = server(&[&respond("200 OK", r#"{"8.8.8.8":"US"}"#)]);
    let (ipinfo, _) = provider(&server);
    let answers = tokio::task::spawn_blocking(move || ask(&ipinfo, &["8.8.8.8"])).await;
    assert_eq!(answers.expect("answers"), [Some("US".to_string())]);
}
