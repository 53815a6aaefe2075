"""What ``crossbeat bench`` measures. Each bench is a module that is imported only when it is run.

A bench has a function ``cases(seed=..., small=...)``; it gives plain values by the name of a case,
such as ``pairing/ours``: what was measured, and of what.
"""
