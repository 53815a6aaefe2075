"""Recipes with ECG and cine cardiac MRI, which predict cardiac measurements."""
