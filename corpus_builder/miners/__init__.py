"""One file for each way to find texts that mean the same."""
