//! Every situation against every event, as a golden.

use super::*;

/// Something with the name the golden has it under.
type Named<T> = (&'static str, T);

/// An event of the worker with this number.
type ToEvent = fn(u64) -> Event;

/// Every situation against every event, so that a change of policy is a change of one file.
#[test]
fn the_whole_matrix() {
    let situations: [Named<fn() -> Story>; 7] = [
        ("good starts", || Story::of(sample::state()).then(Event::Start(None))),
        ("good serves", serving),
        ("trial starts", on_trial),
        ("trial is probed", || on_trial().then(ready(2))),
        ("trial is in doubt", || on_trial().all([exited(2), exited(3)])),
        ("probation", in_probation),
        ("going back", || in_probation().all([unhealthy(2), unhealthy(2)])),
    ];
    let events: [Named<ToEvent>; 15] = [
        ("ready", ready),
        ("healthy", healthy),
        ("unhealthy", unhealthy),
        ("exits", exited),
        ("exits, machine", out_of_disk),
        ("pulse due", |id| Event::Fired(Timer::Pulse(w(id)))),
        ("pulse", |id| Event::Pulse(w(id))),
        ("late", |id| Event::Fired(Timer::Ready(w(id)))),
        ("probation over", probation_over),
        ("drain over", |id| Event::Fired(Timer::Drain(w(id)))),
        ("asks to arm", |id| asked(id, arm_to("1.2.0", Way::Forward))),
        ("asks to abort", |id| asked(id, abort())),
        ("respawn", |_| Event::Fired(Timer::Respawn)),
        ("recovery gone", |_| page_gone()),
        ("stop", |_| Event::Stop),
    ];
    let mut told = String::new();
    for (situation, story) in situations {
        for (name, event) in &events {
            for worker in story().model.workers.keys() {
                let mut after = story();
                after.tell();
                let mut after = after.then(event(worker.0));
                let does = after.tell().trim_end().replace('\n', "; ");
                let does = if does.is_empty() { "nothing".to_owned() } else { does };
                writeln!(told, "{situation} | {worker} {name} | {does}").unwrap();
            }
        }
    }
    insta::assert_snapshot!(told);
}
