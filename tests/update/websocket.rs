//! A WebSocket through the restart of core: it is told, closed as RFC 6455 says, and nothing that
//! was said on it is lost. And a client beside it that says nothing for longer than that takes.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use newleaf_tests::world::{CoreRelease, Host, HostSettings, START, World};

/// A masked frame of a client (RFC 6455 §5.3).
fn frame(opcode: u8, payload: &[u8]) -> Vec<u8> {
    let mask = [7, 1, 9, 4];
    let masked = payload.iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask);
    let length = u8::try_from(payload.len()).unwrap();
    [0x80 | opcode, 0x80 | length].into_iter().chain(mask).chain(masked).collect()
}

/// A WebSocket to `/echo`, with the sample handshake of RFC 6455 §1.3.
fn open(host: &Host) -> TcpStream {
    let mut stream = TcpStream::connect(host.public).unwrap();
    stream.set_read_timeout(Some(START)).unwrap();
    let ask = "GET /echo HTTP/1.1\r\nhost: a\r\nconnection: upgrade\r\nupgrade: websocket\r\n\
               sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    stream.write_all(ask.as_bytes()).unwrap();
    let head = head(&mut stream);
    assert!(head.starts_with("http/1.1 101") && head.contains("s3pplmbitxaq9kygzzhzrbk+xoo="));
    stream
}

/// The head of an answer, in lower case.
fn head(stream: &mut TcpStream) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).unwrap();
        head.push(byte[0]);
    }
    String::from_utf8(head).unwrap().to_ascii_lowercase()
}

/// Asks for something on a connection that is kept; gives the head of the answer.
fn asks(stream: &mut TcpStream) -> String {
    stream.write_all(b"GET /board.json HTTP/1.1\r\nhost: a\r\n\r\n").unwrap();
    let head = head(stream);
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap();
    stream.read_exact(&mut vec![0; length.parse().unwrap()]).unwrap();
    assert!(head.starts_with("http/1.1 200"), "{head}");
    head
}

fn says_back(stream: &mut TcpStream, text: &str) {
    stream.write_all(&frame(1, text.as_bytes())).unwrap();
    let mut back = vec![0; 2 + text.len()];
    stream.read_exact(&mut back).unwrap();
    assert_eq!(&back[2..], text.as_bytes());
}

#[test]
fn a_websocket_is_told_of_a_restart_of_core_and_a_silent_client_notices_nothing() {
    let (world, host) = World::with_host(HostSettings::default());
    world.registry.publish_core(CoreRelease::Newer);
    host.run(&["check"]).assert_code(0);
    host.run(&["update", "core", "--yes"]).assert_code(0);
    let mut socket = open(&host);
    says_back(&mut socket, "before");
    let mut silent = TcpStream::connect(host.public).unwrap();
    silent.set_read_timeout(Some(START)).unwrap();
    assert!(!asks(&mut silent).contains("connection: close"));
    host.run(&["rollback", "core", "--yes"]).assert_code(0);
    assert_eq!(host.core_version(), "1.0.0");
    // It said nothing for the whole of the watch, which is longer than `linger`.
    assert!(asks(&mut silent).contains("connection: close"), "the version before answers last");
    assert_eq!(silent.read(&mut [0]).unwrap(), 0);
    let mut close = [0; 4];
    socket.read_exact(&mut close).unwrap();
    assert_eq!(close, [0x88, 2, 0x03, 0xf4], "1012, service restart");
    // The worker before waits for the client's own close, within its limit.
    socket.write_all(&frame(8, &[0x03, 0xf4])).unwrap();
    assert_eq!(socket.read(&mut close).unwrap(), 0);
    assert!(!host.process.log().contains("cut at the limit"), "{}", host.process.log());
}
