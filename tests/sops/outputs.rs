//! What was encrypted, in everything that evenkeel prints.
