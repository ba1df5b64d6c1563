"""The prior: factors of seen targets carried to all others by kernel regression over target features."""
