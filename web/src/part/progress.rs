//! Live progress of a step: a bar where the whole is known, and always the numbers.

use maud::{Markup, html};
use newleaf_domain::ByteSize;
use newleaf_update::view::{Progress, Unit};

/// The bar with its numbers beside it.
pub(crate) fn progress(progress: &Progress, of_what: &str) -> Markup {
    html! {
        div class="progress" {
            @match progress.total.filter(|total| *total > 0) {
                Some(total) => {
                    progress value=(progress.current.min(total)) max=(total) aria-label=(of_what) {}
                    span class="numbers" {
                        (shown(progress.current, progress.unit)) " of " (shown(total, progress.unit))
                        " · " (percent(progress.current, total)) " %"
                    }
                },
                None => {
                    progress aria-label=(of_what) {}
                    span class="numbers" { (shown(progress.current, progress.unit)) }
                },
            }
        }
    }
}

fn shown(count: u64, unit: Unit) -> String {
    match unit {
        Unit::Bytes => ByteSize::bytes(count).to_string(),
        Unit::Rows => format!("{count} rows"),
        Unit::Seconds => format!("{count} s"),
    }
}

fn percent(current: u64, total: u64) -> u64 {
    let share = u128::from(current.min(total)) * 100 / u128::from(total.max(1));
    u64::try_from(share).unwrap_or(100)
}

#[cfg(test)]
mod tests {
    use super::percent;

    #[test]
    fn percent_never_leaves_its_range() {
        assert_eq!(
            [(0, 0), (1, 3), (5, 3), (u64::MAX, u64::MAX)].map(|(c, t)| percent(c, t)),
            [0, 33, 100, 100]
        );
    }
}
