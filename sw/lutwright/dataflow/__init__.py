"""The integer graph as a pipeline of streaming stages: which cell, how folded, what it costs."""
