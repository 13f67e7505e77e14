//! What a guest of `wasi:http` 0.2 is told when a body breaks in the middle: the engine's own
//! `http-error-code` knows only errors of its older kind, so that each reason would be "no HTTP
//! error". This one knows what the bodies of this host end with.

use wasmtime::{
    StoreContextMut,
    component::{Linker, Resource},
};
use wasmtime_wasi::p2::bindings::io::error::Error as IoError;
use wasmtime_wasi_http::{Error, p2::bindings::http::types::ErrorCode};

use crate::instance::Instance;

/// The interface as the engine has it in `linker`.
pub(super) const TYPES: &str = "wasi:http/types@0.2.12";

/// Puts our `http-error-code` in the place of the engine's.
pub(crate) fn add_to_linker(linker: &mut Linker<Instance>) -> wasmtime::Result<()> {
    linker.allow_shadowing(true);
    let added = linker.instance(TYPES).and_then(|mut types| {
        types.func_wrap(
            "http-error-code",
            |store: StoreContextMut<'_, Instance>, (error,): (Resource<IoError>,)| {
                let error = store.data().table().get(&error)?;
                Ok((code(error),))
            },
        )
    });
    linker.allow_shadowing(false);
    added
}

/// The code of an error that a stream ended with.
#[expect(clippy::wildcard_enum_match_arm, reason = "no body of this host ends with another one")]
fn code(error: &IoError) -> Option<ErrorCode> {
    if let Some(code) = error.downcast_ref::<ErrorCode>() {
        return Some(code.clone());
    }
    let code = match error.downcast_ref::<Error>()? {
        Error::HttpRequestBodySize(limit) => ErrorCode::HttpRequestBodySize(*limit),
        Error::HttpResponseBodySize(limit) => ErrorCode::HttpResponseBodySize(*limit),
        Error::HttpResponseTimeout => ErrorCode::HttpResponseTimeout,
        Error::HttpResponseIncomplete => ErrorCode::HttpResponseIncomplete,
        Error::ConnectionReadTimeout => ErrorCode::ConnectionReadTimeout,
        Error::ConnectionTerminated => ErrorCode::ConnectionTerminated,
        other => ErrorCode::InternalError(Some(other.to_string())),
    };
    Some(code)
}
