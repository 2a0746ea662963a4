"""labelpdf: the carrier's own label, a 4×6 inch page of plain text, as real ones send it, without the art."""

from __future__ import annotations

from collections.abc import Iterable

_WIDTH, _HEIGHT = 288, 432  # points: 4 × 6 inches


def has_letters(lines: Iterable[str]) -> bool:
    """Whether its font has all of them."""
    return all(line == line.encode("cp1252", "replace").decode("cp1252") for line in lines)


def label_pdf(lines: Iterable[str]) -> bytes:
    content = b"BT /F1 12 Tf 18 400 Td 16 TL " + b" ".join(_shown(line) for line in lines) + b" ET"
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 %d %d] /Contents 4 0 R "
        b"/Resources << /Font << /F1 5 0 R >> >> >>" % (_WIDTH, _HEIGHT),
        b"<< /Length %d >>\nstream\n%b\nendstream" % (len(content), content),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>",
    ]
    return _file(objects)


def _file(objects: list[bytes]) -> bytes:
    out, offsets = bytearray(b"%PDF-1.4\n"), []
    for number, body in enumerate(objects, 1):
        offsets.append(len(out))
        out += b"%d 0 obj\n%b\nendobj\n" % (number, body)
    start = len(out)
    table = b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    out += b"xref\n0 %d\n0000000000 65535 f \n%b" % (len(objects) + 1, table)
    out += b"trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (len(objects) + 1, start)
    return bytes(out)


def _shown(line: str) -> bytes:
    text = line.encode("cp1252", "replace").replace(b"\\", b"\\\\").replace(b"(", b"\\(").replace(b")", b"\\)")
    return b"(" + text.replace(b"\r", b" ").replace(b"\n", b" ") + b") Tj T*"
