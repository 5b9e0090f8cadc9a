"""Checks of exactness before any synthesis."""
