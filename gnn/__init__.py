"""The model: text encoding, factors, propagation, update, scoring, and their evaluation."""
