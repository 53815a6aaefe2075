"""Cohorts: tables, splits, label policies, stores, and the data sets that they are built from."""
