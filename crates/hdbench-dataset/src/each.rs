use hdbench_ground::error::{Error, Result};
use hdbench_ground::progress::Progress;
use hdbench_ground::workers;

/// Does the same with every item, at most `jobs` at a time, so that memory is that of `jobs`
/// volumes; results come in the order of the items.
///
/// # Errors
/// `Error::Interrupted` once a signal came.
pub(super) fn each<I: Sync, T: Send>(
    items: &[I],
    jobs: usize,
    progress: &dyn Progress,
    work: impl Fn(&I) -> T + Sync,
) -> Result<Vec<T>> {
    let results = workers::each(
        items,
        jobs,
        || progress.interrupted(),
        |item| {
            let result = work(item);
            progress.advance(1);
            result
        },
    );
    let all: Option<Vec<T>> = results.into_iter().collect();
    all.ok_or_else(|| Error::Interrupted {
        hint: "start again: the cases are read anew".into(),
    })
}
