/// Kendall's tau-b, the agreement of two rankings: 1 the same order, -1 the reverse; ties in either
/// count for neither side. NaN where one of them ranks nothing.
///
/// # Panics
/// If the rankings are of different lengths.
pub fn kendall_tau(a: &[f64], b: &[f64]) -> f64 {
    assert_eq!(a.len(), b.len(), "both rank the same things");
    let (mut agree, mut tied_a, mut tied_b, mut pairs) = (0_i64, 0_i64, 0_i64, 0_i64);
    for i in 0..a.len() {
        for j in 0..i {
            let sign = |values: &[f64]| {
                values[i]
                    .partial_cmp(&values[j])
                    .map_or(0, |order| order as i64)
            };
            let (x, y) = (sign(a), sign(b));
            agree += x * y;
            tied_a += i64::from(x == 0);
            tied_b += i64::from(y == 0);
            pairs += 1;
        }
    }
    agree as f64 / ((pairs - tied_a) as f64 * (pairs - tied_b) as f64).sqrt()
}
