//! The next start from nothing would get its ports: handing bound sockets over hides the loss of
//! the right to bind them until the machine is started again.

use newleaf_domain::shell;

use crate::Updater;
use crate::port::{ColdStart, FileRight, FileVoid, Given, Held};
use crate::preflight::{pass, warn};
use crate::view::{Prerequisite, PrerequisiteId};

/// What gives a service the right, whatever its program's file carries.
const UNIT_LINE: &str = "AmbientCapabilities=CAP_NET_BIND_SERVICE";

/// Says what a start from nothing would do. Only warns: an update of core keeps what is bound.
pub(super) async fn measure(updater: &Updater) -> Prerequisite {
    judge(&updater.ports().ground.cold_start().await)
}

fn judge(start: &ColdStart) -> Prerequisite {
    let id = PrerequisiteId::Ports;
    let low = low_ports(start);
    let ColdStart { first_free, user, program, .. } = start;
    let program = program.display();
    if low.is_empty() {
        return pass(id, format!("a start needs no right: no port is below {first_free}"));
    }
    match (start.given, &start.file, start.file_void) {
        _ if start.held == Held::Untold => untold(start, &low),
        (Given::Sockets, ..) => pass(id, format!("a start is handed the sockets of {low}")),
        (Given::Ambient, ..) => {
            let by = start.unit.as_deref().unwrap_or("whoever starts it");
            pass(id, format!("a start may bind {low}: {by} gives CAP_NET_BIND_SERVICE"))
        }
        (Given::Root, ..) => pass(id, format!("a start may bind {low} as root")),
        (Given::Nothing, FileRight::Effective, None) => {
            pass(id, format!("a start may bind {low}: {program} has cap_net_bind_service"))
        }
        (Given::Nothing, FileRight::Effective, Some(void)) => {
            let why = match void {
                FileVoid::NoNewPrivs => "it is started with no_new_privs",
                FileVoid::NoSuid => "its filesystem is mounted nosuid",
            };
            lost(start, &low, &format!("{program} has cap_net_bind_service without effect: {why}"))
        }
        (Given::Nothing, FileRight::Unknown { detail }, _) => {
            lost(start, &low, &format!("the capability of {program} cannot be read: {detail}"))
        }
        (Given::Nothing, FileRight::Nothing, _) => lost(
            start,
            &low,
            &format!("{program} has no capability and {user} no right of its own"),
        ),
    }
}

/// The addresses below the bound, as a person reads them; port 0 takes a free one.
fn low_ports(start: &ColdStart) -> String {
    let low = start.listeners.iter().filter(|it| (1..start.first_free).contains(&it.port()));
    low.map(ToString::to_string).collect::<Vec<_>>().join(" and ")
}

fn untold(start: &ColdStart, low: &str) -> Prerequisite {
    let what = format!("{low} is held, and the launcher that runs is too old to say by what right");
    let row = warn(PrerequisiteId::Ports, what, "Make sure of it before the next start.");
    Prerequisite { command: Some(format!("getcap {}", shell::word(&start.program))), ..row }
}

/// It would not get them. Where systemd starts it, or the file's right is void, the file cannot
/// mend it.
fn lost(start: &ColdStart, low: &str, why: &str) -> Prerequisite {
    let what = match start.held {
        Held::Now | Held::Untold => {
            format!("{low} is held now, but a start would not get it again: {why}")
        }
        Held::Not => format!("a start would not get {low}: {why}"),
    };
    let (remedy, command) = remedy(start);
    Prerequisite { command: Some(command), ..warn(PrerequisiteId::Ports, what, remedy) }
}

fn remedy(start: &ColdStart) -> (String, String) {
    match (&start.unit, start.file_void) {
        (Some(unit), _) => (
            format!("Add {UNIT_LINE} to [Service] of {unit}; it counts from its next start."),
            format!(
                "printf '[Service]\\n{UNIT_LINE}\\n' | sudo install -D -m 644 /dev/stdin \
                 /etc/systemd/system/{unit}.d/ports.conf && sudo systemctl daemon-reload"
            ),
        ),
        (None, Some(_)) => (
            "Let whoever starts it give it the capability, as newleaf.service does.".to_owned(),
            format!("sudo sysctl net.ipv4.ip_unprivileged_port_start={}", lowest(start)),
        ),
        (None, None) => (
            "Give its file the capability; nothing has to be started again for that.".to_owned(),
            format!("sudo setcap 'cap_net_bind_service=+ep' {}", shell::word(&start.program)),
        ),
    }
}

fn lowest(start: &ColdStart) -> u16 {
    let ports = start.listeners.iter().map(std::net::SocketAddr::port);
    ports.filter(|port| *port > 0).min().unwrap_or(start.first_free)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::view::Standing;

    fn on_80() -> ColdStart {
        ColdStart {
            listeners: vec![([0, 0, 0, 0], 80).into(), ([127, 0, 0, 1], 8081).into()],
            first_free: 1024,
            program: "/usr/local/bin/newleaf".into(),
            user: "newleaf".to_owned(),
            held: Held::Now,
            given: Given::Nothing,
            file: FileRight::Nothing,
            file_void: None,
            unit: None,
        }
    }

    #[test]
    fn a_lost_capability_is_told_with_the_line_that_gives_it_back() {
        let row = judge(&on_80());
        assert_eq!(row.standing, Standing::Warn);
        assert_eq!(
            row.measured,
            "0.0.0.0:80 is held now, but a start would not get it again: /usr/local/bin/newleaf \
             has no capability and newleaf no right of its own"
        );
        assert_eq!(
            row.command.as_deref(),
            Some("sudo setcap 'cap_net_bind_service=+ep' /usr/local/bin/newleaf")
        );
    }

    #[test]
    fn under_systemd_the_unit_is_mended_and_not_the_file() {
        let row = judge(&ColdStart {
            unit: Some("newleaf.service".to_owned()),
            file: FileRight::Effective,
            file_void: Some(FileVoid::NoNewPrivs),
            ..on_80()
        });
        let (remedy, command) = (row.remedy.unwrap(), row.command.unwrap());
        assert!(row.measured.contains("no_new_privs"), "{}", row.measured);
        assert!(remedy.contains("AmbientCapabilities=CAP_NET_BIND_SERVICE"), "{remedy}");
        assert!(command.contains("/newleaf.service.d/ports.conf"), "{command}");
    }

    #[test]
    fn whatever_gives_the_right_is_named() {
        let cases = [
            (ColdStart { given: Given::Sockets, ..on_80() }, "handed the sockets"),
            (ColdStart { given: Given::Ambient, ..on_80() }, "whoever starts it gives"),
            (ColdStart { given: Given::Root, ..on_80() }, "as root"),
            (ColdStart { file: FileRight::Effective, ..on_80() }, "has cap_net_bind_service"),
            (ColdStart { first_free: 80, ..on_80() }, "no port is below 80"),
        ];
        for (start, words) in cases {
            let row = judge(&start);
            assert_eq!(row.standing, Standing::Pass, "{row:?}");
            assert!(row.measured.contains(words), "{row:?}");
        }
    }

    #[test]
    fn a_right_of_the_file_that_is_void_is_no_right() {
        let file = ColdStart { file: FileRight::Effective, ..on_80() };
        for void in [FileVoid::NoNewPrivs, FileVoid::NoSuid] {
            let row = judge(&ColdStart { file_void: Some(void), ..file.clone() });
            assert_eq!(row.standing, Standing::Warn);
            let command = row.command.unwrap();
            assert!(command.ends_with("ip_unprivileged_port_start=80"), "{command}");
        }
        let untold = judge(&ColdStart { held: Held::Untold, ..file });
        assert_eq!(untold.standing, Standing::Warn);
    }
}
