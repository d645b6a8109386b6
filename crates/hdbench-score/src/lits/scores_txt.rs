use std::path::Path;

use hdbench_ground::error::Result;
use hdbench_volume::artifact::write_atomic;

use super::totals::LitsTotals;

/// The text of `scores.txt`: 24 lines `name: value`, three decimals, as Python's `{:.3f}` rounds
/// them (the exact binary value, halves to even).
pub fn scores_txt(totals: &LitsTotals) -> String {
    totals
        .metric_values()
        .map(|(name, value)| format!("{name}: {}\n", three_decimals(value)))
        .collect()
}

/// Writes `scores.txt`.
pub fn write_scores_txt(path: &Path, totals: &LitsTotals) -> Result<()> {
    write_atomic(path, scores_txt(totals).as_bytes())
}

fn three_decimals(value: f64) -> String {
    if value.is_nan() {
        // Rust writes NaN.
        "nan".to_owned()
    } else {
        format!("{value:.3}")
    }
}

#[cfg(test)]
mod tests {
    use super::three_decimals;

    #[test]
    fn decimals_are_rounded_as_python_rounds_them() {
        // python3 -c "print('{:.3f}'.format(value))"
        for (value, expected) in [
            (0.0625, "0.062"),
            (0.1875, "0.188"),
            (0.3125, "0.312"),
            (0.4375, "0.438"),
            (0.0005, "0.001"),
            (0.0015, "0.002"),
            (2.0005, "2.001"),
            (0.9995, "1.000"),
            (-0.0625, "-0.062"),
            (-0.0001, "-0.000"),
            (-0.0, "-0.000"),
            (0.0, "0.000"),
            (9001.0, "9001.000"),
            (-9000.970193646373, "-9000.970"),
            (1e22, "10000000000000000000000.000"),
            (f64::INFINITY, "inf"),
            (f64::NEG_INFINITY, "-inf"),
            (f64::NAN, "nan"),
            (-f64::NAN, "nan"),
        ] {
            assert_eq!(three_decimals(value), expected, "{value:?}");
        }
    }
}
