//! What was measured while a run went on, and what any part of it cost.

use crate::measured::Measured;

/// Bytes of an MB, as memory is told.
const MB: f64 = 1e6;

/// A look at the tree of processes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Sample {
    /// Seconds since the start.
    pub at: f64,
    /// Of all processes since the start.
    pub cpu_seconds: f64,
    /// Of all processes together, bytes.
    pub resident_bytes: u64,
}

/// A look at the GPUs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct GpuSample {
    /// Seconds since the start.
    pub at: f64,
    /// Used memory of all that are looked at together.
    pub used_mb: f64,
}

/// All of a run's.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Samples {
    /// In the order of time.
    pub processes: Vec<Sample>,
    /// In the order of time; empty where there is no GPU to look at.
    pub gpus: Vec<GpuSample>,
}

impl Samples {
    /// What the time between two moments cost, in seconds since the start.
    pub fn between(&self, from: f64, to: f64) -> Measured {
        let inside = |at: f64| at > from && at <= to;
        let looks = self.processes.iter();
        let mut peak = looks
            .clone()
            .filter(|look| inside(look.at))
            .map(|look| look.resident_bytes)
            .max();
        // A part that is shorter than the time between two looks has what the next one saw.
        peak = peak.or_else(|| {
            looks
                .clone()
                .find(|look| look.at > to)
                .map(|look| look.resident_bytes)
        });
        // Whoever has ended before the first look had memory that nobody saw.
        peak = peak.filter(|bytes| *bytes > 0);
        let used = self
            .gpus
            .iter()
            .filter(|look| inside(look.at))
            .map(|look| look.used_mb);
        let has_gpus = !self.gpus.is_empty();
        Measured {
            wall_seconds: to - from,
            cpu_seconds: (!self.processes.is_empty())
                .then(|| self.cpu_until(to) - self.cpu_until(from)),
            peak_memory_mb: peak.map(|bytes| bytes as f64 / MB),
            gpu_peak_mb: used.reduce(f64::max),
            gpu_area_mb_s: has_gpus.then(|| self.gpu_area(from, to)),
            divided: false,
            warm_up: false,
        }
    }

    /// Of the first look at or after a moment: a case's time is counted when its end is seen.
    fn cpu_until(&self, at: f64) -> f64 {
        if at <= 0.0 {
            return 0.0;
        }
        let seen = self
            .processes
            .iter()
            .find(|look| look.at >= at)
            .or(self.processes.last());
        seen.map_or(0.0, |look| look.cpu_seconds)
    }

    /// What is used stays used until the next look.
    fn gpu_area(&self, from: f64, to: f64) -> f64 {
        let ends = self
            .gpus
            .iter()
            .skip(1)
            .map(|look| look.at)
            .chain([f64::INFINITY]);
        let parts = self.gpus.iter().zip(ends);
        parts
            .map(|(look, end)| look.used_mb * (end.min(to) - look.at.max(from)).max(0.0))
            .sum()
    }
}

/// Of runs one after the other: times and areas added up, peaks the largest.
pub(crate) fn together<'a>(runs: impl Iterator<Item = &'a Measured>) -> Measured {
    let sum = |a: Option<f64>, b: Option<f64>| a.zip(b).map(|(a, b)| a + b).or(a).or(b);
    let most = |a: Option<f64>, b: Option<f64>| a.zip(b).map(|(a, b)| a.max(b)).or(a).or(b);
    runs.fold(Measured::default(), |all, run| Measured {
        wall_seconds: all.wall_seconds + run.wall_seconds,
        cpu_seconds: sum(all.cpu_seconds, run.cpu_seconds),
        peak_memory_mb: most(all.peak_memory_mb, run.peak_memory_mb),
        gpu_peak_mb: most(all.gpu_peak_mb, run.gpu_peak_mb),
        gpu_area_mb_s: sum(all.gpu_area_mb_s, run.gpu_area_mb_s),
        divided: false,
        warm_up: false,
    })
}

/// A share of a run for each of its cases; peaks are the whole run's.
pub(crate) fn divided(whole: &Measured, cases: usize) -> Measured {
    let share = |value: f64| value / cases.max(1) as f64;
    Measured {
        wall_seconds: share(whole.wall_seconds),
        cpu_seconds: whole.cpu_seconds.map(share),
        gpu_area_mb_s: whole.gpu_area_mb_s.map(share),
        divided: true,
        ..whole.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn samples() -> Samples {
        let look = |at, cpu_seconds, megabytes: u64| Sample {
            at,
            cpu_seconds,
            resident_bytes: megabytes * 1_000_000,
        };
        let gpu = |at, used_mb| GpuSample { at, used_mb };
        Samples {
            processes: vec![look(1.0, 0.5, 10), look(2.0, 1.5, 30), look(3.0, 2.0, 20)],
            gpus: vec![gpu(0.5, 100.0), gpu(1.5, 300.0), gpu(2.5, 0.0)],
        }
    }

    #[test]
    fn a_part_of_the_time_has_its_share() {
        let all = samples().between(0.0, 3.0);
        assert_eq!(all.cpu_seconds, Some(2.0));
        assert_eq!(all.peak_memory_mb, Some(30.0));
        assert_eq!(
            (all.gpu_peak_mb, all.gpu_area_mb_s),
            (Some(300.0), Some(400.0))
        );
        let last = samples().between(2.0, 3.0);
        assert_eq!((last.wall_seconds, last.cpu_seconds), (1.0, Some(0.5)));
        assert_eq!(last.peak_memory_mb, Some(20.0));
        assert_eq!(
            (last.gpu_peak_mb, last.gpu_area_mb_s),
            (Some(0.0), Some(150.0))
        );
        // Shorter than the time between two looks.
        assert_eq!(samples().between(1.2, 1.3).peak_memory_mb, Some(30.0));
    }

    #[test]
    fn runs_are_added_up_and_divided() {
        let [a, b] = [samples().between(0.0, 2.0), samples().between(2.0, 3.0)];
        let all = together([&a, &b].into_iter());
        assert_eq!(
            (all.wall_seconds, all.cpu_seconds, all.peak_memory_mb),
            (3.0, Some(2.0), Some(30.0))
        );
        let share = divided(&all, 4);
        assert_eq!(
            (share.wall_seconds, share.cpu_seconds, share.divided),
            (0.75, Some(0.5), true)
        );
        assert_eq!(
            (share.peak_memory_mb, share.gpu_area_mb_s),
            (Some(30.0), Some(100.0))
        );
        assert_eq!(Samples::default().between(0.0, 1.0).cpu_seconds, None);
    }
}
