//! All five systems in one repository, in every environment, on one cluster.
