"""From scores to purchase probabilities, confidences and forecasts, calibrated on targets predicted without sales.

``held_out`` gathers such predictions beside the true sales; ``probability`` fits the monotone logistic regression,
``confidence`` the expected error of the popularity, ``forecast`` the interval of the number of buyers.
"""
