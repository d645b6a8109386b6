use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use clap::builder::PossibleValue;
use clap::{Args, ValueEnum};

use super::leased::end_when_lost;
use super::output::remark;
use super::progress::Reporter;
use crate::analysis::published::AddedNumbers;
use crate::analysis::write_parquet;
use crate::artifact::{read_text, write_atomic};
use crate::dataset::Protocol;
use crate::error::{Error, Result};
use crate::network::DeviceSpec;
use crate::progress::Progress;
use crate::recipe::Variant;
use crate::report::{self, Content};
use crate::schedule::Lease;
use crate::study::{Inputs, Study};
use crate::text::Shown as _;

/// Render the report of what a study has so far.
///
/// While a start works in the study's folder it is refused after a minute: a start writes its report itself.
#[derive(Args, Debug)]
#[command(after_help = "\
A file of published numbers adds to the columns and rows of the paper's Table 2 (ablation), 4 or 5
(tumours and livers of 3DIRCADb); fractions are in 0 to 1. The study keeps it:

  number = 2
  source = \"Me et al., Journal, 2026, Table 1\"
  [[row]]
  label = \"2D DenseUNet with pre-trained model\"
  variant = \"denseunet2d\"
  [row.cells]
  lesion_dice_per_case = { value = 0.70, sd = 0.2 }
  liver_dice_per_case = { value = 0.95 }

Examples:
  hdbench report runs/ablation-demo
  hdbench report runs/ablation-demo --published numbers.toml
  hdbench report runs/ablation-demo --without-pictures")]
pub struct Report {
    /// The study's folder
    run: PathBuf,
    /// Published numbers to show beside the study's, with their source (may be given several times)
    #[arg(long, value_name = "FILE")]
    published: Vec<PathBuf>,
    /// Leave overlays and the slice viewer out: a page of less than 1 MB, for a repository or a mail
    #[arg(long)]
    without_pictures: bool,
}

impl Report {
    pub fn exec(self) -> anyhow::Result<()> {
        let reporter = Reporter::new()?;
        let study = Study::read(&self.run)?;
        let added = self
            .published
            .iter()
            .map(|file| AddedNumbers::read(file, |id| Variant::from_id(id).is_some()));
        let added: Vec<AddedNumbers> = added.collect::<Result<_>>()?;
        // Two that write one report, or a study that begins meanwhile, would take files from each other.
        let lease = Lease::take_for_report(&self.run, &reporter)?;
        end_when_lost(&lease, &self.run, false);
        for (numbers, file) in added.iter().zip(&self.published) {
            let text = read_text(file).map_err(Error::read(file))?;
            let kept = report::added_path(&self.run, numbers.number);
            write_atomic(&kept, text.as_bytes())?;
        }
        let inputs = Inputs::prepare(&self.run, &study, &reporter)?;
        let (_, page) = render(
            &self.run,
            &study,
            &inputs,
            !self.without_pictures,
            &reporter,
        )?;
        reporter.finish();
        remark(&format!("report: {}", page.shown()));
        Ok(inputs.as_locked(&self.run)?)
    }
}

/// Collects and writes the report, with overlays and slices where `pictures` are wanted; returns what it says
/// and its page.
pub fn render(
    run: &Path,
    study: &Study,
    inputs: &Inputs,
    pictures: bool,
    progress: &dyn Progress,
) -> Result<(Content, PathBuf)> {
    progress.stage("", "writing the report");
    let (mut content, compared) = report::collect(run, study, inputs, &command(study)?)?;
    if !pictures {
        content.overlays.clear();
        content.stacks.clear();
    }
    let folder = run.join("report");
    let page = report::write(&content, &folder)?;
    // Every case of every network, for other programs.
    if content.evidence.is_some() {
        write_parquet(&folder.join("metrics_long.parquet"), &compared)?;
    }
    Ok((content, page))
}

/// The command line that makes this study again.
fn command(study: &Study) -> Result<String> {
    let name = |value: Option<PossibleValue>| {
        value.map_or(String::new(), |value| value.get_name().to_owned())
    };
    let verb = match &study.protocol {
        Protocol::Holdout => "ablation".to_owned(),
        Protocol::Christ2 => "crossval --protocol christ2".into(),
        Protocol::Fold5 => "crossval --protocol fold5".into(),
        Protocol::Loo => "crossval --protocol loo".into(),
        Protocol::Given(_) => "crossval --splits splits_final.json".into(),
    };
    let mut command = format!(
        "hdbench {verb} --scale {} --recipe {} --seed {} --threads {}",
        name(study.scale.name.to_possible_value()),
        name(study.recipe.name.to_possible_value()),
        study.seed,
        study.threads
    );
    if study.device != DeviceSpec::Flex.to_string() {
        command += &format!(" --device {}", study.device);
    }
    if study.shards > 1 {
        command += &format!(" --shards {}", study.shards);
    }
    for change in study.settings().changes()? {
        command += &format!(" --set '{}'", change.replacen(" = ", "=", 1));
    }
    if study.encoder_weights.is_some() {
        command += " --encoder-weights FILE";
    }
    let usual: BTreeSet<Variant> = match study.protocol {
        Protocol::Holdout => Variant::ALL.into(),
        _ => Variant::OF_CROSS_VALIDATION.into(),
    };
    match study.variants.as_slice() {
        [] => command += " --no-variants",
        own if usual == own.iter().copied().collect() => {}
        own => own
            .iter()
            .for_each(|variant| command += &format!(" --variant {variant}")),
    }
    if !study.algorithm.is_empty() {
        command += " --algorithms FILE";
    }
    if study.seeds.len() > 1 {
        command += &format!(" --seeds {}", study.seeds.len());
    }
    if study.allow_leakage {
        command += " --allow-leakage";
    }
    match (study.data.phantoms, &study.transfer) {
        (None, None) => command += " --data DIR",
        (None, Some(_)) => command += " --data DIR --transfer-from DIR",
        (Some(_), None) if study.protocol != Protocol::Holdout => command += " --no-transfer",
        (Some(_), _) => {}
    }
    Ok(command)
}
