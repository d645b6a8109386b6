//! Axes and the round values on them.

/// The axis of a number, even or logarithmic.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Axis {
    /// Its first value.
    pub low: f64,
    /// Its last one.
    pub high: f64,
    /// Whether equal ratios, not differences, lie equally far apart.
    pub is_log: bool,
}

impl Axis {
    /// An even axis.
    pub fn linear(low: f64, high: f64) -> Self {
        Self {
            low,
            high,
            is_log: false,
        }
    }

    /// A logarithmic axis; both ends are above 0.
    pub fn logarithmic(low: f64, high: f64) -> Self {
        Self {
            low,
            high,
            is_log: true,
        }
    }

    /// Place of a value between 0 (bottom) and 1 (top); what lies outside is put on the edge.
    pub fn place(&self, value: f64) -> f64 {
        let place = if self.is_log {
            (value.max(self.low) / self.low).ln() / (self.high / self.low).ln()
        } else {
            (value - self.low) / (self.high - self.low)
        };
        place.clamp(0.0, 1.0)
    }

    /// Round values to mark, with their labels: about `count` on an even axis, as many as are legible on a
    /// logarithmic one.
    pub fn ticks(&self, count: usize) -> Vec<(f64, String)> {
        if !self.is_log {
            return linear_ticks(self.low, self.high, count);
        }
        let sets: [&[f64]; 3] = [
            &[1.0],
            &[1.0, 2.0, 5.0],
            &[1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 7.0],
        ];
        let of = |set: &[f64]| -> Vec<(f64, String)> {
            let (from, to) = (
                self.low.log10().floor() as i32,
                self.high.log10().ceil() as i32,
            );
            (from..=to)
                .flat_map(|e| set.iter().map(move |m| m * 10f64.powi(e)))
                .filter(|v| (self.low..=self.high).contains(v))
                .map(|v| (v, label(v, v.log10().floor() as i32 - 1)))
                .collect()
        };
        sets.iter()
            .map(|set| of(set))
            .find(|ticks| ticks.len() >= 4)
            .unwrap_or_else(|| of(sets[2]))
    }
}

/// About `count` round values between two ends.
fn linear_ticks(low: f64, high: f64, count: usize) -> Vec<(f64, String)> {
    let rough = (high - low) / count as f64;
    if !rough.is_finite() || rough <= 0.0 {
        return Vec::new();
    }
    let power = rough.log10().floor() as i32;
    let factor = [1.0, 2.0, 5.0, 10.0]
        .into_iter()
        .find(|f| f * 10f64.powi(power) >= rough * 0.999)
        .unwrap_or(10.0);
    let step = factor * 10f64.powi(power);
    let first = (low / step).ceil() as i64;
    let last = (high / step + 1e-9).floor() as i64;
    (first..=last)
        .map(|i| (i as f64 * step, label(i as f64 * step, power)))
        .collect()
}

/// A number with its digits down to 10^`power`, thousands set apart.
fn label(value: f64, power: i32) -> String {
    let decimals = usize::try_from(-power).unwrap_or(0);
    let text = format!("{value:.decimals$}");
    if decimals > 0 {
        return text.trim_end_matches('0').trim_end_matches('.').to_string();
    }
    let digits = text.trim_start_matches('-').len();
    let mut out = String::new();
    for (i, c) in text.trim_start_matches('-').chars().enumerate() {
        if i > 0 && (digits - i).is_multiple_of(3) && digits > 4 {
            out.push('\u{a0}');
        }
        out.push(c);
    }
    if value < 0.0 {
        format!("−{out}")
    } else {
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round_and_inside() {
        let axis = Axis::logarithmic(0.018, 1.3);
        let labels: Vec<String> = axis.ticks(6).into_iter().map(|t| t.1).collect();
        assert_eq!(labels, ["0.02", "0.05", "0.1", "0.2", "0.5", "1"]);
        let labels: Vec<String> = linear_ticks(0.0, 12_000.0, 6)
            .into_iter()
            .map(|t| t.1)
            .collect();
        assert_eq!(
            labels,
            [
                "0",
                "2000",
                "4000",
                "6000",
                "8000",
                "10\u{a0}000",
                "12\u{a0}000"
            ]
        );
        assert!(linear_ticks(0.0, f64::NAN, 6).is_empty());
    }
}
