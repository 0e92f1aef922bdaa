//! A real S3 server on this machine, one for the process, that ends with it.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;

use object_store::aws::{AmazonS3, AmazonS3Builder};

use super::python::packages;

pub const BUCKET: &str = "warehouse";
pub const REGION: &str = "eu-west-1";

const WHEELS: [&str; 3] = ["moto[s3]==5.2.5", "flask==3.1.3", "flask-cors==6.0.5"];

pub struct Server {
    pub address: SocketAddr,
    pub key: String,
    pub secret: String,
    /// It stops when the input of this closes, which it does however we end.
    _own: Child,
}

pub fn server() -> &'static Server {
    static SERVER: OnceLock<Server> = OnceLock::new();
    SERVER.get_or_init(start)
}

fn start() -> Server {
    let mut child = Command::new("python3")
        .args(["-c", include_str!("s3.py")])
        .env("PYTHONPATH", packages("moto-5.2.5", &WHEELS))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("Python starts");
    let mut line = String::new();
    let output = child.stdout.take().expect("a pipe");
    BufReader::new(output).read_line(&mut line).expect("the S3 server speaks");
    let told: serde_json::Value = serde_json::from_str(&line).expect("JSON of the S3 server");
    let word = |name: &str| told[name].as_str().expect(name).to_string();
    let port = told["port"].as_u64().and_then(|port| port.try_into().ok()).expect("a port");
    let address = SocketAddr::from(([127, 0, 0, 1], port));
    Server { address, key: word("key"), secret: word("secret"), _own: child }
}

impl Server {
    /// The environment of a program that uses this server by way of an address.
    pub fn environment(&self, via: SocketAddr) -> Vec<(&'static str, String)> {
        vec![
            ("AWS_ENDPOINT_URL", format!("http://{via}")),
            ("AWS_ACCESS_KEY_ID", self.key.clone()),
            ("AWS_SECRET_ACCESS_KEY", self.secret.clone()),
            ("AWS_REGION", REGION.to_string()),
        ]
    }

    /// The bucket, in this process.
    pub fn bucket(&self, via: SocketAddr) -> AmazonS3 {
        AmazonS3Builder::new()
            .with_bucket_name(BUCKET)
            .with_endpoint(format!("http://{via}"))
            .with_access_key_id(&self.key)
            .with_secret_access_key(&self.secret)
            .with_region(REGION)
            .with_allow_http(true)
            .build()
            .expect("a bucket")
    }
}
