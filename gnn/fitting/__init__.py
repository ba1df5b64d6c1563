"""Fitting the space: targets are hidden, and all settings are chosen by what they predict of them."""
