"""The embedded model: its engine, its weights, and what it cannot serve."""
