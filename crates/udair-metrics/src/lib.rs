//! udair-metrics
