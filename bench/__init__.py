"""bench: what doorstep costs, measured on this machine against a reference that runs in the same run."""
