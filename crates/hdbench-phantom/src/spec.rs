use hdbench_dataset::ircadb::{self, PatientFacts};
use hdbench_ground::error::{Error, Result};
use hdbench_ground::seed::Seed;
use serde::{Deserialize, Serialize};

/// Raised whenever the same spec gives other bytes, so that old folders are not taken for new.
pub(super) const GENERATOR_VERSION: u32 = 3;

/// Patients of 3DIRCADb.
const PATIENTS: usize = 20;

/// The LiTS case that is 3DIRCADb's first patient.
const FIRST_SHARED: usize = 28;

/// Fewer slices than this hold no abdomen.
const FEWEST_SLICES: usize = 12;

/// Which data set the phantoms stand in for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PhantomKind {
    /// LiTS: all orientations, spacings and phases.
    #[default]
    Lits,
    /// LiTS with cases 28 to 47 being the patients of [`PhantomKind::Ircadb`] of the same seed and matrix,
    /// their true spacing missing from the header, as in the real set.
    LitsWithIrcadb,
    /// The twenty patients of 3DIRCADb: their spacings and the five without tumour, their numbers
    /// of slices scaled to the matrix, venous phase.
    Ircadb,
}

/// What a set of phantoms is made from; equal specs give equal bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spec {
    /// Which set they stand in for.
    pub kind: PhantomKind,
    /// Number of cases.
    pub cases: usize,
    /// Seed of every random number.
    pub seed: Seed,
    /// Rows and columns of a slice, in pixels.
    pub matrix: usize,
    /// Fewest slices of a case.
    pub min_slices: usize,
    /// Most slices of a case.
    pub max_slices: usize,
}

/// The most cases that are made in one go.
const MOST_CASES: usize = 100_000;

impl Spec {
    /// Cases and matrix of the demo.
    pub const DEFAULT_CASES: usize = 36;
    /// In-plane size of the demo in pixels.
    pub const DEFAULT_MATRIX: usize = 128;

    /// A set of the demo's in-plane size.
    pub fn new(cases: usize, seed: Seed) -> Self {
        Self::with_matrix(cases, seed, Self::DEFAULT_MATRIX)
    }

    /// A set with `matrix` rows and columns a slice: 16 to 48 slices at 128 pixels, and at 512 as
    /// many as a life-size abdomen in slices of 0.45 mm needs.
    pub fn with_matrix(cases: usize, seed: Seed, matrix: usize) -> Self {
        Self {
            kind: PhantomKind::Lits,
            cases,
            seed,
            matrix,
            min_slices: 16,
            max_slices: (48 * matrix * matrix / (128 * 128)).max(48),
        }
    }

    /// The twenty patients of 3DIRCADb; none of them is a case of the LiTS set of the same seed.
    pub fn ircadb(seed: Seed, matrix: usize) -> Self {
        let seed = seed.derive("3DIRCADb");
        Self {
            kind: PhantomKind::Ircadb,
            min_slices: FEWEST_SLICES,
            ..Self::with_matrix(PATIENTS, seed, matrix)
        }
    }

    /// LiTS of `cases` cases, 28 to 47 of which are the patients of [`Spec::ircadb`].
    pub fn lits_with_ircadb(cases: usize, seed: Seed, matrix: usize) -> Self {
        Self {
            kind: PhantomKind::LitsWithIrcadb,
            ..Self::with_matrix(cases, seed, matrix)
        }
    }

    /// # Errors
    ///
    /// [`Error::Usage`] for a set that cannot be drawn: no case, a matrix outside 64..=1024, or
    /// slice bounds that leave no choice (fewer than 12, or a range narrower than its own start).
    pub fn validate(&self) -> Result<()> {
        if self.cases == 0 {
            return Err(Error::usage(
                "a phantom set needs at least 1 case, found 0",
                "ask for 8 or more, so that cases with and without tumour are among them",
            ));
        }
        if self.cases > MOST_CASES {
            return Err(Error::usage(
                format!("{} phantoms, expected at most {MOST_CASES}", self.cases),
                "a case takes a second and some MB; LiTS has 201",
            ));
        }
        if !(64..=1024).contains(&self.matrix) {
            return Err(Error::usage(
                format!("phantom matrix {} is outside 64..=1024 pixels", self.matrix),
                "128 is the demo's size, 512 that of a scanner",
            ));
        }
        if self.kind == PhantomKind::Ircadb && self.cases != PATIENTS {
            return Err(Error::usage(
                format!("3DIRCADb has {PATIENTS} patients, asked for {}", self.cases),
                "leave --cases out",
            ));
        }
        if self.kind == PhantomKind::LitsWithIrcadb && self.cases < FIRST_SHARED + PATIENTS {
            return Err(Error::usage(
                format!(
                    "LiTS cases 28 to 47 are the patients of 3DIRCADb, asked for {} cases",
                    self.cases
                ),
                "ask for 48 or more",
            ));
        }
        if self.min_slices < FEWEST_SLICES
            || self.max_slices < self.min_slices
            || self.max_slices > 4096
        {
            return Err(Error::usage(
                format!(
                    "phantom slices {}..={}: expected 12 <= fewest <= most <= 4096",
                    self.min_slices, self.max_slices
                ),
                "16..=48 is the demo's range",
            ));
        }
        Ok(())
    }

    /// The place of case `index` within its block of `period` cases, shuffled block by block.
    ///
    /// Quantities that every small set must cover (tumour-free cases, slice spacings, liver
    /// brightness) are drawn from this stratum; it depends on the index alone, never on `cases`.
    pub(super) fn stratum(&self, name: &str, index: usize, period: usize) -> usize {
        let mut places: Vec<usize> = (0..period).collect();
        let block = (index / period) as u64;
        self.seed
            .stream_at(&format!("stratum {name}"), block)
            .shuffle(&mut places);
        places[index % period]
    }

    /// Uniform in 0..1, stratified so that each block of `period` cases covers the whole range.
    pub(super) fn quantile(&self, name: &str, index: usize, period: usize) -> f64 {
        let jitter = self
            .seed
            .stream_at(&format!("quantile {name}"), index as u64)
            .uniform();
        (self.stratum(name, index, period) as f64 + jitter) / period as f64
    }

    /// Whether case `index` has no tumour: one case of every five, or as the patient it stands for.
    pub(super) fn is_tumour_free(&self, index: usize) -> bool {
        match self.patient(index) {
            Some(patient) => !patient.liver_tumour,
            None => self.stratum("tumour-free", index, 5) == 0,
        }
    }

    /// The patient of 3DIRCADb that case `index` stands for, if this is that set.
    pub(super) fn patient(&self, index: usize) -> Option<PatientFacts> {
        if self.kind != PhantomKind::Ircadb {
            return None;
        }
        let patients = ircadb::facts().expect("the embedded table is read by a test");
        patients.into_iter().nth(index)
    }

    /// Slices of a patient's phantom: as many as the patient's scan has at 512 pixels.
    pub(super) fn slices_of(&self, patient: &PatientFacts) -> usize {
        (patient.slices * self.matrix)
            .div_ceil(512)
            .max(FEWEST_SLICES)
    }

    /// The set and the index there that a case of this set is a copy of.
    pub(super) fn shared(&self, index: usize) -> Option<(Self, usize)> {
        let number = index.checked_sub(FIRST_SHARED).filter(|&n| n < PATIENTS)?;
        (self.kind == PhantomKind::LitsWithIrcadb)
            .then(|| (Self::ircadb(self.seed, self.matrix), number))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_case_of_every_five_has_no_tumour() {
        for seed in 0..20 {
            let spec = Spec::new(40, Seed(seed));
            for block in 0..8 {
                let free = (0..5)
                    .filter(|i| spec.is_tumour_free(5 * block + i))
                    .count();
                assert_eq!(free, 1, "seed {seed} block {block}");
            }
        }
    }

    #[test]
    fn impossible_sets_are_refused() {
        let good = Spec::new(1, Seed(1));
        assert!(good.validate().is_ok());
        for bad in [
            Spec {
                cases: 0,
                ..good.clone()
            },
            Spec {
                matrix: 16,
                ..good.clone()
            },
            Spec {
                matrix: 4096,
                ..good.clone()
            },
            Spec {
                min_slices: 2,
                ..good.clone()
            },
            Spec {
                min_slices: 50,
                ..good
            },
        ] {
            let message = bad.validate().unwrap_err().to_string();
            assert!(message.contains("hint:"), "{message}");
        }
    }
}
