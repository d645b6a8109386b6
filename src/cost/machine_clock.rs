use std::hint::black_box;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;

use crate::system::thread_seconds;

/// Side of the square matrices: three of them are 196 KiB, which stay in a core's own cache.
const SIDE: usize = 128;
/// Values of an array that does not stay there, 2 MiB.
const LONG: usize = 1 << 19;
/// Products and passes over the long array in one piece of work, some 3 ms together.
const PRODUCTS: usize = 8;
const PASSES: usize = 16;
/// Between two pieces.
const PAUSE: Duration = Duration::from_secs(1);

/// Times a fixed piece of work once a second from its creation on, in a thread of its own.
///
/// The work is products of matrices and passes over memory, as a network's training and prediction are; what counts is
/// the time that the thread computed, not what it waited for a core. Two processors of one name, or one at two times,
/// can differ by half as much again in what they do in a second, by clock, neighbours and limits: seconds are compared
/// in this unit. Takes 0.5 % of a core and 2 MiB.
pub struct MachineClock {
    stop: Sender<()>,
    thread: JoinHandle<Vec<f64>>,
}

impl MachineClock {
    /// Begins; none for what does not compute on the processor, or where no thread can be had.
    pub fn start(on_processor: bool) -> Option<Self> {
        if !on_processor {
            return None;
        }
        let (stop, stopped) = channel();
        let thread = std::thread::Builder::new().spawn(move || {
            let mut work = Work::new();
            let mut seconds = Vec::new();
            loop {
                work.piece();
                seconds.push(work.piece());
                if stopped.recv_timeout(PAUSE) != Err(RecvTimeoutError::Timeout) {
                    return seconds;
                }
            }
        });
        Some(Self {
            stop,
            thread: thread.ok()?,
        })
    }

    /// Stops it: the mean piece, s.
    pub fn seconds(self) -> Option<f64> {
        drop(self.stop);
        let seconds = self.thread.join().ok()?;
        Some(seconds.iter().sum::<f64>() / seconds.len() as f64)
    }
}

struct Work {
    left: Vec<f32>,
    right: Vec<f32>,
    product: Vec<f32>,
    long: Vec<f32>,
}

impl Work {
    fn new() -> Self {
        let values = |period: usize| -> Vec<f32> {
            (0..SIDE * SIDE).map(|at| (at % period) as f32).collect()
        };
        Self {
            left: values(7),
            right: values(5),
            product: vec![0.0; SIDE * SIDE],
            long: vec![1.0; LONG],
        }
    }

    /// Does one piece: the processor time that it took, s.
    fn piece(&mut self) -> f64 {
        let began = thread_seconds();
        for _ in 0..PRODUCTS {
            multiply(black_box(&self.left), &self.right, &mut self.product);
            black_box(&mut self.product);
        }
        for _ in 0..PASSES {
            for value in black_box(&mut self.long).iter_mut() {
                *value = *value * 0.5 + 0.5;
            }
        }
        thread_seconds() - began
    }
}

/// The product of two square matrices, row by row.
fn multiply(left: &[f32], right: &[f32], product: &mut [f32]) {
    product.fill(0.0);
    for (row, sums) in left.chunks_exact(SIDE).zip(product.chunks_exact_mut(SIDE)) {
        for (factor, values) in row.iter().zip(right.chunks_exact(SIDE)) {
            for (sum, value) in sums.iter_mut().zip(values) {
                *sum += factor * value;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_product_is_one() {
        let left: Vec<f32> = (0..SIDE * SIDE).map(|at| (at / SIDE) as f32).collect();
        let mut twice = vec![0.0f32; SIDE * SIDE];
        twice.iter_mut().step_by(SIDE + 1).for_each(|v| *v = 2.0);
        let mut product = vec![9.0f32; SIDE * SIDE];
        multiply(&left, &twice, &mut product);
        assert!(
            product
                .iter()
                .zip(&left)
                .all(|(two, one)| *two == 2.0 * one)
        );
    }

    #[test]
    fn a_clock_that_is_stopped_at_once_has_timed_a_piece() {
        let seconds = MachineClock::start(true).unwrap().seconds().unwrap();
        assert!(seconds > 1e-5 && seconds < 10.0, "{seconds} s");
        assert!(MachineClock::start(false).is_none());
    }
}
