"""The host side of a board: the UART link."""
