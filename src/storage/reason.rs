//! Why a store refused, in words, with the way out. It opens and asks nothing.
//!
//! S3 says why in the code of its XML answer (Amazon S3 API Reference, "Error responses"), the
//! connection in its kind, a disk in the error number of the system. Whatever wraps them on the
//! way here, they are found among the causes.

use std::error::Error as StdError;
use std::io;

use object_store::client::{HttpError, HttpErrorKind};

use crate::error::{Error, Kind};

/// Error number of POSIX: a process has too many open files.
const EMFILE: i32 = 24;

/// Where machines and containers of AWS get their credentials: asked when the environment has
/// none, and absent elsewhere.
const METADATA: [&str; 3] = ["/latest/api/token", "/latest/meta-data", "//169.254."];

const UNREACHABLE: &str = "the store cannot be reached";

/// Why, and what to do.
struct Reason {
    kind: Kind,
    words: String,
    hint: String,
}

impl Reason {
    fn new(kind: Kind, words: impl Into<String>, hint: impl Into<String>) -> Option<Reason> {
        Some(Reason { kind, words: words.into(), hint: hint.into() })
    }
}

/// An error of a store: `message` says what failed, the cause decides why, of what kind it is and
/// what helps; `hint` is for causes that say nothing known.
pub fn explain(
    code: &'static str,
    message: impl Into<String>,
    cause: impl Into<Box<dyn StdError + Send + Sync>>,
    hint: &str,
) -> Error {
    let (message, cause) = (message.into(), cause.into());
    match reason(cause.as_ref()) {
        Some(reason) => Error::new(reason.kind, code, format!("{message}: {}", reason.words))
            .because(cause)
            .hint(reason.hint),
        None => Error::failed(code, message).because(cause).hint(hint),
    }
}

/// Whether a store's error is among the causes of this one.
pub fn is_of_a_store(error: &(dyn StdError + 'static)) -> bool {
    causes(error).any(|error| error.is::<object_store::Error>())
}

/// An error and those behind it, outermost first.
fn causes<'a>(
    error: &'a (dyn StdError + 'static),
) -> impl Iterator<Item = &'a (dyn StdError + 'static)> {
    let mut next = Some(error);
    std::iter::from_fn(move || {
        let error = next?;
        next = error.source();
        Some(error)
    })
}

fn reason(error: &(dyn StdError + 'static)) -> Option<Reason> {
    let mut text = String::new();
    let mut found = None;
    for error in causes(error) {
        text.push_str(&error.to_string());
        text.push('\n');
        found = found
            .or_else(|| error.downcast_ref::<HttpError>().and_then(of_connection))
            .or_else(|| error.downcast_ref::<io::Error>().and_then(of_system));
    }
    if METADATA.iter().any(|part| text.contains(part)) {
        return Reason::new(
            Kind::Connect,
            "there are no AWS credentials",
            "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY; \
             `aws configure export-credentials --format env` prints those of a profile",
        );
    }
    match tag(&text, "Code") {
        Some(code) => of_s3(code, &text),
        None if text.contains("incorrectly configured region") => other_region(&text),
        None if text.contains("status code: 403") => denied(),
        // The connection's own error may have become text on the way.
        None if text.contains("HTTP error: ") => found.or_else(|| out_of_reach(UNREACHABLE)),
        None => found,
    }
}

/// The text of an XML element.
fn tag<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    let (_, rest) = text.split_once(&format!("<{name}>"))?;
    Some(rest.split_once(&format!("</{name}>"))?.0.trim())
}

fn of_s3(code: &str, text: &str) -> Option<Reason> {
    let message = tag(text, "Message").unwrap_or_default().trim_end_matches('.');
    let answer = format!("S3 answered {code}: {message}");
    match code {
        "NoSuchBucket" => Reason::new(
            Kind::Connect,
            "there is no such bucket",
            "create the bucket, or correct `landing` in landfall.toml",
        ),
        "PermanentRedirect" | "TemporaryRedirect" | "IllegalLocationConstraintException" => {
            other_region(text)
        }
        "AuthorizationHeaderMalformed" if tag(text, "Region").is_some() => other_region(text),
        "ExpiredToken" | "TokenRefreshRequired" => Reason::new(
            Kind::Connect,
            format!("the credentials have expired ({answer})"),
            "get new ones, set AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN, and run it again",
        ),
        "InvalidAccessKeyId"
        | "SignatureDoesNotMatch"
        | "InvalidToken"
        | "InvalidSecurity"
        | "AuthorizationHeaderMalformed" => Reason::new(
            Kind::Connect,
            format!("the credentials are refused ({answer})"),
            "check AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN",
        ),
        "RequestTimeTooSkewed" => Reason::new(
            Kind::Connect,
            format!("this machine's clock is wrong ({answer})"),
            "set the clock; S3 accepts 15 minutes",
        ),
        "AccessDenied" | "AllAccessDisabled" => denied(),
        "SlowDown" | "ServiceUnavailable" | "InternalError" | "RequestTimeout" => {
            Reason::new(Kind::Connect, answer, "run it again later: it goes on where it stopped")
        }
        _ => {
            Reason::new(Kind::Failed, answer, "the code is in Amazon's list of S3 error responses")
        }
    }
}

fn other_region(text: &str) -> Option<Reason> {
    let hint = match tag(text, "Region") {
        Some(region) => format!("set AWS_REGION={region}"),
        None => "set AWS_REGION to the bucket's region, which `aws s3api head-bucket` shows".into(),
    };
    Reason::new(Kind::Connect, "the bucket is in another region", hint)
}

fn denied() -> Option<Reason> {
    Reason::new(
        Kind::Connect,
        "access is denied",
        "allow s3:GetObject, s3:PutObject and s3:DeleteObject on the bucket's objects",
    )
}

fn of_connection(error: &HttpError) -> Option<Reason> {
    match error.kind() {
        HttpErrorKind::Connect => out_of_reach(UNREACHABLE),
        HttpErrorKind::Timeout => out_of_reach("the store does not answer in time"),
        HttpErrorKind::Request | HttpErrorKind::Interrupted => {
            out_of_reach("the connection to the store broke")
        }
        _ => None,
    }
}

fn out_of_reach(words: &str) -> Option<Reason> {
    Reason::new(
        Kind::Connect,
        words,
        "check the network and AWS_ENDPOINT_URL, then try again: a run goes on where it stopped",
    )
}

fn of_system(error: &io::Error) -> Option<Reason> {
    // Errors without a number are wrappers, whose own cause is looked at next.
    let number = error.raw_os_error()?;
    let (words, hint) = match error.kind() {
        io::ErrorKind::StorageFull => {
            ("the disk is full", "make room on it, then run it again: it goes on where it stopped")
        }
        io::ErrorKind::QuotaExceeded => (
            "the quota of the disk is used up",
            "make room within it, then run it again: it goes on where it stopped",
        ),
        io::ErrorKind::ReadOnlyFilesystem => {
            ("the file system is read-only", "mount it for writing, or move the project")
        }
        io::ErrorKind::PermissionDenied => {
            ("permission denied", "let the user who runs this write there, or move the project")
        }
        _ if number == EMFILE => {
            ("too many open files", "raise `ulimit -n`, or lower `jobs` in landfall.toml")
        }
        _ => return None,
    };
    Reason::new(Kind::Failed, words, hint)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An answer as object_store wraps it on its way up from a write.
    fn answered(status: &str, body: &str) -> Error {
        let text = format!("Server returned non-2xx status code: {status}: {body}");
        let cause = object_store::Error::Generic { store: "S3", source: text.into() };
        explain("land/write", "cannot write `a`", io::Error::other(cause), "otherwise")
    }

    fn code(code: &str, more: &str) -> Error {
        let body = format!(
            "<?xml version=\"1.0\"?>\n<Error><Code>{code}</Code><Message>So it is.</Message>{more}</Error>"
        );
        answered("400 Bad Request", &body)
    }

    /// Codes and elements are those of the Amazon S3 API Reference, "List of error codes".
    #[test]
    fn an_answer_of_s3_says_what_to_do() {
        for (code, more, words, hint) in [
            ("NoSuchBucket", "", "no such bucket", "create the bucket"),
            ("InvalidAccessKeyId", "", "credentials are refused", "AWS_ACCESS_KEY_ID"),
            ("SignatureDoesNotMatch", "", "credentials are refused", "AWS_SECRET_ACCESS_KEY"),
            ("AuthorizationHeaderMalformed", "", "credentials are refused", "AWS_ACCESS_KEY_ID"),
            ("ExpiredToken", "", "have expired", "AWS_SESSION_TOKEN"),
            (
                "AuthorizationHeaderMalformed",
                "<Region>eu-west-1</Region>",
                "another region",
                "set AWS_REGION=eu-west-1",
            ),
            ("PermanentRedirect", "", "another region", "set AWS_REGION"),
            ("RequestTimeTooSkewed", "", "clock is wrong", "set the clock"),
            ("AccessDenied", "", "access is denied", "s3:PutObject"),
            ("SlowDown", "", "SlowDown: So it is", "run it again"),
        ] {
            let error = self::code(code, more);
            assert_eq!((error.kind(), error.code()), (Kind::Connect, "land/write"), "{code}");
            assert!(error.message().starts_with("cannot write `a`: "), "{error}");
            assert!(error.message().contains(words), "{code}: {error}");
            assert!(error.advice().is_some_and(|h| h.contains(hint)), "{code}: {error:?}");
        }
        let unknown = code("MaxMessageLengthExceeded", "");
        assert_eq!(unknown.kind(), Kind::Failed);
        assert!(unknown.message().ends_with("S3 answered MaxMessageLengthExceeded: So it is"));
    }

    /// An answer to HEAD has no body.
    #[test]
    fn an_answer_without_a_body_is_known_by_its_status() {
        assert!(answered("403 Forbidden", "").message().ends_with("access is denied"));
        let other = answered("418 I'm a teapot", "");
        assert_eq!((other.message(), other.advice()), ("cannot write `a`", Some("otherwise")));
    }

    #[test]
    fn a_machine_that_is_not_of_aws_has_no_credentials() {
        let text = "Error performing PUT http://169.254.169.254/latest/api/token in 3s";
        let cause = object_store::Error::Generic { store: "S3", source: text.into() };
        let error = explain("storage/s3", "cannot use `s3://b`", cause, "otherwise");
        assert!(error.message().ends_with("there are no AWS credentials"), "{error}");
    }

    #[test]
    fn errors_of_the_system_are_found_below_their_wrappers() {
        // ENOSPC, EDQUOT, EROFS, EACCES and EMFILE of POSIX on Linux.
        for (number, words) in [
            (28, "the disk is full"),
            (122, "quota"),
            (30, "read-only"),
            (13, "permission denied"),
            (24, "too many open files"),
        ] {
            let inner = io::Error::from_raw_os_error(number);
            let store = object_store::Error::Generic { store: "local", source: inner.into() };
            let parquet = parquet::errors::ParquetError::External(io::Error::from(store).into());
            let error = explain("land/write", "cannot write `a`", parquet, "otherwise");
            assert!(error.message().contains(words), "{number}: {error:?}");
            assert_eq!(error.kind(), Kind::Failed);
        }
    }
}
