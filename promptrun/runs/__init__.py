"""The record of each run: one SQLite file a run."""
