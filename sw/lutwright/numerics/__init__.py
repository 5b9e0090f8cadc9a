"""Integer and quantiser arithmetic on numpy arrays; imports nothing of the other rooms."""
