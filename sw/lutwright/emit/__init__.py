"""What becomes files: RTL, board shell, backends; a build is a value, made without any tool."""
