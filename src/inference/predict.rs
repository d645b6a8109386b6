use std::borrow::Cow;
use std::collections::BTreeMap;

use burn::tensor::activation::softmax;
use burn::tensor::{Device, Tensor, TensorData};
use hdbench_kernels as kernel;
use ndarray::{Array3, s};

use super::postprocess::{Rules, segment};
use super::windows::{Accumulator, Region, Windows, cut, starts, weights};
use crate::error::{Error, Result};
use crate::memory;
use crate::network::{Input, Mode, Network, Pass, ResidualNet, SliceAnswer};
use crate::preprocess::{Scan, canonical_box};
use crate::progress::Progress;
use crate::recipe::{Recipe, Scale, TestWindows};
use crate::volume::components::{Connectivity, largest};
use crate::volume::{GridPart, resample_linear, resample_part};

/// Windows of slice networks are answered at most this many at a time, and pixels about this many: on the processor
/// what is computed stays near; two slices of 512 x 512 fill any GPU, and their widest map has 268 MB in scale `full`,
/// which any card's memory takes.
const SLICES_AT_ONCE: usize = 16;
const PIXELS_AT_ONCE: usize = 1 << 19;
const PIXELS_AT_ONCE_ON_FLEX: usize = 1 << 17;

/// What a voxel costs while a case is segmented: sums of probabilities, how often it was answered,
/// masks of the post-processing and labels.
const BYTES_A_VOXEL: u64 = 16;

/// A network ready to answer, with the method it was trained by.
pub struct Predictor<'a> {
    /// Without autodiff.
    pub network: &'a Network,
    pub recipe: &'a Recipe,
    pub scale: &'a Scale,
    pub device: &'a Device,
    /// Asked between windows whether to stop, and told how many are done.
    pub progress: &'a dyn Progress,
}

/// The coarse stage's answer on the file's own grid, canonical order.
pub struct Coarse {
    /// The largest component of the coarse liver.
    pub liver: Array3<bool>,
    /// Its box with the scale's margin; the whole volume where no liver was found.
    pub region: Region,
    /// Whether a liver was found.
    pub found: bool,
}

impl Coarse {
    /// The box of a coarse liver (canonical order) with so much room around it.
    pub fn new(liver: Array3<bool>, spacing_mm: [f64; 3], margin_mm: f64) -> Self {
        let shape = <[usize; 3]>::from(liver.dim());
        let found = canonical_box(liver.view(), |inside| inside);
        let margin = spacing_mm.map(|mm| (margin_mm / mm).ceil() as usize);
        Self {
            found: found.is_some(),
            region: found.map_or(Region::whole(shape), |found| {
                Region(found).grown(margin, shape)
            }),
            liver,
        }
    }
}

/// What the 2-D part of the hybrid answered of the last window's slices that saw both their neighbours:
/// any window of the same place in the plane gets the same answer of them.
#[derive(Default)]
pub struct SliceFeatureCache {
    /// `[y, x]`.
    place: [i64; 2],
    /// By z.
    slices: BTreeMap<i64, SliceAnswer>,
}

impl SliceFeatureCache {
    /// What is known of each slice of a window.
    fn known(&mut self, [z, y, x]: [i64; 3], depth: usize) -> Vec<Option<SliceAnswer>> {
        let mut slices = std::mem::take(&mut self.slices);
        if self.place != [y, x] {
            slices.clear();
        }
        let last = depth as i64 - 1;
        (0..=last)
            .map(|at| {
                let inside = 0 < at && at < last;
                slices.remove(&(z + at)).filter(|_| inside)
            })
            .collect()
    }

    fn keep(&mut self, [z, y, x]: [i64; 3], answers: Vec<SliceAnswer>) {
        let last = answers.len().saturating_sub(1);
        self.place = [y, x];
        self.slices = answers
            .into_iter()
            .enumerate()
            .filter(|&(at, _)| 0 < at && at < last)
            .map(|(at, answer)| (z + at as i64, answer))
            .collect();
    }
}

impl Predictor<'_> {
    /// Finds the liver on the coarse grid; `self` holds the coarse net.
    pub fn coarse(&self, case: &Scan) -> Result<Coarse> {
        let image = self.coarse_image(case)?;
        let probabilities = self.probabilities(&image, &self.coarse_windows(&image), 2)?;
        Ok(self.coarse_mask(case, &probabilities[0]))
    }

    /// The case on the coarse grid, HU.
    ///
    /// # Errors
    /// As [`Scan::coarse_image`].
    pub fn coarse_image(&self, case: &Scan) -> Result<Array3<i16>> {
        case.coarse_image(self.scale.coarse_spacing_mm)
    }

    /// The windows of the coarse stage: every slice whole.
    pub fn coarse_windows(&self, image: &Array3<i16>) -> Windows {
        let shape = <[usize; 3]>::from(image.dim());
        let plane = [shape[1], shape[2]].map(|n| n.next_multiple_of(1 << ResidualNet::HALVINGS));
        self.windows(shape, Region::whole(shape), plane)
    }

    /// The liver from its probabilities on the coarse grid.
    pub fn coarse_mask(&self, case: &Scan, liver: &Array3<f32>) -> Coarse {
        let liver = resample_linear(liver, case.shape()).mapv(|p| p >= 0.5);
        let liver = largest(liver.view(), Connectivity::Six);
        Coarse::new(liver, case.spacing_mm(), self.scale.margin_mm)
    }

    /// Segments a case inside the coarse stage's region; `self` holds a variant's net. Returns
    /// 0 background, 1 liver, 2 lesion in canonical order, for the file's own voxels.
    pub fn segment(&self, case: &Scan, coarse: &Coarse) -> Result<Array3<u8>> {
        let image = self.working_image(case)?;
        let windows = self.liver_windows(&image, coarse);
        let regions = [windows.region, self.asked(coarse)];
        let answered = regions.map(|region| region.shape().iter().product::<usize>());
        let voxels = answered.iter().sum::<usize>() + case.shape().iter().product::<usize>();
        let _claim = memory::claim(case.path(), BYTES_A_VOXEL * voxels as u64)?;
        let probabilities = self.probabilities(&image, &windows, 3)?;
        let grid = image.dim().into();
        drop(image);
        Ok(self.labels(probabilities, grid, windows.region, coarse))
    }

    /// The case on the working grid, HU.
    ///
    /// # Errors
    /// As [`Scan::working_image`].
    pub fn working_image<'c>(&self, case: &'c Scan) -> Result<Cow<'c, Array3<i16>>> {
        case.working_image(self.scale.working_matrix)
    }

    /// What of the file's own grid a variant is asked about: the region of the coarse liver, or that of its
    /// slices.
    fn asked(&self, coarse: &Coarse) -> Region {
        let [z, _, _] = coarse.region.0;
        let (_, height, width) = coarse.liver.dim();
        match self.recipe.test_windows {
            TestWindows::LiverBox => coarse.region,
            TestWindows::FullPlane => Region([z, [0, height], [0, width]]),
        }
    }

    /// The windows of a variant on the working grid: over the region of the coarse liver.
    pub fn liver_windows(&self, image: &Array3<i16>, coarse: &Coarse) -> Windows {
        let shape = <[usize; 3]>::from(image.dim());
        let region = self.asked(coarse).at(coarse.liver.dim().into(), shape);
        let plane = match self.recipe.test_windows {
            TestWindows::LiverBox => [self.scale.patch; 2],
            TestWindows::FullPlane => [shape[1], shape[2]].map(|n| n.next_multiple_of(32)),
        };
        self.windows(shape, region, plane)
    }

    /// The labels of a volume from the probabilities of liver and lesion over a region of the working grid,
    /// all in canonical order. They are brought to the file's own grid before they become labels.
    pub fn labels(
        &self,
        mut probabilities: Vec<Array3<f32>>,
        grid: [usize; 3],
        region: Region,
        coarse: &Coarse,
    ) -> Array3<u8> {
        let own = <[usize; 3]>::from(coarse.liver.dim());
        let asked = self.asked(coarse);
        if grid != own {
            let [from, to] = [(grid, region), (own, asked)].map(|(grid, region)| GridPart {
                grid,
                part: region.0,
            });
            for values in &mut probabilities {
                *values = resample_part(values, from, to);
            }
        }
        let [z, y, x] = asked.0;
        let inside = s![z[0]..z[1], y[0]..y[1], x[0]..x[1]];
        let coarse_liver = coarse.liver.slice(inside).to_owned();
        let coarse_liver = Some(&coarse_liver).filter(|_| coarse.found);
        let rules = self.rules();
        let found = segment(&probabilities[0], &probabilities[1], coarse_liver, &rules);
        let mut labels = Array3::zeros(coarse.liver.dim());
        labels.slice_mut(inside).assign(&found);
        labels
    }

    fn rules(&self) -> Rules {
        let mut rules = Rules::of(self.recipe);
        if let Some(threshold) = self.scale.lesion_threshold {
            rules.lesion_threshold = threshold as f32;
        }
        rules
    }

    /// The windows that cover a region of a volume of this shape.
    fn windows(&self, shape: [usize; 3], region: Region, [height, width]: [usize; 2]) -> Windows {
        let [z, y, x] = region.0;
        let [along_z, in_plane] = self.recipe.window_step;
        let step = |size: usize, share: f64| ((size as f64 * share) as usize).max(1);
        let rows = starts(y, height, step(height, in_plane), shape[1]);
        let columns = starts(x, width, step(width, in_plane), shape[2]);
        let (slices, depth, outer, at_once) = match self.network.input() {
            Input::Slices { .. } => {
                let pixels = if kernel::runs_on(self.device) {
                    PIXELS_AT_ONCE_ON_FLEX
                } else {
                    PIXELS_AT_ONCE
                };
                let at_once = SLICES_AT_ONCE.min(pixels / (height * width)).max(1);
                let slices: Vec<i64> = (z[0] as i64..z[1] as i64).collect();
                (slices, 1, 0, at_once)
            }
            Input::Volume => {
                let depth = self.scale.depth.unwrap_or(self.recipe.patch_depth);
                let outer = match self.recipe.test_windows {
                    TestWindows::LiverBox => 0,
                    TestWindows::FullPlane => self.recipe.outer_slices_dropped,
                };
                (
                    starts(z, depth, step(depth, along_z), shape[0]),
                    depth,
                    outer,
                    1,
                )
            }
        };
        // Along z first: a window finds what the one before it found of the slices that both hold.
        let mut places = Vec::with_capacity(slices.len() * rows.len() * columns.len());
        for y in rows {
            for &x in &columns {
                places.extend(slices.iter().map(|&z| [z, y, x]));
            }
        }
        let mut weights = [depth, height, width].map(|n| weights(self.recipe.window_weights, n));
        weights[0][..outer].fill(0.0);
        weights[0][depth - outer..].fill(0.0);
        Windows {
            region,
            size: [depth, height, width],
            at_once,
            places,
            weights,
        }
    }

    /// Mean probabilities of the classes after the background over the windows' region, `[z, y, x]`
    /// each.
    fn probabilities(
        &self,
        image: &Array3<i16>,
        windows: &Windows,
        classes: usize,
    ) -> Result<Vec<Array3<f32>>> {
        let mut sums = Accumulator::new(windows.region, classes);
        let mut recall = SliceFeatureCache::default();
        let mut done = 0;
        for group in windows.groups() {
            self.answer(image, windows, group, &mut recall, &mut sums)?;
            done += group.len();
            self.progress.within(done as f64 / windows.len() as f64);
        }
        Ok(sums.finish())
    }

    /// Asks the network about a group of windows, the groups one after the other.
    pub fn answer(
        &self,
        image: &Array3<i16>,
        windows: &Windows,
        group: &[[i64; 3]],
        recall: &mut SliceFeatureCache,
        sums: &mut Accumulator,
    ) -> Result<()> {
        let [depth, height, width] = windows.size;
        // A slice network sees `neighbours` slices before and after the one it answers for.
        let around = match self.network.input() {
            Input::Slices { neighbours } => neighbours,
            Input::Volume => 0,
        };
        let seen = [depth + 2 * around, height, width];
        let mut values = Vec::with_capacity(group.len() * seen.iter().product::<usize>());
        for &[z, y, x] in group {
            self.cut(image, [z - around as i64, y, x], seen, &mut values);
        }
        let shape = [group.len(), 1, seen[0], seen[1], seen[2]];
        let probabilities = self.ask(values, shape, group[0], recall)?;
        let size = probabilities.len() / group.len();
        for (place, one) in group.iter().zip(probabilities.chunks_exact(size)) {
            sums.add(one, &windows.weights, *place);
        }
        Ok(())
    }

    fn cut(&self, image: &Array3<i16>, corner: [i64; 3], shape: [usize; 3], out: &mut Vec<f32>) {
        let air = self.recipe.hu_window[0] as i16;
        let mean = self.recipe.hu_mean as f32;
        cut(image.view(), corner, shape, air, mean, out);
    }

    /// Probabilities `[n, classes, z, y, x]` of windows, C order; the first of them lies at `corner`.
    fn ask(
        &self,
        values: Vec<f32>,
        shape: [usize; 5],
        corner: [i64; 3],
        recall: &mut SliceFeatureCache,
    ) -> Result<Vec<f32>> {
        if self.progress.interrupted() {
            return Err(Error::Interrupted {
                hint: "run the same command again to go on".into(),
            });
        }
        let image = Tensor::<5>::from_data(TensorData::new(values, shape), self.device);
        let pass = &mut Pass::evaluation();
        let logits = match self.network {
            Network::Hybrid(net) => {
                let known = recall.known(corner, shape[2]);
                let (logits, answers) = net.recall(image, known, pass);
                recall.keep(corner, answers);
                logits
            }
            network => network.forward(image, Mode::TEST, pass).logits,
        };
        softmax(logits, 1)
            .into_data()
            .try_to_vec::<f32>()
            .map_err(|e| Error::Internal(format!("probabilities are not f32: {e:?}")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::network::{NetworkKind, initialise};
    use crate::progress::Silent;
    use crate::recipe::{RecipeName, ScaleName, Variant, WindowWeights};
    use crate::seed::Seed;

    /// Outputs that are the same everywhere stay so, whatever counts how much: no border of a window shows.
    #[test]
    fn windows_of_equal_answers_leave_no_seam() {
        let device = Device::flex();
        let scale = Scale::named(ScaleName::Demo);
        let kinds = [
            WindowWeights::Flat,
            WindowWeights::Tent,
            WindowWeights::Gaussian(0.125),
        ];
        for (name, kind) in [RecipeName::Paper, RecipeName::Released]
            .into_iter()
            .flat_map(|name| kinds.map(|kind| (name, kind)))
        {
            let recipe = Recipe {
                window_weights: kind,
                ..Recipe::named(name)
            };
            for variant in [Variant::UNet, Variant::HDenseUNet] {
                let network =
                    Network::build(NetworkKind::Variant(variant), &recipe, &scale, &device);
                let predictor = Predictor {
                    network: &network,
                    recipe: &recipe,
                    scale: &scale,
                    device: &device,
                    progress: &Silent,
                };
                let shape = [31, 150, 97];
                let region = Region([[3, 28], [5, 150], [0, 97]]);
                let windows = predictor.windows(shape, region, [64, 64]);
                let answer: Vec<f32> = [0.25_f32, 0.625, 0.125]
                    .into_iter()
                    .flat_map(|p| std::iter::repeat_n(p, windows.size.iter().product()))
                    .collect();
                let mut sums = Accumulator::new(region, 3);
                for &place in &windows.places {
                    sums.add(&answer, &windows.weights, place);
                }
                // The recipe `released` leaves slices at both ends without an answer.
                let outer = windows.weights[0].iter().take_while(|&&w| w == 0.0).count();
                for (found, expected) in sums.finish().iter().zip([0.625, 0.125]) {
                    let found = found.slice(s![outer..25 - outer, .., ..]);
                    let off = |p: &f32| (p - expected).abs() > 1e-5;
                    assert!(!found.iter().any(off), "{variant} {kind:?} {name:?}");
                }
            }
        }
    }

    /// What is not asked about twice is what would have been answered, to the last bit.
    #[test]
    fn slices_that_two_windows_share_are_answered_once() {
        let device = Device::flex();
        let (recipe, scale) = (
            Recipe::named(RecipeName::Paper),
            Scale::named(ScaleName::Demo),
        );
        let part = NetworkKind::Variant(Variant::HDenseUNet);
        let network = initialise(Network::build(part, &recipe, &scale, &device), Seed(3));
        let predictor = Predictor {
            network: &network,
            recipe: &recipe,
            scale: &scale,
            device: &device,
            progress: &Silent,
        };
        let mut stream = Seed(5).stream("image");
        let image = Array3::from_shape_simple_fn((18, 70, 64), || (100.0 * stream.normal()) as i16);
        let shape = <[usize; 3]>::from(image.dim());
        let windows = predictor.windows(shape, Region::whole(shape), [64, 64]);
        assert!(windows.len() > 4, "windows overlap along z and y");
        let together = predictor.probabilities(&image, &windows, 3).unwrap();
        let shared = windows.places.windows(2).filter(|pair| {
            let [a, b] = [pair[0], pair[1]];
            a[1..] == b[1..] && b[0] + 1 < a[0] + windows.size[0] as i64 - 1
        });
        assert!(shared.count() > 2, "some slices lie inside two windows");
        let mut sums = Accumulator::new(windows.region, 3);
        for group in windows.groups() {
            predictor
                .answer(
                    &image,
                    &windows,
                    group,
                    &mut SliceFeatureCache::default(),
                    &mut sums,
                )
                .unwrap();
        }
        assert!(together == sums.finish());
    }
}
