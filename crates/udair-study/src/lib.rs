//! udair-study
