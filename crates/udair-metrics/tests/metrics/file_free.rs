//! Reference values of pictures that are computed: this test always runs.

use udair_metrics::Parameters;

use crate::golden::{folder, parameters};
use crate::support::{assert_score, table};
use crate::synth::named;

#[test]
fn computed_pictures_have_their_reference_values() {
    // FADE's parameters are not part of the project.
    let parameters = folder().map_or_else(Parameters::default, |folder| parameters(&folder));
    for row in table(include_str!("goldens/file_free.csv")) {
        let (name, image) = (&row["metric"], &row["image"]);
        if name.starts_with("fade") && parameters.fade.is_none() {
            continue;
        }
        let exact = name.starts_with("psnr") || name.starts_with("ssim");
        let tolerance = if exact { 1e-9 } else { 1e-6 };
        let reference = named(&row["reference"]);
        let picture = named(image).unwrap();
        assert_score(name, &picture, reference.as_ref(), &parameters, &row["value"], tolerance, image);
    }
}
