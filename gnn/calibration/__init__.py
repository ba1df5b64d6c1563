"""From scores to probabilities of purchase, confidences and forecasts of buyers."""
