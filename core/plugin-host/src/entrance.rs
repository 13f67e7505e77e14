//! The way requests reach a component: by `wasi:http` 0.3 where it has both, else by 0.2. Looked up
//! once a version, so that an instance is entered without a search by names.

use wasmtime::{
    Store,
    component::{self, InstancePre},
};
use wasmtime_wasi_http::{
    handler::Proxy,
    p2::bindings::{Proxy as Proxy02, ProxyIndices},
    p3::bindings::{Service as Service03, ServiceIndices},
};

use crate::instance::Instance;

/// Where the handler of a component is exported.
pub(crate) enum Entrance {
    /// `wasi:http/incoming-handler@0.2`.
    Http02(ProxyIndices),
    /// `wasi:http/handler@0.3`.
    Http03(ServiceIndices),
}

impl Entrance {
    /// The entrance of a component; none where it answers no requests.
    pub(crate) fn of(pre: &InstancePre<Instance>) -> Option<Self> {
        const HTTP_03: &str = "wasi:http/handler@0.3.0";
        const HTTP_02: &str = "wasi:http/incoming-handler@0.2.0";
        if pre.component().get_export_index(None, HTTP_03).is_some() {
            return ServiceIndices::new(pre).ok().map(Self::Http03);
        }
        pre.component().get_export_index(None, HTTP_02)?;
        ProxyIndices::new(pre).ok().map(Self::Http02)
    }

    /// The entrance of one instance of the component.
    pub(crate) fn open(
        &self,
        store: &mut Store<Instance>,
        made: &component::Instance,
    ) -> wasmtime::Result<Proxy> {
        Ok(match self {
            Self::Http02(indices) => {
                let proxy: Proxy02 = indices.load(store, made)?;
                Proxy::P2(proxy)
            }
            Self::Http03(indices) => {
                let service: Service03 = indices.load(store, made)?;
                Proxy::P3(service)
            }
        })
    }
}
