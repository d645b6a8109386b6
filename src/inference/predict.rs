use burn::tensor::activation::softmax;
use burn::tensor::{Device, Tensor, TensorData};
use ndarray::{Array3, s};

use super::postprocess::{Rules, segment};
use super::windows::{Accumulator, Region, cut, starts};
use crate::error::{Error, Result};
use crate::metrics::components::{Connectivity, largest};
use crate::network::{Input, Mode, Network, Pass};
use crate::preprocess::{Prepared, canonical_box, resample_hu};
use crate::progress::Progress;
use crate::recipe::{Recipe, Scale, TestWindows};
use crate::volume::{resample_linear, shape_at_spacing};

/// Windows of slice networks are answered this many at a time.
const SLICES_AT_ONCE: usize = 16;

/// A network ready to answer, with the method it was trained by.
pub struct Predictor<'a> {
    /// Without autodiff.
    pub network: &'a Network,
    pub recipe: &'a Recipe,
    pub scale: &'a Scale,
    pub device: &'a Device,
    /// Asked between windows whether to stop; steps are counted elsewhere.
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

impl Predictor<'_> {
    /// Finds the liver on the coarse grid; `self` holds the coarse net.
    pub fn coarse(&self, case: &Prepared) -> Result<Coarse> {
        let shape = <[usize; 3]>::from(case.image.dim());
        let coarse_shape = shape_at_spacing(shape, case.spacing_mm, self.scale.coarse_spacing_mm);
        let image = resample_hu(&case.image, coarse_shape);
        let whole = Region::whole(coarse_shape);
        let patch = self.scale.coarse_patch;
        let probabilities = self.probabilities(&image, whole, [patch, patch], 2)?;
        let liver = resample_linear(&probabilities[0], shape).mapv(|p| p >= 0.5);
        let liver = largest(liver.view(), Connectivity::Six);
        Ok(Coarse::new(liver, case.spacing_mm, self.scale.margin_mm))
    }

    /// Segments a case inside the coarse stage's region; `self` holds a variant's net. Returns
    /// 0 background, 1 liver, 2 lesion in canonical order, for the file's own voxels.
    pub fn segment(&self, case: &Prepared, coarse: &Coarse) -> Result<Array3<u8>> {
        let shape = <[usize; 3]>::from(case.image.dim());
        let (region, window) = match self.recipe.test_windows {
            TestWindows::LiverBox => (coarse.region, [self.scale.patch; 2]),
            TestWindows::FullPlane => {
                let [z, _, _] = coarse.region.0;
                let plane = [shape[1], shape[2]];
                let window = plane.map(|n| n.next_multiple_of(32));
                (Region([z, [0, shape[1]], [0, shape[2]]]), window)
            }
        };
        let probabilities = self.probabilities(&case.image, region, window, 3)?;
        let [z, y, x] = region.0;
        let inside = s![z[0]..z[1], y[0]..y[1], x[0]..x[1]];
        let coarse_liver = coarse.liver.slice(inside).to_owned();
        let coarse_liver = Some(&coarse_liver).filter(|_| coarse.found);
        let rules = self.rules();
        let found = segment(&probabilities[0], &probabilities[1], coarse_liver, &rules);
        let mut labels = Array3::zeros(shape);
        labels.slice_mut(inside).assign(&found);
        Ok(labels)
    }

    fn rules(&self) -> Rules {
        let mut rules = Rules::of(self.recipe);
        if let Some(threshold) = self.scale.lesion_threshold {
            rules.lesion_threshold = threshold as f32;
        }
        rules
    }

    /// Mean probabilities of the classes after the background over a region, `[z, y, x]` each.
    fn probabilities(
        &self,
        image: &Array3<i16>,
        region: Region,
        window: [usize; 2],
        classes: usize,
    ) -> Result<Vec<Array3<f32>>> {
        let mut sums = Accumulator::new(region, classes);
        let shape = <[usize; 3]>::from(image.dim());
        let plane: Vec<[i64; 2]> = {
            let [_, y, x] = region.0;
            let columns = starts(x, window[1], window[1] / 2, shape[2]);
            starts(y, window[0], window[0] / 2, shape[1])
                .into_iter()
                .flat_map(|y| columns.iter().map(move |&x| [y, x]))
                .collect()
        };
        match self.network.input() {
            Input::Slices { neighbours } => {
                let places: Vec<[i64; 3]> = (region.0[0][0]..region.0[0][1])
                    .flat_map(|z| plane.iter().map(move |&[y, x]| [z as i64, y, x]))
                    .collect();
                let planes = SLICES_AT_ONCE
                    .min((4 << 20) / (window[0] * window[1]))
                    .max(1);
                for group in places.chunks(planes) {
                    self.answer_slices(image, group, window, neighbours, &mut sums)?;
                }
            }
            Input::Volume => {
                let depth = self.scale.depth.unwrap_or(self.recipe.patch_depth);
                let (step, outer) = match self.recipe.test_windows {
                    TestWindows::LiverBox => (depth / 2, 0),
                    TestWindows::FullPlane => (depth / 4, self.recipe.outer_slices_dropped),
                };
                for z in starts(region.0[0], depth, step, shape[0]) {
                    for &[y, x] in &plane {
                        self.answer_volume(
                            image,
                            [z, y, x],
                            [depth, window[0], window[1]],
                            outer,
                            &mut sums,
                        )?;
                    }
                }
            }
        }
        Ok(sums.finish())
    }

    fn answer_slices(
        &self,
        image: &Array3<i16>,
        places: &[[i64; 3]],
        [height, width]: [usize; 2],
        neighbours: usize,
        sums: &mut Accumulator,
    ) -> Result<()> {
        let slices = 2 * neighbours + 1;
        let mut values = Vec::with_capacity(places.len() * slices * height * width);
        for &[z, y, x] in places {
            let corner = [z - neighbours as i64, y, x];
            self.cut(image, corner, [slices, height, width], &mut values);
        }
        let probabilities = self.ask(values, [places.len(), 1, slices, height, width])?;
        let size = probabilities.len() / places.len();
        for (place, one) in places.iter().zip(probabilities.chunks_exact(size)) {
            sums.add(one, [1, height, width], *place, 0);
        }
        Ok(())
    }

    fn answer_volume(
        &self,
        image: &Array3<i16>,
        place: [i64; 3],
        shape: [usize; 3],
        outer: usize,
        sums: &mut Accumulator,
    ) -> Result<()> {
        let mut values = Vec::with_capacity(shape.iter().product());
        self.cut(image, place, shape, &mut values);
        let probabilities = self.ask(values, [1, 1, shape[0], shape[1], shape[2]])?;
        sums.add(&probabilities, shape, place, outer);
        Ok(())
    }

    fn cut(&self, image: &Array3<i16>, corner: [i64; 3], shape: [usize; 3], out: &mut Vec<f32>) {
        let air = self.recipe.hu_window[0] as i16;
        let mean = self.recipe.hu_mean as f32;
        cut(image.view(), corner, shape, air, mean, out);
    }

    /// Probabilities `[n, classes, z, y, x]` of windows, C order.
    fn ask(&self, values: Vec<f32>, shape: [usize; 5]) -> Result<Vec<f32>> {
        if self.progress.interrupted() {
            return Err(Error::Interrupted {
                hint: "run the same command again to go on".into(),
            });
        }
        let image = Tensor::<5>::from_data(TensorData::new(values, shape), self.device);
        let answers = self
            .network
            .forward(image, Mode::TEST, &mut Pass::evaluation());
        softmax(answers.logits, 1)
            .into_data()
            .try_to_vec::<f32>()
            .map_err(|e| Error::Internal(format!("probabilities are not f32: {e:?}")))
    }
}
