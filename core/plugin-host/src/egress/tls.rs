//! TLS towards the outside: rustls, with the certificate authorities this machine trusts, read at
//! the first request that needs them.

use std::{io, sync::Arc};

use rustls::{
    ClientConfig, RootCertStore,
    pki_types::{InvalidDnsNameError, ServerName},
};
use rustls_platform_verifier::BuilderVerifierExt as _;
use tokio::sync::OnceCell;
use tokio_rustls::TlsConnector;
use url::Host;

use super::{refusal::Refusal, settings::Roots, wire::Stream};

/// TLS for all apps.
pub(crate) struct Tls {
    roots: Roots,
    connector: OnceCell<TlsConnector>,
}

impl Tls {
    pub(crate) fn new(roots: Roots) -> Self {
        Self { roots, connector: OnceCell::new() }
    }

    /// Speaks TLS over `stream` with whoever proves to be `host`.
    pub(crate) async fn over(
        &self,
        stream: Box<dyn Stream>,
        host: &Host,
    ) -> Result<Box<dyn Stream>, Refusal> {
        let odd = |error: InvalidDnsNameError| Refusal::Certificate(error.to_string());
        let name = match host {
            Host::Domain(name) => ServerName::try_from(name.clone()).map_err(odd)?,
            Host::Ipv4(address) => ServerName::from(std::net::IpAddr::from(*address)),
            Host::Ipv6(address) => ServerName::from(std::net::IpAddr::from(*address)),
        };
        let connector = self.connector.get_or_try_init(|| self.connector()).await?;
        match connector.connect(name, stream).await {
            Ok(stream) => Ok(Box::new(stream)),
            Err(error) => Err(judge(&error)),
        }
    }

    async fn connector(&self) -> Result<TlsConnector, Refusal> {
        let roots = self.roots.clone();
        let made = tokio::task::spawn_blocking(move || config(&roots)).await;
        let made = made.map_err(|error| Refusal::Tls(error.to_string()))?;
        let config = made.map_err(|error| Refusal::Tls(error.to_string()))?;
        Ok(TlsConnector::from(Arc::new(config)))
    }
}

impl std::fmt::Debug for Tls {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tls").finish_non_exhaustive()
    }
}

fn config(roots: &Roots) -> Result<ClientConfig, rustls::Error> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder =
        ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
    Ok(match roots {
        Roots::System => builder.with_platform_verifier()?.with_no_client_auth(),
        Roots::These(certificates) => {
            let mut store = RootCertStore::empty();
            for certificate in certificates {
                store.add(certificate.clone())?;
            }
            builder.with_root_certificates(store).with_no_client_auth()
        }
    })
}

/// What a failed handshake means.
fn judge(error: &io::Error) -> Refusal {
    match error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
        Some(error @ rustls::Error::InvalidCertificate(_)) => {
            Refusal::Certificate(error.to_string())
        }
        Some(error) => Refusal::Tls(error.to_string()),
        None => Refusal::Tls(error.to_string()),
    }
}
