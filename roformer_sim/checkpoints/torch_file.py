"""Torch only: tensors of a ``pytorch_model.bin``, read in torch's safe mode."""

from __future__ import annotations

import ctypes
import mmap
import pickle
import re
import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np

from corpus_builder.errors import InputError

_DONT_NEED = 4  # MADV_DONTNEED of Linux


class TorchFile:
    """Tensors of a file that ``torch.save`` wrote: no code in it is run, and it is mapped, not loaded.

    Raises:
        InputError: The file is missing, damaged (its checksums are compared), holds anything but tensors by
            name, or asks for code to be run; torch is not installed.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._torch = _import_torch(path)
        is_archive = _check_archive(path)
        try:
            state = self._torch.load(path, map_location="cpu", weights_only=True, mmap=is_archive)
        except pickle.UnpicklingError as error:
            raise InputError(f"{path}: refused: {_what_is_wrong(str(error))}") from None
        except (RuntimeError, OSError, EOFError, ValueError, LookupError, AttributeError, TypeError) as error:
            raise InputError(f"{path}: damaged or truncated: {_one_line(error)}") from None
        is_tensor = self._torch.is_tensor
        if not isinstance(state, dict) or not all(is_tensor(value) for value in state.values()):
            raise InputError(f"{path}: expected tensors by name, as model.save_pretrained writes them")
        self._tensors, self._is_mapped, self._read = dict(state), is_archive, set[str]()

    def shapes(self) -> dict[str, tuple[int, ...]]:
        return {name: tuple(tensor.shape) for name, tensor in self._tensors.items()}

    def read(self, name: str) -> np.ndarray:
        self._read.add(name)
        tensor = self._tensors[name].detach()
        return np.asarray((tensor.float() if tensor.is_floating_point() else tensor).numpy())

    def release(self) -> None:
        """Let the system forget the pages of the file that were read; they are unchanged and come back."""
        if self._is_mapped:
            for name in self._read:
                _forget(self._tensors[name])
        self._read.clear()


def _check_archive(path: Path) -> bool:
    """Whether it is a zip archive, as since torch 1.6, whose checksums are right then."""
    try:
        with path.open("rb") as file:
            begins_as_archive = file.read(4) == b"PK\x03\x04"
        if not begins_as_archive:
            return False
        with zipfile.ZipFile(path) as archive:
            damaged = archive.testzip()
    except FileNotFoundError:
        raise InputError(f"{path}: no such file") from None
    except (zipfile.BadZipFile, OSError, ValueError, EOFError, zlib.error, NotImplementedError) as error:
        raise InputError(f"{path}: damaged or truncated: {_one_line(error)}") from None
    if damaged:
        raise InputError(f"{path}: damaged: {damaged} within it is not what was written (checksum)")
    return True


def _what_is_wrong(message: str) -> str:
    found = re.search(r"GLOBAL ([\w.]+)", message)
    if found:
        return (
            f"it asks for {found[1]}, which is code and not weights; code in a file is never run. Get the "
            "weights as safetensors"
        )
    return "it is damaged, or holds other things than tensors, which are never loaded"


def _forget(tensor: Any) -> None:
    libc = _libc()
    size = tensor.numel() * tensor.element_size()
    begin = -(-tensor.data_ptr() // mmap.PAGESIZE) * mmap.PAGESIZE
    end = (tensor.data_ptr() + size) // mmap.PAGESIZE * mmap.PAGESIZE
    if libc is not None and end > begin:
        libc.madvise(ctypes.c_void_p(begin), ctypes.c_size_t(end - begin), _DONT_NEED)


def _libc() -> Any:
    if not hasattr(mmap, "MADV_DONTNEED"):
        return None
    return ctypes.CDLL(None)


def _import_torch(path: Path) -> Any:
    try:
        import torch
    except ImportError:
        raise InputError(
            f"{path}: reading a torch file needs torch (pip install torch); or get the same weights as "
            "model.safetensors, which needs nothing"
        ) from None
    return torch


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())[:300]
