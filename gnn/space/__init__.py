"""The one space: factors, the prior, the update, the score, and what chances and forecasts make of it."""
