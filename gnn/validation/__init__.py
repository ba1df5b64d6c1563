"""Splits, metrics and mixed lists that settings are chosen and methods are judged by."""
