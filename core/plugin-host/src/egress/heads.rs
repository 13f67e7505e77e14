//! Bounds what `wasi:http` keeps of the head of a request that an app makes. For the engine a method
//! and an authority may have any length, and an instance may have many requests that never leave.
//! Decides nothing else: whether a request may leave is judged when it does.

use wasmtime::{
    StoreContextMut,
    component::{Linker, Resource},
};
use wasmtime_wasi_http::{
    WasiHttpView as _,
    p2::bindings::http::types::{self as v02, HostOutgoingRequest},
    p3::bindings::http::types::{self as v03, HostRequest},
};

use crate::instance::Instance;

/// The longest method or authority in bytes. A name of the DNS has 253.
const MOST: usize = 1024;

/// What the engine's own functions answer: whether the value is valid.
type Taken = wasmtime::Result<(Result<(), ()>,)>;

/// Puts our setters in the place of the engine's.
pub(crate) fn add_to_linker(linker: &mut Linker<Instance>) -> wasmtime::Result<()> {
    linker.allow_shadowing(true);
    let added = bound_02(linker).and_then(|()| bound_03(linker));
    linker.allow_shadowing(false);
    added
}

fn bound_02(linker: &mut Linker<Instance>) -> wasmtime::Result<()> {
    type Request = Resource<v02::OutgoingRequest>;
    let mut types = linker.instance(super::codes::TYPES)?;
    types.func_wrap(
        "[method]outgoing-request.set-method",
        |mut store: StoreContextMut<'_, Instance>,
         (request, method): (Request, v02::Method)|
         -> Taken {
            if matches!(&method, v02::Method::Other(name) if name.len() > MOST) {
                return Ok((Err(()),));
            }
            Ok((HostOutgoingRequest::set_method(&mut store.data_mut().http(), request, method)?,))
        },
    )?;
    types.func_wrap(
        "[method]outgoing-request.set-authority",
        |mut store: StoreContextMut<'_, Instance>,
         (request, name): (Request, Option<String>)|
         -> Taken {
            if name.as_ref().is_some_and(|name| name.len() > MOST) {
                return Ok((Err(()),));
            }
            Ok((HostOutgoingRequest::set_authority(&mut store.data_mut().http(), request, name)?,))
        },
    )
}

fn bound_03(linker: &mut Linker<Instance>) -> wasmtime::Result<()> {
    type Request = Resource<v03::Request>;
    let mut types = linker.instance("wasi:http/types@0.3.0")?;
    types.func_wrap(
        "[method]request.set-method",
        |mut store: StoreContextMut<'_, Instance>,
         (request, method): (Request, v03::Method)|
         -> Taken {
            if matches!(&method, v03::Method::Other(name) if name.len() > MOST) {
                return Ok((Err(()),));
            }
            Ok((HostRequest::set_method(&mut store.data_mut().http(), request, method)?,))
        },
    )?;
    types.func_wrap(
        "[method]request.set-authority",
        |mut store: StoreContextMut<'_, Instance>,
         (request, name): (Request, Option<String>)|
         -> Taken {
            if name.as_ref().is_some_and(|name| name.len() > MOST) {
                return Ok((Err(()),));
            }
            Ok((HostRequest::set_authority(&mut store.data_mut().http(), request, name)?,))
        },
    )
}
