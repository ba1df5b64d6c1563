"""Flat order lines: one table, a line for each item of an order, read as a catalog and its purchases."""
