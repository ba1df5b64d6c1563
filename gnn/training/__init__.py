"""Fitting: settings chosen on validation folds, then the model."""
