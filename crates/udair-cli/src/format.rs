//! `--format`: the formats that can be written, under the names that people use for them.

use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use udair_image::Format;

/// Parses a format; `jpg` and `tif` are understood too.
pub(crate) fn parser() -> impl TypedValueParser<Value = Format> {
    PossibleValuesParser::new([
        PossibleValue::new("png"),
        PossibleValue::new("jpeg").alias("jpg"),
        PossibleValue::new("webp"),
        PossibleValue::new("tiff").alias("tif"),
        PossibleValue::new("bmp"),
        PossibleValue::new("pnm").alias("ppm"),
    ])
    .map(|name| Format::from_extension(&name).expect("every name above is an extension"))
}
