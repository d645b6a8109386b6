use std::fmt;
use std::path::{Path, PathBuf};

use super::algorithm::Algorithm;
use super::definition::Study;
use super::fold::Role;
use super::lock::locked_folds;
use crate::error::{Error, Result};
use crate::network::NetworkKind;
use crate::recipe::{Recipe, Variant};
use crate::text::Shown as _;

/// An algorithm, a fold and a replicate: what one folder of a study holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Cell<A = Algorithm> {
    pub algorithm: A,
    pub fold: usize,
    pub seed: u32,
}

/// A cell of one of our networks.
pub type NetworkCell = Cell<NetworkKind>;

impl<A: fmt::Display + Copy> Cell<A> {
    /// `hdenseunet/fold_0/seed_0`, also its place below the study's folder.
    pub fn name(&self) -> String {
        format!("{}/fold_{}/seed_{}", self.algorithm, self.fold, self.seed)
    }

    /// Its folder.
    pub fn folder(&self, run: &Path) -> PathBuf {
        run.join(self.name())
    }
}

impl Cell {
    /// The cell of this name; whether a study has it is another question ([`check_belongs`]).
    ///
    /// # Errors
    /// `Error::Usage`.
    pub fn parse(name: &str) -> Result<Self> {
        let refuse = || {
            Error::usage(
                format!("{name:?} is not a cell"),
                "a cell is named like hdenseunet/fold_0/seed_0",
            )
        };
        let mut pieces = name.trim_end_matches('/').split('/');
        let mut next = || pieces.next().ok_or_else(refuse);
        let algorithm = Algorithm::named(next()?).ok_or_else(refuse)?;
        let number = |text: &str, prefix| -> Result<u32> {
            text.strip_prefix(prefix)
                .and_then(|number| number.parse().ok())
                .ok_or_else(refuse)
        };
        let fold = number(next()?, "fold_")? as usize;
        let seed = number(next()?, "seed_")?;
        // One name a cell: nothing behind it, and no number written otherwise.
        Some(Self {
            algorithm,
            fold,
            seed,
        })
        .filter(|cell| cell.name() == name.trim_end_matches('/'))
        .ok_or_else(refuse)
    }

    /// The same where it is one of a network of ours.
    pub fn of_network(&self) -> Option<NetworkCell> {
        Some(Cell {
            algorithm: self.algorithm.network()?,
            fold: self.fold,
            seed: self.seed,
        })
    }

    /// All cells that have to be finished before this one.
    pub fn needs(&self, recipe: &Recipe) -> Vec<Self> {
        let needs = self
            .of_network()
            .map_or(Vec::new(), |cell| cell.needs(recipe));
        needs.into_iter().map(Self::from).collect()
    }
}

impl From<NetworkCell> for Cell {
    fn from(cell: NetworkCell) -> Self {
        Self {
            algorithm: cell.algorithm.into(),
            fold: cell.fold,
            seed: cell.seed,
        }
    }
}

impl NetworkCell {
    /// The cell of another network, same fold and replicate.
    pub fn sibling(&self, algorithm: NetworkKind) -> Self {
        Self { algorithm, ..*self }
    }

    /// The cell whose network this one's training begins with.
    pub fn starts_from(&self, recipe: &Recipe) -> Option<Self> {
        let part = match self.algorithm {
            NetworkKind::Variant(Variant::HDenseUNet) => {
                NetworkKind::Variant(recipe.hybrid_starts_from)
            }
            NetworkKind::Variant(variant) if variant.starts_from_encoder() => NetworkKind::Encoder,
            _ => return None,
        };
        Some(self.sibling(part))
    }

    /// All cells that have to be finished before this one.
    pub fn needs(&self, recipe: &Recipe) -> Vec<Self> {
        let mut needs: Vec<Self> = self.starts_from(recipe).into_iter().collect();
        if matches!(self.algorithm, NetworkKind::Variant(_)) {
            needs.push(self.sibling(NetworkKind::Coarse));
        }
        needs
    }
}

/// All cells of a study in an order in which each comes after what it needs.
pub fn cells_of(study: &Study, folds: impl IntoIterator<Item = (usize, Role)>) -> Vec<Cell> {
    let mut cells = Vec::new();
    for (fold, role) in folds {
        for &seed in &study.seeds {
            let mut wanted: Vec<Cell> = Vec::new();
            for algorithm in study.algorithms_of(role) {
                if study.seeds_of(algorithm).contains(&seed) {
                    let cell = Cell {
                        algorithm,
                        fold,
                        seed,
                    };
                    add_with_needs(cell, &study.recipe, &mut wanted);
                }
            }
            cells.extend(wanted);
        }
    }
    cells
}

/// The cells of a fold's rows, without those that they need: algorithm by algorithm, each with its replicates.
pub fn row_cells(study: &Study, fold: usize, role: Role) -> Vec<Cell> {
    let rows = study.algorithms_of(role).into_iter();
    rows.flat_map(|algorithm| {
        let seeds = study.seeds_of(algorithm).iter();
        seeds.map(move |&seed| Cell {
            algorithm,
            fold,
            seed,
        })
    })
    .collect()
}

fn add_with_needs(cell: Cell, recipe: &Recipe, cells: &mut Vec<Cell>) {
    for need in cell.needs(recipe) {
        add_with_needs(need, recipe, cells);
    }
    if !cells.contains(&cell) {
        cells.push(cell);
    }
}

/// Refuses a cell that a study does not have.
///
/// # Errors
/// `Error::Usage`; those of reading the study's lock file.
pub fn check_belongs(run: &Path, study: &Study, cell: Cell) -> Result<()> {
    let folds = locked_folds(run)?;
    let has = if folds.is_empty() {
        // Before it has seen its data a study has all the folds that it does not leave out.
        let fold = Some(cell.fold).filter(|k| study.folds.is_empty() || study.folds.contains(k));
        let roles = [Role::Own, Role::Transfer];
        let folds = fold.iter().flat_map(|&k| roles.map(|role| (k, role)));
        cells_of(study, folds).contains(&cell)
    } else {
        cells_of(study, folds.iter().map(|fold| (fold.index, fold.role))).contains(&cell)
    };
    if has {
        return Ok(());
    }
    Err(Error::usage(
        format!("{}: the study has no cell {}", run.shown(), cell.name()),
        format!("`hdbench study show {}` lists those it has", run.shown()),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recipe::RecipeName;

    #[test]
    fn a_cell_is_found_by_its_name() {
        let cell = Cell {
            algorithm: Variant::DenseUNet2dScratch.into(),
            fold: 2,
            seed: 1,
        };
        assert_eq!(cell.name(), "denseunet2d-scratch/fold_2/seed_1");
        assert_eq!(Cell::parse(&cell.name()).unwrap(), cell);
        for wrong in [
            "",
            "unet",
            "unet/fold_0",
            "unet/fold_x/seed_0",
            "v net/fold_0/seed_0",
            "report/fold_0/seed_0",
            "unet/fold_00/seed_0",
            "unet/fold_0/seed_+1",
            "unet/fold_0/seed_0/..",
            "unet/fold_0/seed_0/model",
        ] {
            assert!(Cell::parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_hybrid_alone_brings_everything_it_needs_before_it() {
        let recipe = Recipe::named(RecipeName::Released);
        let cell = Cell {
            algorithm: Variant::HDenseUNet.into(),
            fold: 0,
            seed: 0,
        };
        let mut cells = Vec::new();
        add_with_needs(cell, &recipe, &mut cells);
        let names: Vec<&str> = cells.iter().map(|cell| cell.algorithm.id()).collect();
        assert_eq!(names, ["_encoder", "_coarse", "densenet2d", "hdenseunet"]);
    }
}
