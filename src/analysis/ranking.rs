//! Places in a competition.

/// Which value is the better one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Better {
    /// The larger.
    Larger,
    /// The smaller.
    Smaller,
}

/// The place of each value, 1 for the best; equal values share a place and the next one is left out
/// (1, 1, 3). What is not there, or no number, has none.
pub fn places(values: &[Option<f64>], better: Better) -> Vec<Option<usize>> {
    let badness = |value: f64| match better {
        Better::Larger => -value,
        Better::Smaller => value,
    };
    let known = |value: &Option<f64>| value.filter(|value| !value.is_nan()).map(badness);
    let all: Vec<Option<f64>> = values.iter().map(known).collect();
    all.iter()
        .map(|own| {
            let own = (*own)?;
            Some(1 + all.iter().flatten().filter(|&&other| other < own).count())
        })
        .collect()
}

/// The mean of each competitor's places over several figures, `[figure][competitor]`; who lacks a
/// place in any has no mean.
pub fn mean_places(places: &[Vec<Option<usize>>]) -> Vec<Option<f64>> {
    let competitors = places.first().map_or(0, Vec::len);
    (0..competitors)
        .map(|competitor| {
            let own: Option<Vec<usize>> = places.iter().map(|figure| figure[competitor]).collect();
            let own = own?;
            Some(own.iter().sum::<usize>() as f64 / own.len() as f64)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_values_share_a_place() {
        let values = [
            Some(0.7),
            Some(0.8),
            None,
            Some(0.8),
            Some(f64::NAN),
            Some(0.1),
        ];
        assert_eq!(
            places(&values, Better::Larger),
            [Some(3), Some(1), None, Some(1), None, Some(4)]
        );
        assert_eq!(
            places(&values, Better::Smaller),
            [Some(2), Some(3), None, Some(3), None, Some(1)]
        );
    }

    #[test]
    fn a_mean_of_places_wants_all_of_them() {
        let figures = [
            vec![Some(1), Some(2), None],
            vec![Some(2), Some(1), Some(3)],
        ];
        assert_eq!(mean_places(&figures), [Some(1.5), Some(1.5), None]);
        assert!(mean_places(&[]).is_empty());
    }
}
