"""Runs a Jupyter notebook's code cells in this process, one namespace, and keeps what they show.

``python tests/support/notebooks.py FILE.ipynb`` writes the outputs into the file.
"""

from __future__ import annotations

import ast
import base64
import contextlib
import io
import json
import sys
from pathlib import Path
from typing import Any

Cell = dict[str, Any]


def run_notebook(path: Path) -> list[Cell]:
    """The cells of a notebook, the code cells with the outputs that they give now."""
    import matplotlib as mpl

    mpl.use("agg")
    namespace: dict[str, Any] = {"__name__": "__main__"}
    cells: list[Cell] = json.loads(path.read_text(encoding="utf-8"))["cells"]
    count = 0
    for place, cell in enumerate(cells):
        if cell["cell_type"] == "code":
            count += 1
            outputs = _run("".join(cell["source"]), namespace, f"{path.name}, cell {place + 1}", count)
            cell |= {"outputs": outputs, "execution_count": count}
    return cells


def _run(source: str, namespace: dict[str, Any], where: str, count: int) -> list[Cell]:
    """Run one cell: what it prints, the value of its last expression, and the pictures that it left open."""
    tree, value = ast.parse(source), None
    last = tree.body.pop() if isinstance(tree.body[-1], ast.Expr) else None
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        exec(compile(tree, where, "exec"), namespace)  # noqa: S102 - our own notebook
        if isinstance(last, ast.Expr):
            value = eval(compile(ast.Expression(last.value), where, "eval"), namespace)  # noqa: S307 - the same
    outputs: list[Cell] = []
    if text := printed.getvalue():
        outputs.append({"output_type": "stream", "name": "stdout", "text": text.splitlines(keepends=True)})
    if value is not None:
        data = {"text/plain": repr(value).splitlines(keepends=True)}
        if hasattr(value, "_repr_html_"):
            data["text/html"] = value._repr_html_().splitlines(keepends=True)
        outputs.append({"output_type": "execute_result", "execution_count": count, "metadata": {}, "data": data})
    return outputs + _pictures()


def _pictures() -> list[Cell]:
    import matplotlib.pyplot as plt

    found: list[Cell] = []
    for number in plt.get_fignums():
        picture = io.BytesIO()
        plt.figure(number).savefig(picture, dpi=80, bbox_inches="tight")
        data = {"image/png": base64.b64encode(picture.getvalue()).decode()}
        found.append({"output_type": "display_data", "metadata": {}, "data": data})
    plt.close("all")
    return found


if __name__ == "__main__":
    file = Path(sys.argv[1])
    notebook = json.loads(file.read_text(encoding="utf-8"))
    notebook["cells"] = run_notebook(file)
    file.write_text(json.dumps(notebook, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
