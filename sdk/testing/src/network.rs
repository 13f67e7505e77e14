//! The outside as a test has it: answers by URL, and what was asked. No socket is opened and no
//! name is looked up; everything before that is real, grants and limits too.

use std::{
    collections::BTreeMap,
    convert::Infallible,
    net::{IpAddr, Ipv4Addr},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use bytes::Bytes;
use http::{HeaderMap, Request, Response, StatusCode, header};
use http_body_util::{BodyExt as _, Full};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use newleaf_plugin_host::{Door, Network, Scripted};
use tokio::io::DuplexStream;

/// Where every name of a fake network is. Nobody connects to it.
const SOMEWHERE: IpAddr = IpAddr::V4(Ipv4Addr::new(11, 22, 33, 44));

/// The outside, as a test has it. Clones are the same network.
///
/// ```no_run
/// # async fn fetches() -> Result<(), Box<dyn std::error::Error>> {
/// use newleaf_domain::Grant;
/// use newleaf_sdk_testing::{FakeNetwork, TestApp};
///
/// let network = FakeNetwork::default();
/// network.answer("https://example.com/feed.xml", 200, "<rss/>");
/// let grant = Grant::Http { host: "example.com".to_owned() };
/// let app = TestApp::new("app.wasm".as_ref()).network(&network).grant(grant).start().await?;
/// app.get("/refresh").await;
/// assert_eq!(network.asked()[0].url, "example.com/feed.xml");
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Default)]
pub struct FakeNetwork(Arc<Mutex<Inner>>);

#[derive(Debug, Default)]
struct Inner {
    answers: BTreeMap<String, Response<Bytes>>,
    asked: Vec<Asked>,
}

/// A request that reached the fake network.
#[derive(Debug, Clone)]
pub struct Asked {
    /// The method.
    pub method: String,
    /// The URL without its scheme: host, port where it is not the usual one, path and query.
    pub url: String,
    /// The header fields.
    pub headers: HeaderMap,
    /// The body.
    pub body: Bytes,
}

impl FakeNetwork {
    /// Answers requests for `url` with a status and a body. Said again, the new answer counts.
    pub fn answer(&self, url: &str, status: u16, body: &str) {
        let mut response = Response::new(Bytes::copy_from_slice(body.as_bytes()));
        *response.status_mut() =
            StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        self.answer_with(url, response);
    }

    /// Answers requests for `url` with `response`. A query that is not named is any.
    pub fn answer_with(&self, url: &str, response: Response<Bytes>) {
        let (_, key) = url.split_once("://").unwrap_or(("", url));
        let key = if key.contains('/') { key.to_owned() } else { format!("{key}/") };
        self.lock().answers.insert(key, response);
    }

    /// What was asked, in order. A URL without an answer was answered with 404.
    pub fn asked(&self) -> Vec<Asked> {
        self.lock().asked.clone()
    }

    /// The network as the plugin host takes it.
    pub(crate) fn scripted(&self) -> Network {
        let network = self.clone();
        let door = Door::InMemory(Arc::new(move |stream| network.serve(stream)));
        let scripted = Scripted::default().every_name(SOMEWHERE).door(SOMEWHERE, door);
        Network::Scripted(Arc::new(scripted.without_tls()))
    }

    fn serve(&self, stream: DuplexStream) {
        let network = self.clone();
        let service = service_fn(move |request| {
            let network = network.clone();
            async move { Ok::<_, Infallible>(network.reply(request).await) }
        });
        let connection = http1::Builder::new().serve_connection(TokioIo::new(stream), service);
        // An error means that the app left in the middle, which is its right.
        tokio::spawn(async move { drop(connection.await) });
    }

    async fn reply(&self, request: Request<Incoming>) -> Response<Full<Bytes>> {
        let (head, body) = request.into_parts();
        let body = body.collect().await.map(http_body_util::Collected::to_bytes);
        let host = head.headers.get(header::HOST).and_then(|host| host.to_str().ok());
        let target = head.uri.path_and_query().map_or("/", |target| target.as_str());
        let url = format!("{}{target}", host.unwrap_or_default());
        let mut inner = self.lock();
        let without_query = url.split('?').next().unwrap_or_default();
        let answer = inner.answers.get(&url).or_else(|| inner.answers.get(without_query)).cloned();
        inner.asked.push(Asked {
            method: head.method.to_string(),
            url: url.clone(),
            headers: head.headers,
            body: body.unwrap_or_default(),
        });
        answer.map_or_else(|| nothing(&url), |answer| answer.map(Full::new))
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn nothing(url: &str) -> Response<Full<Bytes>> {
    let text = format!("the test has no answer for {url}\n");
    let mut response = Response::new(Full::new(text.into()));
    *response.status_mut() = StatusCode::NOT_FOUND;
    response
}
