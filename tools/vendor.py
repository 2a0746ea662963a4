"""vendor: brings what others wrote for browsers into the tree: `python tools/vendor.py` (needs npm).

PACKAGES says what, in which version, under which license. Each folder's manifest.json keeps the hash of every file that
came; a test hashes them again. Nobody else needs npm: the files are committed, and no page asks outside for anything.
"""

from __future__ import annotations

import json
import re
import subprocess
import tarfile
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SERVED = ROOT / "src" / "doorstep" / "doors" / "console" / "static" / "vendor"
FOR_TESTS = ROOT / "tests" / "browser" / "vendor"
MANIFEST = "manifest.json"

# The drawings of Lucide that pages use, as one picture with a symbol for each.
ICONS = """
arrow-left arrow-right banknote bell bookmark boxes calendar chart-column check chevron-down chevron-left chevron-right
circle-alert circle-check circle-question-mark clock columns-3 command copy credit-card door-open download ellipsis
external-link eye file-text filter gauge globe hand house inbox info key-round keyboard languages layers list-checks
log-out mail map-pin menu message-square monitor moon package package-open pause pencil play plug plus receipt
rotate-ccw scan-barcode search settings shield sticky-note store sun tag trash-2 triangle-alert truck undo-2 upload user
users warehouse x
"""


@dataclass(frozen=True, slots=True)
class Package:
    """What is taken of a package of the npm registry: its files and what they are called here."""

    name: str
    version: str
    license: str
    folder: Path
    files: dict[str, str]
    icons: tuple[str, ...] = ()


PACKAGES = (
    Package("htmx.org", "2.0.11", "0BSD", SERVED, {"dist/htmx.min.js": "htmx.js", "LICENSE": "LICENSE.htmx.txt"}),
    Package("@fontsource-variable/inter", "5.3.0", "OFL-1.1", SERVED, {
        **{f"files/inter-{part}-wght-normal.woff2": f"inter-{part}.woff2"
           for part in ("latin", "latin-ext", "cyrillic", "cyrillic-ext")},
        "LICENSE": "LICENSE.inter.txt",
    }),
    Package("lucide-static", "1.62.0", "ISC", SERVED, {"LICENSE": "LICENSE.lucide.txt"}, tuple(ICONS.split())),
    Package("uplot", "1.6.32", "MIT", SERVED, {
        "dist/uPlot.iife.min.js": "uplot.js", "dist/uPlot.min.css": "uplot.css", "LICENSE": "LICENSE.uplot.txt",
    }),
    Package("axe-core", "4.14.1", "MPL-2.0", FOR_TESTS, {"axe.min.js": "axe.min.js", "LICENSE": "LICENSE.axe.txt"}),
)  # fmt: skip


def main() -> None:
    told: dict[Path, list[dict[str, object]]] = {}
    with tempfile.TemporaryDirectory() as folder:
        for package in PACKAGES:
            package.folder.mkdir(parents=True, exist_ok=True)
            files = dict(_taken(package, Path(folder)))
            for name, content in files.items():
                (package.folder / name).write_bytes(content)
            hashes = {name: sha256(content).hexdigest() for name, content in sorted(files.items())}
            entry = {"name": package.name, "version": package.version, "license": package.license, "sha256": hashes}
            told.setdefault(package.folder, []).append(entry)
    for folder, packages in told.items():
        (folder / MANIFEST).write_text(json.dumps(packages, indent=2) + "\n")


def _taken(package: Package, folder: Path) -> Iterator[tuple[str, bytes]]:
    packed = ["npm", "pack", "--silent", "--pack-destination", str(folder), f"{package.name}@{package.version}"]
    name = subprocess.run(packed, check=True, capture_output=True, text=True, cwd=folder).stdout.split()[-1]
    with tarfile.open(folder / name) as archive:

        def read(path: str) -> bytes:
            member = archive.extractfile(f"package/{path}")
            assert member, path
            return member.read()

        for path, target in package.files.items():
            yield target, read(path)
        if package.icons:
            yield "icons.svg", _sprite({icon: read(f"icons/{icon}.svg").decode() for icon in package.icons})


def _sprite(drawings: dict[str, str]) -> bytes:
    """One picture with a symbol for each drawing; how they are stroked, the stylesheet says."""
    symbols = [f'<symbol id="{name}" viewBox="0 0 24 24">{_inside(each)}</symbol>' for name, each in drawings.items()]
    return ('<svg xmlns="http://www.w3.org/2000/svg">\n' + "\n".join(symbols) + "\n</svg>\n").encode()


def _inside(drawing: str) -> str:
    found = re.search(r"<svg[^>]*>(.*)</svg>", drawing, re.DOTALL)
    assert found
    return re.sub(r">\s+<", "><", found[1].strip())


if __name__ == "__main__":
    main()
