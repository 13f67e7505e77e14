//! Serves an opened registry over HTTP until it is told to stop.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::time::timeout;

use crate::publish::work;
use crate::registry::Registry;
use crate::route::router;
use crate::smaller::make_smaller;

/// How long running requests may go on after the stop.
const DRAIN: Duration = Duration::from_secs(10);

/// A registry that is being served.
#[derive(Debug)]
pub struct Serving {
    address: SocketAddr,
    registry: Arc<Registry>,
    stop: watch::Sender<bool>,
    server: tokio::task::JoinHandle<io::Result<()>>,
    worker: tokio::task::JoinHandle<()>,
    smaller: tokio::task::JoinHandle<()>,
}

/// Why serving ended. Completes "failed to serve: …".
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The address cannot be listened on.
    #[error("{address} cannot be listened on")]
    Bind {
        /// The address.
        address: SocketAddr,
        /// The system's answer.
        #[source]
        source: io::Error,
    },
    /// The server broke off.
    #[error("the server broke off")]
    Server(#[source] io::Error),
    /// A task broke off.
    #[error("a task broke off")]
    Task(#[source] tokio::task::JoinError),
}

impl Serving {
    /// Listens on `address` (port 0 for any) and starts to publish.
    ///
    /// # Errors
    /// [`ServeError::Bind`].
    pub async fn start(registry: Registry, address: SocketAddr) -> Result<Self, ServeError> {
        let bind = |source| ServeError::Bind { address, source };
        let listener = TcpListener::bind(address).await.map_err(bind)?;
        let address = listener.local_addr().map_err(bind)?;
        let registry = Arc::new(registry);
        let stop = watch::Sender::new(false);
        let worker = tokio::spawn(work(Arc::clone(&registry), stop.subscribe()));
        let smaller = tokio::spawn(make_smaller(Arc::clone(&registry), stop.subscribe()));
        let mut stopped = stop.subscribe();
        let routes = router(Arc::clone(&registry));
        let server = tokio::spawn(async move {
            axum::serve(listener, routes)
                .with_graceful_shutdown(async move {
                    // A sender that is gone means that nobody can stop the server any more: stop.
                    let _ = stopped.wait_for(|stop| *stop).await;
                })
                .await
        });
        Ok(Self { address, registry, stop, server, worker, smaller })
    }

    /// Where it listens.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// What is being served.
    pub const fn registry(&self) -> &Arc<Registry> {
        &self.registry
    }

    /// Finishes the batch that is running, gives requests 10 s to end, then closes the database.
    /// A sender of a role who is cut off has lost nothing: what she sent is in the database.
    ///
    /// # Errors
    /// The server or the worker had broken off before.
    pub async fn stop(self) -> Result<(), ServeError> {
        self.stop.send_replace(true);
        self.worker.await.map_err(ServeError::Task)?;
        self.smaller.await.map_err(ServeError::Task)?;
        let cut_off = self.server.abort_handle();
        match timeout(DRAIN, self.server).await {
            Ok(served) => served.map_err(ServeError::Task)?.map_err(ServeError::Server)?,
            Err(_) => cut_off.abort(),
        }
        self.registry.close().await;
        Ok(())
    }
}
