"""Evaluations of a source: options, tables, the report folder."""
