//! A database named by a URL on the command line, for `seed --to` and `discover`. Reads no disk.
//!
//! A word of the command line is seen by every process of the machine, so a password is never
//! written out there: `${NAME}` in its place is taken from the environment.

use std::path::Path;

use url::Url;

use crate::cli::clean::clean_line;
use crate::cli::printer::{Environment, environment};
use crate::config::{DatabaseSource, Secret};
use crate::error::{Error, Result};

/// What is written instead of a URL that is wrong.
const HINT: &str =
    "write sqlite:path/to/file, mysql://user@host/database or postgres://user@host/database";

/// The source that `url` means, called `name`. Relative SQLite paths start at the working folder.
pub(super) fn source(url: &str, name: &str) -> Result<DatabaseSource> {
    let here = std::env::current_dir().unwrap_or_default();
    read(url, name, &here, &environment)
}

fn read(text: &str, name: &str, here: &Path, env: Environment<'_>) -> Result<DatabaseSource> {
    let (url, password) = match text.strip_prefix("sqlite:") {
        Some(path) => (sqlite(path, here)?, None),
        None => server(text, env)?,
    };
    let tls_off = url
        .host_str()
        .is_some_and(|host| matches!(host, "localhost" | "127.0.0.1" | "[::1]" | "::1"));
    Ok(DatabaseSource {
        name: name.to_string(),
        url,
        password,
        timezone: chrono_tz::UTC,
        lag_seconds: 0,
        tls_off,
        tables: Vec::new(),
    })
}

fn sqlite(path: &str, here: &Path) -> Result<Url> {
    let path = path.strip_prefix("//").unwrap_or(path);
    if path.is_empty() || path.contains('?') || path.contains(":memory:") {
        return Err(wrong("a sqlite: URL names a file and takes no options"));
    }
    let file = Url::from_file_path(here.join(path))
        .map_err(|()| wrong("the working folder is gone: name an absolute path"))?;
    Url::parse(&format!("sqlite://{}", file.path())).map_err(|_| wrong("this is not a path"))
}

/// Messages never quote the text: it may hold a password.
fn server(text: &str, env: Environment<'_>) -> Result<(Url, Option<Secret>)> {
    let (text, password) = take_password(text, env)?;
    let mut url = Url::parse(&text).map_err(|cause| wrong("this is not a URL").because(cause))?;
    let scheme = match url.scheme() {
        "mysql" | "mariadb" => "mysql",
        "postgres" | "postgresql" => "postgres",
        other => return Err(wrong(format!("`{}:` is no database", clean_line(other)))),
    };
    if url.host_str().unwrap_or_default().is_empty() || url.path().len() < 2 {
        return Err(wrong("the URL names no host and database"));
    }
    if url.scheme() != scheme {
        url.set_scheme(scheme).map_err(|()| wrong("this is not a URL"))?;
    }
    Ok((url, password))
}

/// Takes `:${NAME}` out of the login of a URL.
fn take_password(text: &str, env: Environment<'_>) -> Result<(String, Option<Secret>)> {
    let Some((scheme, rest)) = text.split_once("://") else {
        return Ok((text.to_string(), None));
    };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let Some((login, _)) = authority.rsplit_once('@') else {
        return Ok((text.to_string(), None));
    };
    let Some((user, password)) = login.split_once(':') else {
        return Ok((text.to_string(), None));
    };
    let Some(name) = password.strip_prefix("${").and_then(|p| p.strip_suffix('}')) else {
        return Err(Error::config(
            "usage/secret",
            "a password on the command line can be read by everybody on this machine",
        )
        .hint("put it in a variable and write '${NAME}' in its place"));
    };
    let secret = env(name).ok_or_else(|| {
        Error::config("usage/secret", format!("the variable `{}` is not set", clean_line(name)))
    })?;
    let after = rest.get(login.len()..).unwrap_or_default();
    Ok((format!("{scheme}://{user}{after}"), Some(Secret::new(secret))))
}

/// The source for people: its file, or its address.
pub(super) fn shown(source: &DatabaseSource) -> String {
    let text = match source.sqlite_path() {
        Some(path) => path.display().to_string(),
        None => source.url.to_string(),
    };
    clean_line(&text).into_owned()
}

fn wrong(message: impl Into<String>) -> Error {
    Error::config("usage/url", message).hint(HINT)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Result<DatabaseSource> {
        let env = |name: &str| (name == "DB_PASSWORD").then(|| "p@ss/w:rd".to_string());
        read(text, "x", Path::new("/work dir"), &env)
    }

    #[test]
    fn files_and_servers_are_read() {
        for (text, want) in [
            ("sqlite:a.db", "sqlite:///work%20dir/a.db"),
            ("sqlite:/abs/a.db", "sqlite:///abs/a.db"),
            ("sqlite:///abs/a.db", "sqlite:///abs/a.db"),
            ("mysql://root@127.0.0.1:3306/shop", "mysql://root@127.0.0.1:3306/shop"),
            ("postgres://h/d?host=/tmp", "postgres://h/d?host=/tmp"),
        ] {
            assert_eq!(of(text).expect(text).url.as_str(), want);
        }
        let source = of("mysql://etl:${DB_PASSWORD}@db/shop").expect("source");
        assert_eq!(source.url.as_str(), "mysql://etl@db/shop");
        assert_eq!(source.password.expect("password").reveal(), "p@ss/w:rd");
        assert!(!source.tls_off && of("mysql://localhost/d").expect("local").tls_off);
    }

    #[test]
    fn mistakes_are_told_without_the_password() {
        for text in [
            "mysql://etl:s3cret@db/shop",
            "mysql://etl:s3cret@db",
            "mysql://u:${UNSET}@h/d",
            "oracle://h/d",
            "mysql://h",
            "sqlite:",
            "sqlite::memory:",
            "not a url",
        ] {
            let error = of(text).expect_err(text);
            assert_eq!(error.kind().exit_code(), 2, "{text}");
            assert!(!format!("{error:?}").contains("s3cret"), "{error:?}");
        }
    }
}
