//! Sends the requests of one app, where they may go, and takes the answers.
//!
//! What all apps of a process share are its [`Lines`]: the network, the proxy, TLS. Connections are
//! kept for the next request, but each app keeps its own: some servers let who authenticated once
//! on a connection do anything on it, and an app must not speak as another one.

use std::{
    net::{IpAddr, SocketAddr},
    sync::{Arc, OnceLock, atomic::Ordering::Relaxed},
    time::Duration,
};

use http::{HeaderValue, Method, Request, Response, StatusCode, Version, header};
use hyper_util::{
    client::legacy::{self, Client},
    rt::{TokioExecutor, TokioTimer},
};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::Instant,
};
use wasmtime_wasi_http::{Error as Code, RequestOptions, WasiBody};

use super::{
    body::{Answer, Sent},
    connector::Connector,
    destination::{Destination, HostGrant},
    fields,
    notes::Notes,
    proxy::Proxy,
    refusal::{Doing, Refusal},
    settings::{Network, Outbound, OutboundLimits, OutboundSettings},
    stats::{OutboundCounters, OutboundStats},
    tls::Tls,
    wire::{End, System, Wire},
};
use crate::{app::AppConfig, limits::as_usize};

/// How long a connection without a request is kept.
const IDLE: Duration = Duration::from_secs(30);

/// Connections to one host that are kept.
const KEPT: usize = 4;

/// Requests that wait, for each that may be under way.
const WAITING: usize = 8;

/// Names that are looked up at one time, for all apps; each lookup keeps a thread of those that also
/// do the apps' SQL.
const LOOKUPS: usize = 64;

/// Of these, one app's.
const LOOKUPS_OF_ONE: usize = 4;

/// The least that the HTTP library can take as a bound of an answer's head.
const LEAST_HEAD: usize = 8 * 1024;

/// What all apps of a process share on their way out.
#[derive(Debug)]
pub(crate) struct Lines {
    pub(crate) private: Vec<IpAddr>,
    /// The host's own listeners.
    own: Vec<SocketAddr>,
    pub(crate) proxy: Proxy,
    pub(crate) tls: Tls,
    /// Lookups under way: each keeps a thread.
    pub(crate) lookups: Arc<Semaphore>,
    network: Network,
}

impl Lines {
    pub(crate) fn new(settings: OutboundSettings) -> Arc<Self> {
        let OutboundSettings { private, own, proxy, by_proxy, network, roots } = settings;
        let proxy = Proxy::new(&proxy, by_proxy);
        let lookups = Arc::new(Semaphore::new(LOOKUPS));
        Arc::new(Self { private, own, proxy, tls: Tls::new(roots), lookups, network })
    }

    /// Whether this host itself listens at `address`.
    pub(crate) fn is_own(&self, address: SocketAddr) -> bool {
        let ip = address.ip().to_canonical();
        self.own.iter().any(|own| {
            let is_any = own.ip().to_canonical().is_unspecified();
            own.port() == address.port()
                && (own.ip().to_canonical() == ip
                    || is_any && (ip.is_loopback() || self.wire().end(ip) == End::Here))
        })
    }

    /// Whether this host itself listens at `port` of some address.
    pub(crate) fn listens_at(&self, port: u16) -> bool {
        self.own.iter().any(|own| own.port() == port)
    }

    /// The network below.
    pub(crate) fn wire(&self) -> &dyn Wire {
        match &self.network {
            Network::System => &System,
            Network::Scripted(network) => &**network,
        }
    }
}

/// The way out of one loaded app.
pub(crate) struct Outgoing {
    app: String,
    agent: HeaderValue,
    granted: Vec<HostGrant>,
    outbound: Outbound,
    limits: OutboundLimits,
    lines: Arc<Lines>,
    client: Client<Connector, Sent>,
    under_way: Arc<Semaphore>,
    /// Those under way, and those that wait for it.
    known: Arc<Semaphore>,
    counters: OutboundCounters,
    notes: Notes,
}

/// A request's place among those of its app, until its answer has ended.
pub(crate) struct Place {
    _known: OwnedSemaphorePermit,
    _under_way: OwnedSemaphorePermit,
}

/// One request, from the app's call to the end of its answer.
pub(crate) struct Trip {
    outgoing: Arc<Outgoing>,
    /// Where it goes, in the app's words until they are understood.
    name: String,
    pub(crate) deadline: Instant,
    refusal: OnceLock<Refusal>,
}

impl Trip {
    /// Notes why the request came to nothing, once, and gives the code for the app.
    pub(crate) fn refuse(&self, refusal: Refusal) -> Code {
        let mut is_first = false;
        let settled = self.refusal.get_or_init(|| {
            is_first = true;
            refusal
        });
        if is_first {
            let Outgoing { app, counters, notes, .. } = &*self.outgoing;
            match settled.doing() {
                Doing::Ours => counters.denied.fetch_add(1, Relaxed),
                Doing::Theirs => counters.failed.fetch_add(1, Relaxed),
            };
            notes.refused(app, &self.name, settled);
        }
        settled.code()
    }

    pub(crate) fn limits(&self) -> &OutboundLimits {
        &self.outgoing.limits
    }

    pub(crate) fn counters(&self) -> &OutboundCounters {
        &self.outgoing.counters
    }
}

impl Outgoing {
    pub(crate) fn new(config: &AppConfig, lines: Arc<Lines>) -> Arc<Self> {
        let limits = config.limits.outbound;
        let app = config.name.to_string();
        let agent = format!("newleaf ({app} {})", config.version);
        let connector = Connector {
            lines: lines.clone(),
            within: limits.connect_within,
            lookups: Arc::new(Semaphore::new(limits.at_once.min(LOOKUPS_OF_ONE))),
        };
        Arc::new(Self {
            // Names and versions are plain text.
            agent: HeaderValue::from_str(&agent)
                .unwrap_or_else(|_| HeaderValue::from_static("newleaf")),
            granted: granted(&app, config),
            outbound: config.outbound,
            client: client(connector, as_usize(limits.head)),
            under_way: Arc::new(Semaphore::new(limits.at_once)),
            known: Arc::new(Semaphore::new(limits.at_once.saturating_mul(1 + WAITING))),
            counters: OutboundCounters::default(),
            notes: Notes::default(),
            app,
            limits,
            lines,
        })
    }

    pub(crate) fn stats(&self) -> OutboundStats {
        self.counters.read()
    }

    /// Sends a request, if it may leave by what holds for the app and by `outbound`, and gives the
    /// answer once its head is there.
    pub(crate) async fn send(
        self: Arc<Self>,
        request: Request<WasiBody>,
        options: Option<RequestOptions>,
        outbound: Outbound,
    ) -> Result<Response<WasiBody>, Code> {
        self.counters.requests.fetch_add(1, Relaxed);
        let name = request.uri().authority().map_or("", http::uri::Authority::as_str).to_owned();
        let deadline = Instant::now() + self.limits.within;
        let mut trip = Trip { outgoing: self, name, deadline, refusal: OnceLock::new() };
        let judged = match outbound {
            Outbound::Denied(sentence) => Err(Refusal::Denied(sentence)),
            Outbound::Granted => trip.outgoing.judge(request.method(), request.uri()),
        };
        let to = match judged {
            Ok(to) => to,
            Err(refusal) => return Err(trip.refuse(refusal)),
        };
        trip.name = to.to_string();
        let trip = Arc::new(trip);
        let answer = exchange(&trip, &to, request, options.unwrap_or_default());
        match tokio::time::timeout_at(deadline, answer).await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(refusal)) => Err(trip.refuse(refusal)),
            Err(_) => Err(trip.refuse(Refusal::Overall(trip.limits().within))),
        }
    }

    /// Where a request may go.
    fn judge(&self, method: &Method, uri: &http::Uri) -> Result<Destination, Refusal> {
        if let Outbound::Denied(sentence) = self.outbound {
            return Err(Refusal::Denied(sentence));
        }
        // The one would make a tunnel, the other shows what the way has added.
        if [Method::CONNECT, Method::TRACE].contains(method) {
            return Err(Refusal::Method(method.to_string()));
        }
        let to = Destination::of(uri)?;
        if !self.granted.iter().any(|grant| grant.allows(&to)) {
            return Err(Refusal::NotGranted);
        }
        self.lines.proxy.towards(&to)?;
        Ok(to)
    }

    async fn place(&self) -> Result<Place, Refusal> {
        let limits = &self.limits;
        let full = |_| Refusal::TooMany(limits.at_once.saturating_mul(1 + WAITING));
        let known = self.known.clone().try_acquire_owned().map_err(full)?;
        let under_way = self.under_way.clone().acquire_owned();
        let under_way = tokio::time::timeout(limits.within, under_way).await;
        // Nobody closes the semaphore.
        let no_turn = || Refusal::NoTurn(limits.within);
        let under_way = under_way.ok().and_then(Result::ok).ok_or_else(no_turn)?;
        Ok(Place { _known: known, _under_way: under_way })
    }

    /// What a proxy that is handed plain requests wants to see.
    fn introduce(&self, to: &Destination, head: &mut http::HeaderMap) -> Result<(), Refusal> {
        if let Some(via) = self.lines.proxy.towards(to)?.filter(|_| !to.is_https())
            && let Some(auth) = via.basic_auth()
        {
            head.insert(header::PROXY_AUTHORIZATION, auth.clone());
        }
        Ok(())
    }
}

async fn exchange(
    trip: &Arc<Trip>,
    to: &Destination,
    request: Request<WasiBody>,
    options: RequestOptions,
) -> Result<Response<WasiBody>, Refusal> {
    let (outgoing, limits) = (&trip.outgoing, trip.limits());
    let place = outgoing.place().await?;
    let (mut head, body) = request.into_parts();
    fields::prepare(&mut head, to, &outgoing.agent, limits.head)?;
    outgoing.introduce(to, &mut head.headers)?;
    head.uri = uri(to, &head.uri)?;
    head.version = Version::HTTP_11;
    let body = Sent::new(body, &head.headers, trip)?;
    let within = options.first_byte_timeout.unwrap_or(Duration::MAX).min(limits.first_byte_within);
    let answer = outgoing.client.request(Request::from_parts(head, body));
    let answer = tokio::time::timeout(within, answer).await;
    let answer = answer.map_err(|_| Refusal::FirstByte(within))?;
    let answer = answer.map_err(|error| meaning(&error, limits))?;
    if answer.status() == StatusCode::SWITCHING_PROTOCOLS {
        return Err(Refusal::Protocol("it switches to another protocol".to_owned()));
    }
    let stall = options.between_bytes_timeout.unwrap_or(Duration::MAX).min(limits.stall_within);
    let (head, body) = answer.into_parts();
    let body = Answer::new(body, trip, stall, place)?;
    Ok(Response::from_parts(head, body.boxed()))
}

/// The hosts that are granted. One that is not understood grants nothing.
fn granted(app: &str, config: &AppConfig) -> Vec<HostGrant> {
    let parsed = config.grants.http_hosts().map(HostGrant::parse);
    let understood = parsed.filter_map(|grant| {
        grant.inspect_err(|error| tracing::warn!(app, "a grant has no effect: {error}")).ok()
    });
    understood.collect()
}

fn client(connector: Connector, head: usize) -> Client<Connector, Sent> {
    Client::builder(TokioExecutor::new())
        .pool_timer(TokioTimer::new())
        .pool_idle_timeout(IDLE)
        .pool_max_idle_per_host(KEPT)
        .http1_max_buf_size(head.max(LEAST_HEAD))
        .set_host(false)
        .build(connector)
}

/// The URL of a request to `to`, as we write it.
fn uri(to: &Destination, asked: &http::Uri) -> Result<http::Uri, Refusal> {
    let target = asked.path_and_query().map_or("/", http::uri::PathAndQuery::as_str);
    http::Uri::builder()
        .scheme(to.scheme.clone())
        .authority(to.authority())
        .path_and_query(target)
        .build()
        .map_err(|_| Refusal::NotAUrl)
}

/// What an error of the HTTP library means: what we told it ourselves, if that is behind it.
fn meaning(error: &legacy::Error, limits: &OutboundLimits) -> Refusal {
    let mut meaning = Refusal::Protocol(error.to_string());
    let mut next: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(error) = next {
        if let Some(refusal) = error.downcast_ref::<Refusal>() {
            return refusal.clone();
        }
        if let Some(error) = error.downcast_ref::<hyper::Error>() {
            meaning = if error.is_parse_too_large() {
                Refusal::ResponseHead(limits.head)
            } else if error.is_parse() {
                Refusal::Protocol(error.to_string())
            } else {
                Refusal::BrokenOff
            };
        }
        next = error.source();
    }
    meaning
}

impl std::fmt::Debug for Outgoing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Outgoing").field("app", &self.app).finish_non_exhaustive()
    }
}
