"""The plots of a report, and the plot of one new target."""
