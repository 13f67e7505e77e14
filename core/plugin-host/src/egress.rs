//! Requests an app makes to the outside. This version lets none out: an app whose grants name no
//! host is denied, and one whose grants do is told that this host has no client for them.

use newleaf_domain::Grants;
use wasmtime_wasi_http::{Error, RequestOptions, Result, WasiBody, WasiHttpHooks};

/// The outbound side of one instance.
#[derive(Debug)]
pub(crate) struct Egress {
    app: String,
    grants: Grants,
}

/// The future of an exchange's end, as wasi:http hands it over.
type Exchange = Box<dyn Future<Output = Result<(), Error>> + Send>;
/// The future of a response, as wasi:http wants it.
type Answer = Box<dyn Future<Output = Result<(http::Response<WasiBody>, Exchange)>> + Send>;

impl Egress {
    /// The outbound side of an instance of `app`.
    pub(crate) fn new(app: &str, grants: &Grants) -> Self {
        Self { app: app.to_owned(), grants: grants.clone() }
    }

    fn refusal(&self, uri: &http::Uri) -> Error {
        let host = uri.authority().map_or("", http::uri::Authority::as_str);
        if self.grants.allows_host(host) {
            tracing::warn!(
                app = self.app,
                host,
                "outbound request refused: this host has no outbound client"
            );
            let reason = format!("{host} is granted, but this host has no outbound client yet");
            return Error::InternalError(Some(reason));
        }
        tracing::warn!(
            app = self.app,
            host,
            "outbound request denied: the host name is not granted"
        );
        Error::HttpRequestDenied
    }
}

impl WasiHttpHooks for Egress {
    fn send_request(
        &mut self,
        request: http::Request<WasiBody>,
        _options: Option<RequestOptions>,
        _end: Exchange,
    ) -> Answer {
        let refusal = self.refusal(request.uri());
        Box::new(async move { Err(refusal) })
    }
}
