//! How much of the lesions that a study's networks predict ends in straight lines, as the borders of windows
//! leave them, and what other windows would give:
//!
//!     cargo run --release --example seams -- RUN...
//!     cargo run --release --example seams -- RUN... --windows tent:0.5:0.25 --windows gaussian(0.125):0.5:0.5
//!
//! Without `--windows` the predictions are taken as they lie there; with it every test case is predicted again
//! with such weights and steps (shares of the window), and nothing is written.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use clap::Parser;
use hdbench::cell::prediction_path;
use hdbench::error::{Error, Result};
use hdbench::inference::{Coarse, Predictor};
use hdbench::network::{Bundle, DeviceSpec, NetworkKind};
use hdbench::preprocess::{Scan, Stored};
use hdbench::progress::Silent;
use hdbench::recipe::{Variant, WindowWeights};
use hdbench::study::{Cell, Inputs, NetworkCell, Study};
use hdbench::volume::{Orientation, read_labels};
use ndarray::{Array3, ArrayView2, Axis};

/// As the binary has it.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Number of faces in a line from which on a run is straight.
const STRAIGHT: usize = 10;

/// How much of predicted lesions ends in straight lines.
#[derive(Parser)]
struct Arguments {
    /// Folders of finished studies
    #[arg(required = true)]
    runs: Vec<PathBuf>,
    /// Weights and steps along z and in the plane: `flat:0.5:0.5`, `gaussian(0.125):0.5:0.25`
    #[arg(long, value_parser = windows)]
    windows: Vec<Windows>,
    /// Print where each straight run lies: case, slice, axis it runs along, place on the other, length
    #[arg(long)]
    places: bool,
}

/// With steps along z and in the plane.
type Windows = (WindowWeights, [f64; 2]);

fn windows(text: &str) -> Result<Windows, String> {
    let parse = || {
        let (kind, steps) = text.split_once(':')?;
        let (along_z, in_plane) = steps.split_once(':')?;
        let kind = match kind {
            "flat" => WindowWeights::Flat,
            "tent" => WindowWeights::Tent,
            other => {
                let sigma = other.strip_prefix("gaussian(")?.strip_suffix(')')?;
                WindowWeights::Gaussian(sigma.parse().ok()?)
            }
        };
        Some((kind, [along_z.parse().ok()?, in_plane.parse().ok()?]))
    };
    parse().ok_or_else(|| "write e.g. tent:0.5:0.25 or gaussian(0.125):0.5:0.5".to_owned())
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match run(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::from(error.exit_code() as u8)
        }
    }
}

/// Counts over cases.
#[derive(Clone, Copy, Default)]
struct Sums {
    faces: usize,
    straight: usize,
    /// The liver's, lesions within.
    liver_faces: usize,
    liver_straight: usize,
    /// Of the straight ones those where windows are known, those on a border of a window, and how many would be
    /// by chance.
    placed: usize,
    at_borders: usize,
    by_chance: f64,
    /// Sums of the Dice of lesions and livers, over the cases.
    lesion: f64,
    liver: f64,
    cases: usize,
    /// Of lesion voxels: in both, in prediction and reference together.
    shared: usize,
    voxels: usize,
    seconds: f64,
}

impl Sums {
    /// Adds a case; `borders` are the lines that windows begin or end at.
    fn add(&mut self, predicted: &Array3<u8>, reference: &Array3<u8>, borders: Option<&Borders>) {
        for plane in predicted.axis_iter(Axis(0)) {
            let lesion = plane.map(|&label| label == 2);
            let (faces, straight) = boundary(lesion.view());
            self.faces += faces;
            self.straight += straight_length(&straight);
            for run in straight {
                let Some(lines) = borders.map(|borders| borders.across(run.along)) else {
                    continue;
                };
                self.placed += run.length;
                if lines.at.contains(&run.line) {
                    self.at_borders += run.length;
                }
                self.by_chance += (run.length * lines.at.len()) as f64 / lines.of as f64;
            }
            let liver = plane.map(|&label| label > 0);
            let (faces, straight) = boundary(liver.view());
            self.liver_faces += faces;
            self.liver_straight += straight_length(&straight);
        }
        let counts = |of: fn(u8) -> bool| {
            let pairs = predicted.iter().zip(reference);
            let shared = pairs.filter(|&(&a, &b)| of(a) && of(b)).count();
            let all = predicted.iter().chain(reference);
            (shared, all.filter(|&&label| of(label)).count())
        };
        let dice = |(shared, all): (usize, usize)| match all {
            0 => 1.0,
            _ => 2.0 * shared as f64 / all as f64,
        };
        let lesion = counts(|label| label == 2);
        self.lesion += dice(lesion);
        self.shared += lesion.0;
        self.voxels += lesion.1;
        self.liver += dice(counts(|label| label > 0));
        self.cases += 1;
    }

    fn line(&self, name: &str) -> String {
        let percent = |part: f64, all: f64| 100.0 * part / all;
        let cases = self.cases as f64;
        let of_placed = |part: f64| match self.placed {
            0 => "-".to_owned(),
            placed => format!("{:.1}", percent(part, placed as f64)),
        };
        format!(
            "| {name} | {:.1} | {} | {} | {:.1} | {:.1} | {:.1} | {:.1} | {:.1} |",
            percent(self.straight as f64, self.faces as f64),
            of_placed(self.at_borders as f64),
            of_placed(self.by_chance),
            percent(self.liver_straight as f64, self.liver_faces as f64),
            percent(self.lesion, cases),
            percent(2.0 * self.shared as f64, self.voxels as f64),
            percent(self.liver, cases),
            self.seconds
        )
    }
}

/// Faces of a mask in a straight line.
struct StraightRun {
    /// Along x or along y.
    along: char,
    /// The line, an index of the other axis.
    line: usize,
    length: usize,
}

fn straight_length(runs: &[StraightRun]) -> usize {
    runs.iter().map(|run| run.length).sum()
}

/// Lines inside a region that windows begin or end at.
struct Lines {
    at: BTreeSet<usize>,
    /// Lines of the region.
    of: usize,
}

/// Across y and across x.
struct Borders([Lines; 2]);

impl Borders {
    fn new(windows: &hdbench::inference::Windows) -> Self {
        let lines = |axis: usize| {
            let [first, end] = windows.region.0[axis].map(|at| at as i64);
            let size = windows.size()[axis] as i64;
            let starts = windows.groups().flatten().map(|place| place[axis]);
            let inside = starts
                .flat_map(|start| [start, start + size])
                .filter(|&at| first < at && at < end);
            Lines {
                at: inside.map(|at| at as usize).collect(),
                of: (end - first - 1).max(1) as usize,
            }
        };
        Self([lines(1), lines(2)])
    }

    /// Those that a run along this axis can lie on.
    fn across(&self, along: char) -> &Lines {
        let [rows, columns] = &self.0;
        if along == 'x' { rows } else { columns }
    }
}

/// Faces between a mask and what is around it in the plane, and those of them in straight runs.
fn boundary(mask: ArrayView2<'_, bool>) -> (usize, Vec<StraightRun>) {
    let (mut faces, mut straight) = (0, Vec::new());
    for (along, turned) in [('x', mask), ('y', mask.reversed_axes())] {
        let (rows, columns) = turned.dim();
        for row in 0..=rows {
            // Sides of the mask on either side of the line before this row.
            for above in [false, true] {
                let is_face = |column: usize| {
                    let at = |row: Option<usize>| {
                        let row = row.filter(|&row| row < rows);
                        row.is_some_and(|row| turned[[row, column]])
                    };
                    let [before, behind] = [at(row.checked_sub(1)), at(Some(row))];
                    before != behind && before == above
                };
                let mut length = 0;
                for column in 0..=columns {
                    if column < columns && is_face(column) {
                        length += 1;
                        continue;
                    }
                    faces += length;
                    if length >= STRAIGHT {
                        straight.push(StraightRun {
                            along,
                            line: row,
                            length,
                        });
                    }
                    length = 0;
                }
            }
        }
    }
    (faces, straight)
}

fn run(arguments: &Arguments) -> Result<()> {
    println!(
        "| predictions | straight % of lesions | of that on borders of windows % | by chance | straight % of livers | lesion Dice per case | global | liver | s |"
    );
    println!("|---|---|---|---|---|---|---|---|---|");
    let mut truth = Sums::default();
    let settings: Vec<Option<Windows>> = match arguments.windows.as_slice() {
        [] => vec![None],
        some => some.iter().copied().map(Some).collect(),
    };
    let mut found = vec![[Sums::default(); Variant::ALL.len()]; settings.len()];
    for run in &arguments.runs {
        let study = Study::read(run)?;
        let inputs = Inputs::reopen(run, &study, &Silent)?;
        for fold in inputs.folds.iter().filter(|fold| !fold.role.is_transfer()) {
            for test in &fold.test {
                let stored = Stored::open(&test.cached)?;
                let reference = stored.own_labels()?.voxels;
                let scan = Scan::Stored {
                    path: test.case.image.clone(),
                    stored,
                };
                truth.add(&reference, &reference, None);
                for &seed in &study.seeds {
                    for &variant in &study.variants {
                        let cell = Cell {
                            algorithm: NetworkKind::Variant(variant),
                            fold: fold.index,
                            seed,
                        };
                        let place = Variant::ALL.iter().position(|&one| one == variant);
                        let place = place.ok_or_else(|| Error::Internal("no variant".into()))?;
                        for (setting, sums) in settings.iter().zip(&mut found) {
                            let began = Instant::now();
                            let asked = Asked {
                                run,
                                study: &study,
                                cell,
                                case: &test.case.name,
                                scan: &scan,
                            };
                            let (predicted, borders) = asked.answer(*setting)?;
                            sums[place].seconds += began.elapsed().as_secs_f64();
                            sums[place].add(&predicted, &reference, borders.as_ref());
                            if arguments.places {
                                let name = format!("{} {}", variant.id(), test.case.name);
                                print_places(&name, &predicted);
                            }
                        }
                    }
                }
            }
        }
    }
    println!("{}", truth.line("reference"));
    for (setting, sums) in settings.iter().zip(found) {
        let name = match setting {
            None => String::new(),
            Some((weights, step)) => format!(", {weights:?} {step:?}"),
        };
        for (variant, sums) in Variant::ALL.iter().zip(sums) {
            if sums.cases > 0 {
                println!("{}", sums.line(&format!("{}{name}", variant.id())));
            }
        }
    }
    Ok(())
}

fn print_places(name: &str, predicted: &Array3<u8>) {
    for (z, plane) in predicted.axis_iter(Axis(0)).enumerate() {
        let lesion = plane.map(|&label| label == 2);
        for StraightRun {
            along,
            line,
            length,
        } in boundary(lesion.view()).1
        {
            println!("{name}: slice {z}, along {along} at {line}, {length} voxels");
        }
    }
}

/// A network's answer for a case.
struct Asked<'a> {
    run: &'a Path,
    study: &'a Study,
    cell: NetworkCell,
    case: &'a str,
    scan: &'a Scan,
}

impl Asked<'_> {
    /// The prediction that lies in the study, or a new one with other windows; with the borders of the windows
    /// where the networks answer on the file's own grid.
    fn answer(&self, setting: Option<Windows>) -> Result<(Array3<u8>, Option<Borders>)> {
        let device = DeviceSpec::Flex.open(2)?;
        let folder = self.cell.folder(self.run);
        let (_, network) = Bundle::load(&folder.join("model"), &device)?;
        let mut recipe = self.study.recipe.clone();
        if let Some((weights, step)) = setting {
            recipe.window_weights = weights;
            recipe.window_step = step;
        }
        let predictor = Predictor {
            network: &network,
            recipe: &recipe,
            scale: &self.study.scale,
            device: &device,
            progress: &Silent,
        };
        let coarse = self.lying(self.cell.sibling(NetworkKind::Coarse))?;
        let coarse = coarse.mapv(|label| label > 0);
        let scale = &self.study.scale;
        let coarse = Coarse::new(coarse, self.scan.spacing_mm(), scale.margin_mm);
        let image = predictor.working_image(self.scan)?;
        let borders = (<[usize; 3]>::from(image.dim()) == self.scan.shape())
            .then(|| Borders::new(&predictor.liver_windows(&image, &coarse)));
        let labels = match setting {
            None => self.lying(self.cell)?,
            Some(_) => predictor.segment(self.scan, &coarse)?,
        };
        Ok((labels, borders))
    }

    fn lying(&self, cell: NetworkCell) -> Result<Array3<u8>> {
        let labels = read_labels(&prediction_path(&cell.folder(self.run), self.case))?;
        let orientation = Orientation::of(self.scan.file());
        Ok(orientation.array_to_canonical(labels.voxels.view()))
    }
}
