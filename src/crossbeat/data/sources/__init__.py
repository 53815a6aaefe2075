"""The data sets that cohorts are built from, one file each; ``builder`` is what they share."""
