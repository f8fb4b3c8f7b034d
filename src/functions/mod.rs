//! Sprig's and Helm's template functions, by family.
