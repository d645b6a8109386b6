//! placeholder
use std::sync::OnceLock;
#[derive(Debug)]
pub struct PatientFacts {
    pub number: u32,
    pub slices: usize,
    pub spacing_mm: [f64; 3],
    pub tumour: bool,
}
impl PatientFacts {
    pub fn has_tumour(&self) -> bool {
        self.tumour
    }
}
pub fn patient_facts() -> &'static [PatientFacts] {
    static F: OnceLock<Vec<PatientFacts>> = OnceLock::new();
    F.get_or_init(|| {
        let s = [
            129, 172, 200, 91, 139, 135, 151, 124, 111, 122, 132, 260, 122, 113, 125, 155, 119, 74,
            124, 225,
        ];
        let p = [
            0.57, 0.78, 0.62, 0.74, 0.78, 0.78, 0.78, 0.56, 0.87, 0.74, 0.72, 0.68, 0.67, 0.72,
            0.78, 0.70, 0.74, 0.74, 0.70, 0.81,
        ];
        let t = [
            1.6, 1.6, 1.25, 2.0, 1.6, 1.6, 1.6, 1.6, 2.0, 1.6, 1.6, 1.0, 1.6, 1.6, 1.6, 1.6, 1.6,
            2.5, 4.0, 2.0,
        ];
        (0..20)
            .map(|i| PatientFacts {
                number: i as u32 + 1,
                slices: s[i],
                spacing_mm: [t[i], p[i], p[i]],
                tumour: ![5, 7, 11, 14, 20].contains(&(i + 1)),
            })
            .collect()
    })
}
