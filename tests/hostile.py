"""hostile: texts that people, and those who wish us ill, put where a name or a street belongs."""

from __future__ import annotations

import json
import os
from pathlib import Path

# Commands of label printers, of databases, of shells, of pages, of files; texts that turn around, do not end or are
# not there at all.
OWN = (
    "^XA^FO0,0^FD~JA^FS^XZ",
    "~JA^XZ^XA^IDR:*.*^FS^XZ",
    "^CC/^XZ/XA/JUF/XZ",
    "Żółć ^FN1^FS ~DGR:LOGO.GRF",
    "\x1b@\x10\x04\x14\x01",
    "\u202eeltihW neB",
    "a\u2066b\u2069\u200fc\u200d",
    "👩‍👩‍👧‍👦 🇺🇦 ✉️",
    "x" * 500,
    "і" * 500,
    "Z̸͔̈́a̶͔͋l̴̬̽g̵̰̈́o̵̩͂" * 20,
    "two\r\nlines\rof\ntext",
    "X-Injected: yes\r\n\r\nGET / HTTP/1.1",
    "tab\tand\x00nul\x7f",
    "Robert'); DROP TABLE parcel;--",
    '"><script>alert(1)</script>&amp;',
    "<![CDATA[</name>]]>&#x0;<!ENTITY x SYSTEM 'file:///etc/passwd'>",
    "{{7*7}} ${7*7} %s %n {0} #{x}",
    "../../etc/passwd",
    '=HYPERLINK("http://x","y")',
    "' || (select 1) || '",
    '#import "x": *; #read("/etc/passwd") $ * _ ` \\',
    "UNA:+.? 'NAD+CZ'?+",  # EDIFACT's own marks
    "محمد بن عبد الله",
    "株式会社ドアステップ 東京都千代田区一丁目",
    "ﷺ" * 20,
    '#panic("x") #{while true {}}',
    "*bold* _it_ $x^2$ `raw` @ref <l> = h",
    "\x00\x01\x1b[31m\x7f\x85",
    "Z" + "\u0334\u0335\u0336\u0337" * 40,
    "a\r\nBcc: x\u2028y",
    "\ufeff\ufffe",
    "🏳\ufe0f\u200d🌈👨\u200d👩\u200d👧\u200d👦" * 20,
    "\\",
    '"',
    "//comment /* x",
    "\u200b" * 100,
    "ぁ" * 300,
    "١٢٣٤",
    "\ufeff\u200b",
    " ",
    "",
)


def texts() -> list[str]:
    """Our own, and the big list of naughty strings where the recorded data are at hand."""
    folder = os.environ.get("DOORSTEP_DATA", "")
    found = Path(folder, "adversarial", "blns.json")
    naughty = json.loads(found.read_text(encoding="utf-8")) if folder and found.exists() else []
    return [*OWN, *naughty]
