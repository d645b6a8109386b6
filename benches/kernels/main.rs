//! The operations that training and inference are made of on device `flex`, one by one, in the shapes of the
//! networks of scale full: multiply-adds a second, on one thread and on all.
//!
//! `cargo bench --bench kernels`; `-- 3d` for the names with this word, `-- "1 thread"` for one thread.

use std::time::Duration;

use burn::nn::BatchNormConfig;
use burn::nn::conv::{Conv2d, Conv3d};
use burn::tensor::{Device, Distribution, Tensor};
use criterion::measurement::WallTime;
use criterion::{
    BatchSize, BenchmarkGroup, Criterion, Throughput, criterion_group, criterion_main,
};
use hdbench::network::{ConvSpec, Convolution, Pass, Spatial};
use hdbench::recipe::Upsampling;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

type Group<'a> = BenchmarkGroup<'a, WallTime>;

/// Runs on so many threads.
fn on<T: Send>(threads: usize, of: impl FnOnce() -> T + Send) -> T {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
    pool.expect("threads can be started").install(of)
}

fn thread_counts() -> Vec<usize> {
    let all = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    if all > 1 { vec![1, all] } else { vec![1] }
}

fn noise<const R: usize>(shape: [usize; R], device: &Device) -> Tensor<R> {
    Tensor::random(shape, Distribution::Normal(0.0, 1.0), device)
}

/// A convolution forwards, its input's gradient and its kernels' gradient.
fn convolution<const R: usize, C: Spatial<R> + Sync>(
    group: &mut Group<'_>,
    name: &str,
    shape: [usize; R],
    [out, kernel]: [usize; 2],
) {
    let device = Device::flex();
    let spec = ConvSpec::biased(shape[1], out, kernel);
    let taps = kernel.pow(R as u32 - 2);
    let places: usize = shape[2..].iter().product();
    let work = shape[0] * places * shape[1] * out * taps;
    group.throughput(Throughput::Elements(work as u64));
    for threads in thread_counts() {
        let title = |part: &str| format!("{name}, {part}, {threads} thread");
        group.bench_function(title("forward"), |bench| {
            let (layer, x) = (C::build(spec, &device), noise(shape, &device));
            // Parameters are drawn when they are first asked for.
            drop(layer.convolve(x.clone()));
            on(threads, || {
                bench.iter(|| layer.convolve(x.clone()).into_data())
            });
        });
        let training = device.clone().autodiff();
        group.bench_function(title("input"), |bench| {
            let layer = C::build(spec, &training).no_grad();
            let x = noise(shape, &training).require_grad();
            on(threads, || {
                let loss = || layer.convolve(x.clone()).sum();
                bench.iter_batched(loss, |loss| loss.backward(), BatchSize::PerIteration);
            });
        });
        group.bench_function(title("kernels"), |bench| {
            let (layer, x) = (C::build(spec, &training), noise(shape, &training));
            on(threads, || {
                let loss = || layer.convolve(x.clone()).sum();
                bench.iter_batched(loss, |loss| loss.backward(), BatchSize::PerIteration);
            });
        });
    }
}

fn convolutions(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("convolution");
    for (shape, out, kernel) in [
        ([1, 64, 320, 320], 64, 3),
        ([1, 192, 320, 320], 64, 3),
        ([1, 128, 160, 160], 128, 3),
        ([1, 96, 224, 224], 64, 3),
        ([1, 192, 28, 28], 48, 3),
        ([1, 768, 14, 14], 192, 1),
        ([1, 2208, 14, 14], 768, 3),
        ([1, 1536, 7, 7], 192, 1),
    ] {
        let [_, inputs, height, _] = shape;
        let name = format!("2d {inputs} to {out} at {height}, kernel {kernel}");
        convolution::<4, Conv2d>(&mut group, &name, shape, [out, kernel]);
    }
    for (shape, out, kernel) in [
        ([1, 96, 12, 224, 224], 64, 3),
        ([1, 128, 3, 56, 56], 32, 3),
        ([1, 224, 3, 28, 28], 192, 3),
    ] {
        let [_, inputs, depth, height, _] = shape;
        let name = format!("3d {inputs} to {out} at {depth} x {height}, kernel {kernel}");
        convolution::<5, Conv3d>(&mut group, &name, shape, [out, kernel]);
    }
    group.finish();
}

/// Batch norm, ReLU and convolution, of maps and of maps that are doubled on the way; a whole step.
fn layers(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("layer");
    let training = Device::flex().autodiff();
    for threads in thread_counts() {
        for doubled in [false, true] {
            let small = if doubled { 112 } else { 224 };
            let what = if doubled { "doubled to" } else { "at" };
            let title = format!("2d 96 to 64 {what} 224, normed, {threads} thread");
            group.throughput(Throughput::Elements(224 * 224 * 96 * 64 * 9 * 3));
            group.bench_function(title, |bench| {
                let layer = <Conv2d as Convolution>::build(ConvSpec::biased(96, 64, 3), &training);
                let norm = BatchNormConfig::new(96).init(&training);
                let x = noise([1, 96, small, small], &training).require_grad();
                on(threads, || {
                    bench.iter(|| {
                        let pass = &mut Pass::evaluation();
                        let x = x.clone();
                        let y = if doubled {
                            layer.convolve_upsampled(&norm, x, false, Upsampling::Linear, pass)
                        } else {
                            layer.convolve_normed(&norm, x, pass)
                        };
                        y.sum().backward()
                    });
                });
            });
        }
    }
    group.finish();
}

criterion_group! {
    name = benches;
    config = Criterion::default()
        .sample_size(10)
        .warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_secs(2))
        .without_plots();
    targets = convolutions, layers
}
criterion_main!(benches);
