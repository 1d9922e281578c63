//! The generic dialect: the concept tables of spec 1.3.
