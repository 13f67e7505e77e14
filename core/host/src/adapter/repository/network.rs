//! How this host reaches others over HTTP: timeouts, redirects, the proxy.

use std::sync::Once;
use std::time::Duration;

use newleaf_trust::Limits;
use reqwest::redirect::Policy;
use reqwest::{Client, Proxy};

use crate::config::ProxySetting;

/// What an admin set about the network.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Network {
    /// The proxy.
    pub(crate) proxy: ProxySetting,
    /// How long a connection may stand still. There is no bound on the whole: what comes slowly
    /// comes.
    pub(crate) stall: Duration,
}

impl Default for Network {
    fn default() -> Self {
        let stall = Duration::from_secs(Limits::default().stall_seconds.into());
        Self { proxy: ProxySetting::Environment, stall }
    }
}

/// The process has one TLS provider; the first to ask for it installs it.
static PROVIDER: Once = Once::new();

/// Redirects that are followed; none from HTTPS to HTTP.
const REDIRECTS: usize = 5;

/// A standstill in the middle of a download is the download's to judge, so it is told first; this is
/// for heads of answers and for metadata.
const AFTER_STALL: Duration = Duration::from_secs(5);

impl Network {
    /// A client that obeys these settings. Nothing it receives is decompressed: what is signed is
    /// the file itself.
    pub(super) fn client(&self) -> Result<Client, reqwest::Error> {
        PROVIDER.call_once(|| {
            // Another part of the process may have installed one before: as good.
            drop(rustls::crypto::ring::default_provider().install_default());
        });
        let builder = Client::builder()
            .connect_timeout(Duration::from_secs(Limits::default().connect_seconds.into()))
            .read_timeout(self.stall + AFTER_STALL)
            .redirect(Policy::custom(|attempt| {
                let downgrades = attempt.url().scheme() == "http"
                    && attempt.previous().last().is_some_and(|from| from.scheme() == "https");
                if downgrades || attempt.previous().len() > REDIRECTS {
                    attempt.stop()
                } else {
                    attempt.follow()
                }
            }));
        match &self.proxy {
            // The library reads `HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY` and `NO_PROXY` by itself.
            ProxySetting::Environment => builder,
            ProxySetting::None => builder.no_proxy(),
            ProxySetting::Explicit(proxy) => builder.proxy(Proxy::all(proxy.reveal())?),
        }
        .build()
    }
}
