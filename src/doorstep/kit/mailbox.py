"""mailbox: what an e-mail address may look like, so that it cannot add another one, nor a header."""

from __future__ import annotations

import re

MAILBOX = re.compile(r"""[^\s@<>()\[\],;:\\"\x00-\x1f\x7f]{1,64}@[^\s@<>()\[\],;:\\"\x00-\x1f\x7f]{1,253}""")
