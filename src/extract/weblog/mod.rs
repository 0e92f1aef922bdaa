//! Access logs: lines to batches, with device, country and converted timestamp.
