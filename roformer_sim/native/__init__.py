"""The network on a CPU: matrix products, attention and threads compiled by Numba for this machine."""
