//! The trainer: what a stage trains, the loss, and that a killed training ends as an
//! uninterrupted one.

use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use burn::module::Module;
use burn::optim::GradientsParams;
use burn::tensor::{Device, Tensor, TensorData};
use hdbench::dataset::{Case, load_pair};
use hdbench::error::Error;
use hdbench::network::{
    DeviceSpec, Input, Mode, Network, NetworkKind, Pass, Values, initialise, values,
};
use hdbench::phantom;
use hdbench::preprocess::{Grid, Grids, Stored};
use hdbench::progress::{Progress, Silent};
use hdbench::recipe::{DenseWidths, Recipe, RecipeName, Scale, ScaleName, Variant};
use hdbench::seed::Seed;
use hdbench::training::{
    CheckpointPolicy, Frozen, Losses, Sampler, Session, StagePlan, Step, Target, prepare_network,
    segmentation_loss, sgd, stage_loss, stages,
};

use super::network::devices;

/// The smallest networks that still have every part.
pub fn tiny_scale() -> Scale {
    Scale {
        dense_2d: DenseWidths::slices(4, 2, [1, 1, 2, 1], 4),
        dense_3d: DenseWidths::volume(4, 2, [1, 1, 1, 1], 4),
        unet: [2, 3, 4, 4, 4],
        residual: [2, 3, 4, 4, 4],
        coarse: [2, 3, 4, 4, 4],
        patch: 32,
        depth: Some(4),
        batch: 3,
        iterations: 8,
        encoder_cases: 2,
        encoder_iterations: 4,
        coarse_iterations: 4,
        coarse_spacing_mm: [4.0, 2.0, 2.0],
        coarse_patch: 16,
        ..Scale::named(ScaleName::Demo)
    }
}

/// Two cached phantoms.
pub fn cached(dir: &Path, recipe: &Recipe, scale: &Scale) -> Vec<Arc<Stored>> {
    let spec = phantom::Spec::with_matrix(2, Seed(5), 64);
    let files = dir.join("phantoms");
    phantom::write(&spec, &files, &Silent).unwrap();
    (0..2)
        .map(|id| {
            let case = Case::nifti(
                id,
                format!("volume-{id}"),
                files.join(format!("volume-{id}.nii.gz")),
                Some(files.join(format!("segmentation-{id}.nii.gz"))),
            );
            let folder = dir.join("cache").join(&case.name);
            let pair = load_pair(&case).unwrap();
            let grids = Grids::of(recipe, scale);
            Stored::write(&folder, &case.name, &pair, &grids, |_| Ok(())).unwrap();
            Arc::new(Stored::open(&folder).unwrap())
        })
        .collect()
}

/// Stops a training after a number of iterations.
struct StopAfter {
    left: AtomicUsize,
}

impl Progress for StopAfter {
    fn plan(&self, _units: u64) {}
    fn stage(&self, _cell: &str, _name: &str) {}
    fn advance(&self, units: u64) {
        self.left.fetch_sub(
            (units as usize).min(self.left.load(Ordering::SeqCst)),
            Ordering::SeqCst,
        );
    }
    fn note(&self, _line: &str) {}
    fn interrupted(&self) -> bool {
        self.left.load(Ordering::SeqCst) == 0
    }
}

struct Training<'a> {
    part: NetworkKind,
    recipe: &'a Recipe,
    scale: &'a Scale,
    cases: &'a [Arc<Stored>],
    device: Device,
    /// As what it is treated: a GPU's mini-batches are drawn ahead, its losses read later.
    like: DeviceSpec,
    shards: usize,
}

impl Training<'_> {
    fn run(&self, cell: &Path, progress: &dyn Progress) -> Result<(Values, Vec<f64>), Error> {
        fs::create_dir_all(cell).unwrap();
        let session = Session {
            cell,
            inputs: "test",
            recipe: self.recipe,
            scale: self.scale,
            cases: self.cases,
            seed: Seed(3),
            devices: &[self.device.clone(), self.device.clone()],
            device: self.like,
            shards: self.shards,
            saving: CheckpointPolicy {
                iterations: None,
                seconds: f64::INFINITY,
            },
            progress,
            units: 1,
        };
        let blank = || Network::build(self.part, self.recipe, self.scale, &self.device);
        let plans = stages(self.part, self.recipe, self.scale);
        let trained = session.train(&plans, blank, || Ok(initialise(blank(), Seed(3))))?;
        let losses = trained.losses.iter().map(|row| row.loss).collect();
        Ok((values(&trained.network.valid()), losses))
    }
}

/// Killed at every single iteration and started again, each training ends with the same bits, whether its mini-batches
/// are drawn ahead or not:
/// batch norms, momentum, dropout (recipe `released`), partial freezing (the hybrid's stages).
#[test]
fn a_training_killed_at_every_iteration_equals_an_uninterrupted_one() {
    let dir = tempfile::tempdir().unwrap();
    let scale = tiny_scale();
    for name in [RecipeName::Paper, RecipeName::Released] {
        let recipe = Recipe::named(name);
        let folder = dir.path().join(format!("{name:?}"));
        let cases = cached(&folder, &recipe, &scale);
        for (part, shards) in [
            (NetworkKind::Encoder, 1),
            (NetworkKind::Coarse, 2),
            (NetworkKind::Variant(Variant::DenseUNet2d), 1),
            (NetworkKind::Variant(Variant::DenseUNet2d), 2),
            (NetworkKind::Variant(Variant::DenseUNet3d), 1),
            (NetworkKind::Variant(Variant::HDenseUNet), 1),
        ] {
            for (index, device) in devices().into_iter().enumerate() {
                let cells = folder.join(format!("{part}-{shards}-{index}"));
                let training = |like| Training {
                    part,
                    recipe: &recipe,
                    scale: &scale,
                    cases: &cases,
                    device: device.clone().autodiff(),
                    like,
                    shards,
                };
                let whole = training(DeviceSpec::Flex)
                    .run(&cells.join("whole"), &Silent)
                    .unwrap();
                let killed = cells.join("killed");
                let mut starts = 0;
                let resumed = loop {
                    starts += 1;
                    assert!(starts < 20, "{part} on device {index}: never ends");
                    // A start counts what is done already, then one iteration more.
                    let progress = StopAfter {
                        left: AtomicUsize::new(starts),
                    };
                    let like = [DeviceSpec::Flex, DeviceSpec::Wgpu][starts % 2];
                    match training(like).run(&killed, &progress) {
                        Err(Error::Interrupted { .. }) => {}
                        result => break result.unwrap(),
                    }
                };
                assert!(starts > 3, "{part}: {starts} starts");
                assert_eq!(
                    whole.1, resumed.1,
                    "{name:?} {part} on device {index}: losses"
                );
                assert!(
                    whole.0 == resumed.0,
                    "{name:?} {part} on device {index}: weights differ"
                );
            }
        }
    }
}

/// A finite loss can leave weights that are no numbers: neither a checkpoint nor a model is made of them.
#[test]
fn weights_that_are_no_numbers_end_a_training_and_are_not_kept() {
    let dir = tempfile::tempdir().unwrap();
    let recipe = Recipe::named(RecipeName::Paper);
    let tiny = tiny_scale();
    let cases = cached(&dir.path().join("cases"), &recipe, &tiny);
    let after_one = StopAfter {
        left: AtomicUsize::new(1),
    };
    for (iterations, progress) in [(1, &Silent as &dyn Progress), (4, &after_one), (4, &Silent)] {
        let scale = Scale {
            iterations,
            learning_rate: Some(1e300),
            ..tiny.clone()
        };
        let training = Training {
            part: NetworkKind::Variant(Variant::UNet),
            recipe: &recipe,
            scale: &scale,
            cases: &cases,
            device: Device::flex().autodiff(),
            like: DeviceSpec::Flex,
            shards: 1,
        };
        let cell = dir.path().join(format!("cell-{iterations}"));
        let error = training.run(&cell, progress).unwrap_err();
        assert!(matches!(error, Error::Diverged { .. }), "{error}");
        let told = error.to_string();
        assert!(
            told.contains("on device flex") && told.contains("--set scale.learning_rate"),
            "{told}"
        );
        assert!(!cell.join("checkpoints").exists(), "{told}");
    }
}

/// Hears what a training is told and how much of it was done before.
#[derive(Default)]
struct Heard {
    began_at: Mutex<Option<u64>>,
    notes: Mutex<Vec<String>>,
}

impl Progress for Heard {
    fn plan(&self, _units: u64) {}
    fn stage(&self, _cell: &str, _name: &str) {}
    fn advance(&self, units: u64) {
        self.began_at.lock().unwrap().get_or_insert(units);
    }
    fn note(&self, line: &str) {
        self.notes.lock().unwrap().push(line.to_owned());
    }
    fn interrupted(&self) -> bool {
        false
    }
}

/// A latest checkpoint that is not as it was saved is told and not taken: training goes on from the
/// previous one, or begins anew, and ends with the same bits.
#[test]
fn a_damaged_checkpoint_is_noticed_and_the_one_before_taken() {
    let dir = tempfile::tempdir().unwrap();
    let (recipe, scale) = (Recipe::named(RecipeName::Paper), tiny_scale());
    let training = Training {
        part: NetworkKind::Variant(Variant::UNet),
        recipe: &recipe,
        scale: &scale,
        cases: &cached(dir.path(), &recipe, &scale),
        device: Device::default().autodiff(),
        like: DeviceSpec::Flex,
        shards: 1,
    };
    let whole = training.run(&dir.path().join("whole"), &Silent).unwrap();
    let flip = |file: &Path| {
        let mut bytes = fs::read(file).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        fs::write(file, bytes).unwrap();
    };
    let cut = |file: &Path| fs::write(file, &fs::read(file).unwrap()[..9]).unwrap();
    let later = |file: &Path| {
        let text = fs::read_to_string(file).unwrap();
        assert!(text.contains("\"iteration\":3,"), "{text}");
        fs::write(
            file,
            text.replacen("\"iteration\":3,", "\"iteration\":7,", 1),
        )
        .unwrap();
    };
    type Damage<'a> = &'a dyn Fn(&Path);
    let damages: [(&str, Damage<'_>, u64); 8] = [
        ("latest/network.bpk", &flip, 2),
        ("latest/optimizer.bpk", &flip, 2),
        ("latest/optimizer.bpk", &cut, 2),
        ("latest/checkpoint.json", &cut, 2),
        ("latest/checkpoint.json", &later, 2),
        (
            "latest/network.bpk",
            &|file| fs::remove_file(file).unwrap(),
            2,
        ),
        // Killed between the renames: before the latest was set aside, and after.
        (
            "latest",
            &|latest| fs::rename(latest, latest.with_file_name("next")).unwrap(),
            3,
        ),
        (
            "previous",
            &|previous| {
                flip(&previous.join("network.bpk"));
                flip(&previous.with_file_name("latest").join("network.bpk"));
            },
            0,
        ),
    ];
    for (index, (file, damage, goes_on_at)) in damages.into_iter().enumerate() {
        let cell = dir.path().join(format!("cell{index}"));
        for left in [2, 3] {
            let stop = StopAfter {
                left: AtomicUsize::new(left),
            };
            assert!(training.run(&cell, &stop).is_err());
        }
        damage(&cell.join("checkpoints").join(file));
        let heard = Heard::default();
        let resumed = training.run(&cell, &heard).unwrap();
        assert_eq!(*heard.began_at.lock().unwrap(), Some(goes_on_at), "{file}");
        let notes = heard.notes.lock().unwrap().join("\n");
        assert_eq!(
            notes.contains("checkpoints/latest"),
            goes_on_at < 3,
            "{file}: {notes}"
        );
        assert!(whole == resumed, "{file}: other weights or losses");
    }
}

/// Every parameter that a stage trains has a gradient, and what it freezes has none and keeps its
/// statistics.
#[test]
fn every_trained_parameter_has_a_gradient_and_frozen_ones_stay() {
    let dir = tempfile::tempdir().unwrap();
    let recipe = Recipe::named(RecipeName::Paper);
    // A batch norm over a single value is constant: the deepest map of the tiny scale is too small.
    let scale = Scale {
        patch: 64,
        ..tiny_scale()
    };
    let cases = cached(dir.path(), &recipe, &scale);
    for device in devices().into_iter().map(Device::autodiff) {
        let parts = [NetworkKind::Encoder, NetworkKind::Coarse].into_iter();
        for part in parts.chain(Variant::ALL.map(NetworkKind::Variant)) {
            for plan in stages(part, &recipe, &scale) {
                let network = initialise(Network::build(part, &recipe, &scale, &device), Seed(1));
                let network = prepare_network(network, plan.frozen);
                let sampler =
                    Sampler::new(&cases, &recipe, &scale, plan.target, network.input()).unwrap();
                let batch = sampler.draw(Seed(1), 0).unwrap();
                let before = values(&network.valid());
                let mut pass = Pass::training(Seed(1).stream("dropout"));
                let answers = network.forward(batch.image(&device), plan.mode(), &mut pass);
                let loss = stage_loss(answers, &plan, &recipe, &batch).total();
                let gradients = GradientsParams::from_grads(loss.backward(), &network);
                let found = gradient_sizes(&network, &gradients);
                for (path, size) in &found {
                    let frozen = is_frozen(plan.frozen, path);
                    let passed_over = !plan.skip_connections && path.contains("lineup");
                    let bias = path.ends_with("bias");
                    match size {
                        None => assert!(
                            frozen || passed_over,
                            "{part} {}: {path} has none",
                            plan.name
                        ),
                        Some(size) => {
                            // A norm that keeps its first statistics may leave a ReLU nothing.
                            let behind_frozen = plan.frozen == Frozen::ReleasedJointNorms
                                && path.contains(".layers.");
                            let may_be_zero = bias || behind_frozen;
                            assert!(!frozen, "{part} {}: {path} is frozen", plan.name);
                            assert!(
                                *size > 0.0 || may_be_zero,
                                "{part} {}: {path} is zero",
                                plan.name
                            );
                        }
                    }
                }
                let after = values(&network.valid());
                for (path, value) in &after {
                    let statistic = path.contains("running");
                    let frozen = keeps_statistics(plan.frozen, path);
                    if statistic && !frozen {
                        assert_ne!(value, &before[path], "{part} {}: {path}", plan.name);
                    } else {
                        assert_eq!(value, &before[path], "{part} {}: {path}", plan.name);
                    }
                }
            }
        }
    }
}

fn is_frozen(frozen: Frozen, path: &str) -> bool {
    match frozen {
        Frozen::Nothing => false,
        Frozen::Slices => path.contains("slices."),
        Frozen::ReleasedJointNorms => {
            path.contains("norm") && (path.contains("slices.") || path.contains(".layers."))
        }
    }
}

fn keeps_statistics(frozen: Frozen, path: &str) -> bool {
    let of_transition = path.contains("volume.") && path.contains("transitions.");
    is_frozen(frozen, path) || frozen == Frozen::ReleasedJointNorms && of_transition
}

fn gradient_sizes(network: &Network, gradients: &GradientsParams) -> Vec<(String, Option<f32>)> {
    use burn::module::{ModuleVisitor, Param};
    struct Sizes<'a> {
        path: Vec<String>,
        gradients: &'a GradientsParams,
        found: Vec<(String, Option<f32>)>,
    }
    impl ModuleVisitor for Sizes<'_> {
        fn enter_module(&mut self, name: &str, _container_type: &str) {
            self.path.push(name.to_owned());
        }
        fn exit_module(&mut self, _name: &str, _container_type: &str) {
            self.path.pop();
        }
        fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
            let path = self.path.join(".");
            if path.contains("running") {
                return;
            }
            let size = self
                .gradients
                .get::<D>(param.id)
                .map(|gradient| gradient.abs().max().into_scalar::<f32>());
            self.found.push((path, size));
        }
    }
    let mut sizes = Sizes {
        path: Vec::new(),
        gradients,
        found: Vec::new(),
    };
    network.visit(&mut sizes);
    sizes.found
}

/// The released code's joint stage (spec section 1.5): 2-D norms and those of 3-D micro-blocks are
/// frozen, 3-D transition norms keep their statistics but train, everything else trains.
#[test]
fn the_released_joint_stage_freezes_the_norms_it_names() {
    let dir = tempfile::tempdir().unwrap();
    let recipe = Recipe {
        only_patches_with_all_classes: false,
        ..Recipe::named(RecipeName::Released)
    };
    // A batch norm over a single value is constant: the deepest map has to be larger.
    let scale = Scale {
        patch: 64,
        ..tiny_scale()
    };
    let cases = cached(dir.path(), &recipe, &scale);
    for device in devices().into_iter().map(Device::autodiff) {
        let part = NetworkKind::Variant(Variant::HDenseUNet);
        let plans = stages(part, &recipe, &scale);
        let joint = &plans[1];
        assert_eq!(joint.frozen, Frozen::ReleasedJointNorms);
        let network = initialise(Network::build(part, &recipe, &scale, &device), Seed(1));
        let network = prepare_network(network, joint.frozen);
        let sampler = Sampler::new(&cases, &recipe, &scale, joint.target, network.input()).unwrap();
        let batch = sampler.draw(Seed(1), 0).unwrap();
        let before = values(&network.valid());
        let mut pass = Pass::training(Seed(1).stream("dropout"));
        let answers = network.forward(batch.image(&device), joint.mode(), &mut pass);
        let loss = segmentation_loss(answers.logits, &batch.labels, &[1.0; 3], 1);
        let gradients = GradientsParams::from_grads(loss.backward(), &network);
        let after = values(&network.valid());
        let kind = |path: &str| {
            let norm = path
                .rsplit('.')
                .nth(1)
                .is_some_and(|name| name.starts_with("norm"));
            let micro_block = path.contains("volume.") && path.contains("layers.");
            if norm && (path.contains("slices.") || micro_block) {
                "frozen"
            } else if norm && path.contains("volume.") && path.contains("transitions.") {
                "statistics"
            } else {
                "free"
            }
        };
        let mut seen = std::collections::BTreeSet::new();
        for (path, size) in gradient_sizes(&network, &gradients) {
            seen.insert(kind(&path));
            assert_eq!(size.is_none(), kind(&path) == "frozen", "{path}");
        }
        assert_eq!(seen.len(), 3);
        for (path, value) in after.iter().filter(|(path, _)| path.contains("running")) {
            assert_eq!(value != &before[path], kind(path) == "free", "{path}");
        }
    }
}

/// Two voxels of three classes by hand: -(1/2) (0.65 ln p1 + 8.57 ln p2), a third left out.
#[test]
fn the_loss_is_the_plain_mean_of_weighted_logarithms() {
    for device in devices() {
        let logits = [1.0_f32, 0.0, 2.0, 2.0, 0.5, 0.0, 0.0, -1.0, 1.0];
        let tensor =
            Tensor::<5>::from_data(TensorData::new(logits.to_vec(), [1, 3, 1, 1, 3]), &device);
        let loss = segmentation_loss(tensor, &[1, 2, 255], &[0.78, 0.65, 8.57], 0);
        let softmax = |voxel: usize, class: usize| {
            let exp = |c: usize| f64::from(logits[3 * c + voxel]).exp();
            exp(class) / (exp(0) + exp(1) + exp(2))
        };
        let expected = -(0.65 * softmax(0, 1).ln() + 8.57 * softmax(1, 2).ln()) / 2.0;
        let found = f64::from(loss.into_scalar::<f32>());
        assert!((found - expected).abs() < 1e-6, "{found} {expected}");
    }
}

/// A probability of nothing costs ln(1e-10), as in the released code, and outer slices nothing.
#[test]
fn the_loss_is_clipped_and_leaves_outer_slices_out() {
    for device in devices() {
        let tensor = |values: Vec<f32>, shape| {
            Tensor::<5>::from_data(TensorData::new(values, shape), &device)
        };
        let hopeless = tensor(vec![200.0, 0.0], [1, 2, 1, 1, 1]);
        let loss = segmentation_loss(hopeless, &[1], &[1.0, 1.0], 0).into_scalar::<f32>();
        assert!((f64::from(loss) + 1e-10_f64.ln()).abs() < 1e-3, "{loss}");
        // Three slices; only the middle one counts and it is undecided: ln 2.
        let three = tensor(vec![9.0, 0.0, 9.0, 0.0, 0.0, 0.0], [1, 2, 3, 1, 1]);
        let loss = segmentation_loss(three, &[1, 1, 1], &[1.0, 1.0], 1).into_scalar::<f32>();
        assert!((f64::from(loss) - 2.0_f64.ln()).abs() < 1e-6, "{loss}");
    }
}

/// The same iteration gives the same patch, another one another; slices come with their true
/// neighbours; half of the centres lie on lesions.
#[test]
fn the_sampler_repeats_itself_and_finds_lesions() {
    let dir = tempfile::tempdir().unwrap();
    let recipe = Recipe::named(RecipeName::Paper);
    let scale = Scale {
        batch: 24,
        ..tiny_scale()
    };
    let cases = cached(dir.path(), &recipe, &scale);
    assert!(
        cases
            .iter()
            .any(|case| case.facts(Grid::Working).has_lesion())
    );
    let input = Input::Slices { neighbours: 1 };
    let sampler = Sampler::new(&cases, &recipe, &scale, Target::Segmentation, input).unwrap();
    let batch = sampler.draw(Seed(1), 7).unwrap();
    assert_eq!(batch, sampler.draw(Seed(1), 7).unwrap());
    assert_ne!(batch, sampler.draw(Seed(1), 8).unwrap());
    assert_eq!(batch.image_shape, [24, 1, 3, 32, 32]);
    let with = |label: u8| {
        batch
            .labels
            .chunks(32 * 32)
            .filter(|patch| patch.contains(&label))
            .count()
    };
    assert!(with(1) > 20, "{} of 24 patches show liver", with(1));
    assert!(with(2) > 4, "{} of 24 patches show lesion", with(2));
}

#[test]
fn forward_passes_without_dropout_repeat_and_with_dropout_follow_their_stream() {
    for device in devices() {
        let recipe = Recipe::named(RecipeName::Released);
        let part = NetworkKind::Variant(Variant::DenseUNet2d);
        let network = initialise(
            Network::build(part, &recipe, &tiny_scale(), &device),
            Seed(1),
        );
        let x = || Tensor::<5>::ones([1, 1, 3, 32, 32], &device);
        let run = |mut pass: Pass| {
            network
                .forward(x(), Mode::TEST, &mut pass)
                .logits
                .into_data()
        };
        assert_eq!(run(Pass::evaluation()), run(Pass::evaluation()));
        let stream = |index| Pass::training(Seed(1).stream_at("dropout", index));
        assert_eq!(run(stream(0)), run(stream(0)));
        assert_ne!(run(stream(0)), run(stream(1)));
        assert_ne!(run(stream(0)), run(Pass::evaluation()));
    }
}

/// The joint stage goes on where the volume stage and the 2-D net have ended: over its first twentieth its loss
/// is at most 1.15 times what theirs is on the same patches.
#[test]
fn the_joint_stage_goes_on_where_its_parts_ended() {
    let dir = tempfile::tempdir().unwrap();
    for name in [RecipeName::Paper, RecipeName::Released] {
        let recipe = Recipe {
            only_patches_with_all_classes: false,
            ..Recipe::named(name)
        };
        let scale = Scale {
            patch: 64,
            iterations: 400,
            learning_rate: Some(0.05),
            norm_momentum: Some(0.1),
            ..tiny_scale()
        };
        let cases = cached(&dir.path().join(format!("{name:?}")), &recipe, &scale);
        let device = Device::flex().autodiff();
        let train = |part: NetworkKind, plans: &[StagePlan], start: &dyn Fn() -> Network| {
            let cell = dir.path().join(format!("{name:?} {part}"));
            fs::create_dir_all(&cell).unwrap();
            let session = Session {
                cell: &cell,
                inputs: "test",
                recipe: &recipe,
                scale: &scale,
                cases: &cases,
                seed: Seed(3),
                devices: std::slice::from_ref(&device),
                device: DeviceSpec::Flex,
                shards: 1,
                saving: CheckpointPolicy {
                    iterations: None,
                    seconds: f64::INFINITY,
                },
                progress: &Silent,
                units: 1,
            };
            session.train(plans, start, || Ok(start())).unwrap().network
        };
        let built = |part| initialise(Network::build(part, &recipe, &scale, &device), Seed(3));
        let origin = NetworkKind::Variant(recipe.hybrid_starts_from);
        let plans = stages(origin, &recipe, &scale);
        let Network::DenseUNet2d(slices) = train(origin, &plans, &|| built(origin)) else {
            panic!("the hybrid starts from a 2-D net");
        };
        let part = NetworkKind::Variant(Variant::HDenseUNet);
        let start = || match built(part) {
            Network::Hybrid(mut hybrid) => {
                hybrid.slices = slices.clone().without_dropout();
                Network::Hybrid(hybrid)
            }
            _ => panic!("the hybrid is one"),
        };
        let plans = stages(part, &recipe, &scale);
        let network = train(part, &plans[..1], &start);
        // Both losses of the ends, and those of the joint stage, on the patches that it begins with.
        let joint = &plans[1];
        let sampler = Sampler::new(&cases, &recipe, &scale, joint.target, network.input()).unwrap();
        let total =
            |losses: Losses| losses.own + joint.loss_2d_weight * losses.slices.unwrap_or(0.0);
        let ended = prepare_network(network.clone(), Frozen::Slices);
        let mut network = prepare_network(network, joint.frozen);
        let mut optimizer = sgd(&recipe);
        let (mut before, mut began) = (0.0, 0.0);
        for iteration in 0..joint.iterations / 20 {
            let batch = sampler.draw(Seed(5), iteration as u64).unwrap();
            let step = Step {
                plan: joint,
                recipe: &recipe,
                devices: std::slice::from_ref(&device),
                shards: 1,
            };
            let dropout = || Seed(5).stream_at("dropout", iteration as u64);
            before += total(step.gradients(&ended, &batch, dropout()).0.read());
            let (losses, gradients) = step.gradients(&network, &batch, dropout());
            began += total(losses.read());
            network = optimizer.step(joint.rate * 0.05, network, gradients);
        }
        assert!(began <= 1.15 * before, "{name:?}: {began} after {before}");
    }
}
