"""The prior: factors of seen targets carried to all others by kernel regression over target features.

``kernel`` is the exact regressor, ``nearest`` the one beyond ten thousand seen targets, on the compact rows of
``stacked``; ``informed_factors`` feeds the prior back into the alternating steps of the factors.
"""
