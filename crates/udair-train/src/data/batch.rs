//! What a training step takes: crops of every pattern, degraded and clean.

use crate::degrade::Photo;

/// Square crops. The first K x m are balanced, pattern after pattern, m of each; any that follow
/// have several degradations at once, or are more of a pattern, and are not contrasted.
#[derive(Debug, Clone, PartialEq)]
pub struct Batch {
    /// Degraded pictures, `[n, 3, size, size]`, RGB in \[0, 1\].
    pub degraded: Vec<f32>,
    /// Their references, of the same shape; the degraded picture again where there is none.
    pub clean: Vec<f32>,
    /// Which pictures have a reference.
    pub referenced: Vec<bool>,
    /// Side of the crops in pixels.
    pub size: usize,
    /// Patterns K.
    pub patterns: usize,
    /// Pictures m of each pattern.
    pub per_pattern: usize,
}

impl Batch {
    /// Number of pictures n.
    pub fn len(&self) -> usize {
        self.referenced.len()
    }

    /// True for a batch without pictures.
    pub fn is_empty(&self) -> bool {
        self.referenced.is_empty()
    }

    /// The pattern of every picture by its place in the list of patterns, none for those that follow.
    pub fn labels(&self) -> Vec<Option<usize>> {
        let label = |at: usize| (at < self.patterns * self.per_pattern).then(|| at / self.per_pattern);
        (0..self.len()).map(label).collect()
    }

    /// Picture `number` of `planes` (this batch's degraded or clean pictures): `size` rows of `size`
    /// interleaved pixels.
    pub fn rgb(&self, planes: &[f32], number: usize) -> Vec<f32> {
        let plane = self.size * self.size;
        let picture = &planes[3 * plane * number..][..3 * plane];
        (0..3 * plane).map(|at| picture[at % 3 * plane + at / 3]).collect()
    }
}

/// One picture on its way into a batch.
#[derive(Debug, Clone, PartialEq)]
pub struct Sample {
    /// The degraded picture.
    pub degraded: Photo,
    /// Its reference; none for a real picture that has none.
    pub clean: Option<Photo>,
}

/// A reflection of a crop: mirrored across, upside down, both (a rotation by 180 degrees) or neither.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Flip {
    /// Left and right exchanged.
    pub across: bool,
    /// Top and bottom exchanged.
    pub down: bool,
}

impl Flip {
    /// Appends `photo`, flipped, channel after channel.
    pub(super) fn append(self, photo: &Photo, planes: &mut Vec<f32>) {
        let (width, height) = (photo.width, photo.height);
        for channel in 0..3 {
            for y in 0..height {
                let y = if self.down { height - 1 - y } else { y };
                let row = &photo.pixels[y * width * 3..][..width * 3];
                let values = row.iter().skip(channel).step_by(3);
                if self.across {
                    planes.extend(values.rev());
                } else {
                    planes.extend(values);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flips_act_on_every_channel() {
        let photo = Photo { width: 2, height: 2, pixels: (0..12).map(|v| v as f32).collect() };
        for (across, down, red) in [
            (false, false, [0., 3., 6., 9.]),
            (true, false, [3., 0., 9., 6.]),
            (false, true, [6., 9., 0., 3.]),
            (true, true, [9., 6., 3., 0.]),
        ] {
            let mut planes = Vec::new();
            Flip { across, down }.append(&photo, &mut planes);
            assert_eq!(planes[..4], red);
            assert_eq!(planes[8..], red.map(|v| v + 2.0));
        }
    }

    #[test]
    fn pictures_come_out_interleaved() {
        let batch = Batch {
            degraded: (0..24).map(|v| v as f32).collect(),
            clean: Vec::new(),
            referenced: vec![true; 2],
            size: 2,
            patterns: 2,
            per_pattern: 1,
        };
        let expected = [12, 16, 20, 13, 17, 21, 14, 18, 22, 15, 19, 23].map(|v| v as f32);
        assert_eq!(batch.rgb(&batch.degraded, 1), expected);
    }

    #[test]
    fn labels_stop_behind_the_balanced_pictures() {
        let batch = Batch {
            degraded: Vec::new(),
            clean: Vec::new(),
            referenced: vec![true; 5],
            size: 0,
            patterns: 2,
            per_pattern: 2,
        };
        assert_eq!(batch.labels(), [Some(0), Some(0), Some(1), Some(1), None]);
    }
}
