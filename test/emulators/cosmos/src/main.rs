//! Serves the in-memory emulator of Microsoft's Cosmos DB driver over HTTP.
//!
//! `cosmos-emulator [--port N] [--consistency strong|session] [--throttling]`
//!
//! It binds to 127.0.0.1 (port 0, the default: a free one), prints `ready <port>` and serves until its standard input
//! ends, so that it never outlives the test that started it. Nothing is kept.

use std::convert::Infallible;
use std::sync::Arc;

use azure_core::http::headers::{HeaderName, HeaderValue};
use azure_core::http::{Method, Request as EmulatorRequest, Url};
use azure_data_cosmos_driver::in_memory_emulator::{
    ConsistencyLevel, InMemoryEmulatorHttpClient, VirtualAccountConfig, VirtualRegion,
};
use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;

type Failure = Box<dyn std::error::Error + Send + Sync>;

struct Options {
    port: u16,
    consistency: ConsistencyLevel,
    throttling: bool,
}

fn parse_options(mut arguments: impl Iterator<Item = String>) -> Result<Options, Failure> {
    let mut options = Options {
        port: 0,
        consistency: ConsistencyLevel::Strong,
        throttling: false,
    };
    while let Some(name) = arguments.next() {
        match name.as_str() {
            "--port" => options.port = arguments.next().ok_or("--port needs a number")?.parse()?,
            "--consistency" => match arguments.next().as_deref() {
                Some("strong") => options.consistency = ConsistencyLevel::Strong,
                Some("session") => options.consistency = ConsistencyLevel::Session,
                _ => return Err("--consistency is strong or session".into()),
            },
            "--throttling" => options.throttling = true,
            _ => return Err(format!("unknown option: {name}").into()),
        }
    }
    Ok(options)
}

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let options = parse_options(std::env::args().skip(1))?;
    let listener = TcpListener::bind(("127.0.0.1", options.port)).await?;
    let port = listener.local_addr()?.port();
    let base = format!("http://localhost:{port}");
    let account =
        VirtualAccountConfig::new(vec![VirtualRegion::new("East US", Url::parse(&base)?)])?
            .with_consistency(options.consistency)
            .with_throttling_enabled(options.throttling);
    let emulator = Arc::new(InMemoryEmulatorHttpClient::try_new(account)?);
    std::thread::spawn(exit_with_parent);
    println!("ready {port}");
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        let (emulator, base) = (emulator.clone(), base.clone());
        tokio::spawn(async move {
            let service =
                service_fn(move |request| answer(emulator.clone(), base.clone(), request));
            // A connection that breaks concerns its client only.
            let _ = hyper::server::conn::http1::Builder::new()
                .serve_connection(TokioIo::new(stream), service)
                .await;
        });
    }
}

fn exit_with_parent() {
    let _ = std::io::copy(&mut std::io::stdin(), &mut std::io::sink());
    std::process::exit(0);
}

async fn answer(
    emulator: Arc<InMemoryEmulatorHttpClient>,
    base: String,
    request: Request<Incoming>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    Ok(forward(&emulator, &base, request)
        .await
        .unwrap_or_else(|failure| {
            let mut response = Response::new(Full::from(format!("cosmos-emulator: {failure}")));
            *response.status_mut() = hyper::StatusCode::NOT_IMPLEMENTED;
            response
        }))
}

async fn forward(
    emulator: &InMemoryEmulatorHttpClient,
    base: &str,
    request: Request<Incoming>,
) -> Result<Response<Full<Bytes>>, Failure> {
    let (head, body) = request.into_parts();
    let path = head.uri.path_and_query().map_or("/", |it| it.as_str());
    let url = Url::parse(&format!("{base}/{}", path.trim_start_matches('/')))?;
    let method: Method = head.method.as_str().parse()?;
    let mut forwarded = EmulatorRequest::new(url, method);
    for (name, value) in &head.headers {
        let value = HeaderValue::from(value.to_str()?.to_owned());
        forwarded.insert_header(HeaderName::from(name.as_str().to_owned()), value);
    }
    forwarded.set_body(body.collect().await?.to_bytes());
    let answered = emulator
        .execute_request(&forwarded)
        .await?
        .try_into_raw_response()
        .await?;
    let mut response = Response::builder().status(u16::from(answered.status()));
    for (name, value) in answered.headers().iter() {
        if !matches!(name.as_str(), "content-length" | "transfer-encoding") {
            response = response.header(name.as_str(), value.as_str());
        }
    }
    Ok(response.body(Full::from(Bytes::copy_from_slice(answered.body().as_ref())))?)
}
