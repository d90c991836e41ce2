"""The network on a CPU: matrix products, attention and threads compiled by Numba for this machine."""

from roformer_sim.native.network import KeptSources, NativeNetwork
from roformer_sim.native.packing import Precision

__all__ = ["KeptSources", "NativeNetwork", "Precision"]
