"""Recipes between the ECG and cine cardiac MRI, which tell measures of the heart."""
