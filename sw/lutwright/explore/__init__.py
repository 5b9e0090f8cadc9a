"""Explore the foldings of a model: rate against area, and what synthesis says of the best."""
