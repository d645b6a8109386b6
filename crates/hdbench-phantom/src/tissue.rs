use hdbench_ground::seed::Stream;

use super::acquisition::Phase;

/// HU of the organs of one case. Ranges overlap on purpose: no window separates the liver.
#[derive(Clone, Debug)]
pub(super) struct Tissue {
    pub liver: f64,
    pub spleen: f64,
    pub cortex: f64,
    pub medulla: f64,
    pub aorta: f64,
    pub cava: f64,
    pub portal: f64,
    pub hepatic_vein: f64,
    pub heart: f64,
    pub pancreas: f64,
    pub gut_wall: f64,
    pub bile: f64,
    pub fat: f64,
}

impl Tissue {
    /// `brightness` in 0..1 sets the liver between 80 and 130 HU.
    pub fn draw(stream: &mut Stream, phase: Phase, brightness: f64) -> Self {
        let liver = 80.0 + 50.0 * brightness;
        let mut over = |low: f64, high: f64| liver + stream.range(low, high);
        let (spleen, cortex, medulla, portal, hepatic_vein) = match phase {
            Phase::Arterial => (
                over(0.0, 25.0),
                over(50.0, 90.0),
                over(-30.0, 0.0),
                over(0.0, 18.0),
                over(-14.0, 2.0),
            ),
            Phase::Portal => (
                over(-12.0, 22.0),
                over(35.0, 75.0),
                over(5.0, 50.0),
                over(32.0, 62.0),
                over(26.0, 55.0),
            ),
            Phase::Delayed => (
                over(-14.0, 14.0),
                over(15.0, 45.0),
                over(10.0, 40.0),
                over(14.0, 30.0),
                over(12.0, 28.0),
            ),
        };
        let aorta = match phase {
            Phase::Arterial => stream.range(230.0, 320.0),
            Phase::Portal => stream.range(140.0, 185.0),
            Phase::Delayed => stream.range(110.0, 140.0),
        };
        Self {
            liver,
            spleen,
            cortex,
            medulla,
            aorta,
            portal,
            hepatic_vein,
            cava: 0.5 * (hepatic_vein + liver) + stream.range(-8.0, 8.0),
            heart: 0.5 * aorta.min(200.0) + stream.range(40.0, 60.0),
            pancreas: stream.range(78.0, 112.0),
            gut_wall: stream.range(72.0, 108.0),
            bile: stream.range(4.0, 22.0),
            fat: -100.0,
        }
    }
}
