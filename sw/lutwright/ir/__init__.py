"""The integer graph: what the network computes, in integers only."""
