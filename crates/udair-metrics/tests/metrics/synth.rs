//! Test pictures that need no file: a linear congruential generator over ramps and a chequer board.

use udair_metrics::Rgb8;

/// A picture that owns its pixels.
#[derive(Debug, Clone)]
pub(crate) struct Picture {
    pub(crate) width: usize,
    pub(crate) height: usize,
    pub(crate) data: Vec<u8>,
}

impl Picture {
    pub(crate) fn view(&self) -> Rgb8<'_> {
        Rgb8::new(self.width, self.height, &self.data).unwrap()
    }

    pub(crate) fn map(&self, value: impl Fn(usize, [u8; 3]) -> [u8; 3]) -> Self {
        let data = self.data.as_chunks::<3>().0.iter().enumerate();
        Self { data: data.flat_map(|(i, &pixel)| value(i % self.width, pixel)).collect(), ..*self }
    }
}

/// Ramps, a chequer board of 12 pixels and noise of 5 bits.
pub(crate) fn synth(width: usize, height: usize, seed: u32) -> Picture {
    let mut state = seed;
    let mut data = Vec::with_capacity(3 * width * height);
    for y in 0..height {
        for x in 0..width {
            for c in 0..3 {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                let noise = (state >> 24) as usize & 31;
                let ramp = (x * (c + 1) * 2 + y * (3 - c)) / 4;
                let board = if (x / 12 + y / 12) % 2 == 1 { 40 } else { 0 };
                data.push(((ramp + board + noise) % 256) as u8);
            }
        }
    }
    Picture { width, height, data }
}

/// The pictures of the file-free reference values, by name.
pub(crate) fn named(name: &str) -> Option<Picture> {
    let lcg = || synth(200, 136, 12345);
    Some(match name {
        "synth_lcg" => lcg(),
        "synth_lcg_cast" => lcg().map(|_, pixel| {
            let cast = |c: usize| f64::from(pixel[c]) * [0.5, 0.9, 0.8][c] + [0.0, 10.0, 20.0][c];
            [0, 1, 2].map(|c| (cast(c) + 0.5).floor() as u8)
        }),
        "half_flat" => synth(288, 200, 777).map(|x, pixel| if x < 110 { [100, 120, 90] } else { pixel }),
        "flat_gray" => Picture { width: 160, height: 128, data: vec![119; 160 * 128 * 3] },
        _ => return None,
    })
}

#[test]
fn the_generator_is_the_one_that_made_the_reference_values() {
    let lcg = synth(200, 136, 12345);
    assert_eq!(lcg.data[..9], [5, 4, 11, 2, 9, 29, 31, 14, 27]);
    assert_eq!(lcg.data[lcg.data.len() - 3..], [250, 64, 130]);
}
