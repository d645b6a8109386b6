//! What is scored, and by which definitions.

use hdbench_ground::progress::Stop;

use super::definition::Definition;
use super::label::Label;
use super::metric::Metric;
use super::scored_structure::ScoredStructure;
use super::tolerance::Tolerance;
use crate::metrics::surface::Border;

/// What `strict` computes beyond what it always does.
#[derive(Clone, Debug)]
pub struct Options {
    /// Border rules of the surface distances. By default the 18-neighbourhood of the official LiTS
    /// scorer and the 6-neighbourhood of MedPy, MONAI and MetricsReloaded.
    pub borders: Vec<Border>,
    /// Tolerances of the normalised surface Dice. By default 1, 2, 3 and 5 mm: a voxel or two of a
    /// CT, what TotalSegmentator reports (3 mm), and what the FLARE challenges grant a liver (5 mm).
    pub tolerances: Vec<Tolerance>,
    /// The metrics of structures that name none, before those of the definitions. None: all, in these border rules
    /// and at these tolerances.
    pub only: Option<Vec<Metric>>,
    /// Whether lesions are matched one to one as well, as panoptica does.
    pub one_to_one: bool,
    /// Tools whose definitions are columns as well, after the others. By default none.
    pub definitions: Vec<Definition>,
    /// What is scored, in the order of the tables. By default liver and lesion; what a label map does not know
    /// is no part of it, so that it is not scored as if it had been found.
    pub structures: Vec<ScoredStructure>,
    /// Looked at between the structures and the metrics of a case: once it is asked, scoring ends with
    /// `Error::Interrupted`.
    pub stop: Stop,
}

impl Options {
    /// The default but for its border rules, of which one that is repeated counts once, and its tolerances, which ascend.
    pub fn measuring(
        rules: impl IntoIterator<Item = Border>,
        tolerances: impl IntoIterator<Item = Tolerance>,
    ) -> Self {
        let mut borders: Vec<Border> = Vec::new();
        for rule in rules {
            if !borders.contains(&rule) {
                borders.push(rule);
            }
        }
        let mut tolerances: Vec<Tolerance> = tolerances.into_iter().collect();
        tolerances.sort_unstable();
        tolerances.dedup();
        Self {
            borders,
            tolerances,
            ..Self::default()
        }
    }

    /// The metrics that are asked for, in the order of the tables.
    pub fn metrics(&self) -> Vec<Metric> {
        let all = || Metric::all(&self.borders, &self.tolerances);
        self.with_definitions(self.only.clone().unwrap_or_else(all))
    }

    /// Those of one structure: its own, if it has any, and what the definitions add.
    pub fn metrics_of(&self, structure: &ScoredStructure) -> Vec<Metric> {
        let own = structure.metrics.clone();
        own.map_or_else(|| self.metrics(), |own| self.with_definitions(own))
    }

    fn with_definitions(&self, mut metrics: Vec<Metric>) -> Vec<Metric> {
        let tools = self.definitions.iter();
        for metric in tools.flat_map(|tool| tool.metrics(&self.tolerances)) {
            if !metrics.contains(&metric) {
                metrics.push(metric);
            }
        }
        metrics
    }

    /// Whether the lesions that are scored are part of the liver that is, so that they are a burden of it.
    pub fn has_burdens(&self) -> bool {
        let of = |label: Label| {
            let own = self.structures.iter().find(|own| own.label == label);
            own.map(|own| &own.values)
        };
        match (of(Label::LIVER), of(Label::LESION)) {
            (Some(liver), Some(lesion)) => lesion.is_within(liver),
            _ => false,
        }
    }
}

impl Default for Options {
    fn default() -> Self {
        Self {
            borders: vec![Border::Eighteen, Border::Six],
            tolerances: [1.0, 2.0, 3.0, 5.0]
                .into_iter()
                .filter_map(Tolerance::from_mm)
                .collect(),
            only: None,
            one_to_one: false,
            definitions: Vec::new(),
            structures: ScoredStructure::liver_and_lesion(),
            stop: Stop::default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_named_twice_counts_once() {
        let tolerances = [3.0, 0.5, 3.0].into_iter().filter_map(Tolerance::from_mm);
        let options = Options::measuring([Border::Six, Border::TwentySix, Border::Six], tolerances);
        assert_eq!(options.borders, [Border::Six, Border::TwentySix]);
        let mm: Vec<f64> = options.tolerances.iter().map(|own| own.mm()).collect();
        assert_eq!(mm, [0.5, 3.0]);
        assert_eq!(options.structures, ScoredStructure::liver_and_lesion());
    }
}
