use rayon::prelude::*;

use super::threads::WORTHWHILE;

/// A step of stochastic gradient descent with momentum.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Descent {
    /// Learning rate.
    pub rate: f64,
    /// Share of the velocity that stays.
    pub momentum: f64,
    /// Share of the gradient that enters the velocity.
    pub taken: f64,
    /// Whether the parameter moves by what the velocity will be, Nesterov's form.
    pub nesterov: bool,
}

/// Parameter and velocity in place, in one pass.
pub fn descend(parameter: &mut [f32], gradient: &[f32], velocity: &mut [f32], step: Descent) {
    let (rate, momentum, taken) = (step.rate as f32, step.momentum as f32, step.taken as f32);
    parameter
        .par_chunks_mut(WORTHWHILE)
        .zip(gradient.par_chunks(WORTHWHILE))
        .zip(velocity.par_chunks_mut(WORTHWHILE))
        .for_each(|((parameter, gradient), velocity)| {
            let values = parameter.iter_mut().zip(gradient).zip(velocity);
            for ((parameter, &gradient), velocity) in values {
                *velocity = gradient * taken + *velocity * momentum;
                let direction = if step.nesterov {
                    *velocity * momentum + gradient
                } else {
                    *velocity
                };
                *parameter -= direction * rate;
            }
        });
}
