"""Put the results of the parity scripts into one page.

    python parity/report.py [--results runs/parity] [--output docs/parity.md]

Exit code 1 if a script has not run or a row does not hold.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

Row = dict[str, Any]
HERE = Path(__file__).parent
OUTPUTS = ("first", "last", "pooled", "logits")


def main() -> int:
    """Write the page."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--results", type=Path, default=Path("runs/parity"))
    parser.add_argument("--output", type=Path, default=Path("docs/parity.md"))
    asked = parser.parse_args()
    results = {name: _read(asked.results / f"{name}.json") for name in SECTIONS}
    rows = [row for result in results.values() for row in result["rows"]]
    failing = [row["what"] for row in rows if not row["holds"]]
    missing = [name for name, result in results.items() if not result["rows"]]
    parts = [
        (HERE / "introduction.md").read_text(encoding="utf-8").rstrip(),
        _summary(rows, failing, missing),
    ]
    for name, (title, table) in SECTIONS.items():
        body = table(results[name]["rows"]) if results[name]["rows"] else f"`parity/{name}.py` has not run."
        parts.append(f"## {title}\n\n{body}")
    parts.append(_versions(results))
    parts.append((HERE / "decisions.md").read_text(encoding="utf-8").rstrip())
    asked.output.write_text("\n\n".join(parts) + "\n", encoding="utf-8")
    print(
        f"{asked.output}: {len(rows)} comparisons, {len(failing)} do not hold, {len(missing)} scripts not run"
    )
    return int(bool(failing or missing))


def _read(path: Path) -> dict[str, Any]:
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else {"rows": [], "versions": {}}


def _summary(rows: list[Row], failing: list[str], missing: list[str]) -> str:
    text = f"**{len(rows) - len(failing)} of {len(rows)} comparisons hold.**"
    text += "".join(f"\n- does not hold: {what}" for what in failing)
    return text + "".join(f"\n- has not run: `parity/{name}.py`" for name in missing)


def _table(header: Iterable[str], lines: Iterable[Iterable[str]]) -> str:
    head = list(header)
    return "\n".join(
        "| " + " | ".join(cells) + " |" for cells in (head, ["---"] * len(head), *map(list, lines))
    )


def _mark(rows: Iterable[Row]) -> str:
    return "yes" if all(row["holds"] for row in rows) else "**no**"


def _groups(rows: list[Row], key: Callable[[Row], tuple[str, ...]]) -> dict[tuple[str, ...], list[Row]]:
    found: dict[tuple[str, ...], list[Row]] = {}
    for row in rows:
        found.setdefault(key(row), []).append(row)
    return found


def _network(rows: list[Row]) -> str:
    groups = _groups(rows, lambda r: (r["network"], r["pattern"], r["peer"], r["backend"]))
    lines = []
    for names, group in groups.items():
        values = {row["output"]: f"{row['measured']:.1e}" for row in group}
        cells = [values.get(output, "-") for output in OUTPUTS]
        lines.append([*names, *cells, f"{group[0]['limit']:.0e}", _mark(group)])
    header = ("network", "attention", "peer", "ours on", "first block", "last block", "pooled", "logits")
    return _table((*header, "limit", "holds"), lines)


def _training_step(rows: list[Row]) -> str:
    groups = _groups(rows, lambda r: (r["network"], r["peer"], r["backend"]))
    limits = {row["quantity"]: row["limit"] for row in rows}
    lines = []
    for names, group in groups.items():
        values = {row["quantity"]: f"{row['measured']:.1e}" for row in group}
        lines.append([*names, *(values[quantity] for quantity in limits), _mark(group)])
    quantities = (f"{quantity} (limit {limit:.0e})" for quantity, limit in limits.items())
    return _table(("model", "peer", "ours on", *quantities, "holds"), lines)


def _objectives(rows: list[Row]) -> str:
    groups = _groups(rows, lambda r: (r["objective"], r["peer"], r["backend"]))
    lines = []
    for names, group in groups.items():
        values = {row["quantity"]: f"{row['measured']:.1e}" for row in group}
        cells = (values["value"], values["gradient"], f"{group[0]['limit']:.0e}")
        lines.append([*names, *cells, _mark(group)])
    return _table(("loss", "peer", "ours on", "value", "gradient", "limit", "holds"), lines)


def _sampling(rows: list[Row]) -> str:
    lines = [
        [
            row["setting"],
            row["peer"],
            str(row["rows"]),
            f"{row['kept']:.1f}",
            str(row["different_sets"]),
            f"{row['measured']:.1e}",
            _mark([row]),
        ]
        for row in rows
    ]
    header = ("rule", "peer", "rows", "tokens kept, mean", "rows with other tokens", "largest difference")
    return _table((*header, "holds"), lines)


def _counts(rows: list[Row]) -> str:
    lines = [
        [row["what"], row["peer"], f"{row['measured']:g} {row['unit']}", f"{row['limit']:g}", _mark([row])]
        for row in rows
    ]
    return _table(("what", "peer", "measured", "limit", "holds"), lines)


def _versions(results: dict[str, dict[str, Any]]) -> str:
    merged: dict[str, dict[str, str]] = {}
    for result in results.values():
        for side, packages in result["versions"].items():
            versions = packages if isinstance(packages, dict) else {side: packages}
            merged.setdefault(side, {}).update(versions)
    lines = [
        [side, ", ".join(f"{name} {version}" for name, version in packages.items())]
        for side, packages in merged.items()
    ]
    return "## Versions\n\n" + _table(("side", "packages"), lines)


SECTIONS: dict[str, tuple[str, Callable[[list[Row]], str]]] = {
    "tokenizer": ("Tokenizer", _counts),
    "text_segmentation": ("Long texts cut to length", _counts),
    "network": ("Network", _network),
    "training_step": ("One training step", _training_step),
    "objectives": ("Objectives", _objectives),
    "sampling": ("Sampling", _sampling),
}


if __name__ == "__main__":
    sys.exit(main())
