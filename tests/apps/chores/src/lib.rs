//! Does work at regular times, well and badly, and keeps files; for tests only.

use newleaf_sdk::{App, Error, Jobs, Request, Response, blobs, sql, store};

struct Chores;

newleaf_sdk::app!(Chores);
newleaf_sdk::jobs!(Chores);

impl App for Chores {
    fn handle(request: &Request) -> Response {
        let answer = match (request.method(), request.segments().as_slice()) {
            ("GET", []) => runs().map(|runs| Response::text(runs.to_string())),
            ("GET", ["blobs"]) => list(request),
            ("GET", ["blobs", name]) => read(name),
            ("PUT", ["blobs", name]) => blobs::set(name, request.body()).map(|()| done()),
            ("POST", ["blobs", name]) => blobs::append(name, request.body()).map(|()| done()),
            ("DELETE", ["blobs", name]) => {
                blobs::delete(name).map(|was| Response::text(was.to_string()))
            }
            ("POST", ["taken-back", name]) => taken_back(name, request.body()),
            _ => Ok(Response::status(404)),
        };
        answer.unwrap_or_else(|error| Response::text(format!("{error:?}")).with_status(507))
    }
}

impl Jobs for Chores {
    fn run(job: &str) -> Result<(), Error> {
        match job {
            "count" => store::set("runs", (runs()? + 1).to_string().as_bytes()),
            "fail" => Err(Error::Failed("the milk is off".to_owned())),
            "panic" => panic!("on purpose"),
            "loop" => loop {
                std::hint::black_box(0);
            },
            "sleep" => {
                sql::execute("BEGIN IMMEDIATE", &[])?;
                store::set("runs", b"1000")?;
                std::thread::sleep(std::time::Duration::from_secs(3600));
                Ok(())
            }
            other => Err(Error::Failed(format!("there is no job {other}"))),
        }
    }
}

fn runs() -> Result<u64, Error> {
    let runs = store::get("runs")?.and_then(|runs| String::from_utf8(runs).ok());
    Ok(runs.and_then(|runs| runs.parse().ok()).unwrap_or(0))
}

fn list(request: &Request) -> Result<Response, Error> {
    let prefix = request.query("prefix").unwrap_or_default();
    Ok(Response::text(blobs::names(&prefix, None, 1_000)?.join("\n")))
}

fn read(name: &str) -> Result<Response, Error> {
    Ok(match blobs::read(name)? {
        Some(bytes) => Response::of("application/octet-stream", bytes),
        None => Response::status(404),
    })
}

/// Writes a blob in a transaction that is rolled back.
fn taken_back(name: &str, bytes: &[u8]) -> Result<Response, Error> {
    let refused = sql::transaction(|| {
        blobs::append(name, bytes)?;
        blobs::set("another", bytes)?;
        Err::<(), _>(Error::Failed("on purpose".to_owned()))
    });
    Ok(Response::text(format!("{refused:?}")))
}

fn done() -> Response {
    Response::status(204)
}
