//! The clipper platform on a real control plane: `evenkeel run` follows a repository of the project's own environments, and
//! real controllers and fake nodes do the rest.

mod alert;
mod broken;
mod correct;
mod support;
