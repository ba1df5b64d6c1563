"""From scores to purchase probabilities, confidences and forecasts, calibrated on targets predicted without sales."""
