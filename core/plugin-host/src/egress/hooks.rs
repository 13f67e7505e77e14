//! Where `wasi:http`, 0.2 and 0.3 alike, hands over the requests of one instance.

use std::sync::Arc;

use wasmtime_wasi_http::{Error, RequestOptions, Result, WasiBody, WasiHttpHooks};

use super::{client::Outgoing, settings::Outbound};

/// The outbound side of one instance.
#[derive(Debug)]
pub(crate) struct Egress {
    outgoing: Arc<Outgoing>,
    /// What holds for the request that the instance serves, beside what holds for its app.
    pub(crate) outbound: Outbound,
}

impl Egress {
    pub(crate) fn new(outgoing: Arc<Outgoing>) -> Self {
        Self { outgoing, outbound: Outbound::Granted }
    }
}

/// The future of an exchange's end, as wasi:http hands it over.
type Exchange = Box<dyn Future<Output = Result<(), Error>> + Send>;
/// The future of a response, as wasi:http wants it.
type Answer = Box<dyn Future<Output = Result<(http::Response<WasiBody>, Exchange)>> + Send>;

/// The most of a body that the host keeps of one write. An instance may have many bodies, each
/// with two such chunks under way.
const CHUNK: usize = 32 * 1024;

impl WasiHttpHooks for Egress {
    fn p2_outgoing_body_chunk_size(&mut self) -> usize {
        CHUNK
    }

    fn p3_outgoing_body_chunk_size(&mut self) -> usize {
        CHUNK
    }

    fn send_request(
        &mut self,
        request: http::Request<WasiBody>,
        options: Option<RequestOptions>,
        // What the app says of the answer concerns nobody: it simply stops reading.
        _end: Exchange,
    ) -> Answer {
        let (outgoing, outbound) = (self.outgoing.clone(), self.outbound);
        Box::new(async move {
            let answer = outgoing.send(request, options, outbound).await?;
            // Connections are driven by tasks of their own.
            let driven: Exchange = Box::new(std::future::ready(Ok(())));
            Ok((answer, driven))
        })
    }
}
