"""The integer graph as an hls4ml project: layers, types, extension layers, files."""
