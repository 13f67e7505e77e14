//! Measures processes that end.

use std::process::Command;

use newleaf_tests::process::Ran;

/// `USER_HZ`: the kernel counts for us in hundredths of a second on every platform we build for.
const TICKS: f64 = 100.0;

/// Processor time of some runs, in seconds.
#[derive(Debug, Default, Clone)]
pub(crate) struct Times(Vec<f64>);

impl Times {
    /// Runs `command` to its end and adds the processor time that it took, in user and in system.
    pub(crate) fn add(&mut self, command: &mut Command) -> Ran {
        let before = children();
        let ran = Ran::ok(command);
        self.0.push(children() - before);
        ran
    }

    /// The median, and how far the runs lie apart.
    pub(crate) fn median(&self) -> (f64, f64, f64) {
        let mut times = self.0.clone();
        times.sort_by(f64::total_cmp);
        (times[times.len() / 2], times[0], times[times.len() - 1])
    }
}

/// Processor time of all children that ended, in seconds (`cutime` and `cstime`, proc(5)).
fn children() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let after_name = stat.rsplit_once(')').unwrap().1;
    let fields = after_name.split_whitespace().skip(13).take(2);
    let ticks = fields.map(|field| field.parse::<u32>().unwrap()).sum::<u32>();
    f64::from(ticks) / TICKS
}
