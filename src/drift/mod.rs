//! Who changed which owned field, and when; desired against live.
