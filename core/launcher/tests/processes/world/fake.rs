//! The programs of a world: launcher, worker, probe, recovery page.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpListener;
use std::os::fd::OwnedFd;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

use newleaf_launcher::proto::{Answer, Ask, Pulse, ToLauncher, ToWorker};
use newleaf_launcher::supervisor::Timing;
use newleaf_launcher::wire::{Blocking, Wire};
use newleaf_launcher::{Bound, Settings};

/// How long a version that grows extends the data.
pub(crate) const GROWS: Duration = Duration::from_millis(1_500);

/// Plays whatever the environment says; gives the exit status.
pub(crate) fn play() -> Option<i32> {
    let arguments = std::env::var("FAKE_ARGUMENTS").ok()?;
    let behaviour = std::env::var("FAKE_BEHAVIOUR").unwrap();
    let version = std::env::var("FAKE_VERSION").unwrap();
    let arguments: Vec<_> = arguments.split(' ').collect();
    Some(match arguments[..] {
        ["launcher", ..] if behaviour == "no-launcher" => 1,
        ["launcher", "--dir", dir] => launcher(dir, &version),
        ["probe", "--socket", socket, ..] => probe(socket),
        ["worker", "--expand", ..] if behaviour == "confesses" => {
            std::fs::write("/dev/fd/3", "schema 2: 12 rows\nno such table: note\n").unwrap();
            1
        }
        ["worker", "--expand", "--dir", dir] => {
            if behaviour == "grows" {
                // What is tried is how long it may take.
                std::thread::sleep(GROWS);
            }
            std::fs::write(Path::new(dir).join("expanded"), version).unwrap();
            0
        }
        ["worker", ..] => worker(&behaviour, &version),
        ["recovery", ..] => worker("recovery", "recovery"),
        _ => panic!("unknown role {arguments:?}"),
    })
}

/// The launcher protocol that the programs of versions speak from 2.0.0 on.
fn protocol(version: &str) -> u32 {
    u32::from(version.starts_with('2')) + 1
}

fn launcher(dir: &str, version: &str) -> i32 {
    let image = std::env::var_os("FAKE_IMAGE").unwrap();
    let ready_within = std::env::var("FAKE_READY_WITHIN").unwrap().parse().unwrap();
    let millis = Duration::from_millis;
    let expand_within =
        std::env::var("FAKE_EXPAND_WITHIN").map_or(60_000, |it| it.parse().unwrap());
    let loopback = "127.0.0.1:0".parse().unwrap();
    let bound = Bound::open(Settings {
        dir: dir.into(),
        public: vec![loopback],
        admin: vec![loopback],
        image: image.into(),
        protocol: protocol(version),
        arguments: ["launcher", "--dir", dir].map(Into::into).to_vec(),
        timing: Timing {
            ready_within: millis(ready_within),
            probe_within: millis(20_000),
            probe_every: millis(100),
            probation: millis(300),
            pulse_every: millis(20),
            hang_within: millis(3_000),
            drain_within: millis(5_000),
            expand_within: millis(expand_within),
            respawn_least: millis(10),
            respawn_most: millis(50),
            ..Timing::default()
        },
    })
    .unwrap();
    println!("\npublic {}", bound.public()[0]);
    bound.run().unwrap();
    0
}

fn probe(socket: &str) -> i32 {
    let mut answer = String::new();
    UnixStream::connect(socket).unwrap().read_to_string(&mut answer).unwrap();
    std::fs::write("/dev/fd/3", &answer).unwrap();
    i32::from(answer != "healthy")
}

/// What a worker is told and what others ask of it, in one queue.
enum Happens {
    Told(Box<ToWorker>),
    Orphaned,
    Asked(Ask, UnixStream),
    Watches(UnixStream),
    Leaves,
    SticksFast,
}

fn worker(behaviour: &str, version: &str) -> i32 {
    match behaviour {
        "exits" => return 1,
        "full" => return newleaf_launcher::proto::EXIT_MACHINE,
        _ => {}
    }
    let wire = Wire::from_stdin().unwrap();
    if behaviour == "confesses" {
        let why = format!("newleaf.db\nis damaged\u{202e}{}", " again".repeat(200));
        wire.send(&ToLauncher::LastWords { why }, &[], Blocking::Yes).unwrap();
        return 1;
    }
    let Ok((ToWorker::Hello { probe_socket, .. }, descriptors)) = wire.receive() else { return 0 };
    let mut descriptors = descriptors.into_iter();
    let public = TcpListener::from(descriptors.next().unwrap());
    let local = UnixListener::from(descriptors.nth(1).unwrap());
    let _hold: OwnedFd = descriptors.next().unwrap();
    if behaviour == "hangs" {
        // Until the launcher ends it, or itself.
        drop(wire.receive::<ToWorker>());
        return 0;
    }
    if behaviour == "recovery" {
        return recovery(&wire, public, local);
    }
    answer_probes(&probe_socket, if behaviour == "sick" { "sick" } else { "healthy" });
    if behaviour == "newer" {
        wire.send(&serde_json::json!({ "say": "sing" }), &[], Blocking::Yes).unwrap();
    }
    let (pulse, oldest_reader) = (Pulse::Answered, None);
    let ready = ToLauncher::Ready { schema: 0, protocol: 1, pulse, oldest_reader };
    wire.send(&ready, &[], Blocking::Yes).unwrap();
    match behaviour {
        "leaves" => return 3,
        "repeats" => wire.send(&ready, &[], Blocking::Yes).unwrap(),
        _ => {}
    }
    live(&wire, behaviour, version, public, local)
}

fn answer_probes(socket: &str, answer: &'static str) {
    drop(std::fs::remove_file(socket));
    let listener = UnixListener::bind(socket).unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            // A probe may be ended before it is answered, where the next one is due.
            drop(stream.unwrap().write_all(answer.as_bytes()));
        }
    });
}

/// Passes orders on, each a line of JSON, and answers with what the launcher said.
fn recovery(wire: &Wire, public: TcpListener, local: UnixListener) -> i32 {
    accept(public, &Arc::new(Mutex::new("recovery".to_owned())));
    let orders = wire.try_clone().unwrap();
    let streams = Arc::new(Mutex::new(Vec::<UnixStream>::new()));
    let asked = Arc::clone(&streams);
    std::thread::spawn(move || {
        for stream in local.incoming() {
            let stream = stream.unwrap();
            let mut line = String::new();
            BufReader::new(&stream).read_line(&mut line).unwrap();
            asked.lock().unwrap().push(stream);
            let repair = serde_json::from_str(&line).unwrap();
            orders.send(&ToLauncher::Repair { id: 1, repair }, &[], Blocking::Yes).unwrap();
        }
    });
    while let Ok((message, _)) = wire.receive::<ToWorker>() {
        if let ToWorker::Answer { answer, .. } = message {
            reply(&mut streams.lock().unwrap().remove(0), &answer);
        }
    }
    0
}

/// Answers each connection with what is in `said`.
fn accept(public: TcpListener, said: &Arc<Mutex<String>>) {
    let said = Arc::clone(said);
    std::thread::spawn(move || {
        for stream in public.incoming() {
            // A client that went away wants no answer.
            let said = said.lock().unwrap().clone();
            drop(stream.unwrap().write_all(said.as_bytes()));
        }
    });
}

fn live(
    wire: &Wire,
    behaviour: &str,
    version: &str,
    public: TcpListener,
    local: UnixListener,
) -> i32 {
    let (happens, queue) = mpsc::channel();
    listen(wire.try_clone().unwrap(), happens.clone());
    let mut doors = Some((public, local));
    let said = Arc::new(Mutex::new(version.to_owned()));
    let mut is_stuck = false;
    let mut asked = Vec::new();
    let watchers = Arc::new(Mutex::new(Vec::<UnixStream>::new()));
    for happening in queue {
        match happening {
            Happens::Told(message) => match *message {
                ToWorker::Go { .. } if behaviour == "dies" => return 3,
                ToWorker::Go { .. } => {
                    let (public, local) = doors.take().unwrap();
                    accept(public, &said);
                    hear(local, happens.clone());
                }
                ToWorker::Drain { .. } => {
                    wire.send(&ToLauncher::Drained, &[], Blocking::Yes).unwrap();
                    return 0;
                }
                ToWorker::Disk { refuses: Some(why) } => {
                    *said.lock().unwrap() = format!("{version}, {why}");
                }
                ToWorker::Disk { refuses: None } => version.clone_into(&mut said.lock().unwrap()),
                ToWorker::Pulse if is_stuck => {}
                // A launcher that is gone is told by the end of the wire.
                ToWorker::Pulse => drop(wire.send(&ToLauncher::Pulse, &[], Blocking::Yes)),
                ToWorker::Answer { answer, .. } => reply(&mut asked.remove(0), &answer),
                ToWorker::Appended { .. } => tell(&watchers),
                ToWorker::Hello { .. } | ToWorker::Changed { .. } => {}
            },
            Happens::Orphaned => return 0,
            Happens::Asked(ask, stream) => {
                asked.push(stream);
                wire.send(&ToLauncher::Ask { id: 1, ask }, &[], Blocking::Yes).unwrap();
            }
            Happens::Leaves => return 3,
            Happens::SticksFast => is_stuck = true,
            Happens::Watches(stream) => {
                watchers.lock().unwrap().push(stream);
                tell(&watchers);
            }
        }
    }
    0
}

fn listen(wire: Wire, happens: mpsc::Sender<Happens>) {
    std::thread::spawn(move || {
        while let Ok((message, _)) = wire.receive() {
            happens.send(Happens::Told(Box::new(message))).unwrap();
        }
        drop(happens.send(Happens::Orphaned));
    });
}

fn hear(local: UnixListener, happens: mpsc::Sender<Happens>) {
    std::thread::spawn(move || {
        for stream in local.incoming() {
            let stream = stream.unwrap();
            let mut line = String::new();
            BufReader::new(&stream).read_line(&mut line).unwrap();
            let happening = match line.trim() {
                "watch" => Happens::Watches(stream),
                "leave" => Happens::Leaves,
                "stick" => Happens::SticksFast,
                ask => Happens::Asked(serde_json::from_str(ask).unwrap(), stream),
            };
            drop(happens.send(happening));
        }
    });
}

fn reply(stream: &mut UnixStream, answer: &Answer) {
    // Whoever asked may be gone.
    drop(writeln!(stream, "{}", serde_json::to_string(answer).unwrap()));
}

fn tell(watchers: &Mutex<Vec<UnixStream>>) {
    watchers.lock().unwrap().retain_mut(|stream| writeln!(stream, "news").is_ok());
}
