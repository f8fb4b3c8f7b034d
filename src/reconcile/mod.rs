//! One pass over one environment.
