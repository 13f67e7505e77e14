//! Measures processes, and says how far measurements lie apart.

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

/// Processor time that the process `pid` has used so far, in seconds (`utime` and `stime`, proc(5)).
pub(crate) fn processor_time(pid: i32) -> f64 {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let after_name = stat.rsplit_once(')').unwrap().1;
    let fields = after_name.split_whitespace().skip(11).take(2);
    let ticks = fields.map(|field| field.parse::<u32>().unwrap()).sum::<u32>();
    f64::from(ticks) / TICKS
}

/// Several measurements of one thing; shown as its median with the least and the most.
#[derive(Debug, Default, Clone)]
pub(crate) struct Spread(Vec<f64>);

impl Spread {
    /// Adds a measurement.
    pub(crate) fn add(&mut self, measured: f64) {
        self.0.push(measured);
        self.0.sort_by(f64::total_cmp);
    }

    /// The one in the middle.
    pub(crate) fn median(&self) -> f64 {
        self.0[self.0.len() / 2]
    }
}

impl std::fmt::Display for Spread {
    /// With as many decimals as are asked for.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (digits, least, most) = (f.precision().unwrap_or(2), self.0[0], self.0.last().unwrap());
        write!(f, "{:.digits$} ({least:.digits$} to {most:.digits$})", self.median())
    }
}
