//! Sign-in links: how one is issued and how it becomes a session.

use newleaf_domain::{Clock, Timestamp};

use crate::store::{Link, LinkStanding, LinkStore, Session, SessionStore, StoreError};
use crate::token::{NoRandomness, Secret};

/// How long a sign-in link can be used: 15 min, enough to copy it from a terminal to a browser.
pub const LINK_SECONDS: i64 = 15 * 60;

/// How long a session lasts: 12 h, a working day.
pub const SESSION_SECONDS: i64 = 12 * 60 * 60;

/// Issues a link that signs `account` in. Its address is `<origin>/sign-in/<secret>`, see
/// [`link_path`].
///
/// # Errors
/// No randomness, or the store cannot be written.
pub async fn issue_link(
    links: &dyn LinkStore,
    account: &str,
    clock: &dyn Clock,
) -> Result<Secret, SignInError> {
    let secret = Secret::generate()?;
    let expires = clock.now().plus_seconds(LINK_SECONDS);
    links.add(Link { key: secret.key(), account: account.to_owned(), expires }).await?;
    Ok(secret)
}

/// The path of a link's address.
pub fn link_path(secret: &Secret) -> String {
    format!("/sign-in/{}", secret.reveal())
}

/// Uses a link up and starts a session, whose secret the browser gets as a cookie.
pub(crate) async fn redeem(
    links: &dyn LinkStore,
    sessions: &dyn SessionStore,
    link: &Secret,
    now: Timestamp,
) -> Result<Redeemed, SignInError> {
    let account = match links.consume(&link.key(), now).await? {
        LinkStanding::Usable { account } => account,
        standing @ (LinkStanding::Used | LinkStanding::Expired | LinkStanding::Unknown) => {
            return Ok(Redeemed::Refused(standing));
        }
    };
    let secret = Secret::generate()?;
    let expires = now.plus_seconds(SESSION_SECONDS);
    sessions.add(Session { key: secret.key(), account, began: now, expires }).await?;
    Ok(Redeemed::SignedIn(secret))
}

/// What became of a link that was used.
#[derive(Debug)]
pub(crate) enum Redeemed {
    /// A session began; this is its secret.
    SignedIn(Secret),
    /// The link signs nobody in, for this reason.
    Refused(LinkStanding),
}

/// Why nobody could be signed in.
#[derive(Debug, thiserror::Error)]
pub enum SignInError {
    /// The system gave no random bytes.
    #[error(transparent)]
    Randomness(#[from] NoRandomness),
    /// A store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}
