//! What is scored: structures by their label values.

use std::sync::Arc;

use hdbench_volume::components::Connectivity;

use super::instance_metric::InstanceMetric;
use super::label::Label;
use super::metric::Metric;
use super::structures::{Dilation, EmptyRule, Instances, InstancesBy, Matching};

/// A structure that is scored: a named set of label values.
#[derive(Clone, Debug, PartialEq)]
pub struct ScoredStructure {
    /// Its name in tables.
    pub label: Label,
    /// The values of its voxels.
    pub values: LabelSet,
    /// Its metrics, in the order of the tables. None: those of the options.
    pub metrics: Option<Vec<Metric>>,
    /// How it falls into instances; none of a structure that is scored as a whole.
    pub instances: Option<Instances>,
    /// What is scored of its instances as they are matched by its own rule, beside the detection of
    /// [`Criterion::all`](super::Criterion::all).
    pub instance_metrics: Vec<InstanceMetric>,
    /// Where its values for empty masks are others than the policy's.
    pub empty: Vec<EmptyRule>,
}

impl ScoredStructure {
    /// One that is scored as a whole, by the options' metrics and the policy.
    pub fn new(label: Label, values: LabelSet) -> Self {
        Self {
            label,
            values,
            metrics: None,
            instances: None,
            instance_metrics: Vec::new(),
            empty: Vec::new(),
        }
    }

    /// The structure of one label value, named by its number.
    pub fn of_value(value: u16) -> Self {
        Self::new(Label::new(&value.to_string()), LabelSet::One(value))
    }

    /// Which voxels touch in one of its instances, where these are matched in groups as LiTS does, so that each is
    /// a row of a table.
    pub fn grouped(&self) -> Option<Connectivity> {
        let instances = self.instances.as_ref()?;
        match (instances.by, instances.matching) {
            (InstancesBy::Components(connectivity), Matching::OverlapGroups) => Some(connectivity),
            _ => None,
        }
    }

    /// Whether its instances grow by a distance, not by steps.
    pub(super) fn grows_by_mm(&self) -> bool {
        let is_mm = |dilation: &Option<Dilation>| matches!(dilation, Some(Dilation::Mm(_)));
        self.instances.as_ref().is_some_and(|own| {
            is_mm(&own.consolidation)
                || matches!(&own.matching, Matching::Touching(dilation) if is_mm(dilation))
        })
    }

    /// Where its instances are told apart by their values: which voxels of equal value touch in one; `None` within
    /// where each value is an instance, whatever its parts.
    pub(super) fn by_value(&self) -> Option<Option<Connectivity>> {
        match self.instances.as_ref()?.by {
            InstancesBy::Components(_) => None,
            InstancesBy::ComponentsOfEachValue(connectivity) => Some(Some(connectivity)),
            InstancesBy::Values => Some(None),
        }
    }

    /// The structures of LiTS: the liver with its lesions, and the lesions, which are instances.
    pub fn liver_and_lesion() -> Vec<Self> {
        vec![Self::liver(), Self::lesion()]
    }

    /// Label 1 or more.
    pub fn liver() -> Self {
        Self::new(Label::LIVER, LabelSet::AtLeast(1))
    }

    /// Label 2.
    pub fn lesion() -> Self {
        Self {
            instances: Some(Instances::grouped(Connectivity::Six)),
            ..Self::new(Label::LESION, LabelSet::of([2]))
        }
    }

    /// nnU-Net's key of it in `summary.json`: the tuple of its values for a region, the value for a single one.
    pub fn nnunet_key(&self) -> String {
        match &self.values {
            // The only set without an end is the liver's, of the values 1 and 2.
            LabelSet::AtLeast(_) => "(1, 2)".into(),
            LabelSet::One(value) => value.to_string(),
            LabelSet::Several(values) => {
                let values: Vec<String> = values.iter().map(u16::to_string).collect();
                format!("({})", values.join(", "))
            }
        }
    }
}

/// A set of label values, 0 not among them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LabelSet {
    /// This value and all above.
    AtLeast(u16),
    /// One value.
    One(u16),
    /// Several values, ascending.
    Several(Arc<[u16]>),
}

impl LabelSet {
    /// The set of some values; background is left out.
    pub fn of(values: impl IntoIterator<Item = u16>) -> Self {
        let mut values: Vec<u16> = values.into_iter().filter(|value| *value > 0).collect();
        values.sort_unstable();
        values.dedup();
        match values[..] {
            [one] => Self::One(one),
            _ => Self::Several(values.into()),
        }
    }

    /// Whether all of its values are among those of another set.
    pub fn is_within(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::AtLeast(own), Self::AtLeast(least)) => own >= least,
            (Self::AtLeast(_), _) => false,
            (Self::One(own), _) => other.holds(*own),
            (Self::Several(own), _) => own.iter().all(|value| other.holds(*value)),
        }
    }

    /// Whether a value is one of them.
    pub fn holds(&self, value: u16) -> bool {
        match self {
            Self::AtLeast(least) => value >= *least,
            Self::One(one) => value == *one,
            Self::Several(values) => values.binary_search(&value).is_ok(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sets_hold_what_they_were_made_of() {
        let region = LabelSet::of([4, 1, 2, 2, 0]);
        assert_eq!(region, LabelSet::Several([1, 2, 4].into()));
        assert!([1, 2, 4].iter().all(|v| region.holds(*v)) && !region.holds(3) && !region.holds(0));
        assert!(LabelSet::of([65_535]).holds(65_535));
        let structure = ScoredStructure::new(Label::new("wt"), region);
        assert_eq!(structure.nnunet_key(), "(1, 2, 4)");
        assert_eq!(ScoredStructure::lesion().nnunet_key(), "2");
    }
}
