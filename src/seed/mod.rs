//! The sample sources: a seeded order database and access log, and a realistic next day.
