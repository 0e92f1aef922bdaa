//! S3 as a store: opened by its URL and the `AWS_*` environment, and asked whether it answers. It
//! reads no configuration file of AWS and keeps no credentials.

use object_store::aws::{AmazonS3, AmazonS3Builder};
use object_store::{ObjectStoreExt, RetryConfig};
use url::{Host, Url};

use super::reason::explain;
use crate::error::{Error, Result};

/// Where another endpoint than Amazon's is said, the first one set counts.
const ENDPOINTS: [&str; 3] = ["AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "AWS_ENDPOINT"];

/// A key that nobody writes.
const ABSENT: &str = "landfall-is-anybody-there";

/// Repeats of the question whether the store answers; a person waits for it.
const PATIENCE: usize = 2;

/// The store of a bucket, with the environment's credentials, region and endpoint.
///
/// Errors: `storage/credentials` for a URL that holds some; `storage/endpoint` for an endpoint that
/// is no URL, or is not encrypted and not on this machine without `AWS_ALLOW_HTTP`; `storage/s3`
/// for what the environment does not fit.
pub(super) fn bucket(url: &Url) -> Result<AmazonS3> {
    built(url, builder(url)?)
}

/// Asks for an object that is not there, which proves the way, the bucket, the region, the clock
/// and the credentials in one request, and needs no right that a run does not need.
///
/// A caller who may not list a bucket is refused what is absent, so a plain refusal proves nothing
/// and the first write decides.
pub(super) async fn reach(url: &Url) -> Result<()> {
    let retry = RetryConfig { max_retries: PATIENCE, ..RetryConfig::default() };
    let bucket = built(url, builder(url)?.with_retry(retry))?;
    let key = prefix(url)?.join(ABSENT);
    match bucket.get(&key).await {
        Ok(_) => Ok(()),
        Err(cause) => {
            let text = cause.to_string();
            let absent = matches!(cause, object_store::Error::NotFound { .. });
            let refused = text.contains("<Code>AccessDenied</Code>");
            if (absent && !text.contains("NoSuchBucket")) || refused {
                return Ok(());
            }
            let message = format!("cannot use `{url}`");
            let hint = "check the AWS_* environment; `landfall doctor` tries it again";
            Err(explain("storage/s3", message, cause, hint))
        }
    }
}

/// The keys under an `s3://` URL begin with this.
pub(super) fn prefix(url: &Url) -> Result<object_store::path::Path> {
    object_store::path::Path::from_url_path(url.path()).map_err(|e| unfit(url, e.into()))
}

fn builder(url: &Url) -> Result<AmazonS3Builder> {
    if !url.username().is_empty() || url.password().is_some() {
        return Err(Error::config("storage/credentials", "an s3:// URL must not hold credentials")
            .hint("set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"));
    }
    let builder = AmazonS3Builder::from_env().with_url(url.as_str());
    let named = |name: &'static str| Some((name, std::env::var(name).ok()?));
    let Some((name, text)) = ENDPOINTS.into_iter().find_map(named) else { return Ok(builder) };
    let endpoint = Url::parse(&text).map_err(|e| {
        Error::config("storage/endpoint", format!("{name} is not a URL"))
            .because(e)
            .hint("write it with its scheme, as in https://s3.example.com")
    })?;
    if endpoint.scheme() == "https" {
        return Ok(builder);
    }
    let allowed = std::env::var("AWS_ALLOW_HTTP").is_ok_and(|v| v.eq_ignore_ascii_case("true"));
    match on_this_machine(&endpoint) || allowed {
        true => Ok(builder.with_allow_http(true)),
        false => Err(Error::config(
            "storage/endpoint",
            format!("{name} names `{}`, which is not encrypted", endpoint.authority()),
        )
        .hint("use https://, or set AWS_ALLOW_HTTP=true to send the data in the clear")),
    }
}

fn built(url: &Url, builder: AmazonS3Builder) -> Result<AmazonS3> {
    builder.build().map_err(|e| unfit(url, e))
}

fn on_this_machine(endpoint: &Url) -> bool {
    match endpoint.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

fn unfit(url: &Url, cause: object_store::Error) -> Error {
    Error::config("storage/s3", format!("cannot use `{url}`"))
        .because(cause)
        .hint("check the bucket's name and the AWS_* environment")
}
