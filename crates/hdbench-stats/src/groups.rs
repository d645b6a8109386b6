//! Rows of the tidy table by what they have in common.

use hdbench_ground::error::{Error, Result};
use polars::prelude::{Column, DataFrame, GroupsIndicator, NamedFrom, PolarsResult, Series};

/// A column of keys, a text a row.
pub(crate) type Keys<'a> = (&'static str, Vec<&'a str>);

/// Places of the rows that have the same keys, in the order of each group's first row; rows stay in their order.
///
/// # Errors
/// `Error::Internal` if polars refuses the table.
pub(crate) fn groups(rows: usize, keys: Vec<Keys<'_>>) -> Result<Vec<Vec<usize>>> {
    if rows == 0 {
        return Ok(Vec::new());
    }
    by_polars(rows, keys).map_err(|e| Error::Internal(format!("grouping of the tidy table: {e}")))
}

fn by_polars(rows: usize, keys: Vec<Keys<'_>>) -> PolarsResult<Vec<Vec<usize>>> {
    let names: Vec<&str> = keys.iter().map(|(name, _)| *name).collect();
    let columns = keys
        .into_iter()
        .map(|(name, values)| Column::from(Series::new(name.into(), values)));
    let table = DataFrame::new(rows, columns.collect())?;
    let grouped = table.group_by_stable(names)?;
    let places = |group: GroupsIndicator<'_>| match group {
        GroupsIndicator::Idx((_, rows)) => rows.iter().map(|row| *row as usize).collect(),
        GroupsIndicator::Slice([first, count]) => {
            (first as usize..(first + count) as usize).collect()
        }
    };
    Ok(grouped.get_groups().iter().map(places).collect())
}
