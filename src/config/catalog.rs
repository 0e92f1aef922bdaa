//! Where the catalog is: a file in the state folder, or a PostgreSQL database. It reaches neither.

use url::Url;

use super::reader::{Reader, Section, Text};
use super::{Secret, source, text};

/// What the setting says for the file in the state folder.
const FILE: &str = "sqlite";
/// The variable that holds the password.
const PASSWORD: &str = "LANDFALL_CATALOG_PASSWORD";
/// PostgreSQL's own: where another reader of a DuckLake looks, too.
const SCHEMA: &str = "public";

/// The database of the catalog and the run records.
#[derive(Debug, Clone)]
pub enum Catalog {
    /// SQLite, in the state folder.
    File,
    /// PostgreSQL, where several machines share it.
    Server(CatalogServer),
}

/// A PostgreSQL database for a catalog.
#[derive(Debug, Clone)]
pub struct CatalogServer {
    /// `postgres:`; holds neither password nor schema.
    pub url: Url,
    /// The schema of its tables: a project's own.
    pub schema: String,
    pub password: Option<Secret>,
    /// True when TLS is switched off by the user's word.
    pub tls_off: bool,
}

/// The setting `catalog`, and what belongs to it; after a mistake, which is noted, the file.
pub(super) fn resolve(reader: &mut Reader<'_>, section: &Section<'_>) -> Catalog {
    let tls_off = source::tls_off(reader, section, "catalog_tls");
    if !section.settings.contains_key("catalog") {
        reader.default(section, "catalog", FILE);
        return Catalog::File;
    }
    let Some(text) = reader.text(section, "catalog") else { return Catalog::File };
    if text.as_str() == FILE {
        return Catalog::File;
    }
    match server(reader, &text) {
        Ok(server) => Catalog::Server(CatalogServer { tls_off, ..server }),
        Err((code, why)) => {
            let hint = match code {
                "config/secret" => "set LANDFALL_CATALOG_PASSWORD, or write ${NAME} for it",
                _ => "write sqlite, or postgres://user@host/database?schema=name",
            };
            reader.errors.push(text.error(code, why).hint(hint));
            Catalog::File
        }
    }
}

fn server(reader: &Reader<'_>, text: &Text<'_>) -> Result<CatalogServer, source::UrlMistake> {
    let (mut url, password) = source::read_server(text, "catalog", "catalog_tls")?;
    if url.scheme() != "postgres" {
        let why = format!("`catalog` has the scheme `{}`; it is postgres", url.scheme());
        return Err(("config/url", why));
    }
    let mut schema = SCHEMA.to_string();
    let mut rest = Vec::new();
    for (key, value) in url.query_pairs().into_owned() {
        if key == "schema" {
            schema = value;
        } else {
            rest.push((key, value));
        }
    }
    if !text::is_name(&schema) || schema.len() > 63 {
        return Err(("config/url", "the schema of `catalog` is not lower snake case".into()));
    }
    url.set_query(None);
    if !rest.is_empty() {
        url.query_pairs_mut().extend_pairs(rest);
    }
    let named = reader.environment.get(PASSWORD).filter(|value| !value.is_empty());
    let password = password.or_else(|| named.map(Secret::new));
    Ok(CatalogServer { url, schema, password, tls_off: false })
}

/// True for a server on this machine, by address or socket: nobody can listen in between.
pub fn is_local(url: &url::Url) -> bool {
    let socket =
        |name: &str, value: &str| name == "socket" || name == "host" && value.starts_with('/');
    if url.query_pairs().any(|(name, value)| socket(&name, &value)) {
        return true;
    }
    match url.host_str() {
        None | Some("") => true,
        // A socket's folder as a percent-encoded host, as PostgreSQL writes it.
        Some(host) if host.starts_with("%2F") || host.starts_with("%2f") => true,
        Some(host) => {
            let bare = host.trim_start_matches('[').trim_end_matches(']');
            host.eq_ignore_ascii_case("localhost")
                || bare.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_this_machine_may_be_talked_to_in_the_open() {
        for (url, local) in [
            ("mysql://me@localhost/x", true),
            ("mysql://me@127.0.0.1:3307/x", true),
            ("postgres://me@[::1]/x", true),
            ("mysql://me@db.example/x?socket=/run/my.sock", true),
            ("postgres:///x?host=/run/postgresql", true),
            ("postgres://me@%2Frun%2Fpostgresql/x", true),
            ("mysql://me@db.example/x", false),
            ("mysql://me@localhost.example/x", false),
            ("postgres://me@10.0.0.1/x", false),
        ] {
            assert_eq!(is_local(&url.parse().expect(url)), local, "{url}");
        }
    }
}
