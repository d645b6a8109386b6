//! Pairs of least total cost.

/// Which column each row takes so that the sum of the costs is the least; `cost` is asked for `(row, column)`, and
/// all of the smaller side are taken.
///
/// Shortest augmenting paths (Crouse, IEEE Transactions on Aerospace and Electronic Systems 52, 2016). Of pairs that
/// cost the same, those that SciPy 1.17's `linear_sum_assignment` takes: rows are added in their order, the columns
/// left are looked at from the last to the first at the beginning, the last one comes into the place of one that is
/// taken away, and of equal lengths a free column goes first.
pub fn least_cost(
    rows: usize,
    columns: usize,
    cost: impl Fn(usize, usize) -> f64,
) -> Vec<Option<usize>> {
    if columns < rows {
        let mut taken = vec![None; rows];
        let turned = rows_first(columns, rows, |row, column| cost(column, row));
        for (column, row) in turned.into_iter().enumerate() {
            if let Some(row) = row {
                taken[row] = Some(column);
            }
        }
        return taken;
    }
    rows_first(rows, columns, cost)
}

/// The same where there are no more rows than columns.
fn rows_first(
    rows: usize,
    columns: usize,
    cost: impl Fn(usize, usize) -> f64,
) -> Vec<Option<usize>> {
    let mut search = Search::new(rows, columns);
    (0..rows).for_each(|row| search.add(row, &cost));
    search.column_of
}

struct Search {
    row_price: Vec<f64>,
    column_price: Vec<f64>,
    column_of: Vec<Option<usize>>,
    row_of: Vec<Option<usize>>,
}

impl Search {
    fn new(rows: usize, columns: usize) -> Self {
        Self {
            row_price: vec![0.0; rows],
            column_price: vec![0.0; columns],
            column_of: vec![None; rows],
            row_of: vec![None; columns],
        }
    }

    /// Adds a row to the pairs along the shortest path to a free column.
    fn add(&mut self, start: usize, cost: &impl Fn(usize, usize) -> f64) {
        let columns = self.row_of.len();
        let mut shortest = vec![f64::INFINITY; columns];
        let mut came_from = vec![start; columns];
        let mut seen_rows = Vec::new();
        let mut seen_columns = Vec::new();
        let mut remaining: Vec<usize> = (0..columns).rev().collect();
        let (mut row, mut least) = (start, 0.0);
        let sink = loop {
            seen_rows.push(row);
            let (mut lowest, mut place) = (f64::INFINITY, 0);
            for (at, &column) in remaining.iter().enumerate() {
                let length =
                    least + cost(row, column) - self.row_price[row] - self.column_price[column];
                if length < shortest[column] {
                    (came_from[column], shortest[column]) = (row, length);
                }
                let is_free = self.row_of[column].is_none();
                if shortest[column] < lowest || shortest[column] == lowest && is_free {
                    (lowest, place) = (shortest[column], at);
                }
            }
            least = lowest;
            let column = remaining.swap_remove(place);
            seen_columns.push(column);
            match self.row_of[column] {
                Some(taken_by) => row = taken_by,
                None => break column,
            }
        };
        self.row_price[start] += least;
        for row in seen_rows {
            if let (true, Some(column)) = (row != start, self.column_of[row]) {
                self.row_price[row] += least - shortest[column];
            }
        }
        for column in seen_columns {
            self.column_price[column] -= least - shortest[column];
        }
        let mut column = sink;
        loop {
            let row = came_from[column];
            self.row_of[column] = Some(row);
            let before = self.column_of[row].replace(column);
            match before {
                Some(before) if row != start => column = before,
                _ => break,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The least sum by trying every way.
    fn tried(rows: usize, columns: usize, cost: &dyn Fn(usize, usize) -> f64) -> f64 {
        fn from(
            row: usize,
            rows: usize,
            free: &mut Vec<bool>,
            left: usize,
            cost: &dyn Fn(usize, usize) -> f64,
        ) -> f64 {
            if row == rows || left == 0 {
                return 0.0;
            }
            let mut best = f64::INFINITY;
            // Rows beyond the number of columns stay without one.
            if rows - row > left {
                best = from(row + 1, rows, free, left, cost);
            }
            for column in 0..free.len() {
                if std::mem::take(&mut free[column]) {
                    let rest = from(row + 1, rows, free, left - 1, cost);
                    best = best.min(cost(row, column) + rest);
                    free[column] = true;
                }
            }
            best
        }
        from(0, rows, &mut vec![true; columns], columns, cost)
    }

    proptest! {
        #[test]
        fn no_other_pairs_cost_less(rows in 1..5_usize, columns in 1..5_usize, costs in prop::collection::vec(0..9_u8, 16)) {
            let cost = |row: usize, column: usize| f64::from(costs[row * 4 + column]);
            let taken = least_cost(rows, columns, cost);
            let pairs: Vec<_> = taken.iter().enumerate().filter_map(|(row, column)| Some((row, (*column)?))).collect();
            prop_assert_eq!(pairs.len(), rows.min(columns));
            let mut used: Vec<usize> = pairs.iter().map(|pair| pair.1).collect();
            used.sort_unstable();
            used.dedup();
            prop_assert_eq!(used.len(), pairs.len());
            let sum: f64 = pairs.iter().map(|&(row, column)| cost(row, column)).sum();
            prop_assert_eq!(sum, tried(rows, columns, &cost));
        }
    }

    #[test]
    fn of_equal_pairs_those_of_scipy() {
        // scipy.optimize.linear_sum_assignment(numpy.ones((2, 3))) and of its transpose.
        assert_eq!(least_cost(2, 3, |_, _| 1.0), [Some(0), Some(1)]);
        assert_eq!(least_cost(3, 2, |_, _| 1.0), [Some(0), Some(1), None]);
    }
}
