//! A hostile app: each page tries something that the host must refuse, and says what came of it.

use newleaf_sdk::{App, Error, Request, Response, config, private::wasip2, sql, store};

struct Hostile;

newleaf_sdk::app!(Hostile);

impl App for Hostile {
    fn handle(request: &Request) -> Response {
        match request.path() {
            "/" => report(sql::execute("ATTACH DATABASE '/etc/passwd' AS other", &[])),
            "/sql" => report(sql::execute(&request.query("statement").unwrap_or_default(), &[])),
            "/rows" => report(sql::query(&request.query("statement").unwrap_or_default(), &[])),
            "/store" => report(store::set("key", &vec![0; 64 * 1024])),
            "/get" => report(store::get("key")),
            "/fill" => fill(),
            "/open" => leave_a_transaction_open(),
            "/loop" => endless_loop(),
            "/sleep" => {
                std::thread::sleep(std::time::Duration::from_secs(3600));
                Response::text("slept")
            }
            "/memory" => endless_memory(),
            "/panic" => panic!("on purpose"),
            "/outbound" => outbound(&request.query("host").unwrap_or_default()),
            "/files" => report(std::fs::read_dir("/").map(|entries| entries.count())),
            "/environment" => Response::text(format!("{:?}", std::env::vars().collect::<Vec<_>>())),
            "/socket" => report(std::net::TcpStream::connect("127.0.0.1:80").map(|_| ())),
            "/name" => report(
                std::net::ToSocketAddrs::to_socket_addrs("localhost:80").map(Iterator::count),
            ),
            "/cookies" => Response::text(request.header("cookie").unwrap_or_default())
                .header("set-cookie", "newleaf=forged; Path=/")
                .header("set-cookie", "mine=1; Path=/; Domain=example.com")
                .header("clear-site-data", "\"*\""),
            "/setting" => {
                let setting = config::get(&request.query("key").unwrap_or_default());
                Response::text(setting.unwrap_or_else(|| "none".to_owned()))
            }
            "/length" => Response::text(request.body().len().to_string()),
            "/large" => Response::text("x".repeat(8 * 1024 * 1024)),
            _ => Response::text("There is nothing here.\n").with_status(404),
        }
    }

    fn migrate(from: u32, to: u32) -> Result<(), Error> {
        match to {
            99 => endless_loop_unit(),
            98 => panic!("on purpose, from {from}"),
            _ => Err(Error::Failed(format!("I will not go to {to}"))),
        }
    }
}

fn report<T: std::fmt::Debug, E: std::fmt::Debug>(result: Result<T, E>) -> Response {
    match result {
        Ok(value) => Response::text(format!("done: {value:?}")),
        Err(error) => Response::text(format!("refused: {error:?}")).with_status(403),
    }
}

fn fill() -> Response {
    report(sql::execute("CREATE TABLE IF NOT EXISTS filler (x)", &[]).and_then(|_| {
        for _ in 0..10_000 {
            sql::execute("INSERT INTO filler VALUES (randomblob(50000))", &[])?;
        }
        Ok(())
    }))
}

fn leave_a_transaction_open() -> Response {
    report(
        sql::execute("BEGIN IMMEDIATE", &[])
            .and_then(|_| sql::execute("CREATE TABLE left_open (x)", &[])),
    )
}

fn endless_loop() -> Response {
    let mut number = 1_u64;
    while std::hint::black_box(number) != 0 {
        number = number.wrapping_mul(3) | 1;
    }
    Response::text(number.to_string())
}

fn endless_loop_unit() -> Result<(), Error> {
    endless_loop();
    Ok(())
}

fn endless_memory() -> Response {
    let mut hoard = Vec::new();
    loop {
        hoard.push(std::hint::black_box(vec![1_u8; 1024 * 1024]));
        if hoard.len() > 4096 {
            return Response::text("got it");
        }
    }
}

fn outbound(host: &str) -> Response {
    use wasip2::http::{
        outgoing_handler,
        types::{Fields, OutgoingRequest, Scheme},
    };
    let request = OutgoingRequest::new(Fields::new());
    let set = request
        .set_scheme(Some(&Scheme::Http))
        .and_then(|()| request.set_authority(Some(host)))
        .and_then(|()| request.set_path_with_query(Some("/")));
    if set.is_err() {
        return Response::text("not a host").with_status(400);
    }
    report(outgoing_handler::handle(request, None).and_then(|pending| {
        pending.subscribe().block();
        match pending.get() {
            Some(Ok(answer)) => answer.map(|answer| answer.status()),
            Some(Err(())) | None => Ok(0),
        }
    }))
}
