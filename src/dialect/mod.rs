//! Redshift SQL on DataFusion: parse, rules, rewrite, types, functions. It runs nothing and stores nothing.
