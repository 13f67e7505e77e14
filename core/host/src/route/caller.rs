//! Who asks: a person signed in to the portal, or a user of this machine.

use axum::extract::{Request, State};
use axum::http::HeaderMap;
use axum::middleware::{Next, from_fn_with_state};
use axum::response::Response;
use axum::{Extension, Router};
use newleaf_web::gate::{self, FORM_TOKEN_HEADER, Gate, Refusal, SignedIn};
use newleaf_web::origin::Origin;

use super::{Kind, Problem};
use crate::cli::owner;

/// Who asks, as history names them: an account, or `cli:<user>`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// The name.
    pub by: String,
}

impl Caller {
    /// The user `uid` of this machine, by the command line.
    pub fn user(uid: u32) -> Self {
        Self { by: format!("cli:{}", owner::name_of(uid)) }
    }
}

/// The other end of a Unix socket, as the system vouches for it (`SO_PEERCRED`); the accept loop
/// puts it into each request's extensions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Peer {
    /// The user.
    pub uid: u32,
}

/// Lets root and `owner` pass.
pub(crate) fn by_peer(router: Router, owner: u32) -> Router {
    router.layer(from_fn_with_state(owner, peer))
}

async fn peer(
    State(owner): State<u32>,
    mut request: Request,
    next: Next,
) -> Result<Response, Problem> {
    match request.extensions().get::<Peer>() {
        Some(peer) if peer.uid == 0 || peer.uid == owner => {
            let caller = Caller::user(peer.uid);
            request.extensions_mut().insert(caller);
            Ok(next.run(request).await)
        }
        Some(peer) => Err(Problem::new(
            Kind::Forbidden,
            format!("let uid {} in: the socket is for root and uid {owner}", peer.uid),
        )),
        None => Err(Problem::new(Kind::Forbidden, "see who asks on the socket")),
    }
}

/// Lets whoever is signed in to the portal pass, and only from the portal's own pages.
pub(super) fn by_session(router: Router, gate: Gate) -> Router {
    router.layer(from_fn_with_state(gate, session))
}

async fn session(
    State(gate): State<Gate>,
    request: Request,
    next: Next,
) -> Result<Response, Problem> {
    let (parts, body) = request.into_parts();
    let origin: Origin = gate.admit(&parts).map_err(|refusal| not_admitted(&refusal))?.clone();
    let signed_in = gate
        .who(&origin, &parts.headers)
        .await
        .map_err(|error| Problem::new(Kind::Failed, error.to_string()))?;
    let Some(signed_in) = signed_in else {
        return Err(Problem::new(Kind::NotSignedIn, "see who asks: no session")
            .todo("sign in to the portal: newleaf sign-in-link"));
    };
    if gate::changes(&parts.method) && !has_form_token(&parts.headers, &signed_in) {
        return Err(Problem::new(Kind::Forbidden, Refusal::FormToken.to_string()).todo(
            "send the value that the portal's forms carry in the header x-newleaf-form-token",
        ));
    }
    let mut request = Request::from_parts(parts, body);
    request.extensions_mut().insert(Caller { by: signed_in.session.account });
    Ok(next.run(request).await)
}

/// Where `Origin` can be forged or is stripped on the way, the token still says which session's
/// page sent the request.
fn has_form_token(headers: &HeaderMap, signed_in: &SignedIn) -> bool {
    let given = headers.get(FORM_TOKEN_HEADER).and_then(|token| token.to_str().ok());
    given.is_some_and(|given| signed_in.accepts(given))
}

/// Lets pass what is addressed to this host and does not come from another site's page.
pub(super) fn by_host(router: Router, gate: Gate) -> Router {
    router.layer(from_fn_with_state(gate, host))
}

async fn host(State(gate): State<Gate>, request: Request, next: Next) -> Result<Response, Problem> {
    let (parts, body) = request.into_parts();
    gate.admit(&parts).map_err(|refusal| not_admitted(&refusal))?;
    Ok(next.run(Request::from_parts(parts, body)).await)
}

fn not_admitted(refusal: &Refusal) -> Problem {
    Problem::new(Kind::Forbidden, refusal.to_string())
        .todo("ask at an address of the portal, or by run/admin.sock")
}

/// Every request is this caller's.
pub(super) fn always(router: Router, caller: Caller) -> Router {
    router.layer(Extension(caller))
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use axum::http::StatusCode;
    use axum::routing::get;
    use tower::ServiceExt as _;

    use super::*;

    async fn status_for(peer: Option<Peer>) -> StatusCode {
        let router = Router::new()
            .route("/", get(|Extension(caller): Extension<Caller>| async move { caller.by }));
        let mut request = Request::new(Body::empty());
        if let Some(peer) = peer {
            request.extensions_mut().insert(peer);
        }
        by_peer(router, 998).oneshot(request).await.unwrap().status()
    }

    #[tokio::test]
    async fn the_socket_is_for_root_and_the_owner() {
        assert_eq!(status_for(Some(Peer { uid: 0 })).await, StatusCode::OK);
        assert_eq!(status_for(Some(Peer { uid: 998 })).await, StatusCode::OK);
        assert_eq!(status_for(Some(Peer { uid: 997 })).await, StatusCode::FORBIDDEN);
        assert_eq!(status_for(None).await, StatusCode::FORBIDDEN);
    }
}
