//! The paper's claims about its own ablation, each with what this study says of it.

use hdbench_ground::error::Result;
use hdbench_ground::seed::Seed;
use hdbench_table::Column;
use serde::{Deserialize, Serialize};

use super::published::{ClaimKind, PublishedClaim, claims as published_claims};
use super::statistics::{
    RESAMPLES, SignedDifferences, SignedRank, bca, bootstrap_mean, holm, quantile, rounding,
};
use super::{CaseGroups, MetricTable};

/// Number of pieces that a tenth of a training is cut into; intervals are drawn from their mean losses.
const PIECES: usize = 20;
/// A ratio of costs counts as reproduced up to this factor from the published one.
const COST_FACTOR: f64 = 1.5;
/// The level of intervals and tests.
const LEVEL: f64 = 0.95;

/// What a study says of a claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ClaimVerdict {
    /// The effect is there, beyond chance.
    Reproduced,
    /// The opposite is there, beyond chance; or a cost is another.
    NotReproduced,
    /// The interval holds both.
    CannotTell,
    /// The study lacks what the claim is about.
    NotTested,
}

impl ClaimVerdict {
    /// As readers see it.
    pub fn words(self) -> &'static str {
        match self {
            Self::Reproduced => "reproduced",
            Self::NotReproduced => "not reproduced",
            Self::CannotTell => "cannot tell",
            Self::NotTested => "not tested",
        }
    }
}

/// A claim with its verdict.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Claim {
    /// Its name in files.
    pub id: String,
    /// What this study has for it; none where it lacks something.
    pub ours: Option<f64>,
    /// 95 % interval of that.
    pub interval: Option<[f64; 2]>,
    /// Cases, or pieces of the training, that it rests on.
    pub n: Option<usize>,
    /// What follows.
    pub verdict: ClaimVerdict,
    /// What else a reader must know.
    pub remark: Option<String>,
}

/// What a study has for a claim, before the family of tests is corrected for.
struct Measured {
    ours: f64,
    interval: Option<[f64; 2]>,
    n: Option<usize>,
    verdict: ClaimVerdict,
    /// Two-sided p of a difference of Dice.
    p: Option<f64>,
    remark: Option<String>,
}

/// A finished network of a study, as far as claims are about it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ClaimNetwork {
    /// Its id in the file of claims, e.g. `hdenseunet`.
    pub id: String,
    /// Its name in the table of Dice.
    pub name: String,
    /// The loss of every iteration in order, a list a training (fold or replicate), the first one first.
    pub losses: Vec<Vec<f64>>,
    /// Hours of training from the start, supporting trainings included.
    pub hours: Option<f64>,
}

/// What the claims are judged by.
pub struct Grounds<'a> {
    /// The networks that are finished.
    pub networks: &'a [ClaimNetwork],
    /// Lesion Dice of every case, fractions; algorithms by their names.
    pub dice: Option<&'a MetricTable>,
    /// The cases by tumour volume.
    pub groups: Option<&'a CaseGroups>,
    /// Of the bootstrap.
    pub seed: Seed,
}

/// All claims, in the order of `datasets/published/claims.toml`; nothing where no two networks that any is
/// about are there.
///
/// # Errors
/// Only if the embedded file of claims does not parse.
pub fn judge_claims(grounds: &Grounds<'_>) -> Result<Vec<Claim>> {
    let published = published_claims()?;
    let mut found: Vec<Option<Measured>> =
        published.claims.iter().map(|c| grounds.find(c)).collect();
    // A difference of Dice also has to stand a test that is corrected over all claims about Dice.
    let p: Vec<f64> = found
        .iter()
        .map(|f| f.as_ref().and_then(|f| f.p).unwrap_or(f64::NAN))
        .collect();
    for (found, p) in found.iter_mut().zip(holm(&p)) {
        let Some(found) = found.as_mut().filter(|_| !p.is_nan()) else {
            continue;
        };
        found.remark = Some(format!("corrected p {}", Column::probability().render(p)));
        if p > 1.0 - LEVEL {
            found.verdict = ClaimVerdict::CannotTell;
        }
    }
    if found.iter().all(Option::is_none) {
        return Ok(Vec::new());
    }
    Ok(published
        .claims
        .iter()
        .zip(found)
        .map(|(claim, found)| match found {
            Some(found) => Claim {
                id: claim.id.clone(),
                ours: Some(found.ours),
                interval: found.interval,
                n: found.n,
                verdict: found.verdict,
                remark: found.remark,
            },
            None => Claim {
                id: claim.id.clone(),
                ours: None,
                interval: None,
                n: None,
                verdict: ClaimVerdict::NotTested,
                remark: Some("this study lacks a network that the claim is about".into()),
            },
        })
        .collect())
}

impl Grounds<'_> {
    fn find(&self, claim: &PublishedClaim) -> Option<Measured> {
        let (ours, other) = (self.network(&claim.network)?, self.network(&claim.against)?);
        let hours = || Some(ours.hours? / other.hours?);
        match claim.judged_by {
            ClaimKind::LossReached => self.faster(ours, other),
            ClaimKind::FinalLoss => self.lower(ours, other, claim.remark.as_deref()),
            ClaimKind::LesionDice => self.dice(ours, other),
            ClaimKind::LargeTumours => self.large(ours, other),
            ClaimKind::Hours => time(claim, hours()?),
            ClaimKind::HoursAdded => time(claim, hours()? - 1.0),
        }
    }

    fn network(&self, id: &str) -> Option<&ClaimNetwork> {
        self.networks.iter().find(|network| network.id == id)
    }

    /// Mean difference over the cases of both.
    fn dice(&self, ours: &ClaimNetwork, other: &ClaimNetwork) -> Option<Measured> {
        let differences = self.differences(ours, other, |_| true)?;
        let interval = self.interval(&differences);
        Some(Measured {
            ours: mean(&differences),
            interval,
            n: Some(differences.len()),
            verdict: by_interval(interval, 1.0),
            p: Some(self.signed_rank(&differences).p),
            remark: None,
        })
    }

    /// Equal are differences that are so within the rounding of the Dice.
    fn signed_rank(&self, differences: &[f64]) -> SignedRank {
        let dice = self
            .dice
            .iter()
            .flat_map(|dice| dice.values.iter().copied());
        SignedDifferences::new(differences, rounding(dice)).test(|_| 1)
    }

    fn differences(
        &self,
        ours: &ClaimNetwork,
        other: &ClaimNetwork,
        wanted: impl Fn(&str) -> bool,
    ) -> Option<Vec<f64>> {
        let dice = self.dice?;
        let place =
            |network: &ClaimNetwork| dice.algorithms.iter().position(|n| *n == network.name);
        let (a, b) = (place(ours)?, place(other)?);
        let differences: Vec<f64> = (0..dice.cases.len())
            .filter(|&case| wanted(&dice.cases[case]))
            .map(|case| dice.values[[case, a]] - dice.values[[case, b]])
            .filter(|difference| !difference.is_nan())
            .collect();
        (!differences.is_empty()).then_some(differences)
    }

    fn interval(&self, values: &[f64]) -> Option<[f64; 2]> {
        bca(values, &self.means(values, "claims"), LEVEL)
    }

    fn means(&self, values: &[f64], name: &str) -> Vec<f64> {
        bootstrap_mean(values, RESAMPLES, self.seed.derive(name))
    }

    /// The gain in large tumours less that in small ones; two groups of cases, drawn apart.
    fn large(&self, ours: &ClaimNetwork, other: &ClaimNetwork) -> Option<Measured> {
        let groups = self.groups?;
        let of = |large: bool| {
            self.differences(ours, other, |case| groups.is_large(case) == Some(large))
        };
        let (large, small) = (of(true)?, of(false)?);
        let mut drawn: Vec<f64> = self
            .means(&large, "large tumours")
            .into_iter()
            .zip(self.means(&small, "small tumours"))
            .map(|(large, small)| large - small)
            .collect();
        // One case has no spread.
        let known = large.len() > 1 && small.len() > 1;
        let interval = known.then(|| {
            [(1.0 - LEVEL) / 2.0, (1.0 + LEVEL) / 2.0].map(|part| quantile(&mut drawn, part))
        });
        Some(Measured {
            ours: mean(&large) - mean(&small),
            interval,
            n: Some(large.len() + small.len()),
            verdict: by_interval(interval, 1.0),
            p: None,
            remark: Some(format!(
                "{} large, {} small, from {:.2} mL; percentile interval",
                large.len(),
                small.len(),
                groups.boundary_ml
            )),
        })
    }

    /// Whether the losses of the last tenth are lower.
    fn lower(
        &self,
        ours: &ClaimNetwork,
        other: &ClaimNetwork,
        remark: Option<&str>,
    ) -> Option<Measured> {
        let pieces = |network| {
            let losses = losses(network)?;
            let tenth = losses.len().div_ceil(10);
            Some(pieces(&losses[losses.len() - tenth..]))
        };
        let differences: Vec<f64> = pieces(ours)?
            .into_iter()
            .zip(pieces(other)?)
            .map(|(a, b)| a - b)
            .collect();
        let interval = self.interval(&differences);
        Some(Measured {
            ours: mean(&differences),
            interval,
            n: Some(differences.len()),
            verdict: by_interval(interval, -1.0),
            p: None,
            remark: Some(match remark {
                Some(remark) => format!("{remark}; {}", trainings(ours, other)),
                None => trainings(ours, other),
            }),
        })
    }

    /// When the loss is where the other one ends.
    fn faster(&self, ours: &ClaimNetwork, other: &ClaimNetwork) -> Option<Measured> {
        let (mine, others) = (losses(ours)?, losses(other)?);
        let tenth = others.len().div_ceil(10);
        let goal = mean(&others[others.len() - tenth..]);
        // A mean over a tenth behind every iteration, as the goal is one.
        let window = mine.len().div_ceil(10);
        let reached = mine.windows(window).position(|part| mean(part) <= goal);
        let all = mine.len() as f64;
        // Both trained on the same patches: the losses are compared piece by piece.
        let (own, other_pieces) = (pieces(&mine), pieces(&others));
        let differences: Vec<f64> = own.iter().zip(&other_pieces).map(|(a, b)| a - b).collect();
        let below = by_interval(self.interval(&differences), -1.0);
        let verdict = match (reached, below) {
            (Some(_), ClaimVerdict::Reproduced) => ClaimVerdict::Reproduced,
            (None, ClaimVerdict::NotReproduced) => ClaimVerdict::NotReproduced,
            _ => ClaimVerdict::CannotTell,
        };
        let trainings = trainings(ours, other);
        Some(Measured {
            ours: reached.map_or(1.0, |start| (start + window) as f64 / all),
            interval: None,
            n: None,
            verdict,
            p: None,
            remark: Some(match reached {
                Some(_) => trainings,
                None => format!("never reached; {trainings}"),
            }),
        })
    }
}

/// How many trainings a loss is the mean of.
fn trainings(ours: &ClaimNetwork, other: &ClaimNetwork) -> String {
    match ours.losses.len().min(other.losses.len()) {
        1 => {
            "one training each: the interval is over its iterations, another seed may differ".into()
        }
        n => format!("mean of {n} trainings; the interval is over their iterations"),
    }
}

/// A ratio of hours beside the published one.
fn time(claim: &PublishedClaim, ours: f64) -> Option<Measured> {
    let published = claim.published.as_ref()?.value;
    let off = (ours / published).max(published / ours);
    // A ratio that is not above 0 is as far off as can be.
    let near = ours > 0.0 && off <= COST_FACTOR;
    Some(Measured {
        ours,
        interval: None,
        n: None,
        verdict: match near {
            true => ClaimVerdict::Reproduced,
            false => ClaimVerdict::NotReproduced,
        },
        p: None,
        remark: Some(format!(
            "within a factor of {COST_FACTOR} counts as reproduced; other hardware and other numbers of \
             iterations than the paper's"
        )),
    })
}

/// Reproduced where the interval lies on the claimed side of 0, not reproduced where it lies on the other.
fn by_interval(interval: Option<[f64; 2]>, sign: f64) -> ClaimVerdict {
    match interval {
        Some([low, high]) if (sign * low).min(sign * high) > 0.0 => ClaimVerdict::Reproduced,
        Some([low, high]) if (sign * low).max(sign * high) < 0.0 => ClaimVerdict::NotReproduced,
        _ => ClaimVerdict::CannotTell,
    }
}

/// The losses of a network in order, the mean over its trainings where there are several of the same length.
fn losses(network: &ClaimNetwork) -> Option<Vec<f64>> {
    let (first, more) = network.losses.split_first()?;
    let mut sum = first.clone();
    let mut count = 1.0;
    for more in more.iter().filter(|more| more.len() == first.len()) {
        sum.iter_mut()
            .zip(more)
            .for_each(|(sum, loss)| *sum += loss);
        count += 1.0;
    }
    sum.iter_mut().for_each(|loss| *loss /= count);
    let usable = sum.len() >= 10 && sum.iter().all(|loss| loss.is_finite());
    usable.then_some(sum)
}

/// Means over twenty pieces; fewer where there are fewer losses.
fn pieces(losses: &[f64]) -> Vec<f64> {
    let count = losses.len().min(PIECES);
    (0..count)
        .map(|i| mean(&losses[i * losses.len() / count..(i + 1) * losses.len() / count]))
        .collect()
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

#[cfg(test)]
mod tests {
    use ndarray::Array2;

    use super::*;

    fn network(id: &str, losses: impl Fn(f64) -> f64, hours: f64) -> ClaimNetwork {
        let loss = |iteration: usize| {
            losses(iteration as f64 / 200.0) + 0.001 * ((iteration * 7 % 5) as f64)
        };
        ClaimNetwork {
            id: id.into(),
            name: format!("the {id}"),
            losses: vec![(0..200).map(loss).collect()],
            hours: Some(hours),
        }
    }

    fn dice(networks: &[ClaimNetwork; 4]) -> MetricTable {
        // Each next network gains 0.05, and H-DenseUNet 0.2 in the last three cases.
        let values = Array2::from_shape_fn((12, 4), |(case, network)| {
            let more = if network == 3 && case >= 9 { 0.2 } else { 0.0 };
            0.4 + 0.05 * network as f64 + more + 0.001 * ((case * (network + 3)) % 7) as f64
        });
        MetricTable {
            label: None,
            metric: "dice".into(),
            cases: (0..12).map(|case| format!("case-{case:02}")).collect(),
            algorithms: networks
                .iter()
                .map(|network| network.name.clone())
                .collect(),
            values,
            replicates: vec![Vec::new(); 4],
            definitions: Vec::new(),
        }
    }

    #[test]
    fn verdicts_follow_from_cases_losses_and_hours() {
        let networks = [
            network("denseunet2d-scratch", |t| 1.0 - 0.5 * t, 1.0),
            network("densenet2d", |t| 1.0 - 0.5 * t, 1.0),
            network("denseunet2d", |t| 1.0 - 0.8 * t, 21.0),
            network("hdenseunet", |t| 1.2 - 0.8 * t, 60.0),
        ];
        let dice = dice(&networks);
        let groups = CaseGroups {
            boundary_ml: 10.0,
            found: true,
            volumes_ml: dice
                .cases
                .iter()
                .enumerate()
                .map(|(i, case)| (case.clone(), if i >= 9 { 50.0 } else { 2.0 }))
                .collect(),
        };
        let grounds = Grounds {
            networks: &networks,
            dice: Some(&dice),
            groups: Some(&groups),
            seed: Seed(1),
        };
        let claims = judge_claims(&grounds).unwrap();
        let of = |id: &str| claims.iter().find(|claim| claim.id == id).unwrap();
        use ClaimVerdict::{NotReproduced, NotTested, Reproduced};
        assert_eq!(of("pretraining-lesions").verdict, Reproduced);
        assert!((of("pretraining-lesions").ours.unwrap() - 0.1).abs() < 0.005);
        assert_eq!(of("pretraining-lower").verdict, Reproduced);
        let faster = of("pretraining-faster");
        assert_eq!(faster.verdict, Reproduced);
        // 1 - 0.8 t falls below 0.525, the mean of the other's last tenth, around t = 0.59; the window
        // behind reaches it half a tenth later.
        assert!((faster.ours.unwrap() - 0.65).abs() < 0.03, "{faster:?}");
        assert_eq!(of("fusion-lower").verdict, NotReproduced);
        assert_eq!(of("fusion-large").verdict, Reproduced);
        assert!((of("fusion-large").ours.unwrap() - 0.2).abs() < 0.01);
        assert_eq!(of("flat-beats-volume").verdict, NotTested);
        // 60 / 21 = 2.86 against 1.43: another cost.
        assert_eq!(of("time-hybrid").verdict, NotReproduced);
    }

    #[test]
    fn a_study_without_the_networks_has_no_claims() {
        let grounds = Grounds {
            networks: &[],
            dice: None,
            groups: None,
            seed: Seed(1),
        };
        assert!(judge_claims(&grounds).unwrap().is_empty());
    }
}
