//! The gate before every handler: is the request meant for us, did our own page send it, who sends it.
//! Decides from headers alone; what a request asks for is the handlers' business.

use std::sync::Arc;

use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, Method, header};
use newleaf_domain::Clock;

use crate::cookie;
use crate::origin::{Origin, OriginPolicy};
use crate::store::{Session, SessionStore, StoreError};
use crate::token::Secret;

/// Decides who may pass. One gate serves the portal's pages and the host's JSON API.
#[derive(Debug, Clone)]
pub struct Gate {
    /// Where sessions are kept.
    pub sessions: Arc<dyn SessionStore>,
    /// The addresses that are ours.
    pub origins: OriginPolicy,
    /// Tells when a session is over.
    pub clock: Arc<dyn Clock>,
}

/// A person who is signed in.
#[derive(Debug, Clone)]
pub struct SignedIn {
    /// The session.
    pub session: Session,
    form_token: String,
}

impl SignedIn {
    /// The value that every form of this session carries, in the field [`FORM_TOKEN`].
    pub fn form_token(&self) -> &str {
        &self.form_token
    }

    /// Whether `given` is this session's form token.
    pub fn accepts(&self, given: &str) -> bool {
        same_text(self.form_token.as_bytes(), given.as_bytes())
    }

    pub(crate) fn new(session: Session, secret: &Secret) -> Self {
        Self { session, form_token: secret.form_token() }
    }
}

/// Name of the form field with the form token.
pub const FORM_TOKEN: &str = "form_token";

/// Name of the header with the form token, for requests whose body is JSON.
pub const FORM_TOKEN_HEADER: HeaderName = HeaderName::from_static("x-newleaf-form-token");

/// Why a request does not pass.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// It is addressed to a host that is not ours.
    #[error("the portal does not answer at this address")]
    WrongHost,
    /// Another site, or another port of this machine, made the browser send it.
    #[error("the request was sent by another site ({from})")]
    OtherSite {
        /// What the browser said about the sender.
        from: String,
    },
    /// It would change something and does not say where it comes from.
    #[error("the request does not say which page sent it")]
    NoOrigin,
    /// The form's token is missing or of another session.
    #[error("the form does not belong to this session")]
    FormToken,
}

impl Gate {
    /// Lets a request in that is addressed to us and, where it may change something, was sent by our
    /// own page. Returns the origin it was sent to.
    ///
    /// # Errors
    /// [`Refusal`], of which all but `FormToken` can happen here.
    pub fn admit(&self, parts: &Parts) -> Result<&Origin, Refusal> {
        let origin = self.origins.addressed(parts).ok_or(Refusal::WrongHost)?;
        if changes(&parts.method) {
            refuse_other_sites(&parts.headers)?;
            must_be_from(origin, &parts.headers)?;
        } else if !is_navigation(&parts.headers) {
            refuse_other_sites(&parts.headers)?;
        }
        Ok(origin)
    }

    /// Who sends a request that came to `origin`, by its cookie. Values that are not ours are
    /// ignored, for other ports of this machine can set cookies of the same name.
    ///
    /// # Errors
    /// The store of sessions cannot be read.
    pub async fn who(
        &self,
        origin: &Origin,
        headers: &HeaderMap,
    ) -> Result<Option<SignedIn>, StoreError> {
        for secret in cookie::secrets(origin, headers) {
            let found = self.sessions.find(&secret.key()).await?;
            if let Some(session) = found.filter(|session| self.clock.now() < session.expires) {
                return Ok(Some(SignedIn::new(session, &secret)));
            }
        }
        Ok(None)
    }
}

/// Whether a request of this method may change something.
pub fn changes(method: &Method) -> bool {
    !matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS)
}

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");
const SEC_FETCH_MODE: HeaderName = HeaderName::from_static("sec-fetch-mode");

/// A link that was followed or an address that was typed: it may come from anywhere, and the
/// cookie (`SameSite=Strict`) stays away where it does.
fn is_navigation(headers: &HeaderMap) -> bool {
    headers.get(SEC_FETCH_MODE).is_none_or(|mode| mode == "navigate")
}

/// Fetch Metadata: every browser since 2023 says who caused a request. Other ports of this machine
/// count as `same-site`, and apps are served from one.
fn refuse_other_sites(headers: &HeaderMap) -> Result<(), Refusal> {
    match headers.get(SEC_FETCH_SITE).map(|site| site.to_str().unwrap_or("unreadable")) {
        None | Some("same-origin" | "none") => Ok(()),
        Some(site) => Err(Refusal::OtherSite { from: site.to_owned() }),
    }
}

/// RFC 6454 §7: the header names the origin that caused the request, its port included.
fn must_be_from(origin: &Origin, headers: &HeaderMap) -> Result<(), Refusal> {
    let mut given = headers.get_all(header::ORIGIN).iter();
    let (first, second) = (given.next(), given.next());
    let Some(from) = first else { return Err(Refusal::NoOrigin) };
    let from = from.to_str().unwrap_or("unreadable");
    if second.is_none() && from == origin.to_string() {
        Ok(())
    } else {
        Err(Refusal::OtherSite { from: from.to_owned() })
    }
}

/// Compares without stopping at the first difference.
fn same_text(a: &[u8], b: &[u8]) -> bool {
    a.len() == b.len() && a.iter().zip(b).fold(0, |found, (x, y)| found | (x ^ y)) == 0
}
