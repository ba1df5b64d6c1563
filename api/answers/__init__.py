"""What a fitted model answers: tables of targets, users, forecasts and reasons."""
