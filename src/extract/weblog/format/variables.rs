//! What each directive of Apache's and each variable of nginx's holds. Data; it parses nothing.

use super::Field;

/// The time format that writes what `%t` writes between its brackets.
const USUAL_TIME: &str = "%d/%b/%Y:%H:%M:%S %z";

/// The field of `%x` or `%{name}x`; `None` for what no module of Apache's defines.
///
/// Sources: the manuals of mod_log_config, mod_logio and mod_ssl 2.4.
pub(super) fn apache(letter: char, name: Option<&str>) -> Option<Field> {
    Some(match (letter, name) {
        ('h' | 'a', None) => Field::Address,
        // the peer of the connection: behind a proxy, the proxy
        ('h' | 'a', Some("c")) => Field::Forwarded,
        ('l', None) => Field::Identity,
        ('u', None) => Field::Username,
        ('t', None) => Field::Timestamp,
        ('t', Some(form)) if plain_time(form) == USUAL_TIME => Field::Timestamp,
        ('r', None) => Field::Request,
        ('s', None) => Field::Status,
        ('b' | 'B' | 'O', None) => Field::Size,
        ('i', Some(header)) => match header.to_ascii_lowercase().as_str() {
            "referer" => Field::Referer,
            "user-agent" => Field::UserAgent,
            "x-forwarded-for" | "x-real-ip" | "forwarded-for" | "x-client-ip"
            | "true-client-ip" | "cf-connecting-ip" => Field::Forwarded,
            _ => Field::Other,
        },
        ('C' | 'e' | 'n' | 'o' | 'x' | 'c' | 't', Some(_)) => Field::Other,
        ('p' | 'P' | 'T', _) => Field::Other,
        (
            'A' | 'D' | 'f' | 'H' | 'k' | 'L' | 'm' | 'q' | 'R' | 'U' | 'v' | 'V' | 'X' | 'I' | 'S',
            None,
        ) => Field::Other,
        _ => return None,
    })
}

/// A time format without the word that says which end of the request it means.
fn plain_time(form: &str) -> &str {
    form.strip_prefix("begin:").or_else(|| form.strip_prefix("end:")).unwrap_or(form)
}

/// Variables that fill a column.
const COLUMNS: [(&str, Field); 17] = [
    ("remote_addr", Field::Address),
    ("http_x_forwarded_for", Field::Forwarded),
    ("proxy_add_x_forwarded_for", Field::Forwarded),
    ("http_x_real_ip", Field::Forwarded),
    ("http_true_client_ip", Field::Forwarded),
    ("http_cf_connecting_ip", Field::Forwarded),
    ("realip_remote_addr", Field::Forwarded),
    ("proxy_protocol_addr", Field::Forwarded),
    ("remote_user", Field::Username),
    ("time_local", Field::Timestamp),
    ("time_iso8601", Field::IsoTime),
    ("request", Field::Request),
    ("status", Field::Status),
    ("body_bytes_sent", Field::Size),
    ("bytes_sent", Field::Size),
    ("http_referer", Field::Referer),
    ("http_user_agent", Field::UserAgent),
];

/// Variables of no column, from the alphabetical index of nginx's manual. `skip` is ours.
const OTHERS: [&str; 61] = [
    "skip",
    "args",
    "ancient_browser",
    "binary_remote_addr",
    "bytes_received",
    "connection",
    "connection_requests",
    "connection_time",
    "connections_active",
    "connections_reading",
    "connections_waiting",
    "connections_writing",
    "content_length",
    "content_type",
    "date_gmt",
    "date_local",
    "document_root",
    "document_uri",
    "fastcgi_path_info",
    "fastcgi_script_name",
    "gzip_ratio",
    "host",
    "hostname",
    "http2",
    "http3",
    "https",
    "invalid_referer",
    "is_args",
    "is_request_port",
    "limit_conn_status",
    "limit_rate",
    "limit_req_status",
    "memcached_key",
    "modern_browser",
    "msec",
    "msie",
    "nginx_version",
    "pid",
    "pipe",
    "query_string",
    "quic",
    "realip_remote_port",
    "realpath_root",
    "remote_port",
    "request_body",
    "request_body_file",
    "request_completion",
    "request_filename",
    "request_id",
    "request_length",
    "request_method",
    "request_port",
    "request_time",
    "request_uri",
    "scheme",
    "server_addr",
    "server_name",
    "server_port",
    "server_protocol",
    "slice_range",
    "uri",
];

/// Beginnings of variables of no column: `$upstream_status`, `$sent_http_etag`.
const FAMILIES: [&str; 17] = [
    "http_",
    "sent_http_",
    "sent_trailer_",
    "trailer_",
    "arg_",
    "cookie_",
    "geoip_",
    "geoip2_",
    "jwt_",
    "otel_",
    "proxy_",
    "proxy_protocol_",
    "secure_link",
    "session_log_",
    "ssl_",
    "tcpinfo_",
    "uid_",
];

/// The field of a variable; `None` for one nginx does not define.
pub(super) fn nginx(name: &str) -> Option<Field> {
    if let Some((_, field)) = COLUMNS.iter().find(|(column, _)| *column == name) {
        return Some(*field);
    }
    // of several servers tried the values stand side by side: `0.002, 0.031`
    if name.starts_with("upstream_") {
        return Some(Field::Others);
    }
    let known = OTHERS.contains(&name) || FAMILIES.iter().any(|family| name.starts_with(family));
    known.then_some(Field::Other)
}

/// Every name that [`nginx`] knows word by word, for "did you mean".
pub(super) fn nginx_names() -> impl Iterator<Item = &'static str> {
    COLUMNS.iter().map(|(name, _)| *name).chain(OTHERS)
}
