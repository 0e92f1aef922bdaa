//! Tests of the access log as a whole: the catalogue of bad input, a reference reader, properties.
