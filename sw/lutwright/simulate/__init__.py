"""Simulation: compile the generated hardware, play frames, compare every word."""
