use std::time::Duration;

/// How fast units of work are done. What came before the first of them, and the older half of the time, say little:
/// a GPU measures its kernels in the first iteration, a coarse network is another than the one that follows.
#[derive(Clone, Debug, Default)]
pub struct Pace {
    first: Option<Mark>,
    /// Where the time that counts begins, and where it will begin next.
    marks: [Mark; 2],
    latest: Mark,
}

/// So much was done, so long after the beginning.
#[derive(Clone, Copy, Debug, Default)]
struct Mark {
    after: Duration,
    done: u64,
}

impl Pace {
    /// So much is done now, `after` the beginning.
    pub fn note(&mut self, after: Duration, done: u64) {
        let mark = Mark { after, done };
        self.latest = mark;
        let Some(first) = self.first else {
            self.first = Some(mark);
            self.marks = [mark; 2];
            return;
        };
        let since = |mark: Mark| mark.after.saturating_sub(first.after);
        if since(mark) > 2 * since(self.marks[1]) {
            self.marks = [self.marks[1], mark];
        }
    }

    /// How long the rest takes, asked `after` the beginning; none where nothing was done yet.
    pub fn left(&self, after: Duration, rest: u64) -> Option<Duration> {
        let from = match self.marks[0] {
            from if self.latest.done > from.done => from,
            // Only the first was done.
            _ => Mark::default(),
        };
        let done = self.latest.done - from.done;
        let passed = after.saturating_sub(from.after).as_secs_f64();
        let seconds = passed * rest as f64 / done as f64;
        Duration::try_from_secs_f64(seconds)
            .ok()
            .filter(|_| done > 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(pace: &Pace, after: u64, rest: u64) -> Option<u64> {
        let left = pace.left(Duration::from_secs(after), rest);
        left.map(|left| left.as_secs())
    }

    #[test]
    fn nothing_done_has_no_pace_and_one_step_gives_one() {
        let mut pace = Pace::default();
        assert_eq!(seconds(&pace, 10, 5), None);
        pace.note(Duration::from_secs(10), 2);
        assert_eq!(seconds(&pace, 10, 4), Some(20));
    }

    #[test]
    fn a_long_first_iteration_is_forgotten() {
        let mut pace = Pace::default();
        for iteration in 0..4 {
            pace.note(Duration::from_secs(300 + iteration), iteration + 1);
        }
        assert_eq!(seconds(&pace, 303, 1000), Some(1000));
    }

    #[test]
    fn what_came_of_late_counts() {
        let mut pace = Pace::default();
        for second in 1..=100 {
            pace.note(Duration::from_secs(second), second);
        }
        for second in 1..=200 {
            pace.note(Duration::from_secs(100 + second), 100 + 10 * second);
        }
        assert_eq!(seconds(&pace, 300, 10_000), Some(1000));
        // Nothing more comes.
        assert!(seconds(&pace, 400, 10_000) > Some(1000));
    }

    #[test]
    fn an_endless_plan_has_no_time_left() {
        let mut pace = Pace::default();
        pace.note(Duration::from_secs(100), 1);
        assert_eq!(pace.left(Duration::from_secs(100), u64::MAX), None);
    }
}
