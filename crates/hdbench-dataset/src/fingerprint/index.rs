use super::scan::{Fingerprint, LEAST_SHARED, Overlap};

/// Which scans have a hash: the index that spares comparing all pairs.
pub(crate) struct Index<'a> {
    /// Hashes with their scans, sorted.
    scans: Vec<(u64, u32)>,
    fingerprints: Vec<&'a Fingerprint>,
}

impl<'a> Index<'a> {
    pub fn new(fingerprints: Vec<&'a Fingerprint>) -> Self {
        let mut scans: Vec<(u64, u32)> = (0..)
            .zip(&fingerprints)
            .flat_map(|(scan, fingerprint)| fingerprint.hashes().map(move |hash| (hash, scan)))
            .collect();
        scans.sort_unstable();
        Self {
            scans,
            fingerprints,
        }
    }

    /// The scans that share content with this one, in their own order.
    pub fn find(&self, fingerprint: &Fingerprint) -> Vec<(usize, Overlap)> {
        let mut shared = vec![0_usize; self.fingerprints.len()];
        for hash in fingerprint.hashes() {
            let first = self.scans.partition_point(|&(other, _)| other < hash);
            let same = self.scans[first..]
                .iter()
                .take_while(|entry| entry.0 == hash);
            for &(_, scan) in same {
                shared[scan as usize] += 1;
            }
        }
        let candidates = (0..shared.len()).filter(|&scan| shared[scan] >= LEAST_SHARED);
        candidates
            .filter_map(|scan| Some((scan, self.fingerprints[scan].compare(fingerprint)?)))
            .collect()
    }
}
