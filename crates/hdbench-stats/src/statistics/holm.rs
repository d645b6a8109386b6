/// Holm's step-down correction: p-values as large as they have to be so that the chance of any false
/// alarm in the family stays at the level (Holm, Scand. J. Statist. 6, 1979). NaN is no test and does
/// not count.
pub fn holm(p: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..p.len()).filter(|&i| !p[i].is_nan()).collect();
    order.sort_by(|&a, &b| p[a].total_cmp(&p[b]));
    let mut adjusted = vec![f64::NAN; p.len()];
    let mut largest: f64 = 0.0;
    for (place, &i) in order.iter().enumerate() {
        largest = largest.max((order.len() - place) as f64 * p[i]).min(1.0);
        adjusted[i] = largest;
    }
    adjusted
}
