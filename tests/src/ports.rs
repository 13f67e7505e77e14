//! Ports that stay a host's own while it is down.
//!
//! A port the kernel chose (`bind` to 0) may be given to any client's connection as soon as it is
//! free, and a host that is started again then finds its address in use. These lie below the range
//! the kernel chooses from, and no two are handed out by any test program of this machine.

use std::io::{Read as _, Seek as _, Write as _};
use std::net::TcpListener;
use std::ops::Range;

/// A port of 127.0.0.1 that nobody listens on and that nobody else is given.
pub fn own_port() -> u16 {
    let user = rustix::process::geteuid().as_raw();
    let path = std::env::temp_dir().join(format!("newleaf-test-ports-{user}"));
    let mut options = std::fs::OpenOptions::new();
    let mut counter =
        options.read(true).write(true).create(true).truncate(false).open(path).unwrap();
    counter.lock().unwrap();
    let mut text = String::new();
    counter.read_to_string(&mut text).unwrap();
    let last = text.trim().parse().ok();
    let port = after(last, &below(lowest_of_the_kernel()))
        .find(|port| TcpListener::bind(("127.0.0.1", *port)).is_ok())
        .expect("one of thousands of ports is free");
    counter.rewind().unwrap();
    // Always five digits: what is written covers what was there.
    counter.write_all(format!("{port:05}").as_bytes()).unwrap();
    port
}

/// The first port of the range that the kernel chooses from.
fn lowest_of_the_kernel() -> u16 {
    let range = std::fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range").unwrap();
    range.split_whitespace().next().unwrap().parse().unwrap()
}

/// The ports handed out: the 12,000 below those of the kernel, and none a service is known by.
fn below(kernel: u16) -> Range<u16> {
    let end = kernel.max(12_000);
    end.saturating_sub(12_000).max(10_000)..end
}

/// All of `range`, beginning after the one handed out last.
fn after(last: Option<u16>, range: &Range<u16>) -> impl Iterator<Item = u16> + use<> {
    let next = last.map_or(range.start, |last| last.saturating_add(1));
    let next = if range.contains(&next) { next } else { range.start };
    (next..range.end).chain(range.start..next)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_are_handed_out_in_turn_and_begin_again() {
        let range = below(32_768);
        assert_eq!(range, 20_768..32_768);
        assert_eq!(after(None, &range).next(), Some(20_768));
        assert_eq!(after(Some(20_770), &range).next(), Some(20_771));
        assert_eq!(after(Some(32_767), &range).next(), Some(20_768));
        assert_eq!(after(Some(20_770), &range).count(), 12_000);
    }

    #[test]
    fn two_ports_differ_and_are_free() {
        let (one, other) = (own_port(), own_port());
        assert_ne!(one, other);
        let listen = |port: u16| TcpListener::bind(("127.0.0.1", port)).unwrap();
        let _both = (listen(one), listen(other));
    }
}
