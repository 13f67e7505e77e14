//! Tells a service manager how the host stands, as `sd_notify(3)` says, and that it is alive, as
//! `sd_watchdog_enabled(3)` asks for. Without a service manager nothing here does anything.

use std::io;
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::time::{Duration, Instant};

use crate::supervisor::Status;

/// The variables that only the launcher itself may heed.
pub(super) const VARIABLES: [&str; 3] = ["NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"];

/// One start, from its program to its answer, and the wait before it: each gets its own time, so
/// that the recovery page comes up before a service manager gives up on the host.
const START_WITHIN: Duration = Duration::from_mins(2);

/// The way to the service manager, where there is one.
#[derive(Debug)]
pub(super) struct Notifier {
    manager: Option<(UnixDatagram, SocketAddr)>,
    told: Option<Status>,
    beat: Option<Beat>,
}

/// The sign of life that the service manager waits for.
#[derive(Debug)]
struct Beat {
    every: Duration,
    next: Instant,
}

impl Notifier {
    /// Reads what the service manager left in the environment. One that cannot be spoken to is
    /// not spoken to: a host serves all the same.
    pub(super) fn from_environment() -> Self {
        let variable = |name| std::env::var(name).ok();
        let manager = variable("NOTIFY_SOCKET").and_then(|name| connect(&name).ok());
        let own = std::process::id().to_string();
        let is_meant = variable("WATCHDOG_PID").is_none_or(|pid| pid == own);
        let every = variable("WATCHDOG_USEC")
            .filter(|_| is_meant && manager.is_some())
            .and_then(|text| text.parse().ok())
            .filter(|microseconds| *microseconds > 0)
            .map(|microseconds| Duration::from_micros(microseconds) / 2);
        let beat = every.map(|every| Beat { every, next: Instant::now() + every });
        Self { manager, told: None, beat }
    }

    /// Tells where the host stands, where that has changed.
    pub(super) fn tell(&mut self, status: Status) {
        if self.told.as_ref() == Some(&status) {
            return;
        }
        let was_ready = matches!(self.told, Some(Status::Ready(_)));
        let was_stopping = matches!(self.told, Some(Status::Stopping(_)));
        let text = status.text();
        self.send(&match &status {
            Status::Ready(_) if !was_ready => format!("READY=1\nSTATUS={text}\n"),
            Status::Stopping(_) if !was_stopping => format!("STOPPING=1\nSTATUS={text}\n"),
            Status::Starting(_) => {
                let microseconds = START_WITHIN.as_micros();
                format!("STATUS={text}\nEXTEND_TIMEOUT_USEC={microseconds}\n")
            }
            Status::Ready(_) | Status::Stopping(_) => format!("STATUS={text}\n"),
        });
        self.told = Some(status);
    }

    /// Tells that the launcher makes room for its successor, which tells when that is done.
    pub(super) fn reloads(&mut self, text: &str) {
        let now = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
        let microseconds = now.tv_sec * 1_000_000 + now.tv_nsec / 1_000;
        self.send(&format!("RELOADING=1\nMONOTONIC_USEC={microseconds}\nSTATUS={text}\n"));
        self.told = None;
    }

    /// When the next sign of life is due.
    pub(super) fn next_beat(&self) -> Option<Instant> {
        self.beat.as_ref().map(|beat| beat.next)
    }

    /// Gives the sign of life that is due. It says that the launcher's loop turns, and nothing of the
    /// worker: one that hangs is the launcher's to end and to start again, which a service manager
    /// that ends the whole host would only keep from happening.
    pub(super) fn beat(&mut self) {
        if self.next_beat().is_some_and(|next| next <= Instant::now()) {
            self.is_alive();
        }
    }

    /// Gives it now, beside an act that may take long.
    pub(super) fn is_alive(&mut self) {
        let Some(beat) = self.beat.as_mut() else { return };
        beat.next = Instant::now() + beat.every;
        self.send("WATCHDOG=1\n");
    }

    /// The service manager may be gone or busy; neither is a reason to serve worse.
    fn send(&self, text: &str) {
        if let Some((socket, manager)) = &self.manager {
            drop(socket.send_to_addr(text.as_bytes(), manager));
        }
    }
}

/// A path, or `@` and an abstract name.
fn connect(name: &str) -> io::Result<(UnixDatagram, SocketAddr)> {
    let address = match name.strip_prefix('@') {
        Some(name) => SocketAddr::from_abstract_name(name)?,
        None => SocketAddr::from_pathname(name)?,
    };
    let socket = UnixDatagram::unbound()?;
    socket.set_nonblocking(true)?;
    Ok((socket, address))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn notifier(manager: &SocketAddr) -> Notifier {
        let socket = UnixDatagram::unbound().unwrap();
        Notifier { manager: Some((socket, manager.clone())), told: None, beat: None }
    }

    fn heard(manager: &UnixDatagram) -> String {
        let mut text = [0; 512];
        let length = manager.recv(&mut text).unwrap();
        String::from_utf8_lossy(&text[..length]).into_owned()
    }

    #[test]
    fn a_manager_hears_each_change_once_and_readiness_once() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("notify");
        let manager = UnixDatagram::bind(&path).unwrap();
        let mut notifier = notifier(&SocketAddr::from_pathname(&path).unwrap());
        let ready = |text: &str| Status::Ready(text.to_owned());
        for status in [
            Status::Starting("1.0.0 starts".to_owned()),
            ready("1.0.0 serves"),
            ready("1.0.0 serves"),
            ready("1.1.0 serves"),
            Status::Stopping("1 workers finish".to_owned()),
        ] {
            notifier.tell(status);
        }
        assert_eq!(heard(&manager), "STATUS=1.0.0 starts\nEXTEND_TIMEOUT_USEC=120000000\n");
        assert_eq!(heard(&manager), "READY=1\nSTATUS=1.0.0 serves\n");
        assert_eq!(heard(&manager), "STATUS=1.1.0 serves\n");
        assert_eq!(heard(&manager), "STOPPING=1\nSTATUS=1 workers finish\n");
    }

    #[test]
    fn an_abstract_name_is_understood_and_a_sign_of_life_is_given_when_due_and_beside_long_acts() {
        let name = format!("newleaf-test-{}", std::process::id());
        let manager =
            UnixDatagram::bind_addr(&SocketAddr::from_abstract_name(&name).unwrap()).unwrap();
        let (socket, address) = connect(&format!("@{name}")).unwrap();
        let beat = Beat { every: Duration::from_hours(1), next: Instant::now() };
        let mut notifier =
            Notifier { manager: Some((socket, address)), told: None, beat: Some(beat) };
        notifier.beat();
        assert_eq!(heard(&manager), "WATCHDOG=1\n");
        notifier.beat();
        notifier.tell(Status::Ready("1.0.0 serves".to_owned()));
        assert_eq!(heard(&manager), "READY=1\nSTATUS=1.0.0 serves\n", "it was not due");
        notifier.is_alive();
        assert_eq!(heard(&manager), "WATCHDOG=1\n");
    }
}
