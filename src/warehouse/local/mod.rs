//! The local engine: Redshift SQL on DataFusion over DuckLake tables. Reads and writes nothing else.
