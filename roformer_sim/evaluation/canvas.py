"""A Matplotlib picture without a screen, and its bytes as PNG."""

from __future__ import annotations

import io
import warnings
from typing import Any

from corpus_builder.errors import InputError

COLOURS = ("#3b6ea8", "#c0562b", "#4f8a4c", "#8a5a9e", "#b08a2e", "#4a9aa0", "#a3466b", "#7a7a7a")
"""One an encoder, in the order they are named."""

_NAME = 28  # characters of an encoder's name on an axis


def canvas(size: tuple[float, float]) -> Any:
    """An empty figure of so many inches.

    Raises:
        InputError: Matplotlib is not installed.
    """
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError as error:
        raise InputError("the plots need Matplotlib: pip install 'roformer-sim[plots]'") from error
    figure = Figure(figsize=size, layout="constrained")
    FigureCanvasAgg(figure)
    return figure


_CHINESE_FONTS = (
    "Noto Sans CJK SC",
    "Noto Sans SC",
    "Source Han Sans SC",
    "WenQuanYi Zen Hei",
    "WenQuanYi Micro Hei",
    "PingFang SC",
    "Microsoft YaHei",
    "SimHei",
)


def png(figure: Any) -> bytes:
    """The figure as PNG, the same bytes for the same figure and fonts.

    Chinese names are written in the first of the common fonts that is installed; without one they are boxes.
    """
    from matplotlib.font_manager import fontManager
    from matplotlib.text import Text

    installed = {font.name for font in fontManager.ttflist}
    families = ["DejaVu Sans", *(name for name in _CHINESE_FONTS if name in installed)]
    for text in figure.findobj(Text):
        text.set_fontfamily(families)
    picture = io.BytesIO()
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        figure.savefig(picture, dpi=120, format="png", metadata={"Software": None})
    return picture.getvalue()


def short(name: str) -> str:
    """The end of a long name, as long as an axis has room for."""
    return name if len(name) <= _NAME else f"…{name[1 - _NAME :]}"
