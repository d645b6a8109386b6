use burn::module::RunningState;
use burn::tensor::{Tensor, TensorData};

use crate::seed::Stream;

/// What a forward pass needs beside its input, and what it leaves behind: whether dropout acts and
/// its own random stream; which patches of a mini-batch it sees.
pub struct Pass {
    dropout: Option<Stream>,
    shard: Option<Shard>,
}

/// A part of a mini-batch whose gradients are added to those of the other parts.
struct Shard {
    /// The first of its patches in the mini-batch.
    first: usize,
    /// Patches of the whole mini-batch.
    of: usize,
    statistics: Vec<BatchStatistics>,
}

/// What a batch norm found in a shard: kept until all shards are done, so that the running
/// statistics move once.
pub struct BatchStatistics {
    /// Mean and variance, shared with the network that the shards are copies of.
    running: [RunningState<Tensor<1>>; 2],
    /// Mean and biased variance of each channel.
    found: [Tensor<1>; 2],
    momentum: f64,
}

impl Pass {
    /// No dropout.
    pub fn evaluation() -> Self {
        Self {
            dropout: None,
            shard: None,
        }
    }

    /// Dropout with masks from this stream.
    pub fn training(stream: Stream) -> Self {
        Self {
            dropout: Some(stream),
            shard: None,
        }
    }

    /// A training pass over some patches of a mini-batch of `of`, the first of them its number
    /// `first`. Dropout masks are those that the whole mini-batch would have.
    pub fn shard(stream: Stream, first: usize, of: usize) -> Self {
        Self {
            dropout: Some(stream),
            shard: Some(Shard {
                first,
                of,
                statistics: Vec::new(),
            }),
        }
    }

    /// Zeroes each value with probability `rate` and scales the rest by `1 / (1 - rate)`. Burn's
    /// own layer draws from one process-wide generator whose state cannot be saved.
    ///
    /// # Shapes
    /// `[patches, ...]`.
    pub fn dropout<const R: usize>(&mut self, x: Tensor<R>, rate: f64) -> Tensor<R> {
        let Some(stream) = self.dropout.as_mut().filter(|_| rate > 0.0) else {
            return x;
        };
        let shape = x.dims();
        let count: usize = shape.iter().product();
        let patch = count / shape[0];
        if let Some(shard) = &self.shard {
            stream.skip(shard.first * patch);
        }
        let keep = (1.0 / (1.0 - rate)) as f32;
        let mask: Vec<f32> = (0..count)
            .map(|_| if stream.chance(rate) { 0.0 } else { keep })
            .collect();
        if let Some(shard) = &self.shard {
            stream.skip((shard.of - shard.first - shape[0]) * patch);
        }
        let mask = Tensor::from_data(TensorData::new(mask, shape), &x.device());
        x * mask
    }

    /// Takes the statistics of a batch norm into the running ones: at once, or, of a shard, with
    /// those of the other shards by [`update_running`].
    pub(super) fn found(
        &mut self,
        running: [&RunningState<Tensor<1>>; 2],
        found: [Tensor<1>; 2],
        momentum: f64,
    ) {
        let statistics = BatchStatistics {
            running: running.map(Clone::clone),
            found,
            momentum,
        };
        match &mut self.shard {
            Some(shard) => shard.statistics.push(statistics),
            None => update(&statistics.running, statistics.found, momentum),
        }
    }

    /// What the batch norms of a shard found, in the order of the pass.
    pub fn into_statistics(self) -> Vec<BatchStatistics> {
        self.shard.map_or(Vec::new(), |shard| shard.statistics)
    }
}

/// Moves the running statistics of a network by the mean over its shards, each with its share of
/// the patches, as the towers of the released code do: a batch norm sees its shard alone.
pub fn update_running(shards: Vec<(f64, Vec<BatchStatistics>)>) {
    let mut shards = shards.into_iter();
    let Some((share, first)) = shards.next() else {
        return;
    };
    let scaled = |statistics: &BatchStatistics, share: f64| {
        let home = statistics.running[0].value().device();
        let found = statistics.found.clone();
        found.map(|found| found.to_device(&home) * share)
    };
    let mut sums: Vec<[Tensor<1>; 2]> = first.iter().map(|one| scaled(one, share)).collect();
    for (share, others) in shards {
        for (sum, other) in sums.iter_mut().zip(&others) {
            let [mean, variance] = scaled(other, share);
            *sum = [sum[0].clone() + mean, sum[1].clone() + variance];
        }
    }
    for (statistics, sum) in first.iter().zip(sums) {
        update(&statistics.running, sum, statistics.momentum);
    }
}

fn update(running: &[RunningState<Tensor<1>>; 2], found: [Tensor<1>; 2], momentum: f64) {
    for (running, batch) in running.iter().zip(found) {
        let old = running.value_sync().to_device(&batch.device());
        let new = old * (1.0 - momentum) + batch * momentum;
        running.update(new.detach());
    }
}
