//! A hostile app: each page takes as much as it can of one thing.

use std::hint::black_box;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use newleaf_sdk::{App, Request, Response, private::wasip2};
use wasip2::clocks::monotonic_clock;
use wasip2::http::types::{Fields, Method, OutgoingBody, OutgoingRequest, OutgoingResponse};
use wasip2::io::poll;

struct Hog;

newleaf_sdk::app!(Hog);

/// What the next request must not find.
static SEEN: AtomicU64 = AtomicU64::new(0);

impl App for Hog {
    fn handle(request: &Request) -> Response {
        match request.path() {
            "/" => Response::text("well"),
            "/loop" => endless_loop(),
            "/recursion" => Response::text(recursion(1).to_string()),
            "/sleep" => sleep(),
            "/memory" => memory(),
            "/share" => share(),
            "/interpret" => interpret(),
            "/fields" => fields(),
            "/bodies" => bodies(),
            "/pollables" => pollables(),
            "/argument" => argument(),
            "/heads" => heads(),
            "/poll" => poll_one_many_times(),
            "/trap" => panic!("on purpose"),
            "/hoard" => hoard(),
            "/mutter" => mutter(),
            "/leak" => Response::text(SEEN.fetch_add(1, Relaxed).to_string()),
            "/floats" => floats(),
            _ => Response::text("There is nothing here.\n").with_status(404),
        }
    }
}

fn endless_loop() -> Response {
    let mut number = 1_u64;
    while black_box(number) != 0 {
        number = number.wrapping_mul(3) | 1;
    }
    Response::text(number.to_string())
}

fn recursion(depth: u64) -> u64 {
    if black_box(depth) == 0 {
        return 0;
    }
    recursion(black_box(depth) + 1).rotate_left(3) ^ depth
}

fn sleep() -> Response {
    let year = 365 * 86_400 * 1_000_000_000;
    monotonic_clock::subscribe_duration(year).block();
    Response::text("slept")
}

/// More and more, until it is refused.
fn memory() -> Response {
    let mut hoard = Vec::new();
    loop {
        hoard.push(black_box(vec![1_u8; 1024 * 1024]));
        if hoard.len() > 4096 {
            return Response::text("got it");
        }
    }
}

/// Memory that the next request finds taken, where there is one.
fn hoard() -> Response {
    std::mem::forget(black_box(vec![1_u8; 1024 * 1024]));
    Response::text(SEEN.fetch_add(1, Relaxed).to_string())
}

/// Words on standard error, of which there is only so much room.
fn mutter() -> Response {
    eprintln!("something is not as it should be");
    Response::text(SEEN.fetch_add(1, Relaxed).to_string())
}

/// Just less than one instance may have, and keeps it for a while: many of these together are the
/// bomb.
fn share() -> Response {
    let hoard = black_box(vec![1_u8; 56 * 1024 * 1024]);
    monotonic_clock::subscribe_duration(2_000_000_000).block();
    Response::text(format!("held {}", black_box(&hoard).len()))
}

/// What an app takes that has an interpreter in it, for a moment: most of it after a while, when all
/// others of its time have been made.
fn interpret() -> Response {
    monotonic_clock::subscribe_duration(50_000_000).block();
    let heap = black_box(vec![1_u8; 28 * 1024 * 1024]);
    monotonic_clock::subscribe_duration(50_000_000).block();
    Response::text(format!("had {}", black_box(&heap).len()))
}

/// As many lists of fields as can be had, each nearly as full as can be.
fn fields() -> Response {
    let value = vec![b'x'; 8 * 1024];
    let mut hoard = Vec::new();
    loop {
        let fields = Fields::new();
        for name in ["x-1", "x-2", "x-3"] {
            let _ = fields.append(name, &value);
        }
        hoard.push(fields);
    }
}

/// As many bodies as can be had, each with as much written as nobody has to read.
fn bodies() -> Response {
    let chunk = vec![b'x'; 1024 * 1024];
    let mut hoard = Vec::new();
    loop {
        let response = OutgoingResponse::new(Fields::new());
        let body: OutgoingBody = response.body().expect("the first body");
        let stream = body.write().expect("the first stream");
        while let Ok(room) = stream.check_write() {
            let length = usize::try_from(room).unwrap_or(usize::MAX).min(chunk.len());
            if length == 0 || stream.write(&chunk[..length]).is_err() {
                break;
            }
        }
        hoard.push((response, body, stream));
    }
}

/// One call with as much as it takes.
fn argument() -> Response {
    match newleaf_sdk::store::set("k", &black_box(vec![1_u8; 12 * 1024 * 1024])) {
        Ok(()) => Response::text("stored"),
        Err(error) => Response::text(format!("refused: {error:?}")).with_status(403),
    }
}

/// Requests that are never sent, with as much in their heads as is taken.
fn heads() -> Response {
    let long = "a".repeat(1024 * 1024);
    let mut hoard = Vec::new();
    let mut taken = 0;
    for _ in 0..50 {
        let request = OutgoingRequest::new(Fields::new());
        taken += usize::from(request.set_method(&Method::Other(long.clone())).is_ok());
        taken += usize::from(request.set_authority(Some(&long)).is_ok());
        hoard.push(request);
    }
    Response::text(format!("{taken} of {} were taken", hoard.len() * 2))
}

fn pollables() -> Response {
    let mut hoard = Vec::new();
    loop {
        hoard.push(monotonic_clock::subscribe_duration(u64::MAX));
    }
}

/// One handle, as often as one call takes it.
fn poll_one_many_times() -> Response {
    let ready = monotonic_clock::subscribe_duration(0);
    let many: Vec<_> = std::iter::repeat_n(&ready, 3_000_000).collect();
    let mut rounds = 0_u64;
    loop {
        rounds += poll::poll(&many).len() as u64;
        black_box(rounds);
    }
}

/// Numbers that are none, where a text is expected.
fn floats() -> Response {
    let (nan, endless) = (black_box(f64::NAN), black_box(f64::INFINITY));
    Response::text(format!("{nan} {endless} {}", -endless))
        .header("x-nan", &nan.to_string())
        .header("age", &endless.to_string())
        .header("content-length", "NaN")
        .header("retry-after", "-1")
}
