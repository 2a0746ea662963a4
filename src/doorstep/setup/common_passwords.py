"""common_passwords: what is tried first, everywhere: words without the digits and signs that people hang on them."""

from __future__ import annotations

from pathlib import Path

# Neighbors on a keyboard and in the alphabet; read backwards too.
ROWS = (
    "01234567890123456789", "abcdefghijklmnopqrstuvwxyz", "qwertyuiopasdfghjklzxcvbnm", "qwertzuiopasdfghjklyxcvbnm",
    "azertyuiopqsdfghjklmwxcvbn", "1qaz2wsx3edc4rfv5tgb6yhn7ujm8ik", "qazwsxedcrfvtgbyhnujmikolp",
    "1q2w3e4r5t6y7u8i9o0p", "q1w2e3r4t5y6u7i8o9p0", "zaq12wsxcde34rfv", "zaqxswcdevfrbgtnhymju", "1a2b3c4d5e6f7g8h",
    "a1b2c3d4e5f6g7h8", "abc123def456ghi789", "йцукенгшщзхїфівапролджєячсмитьбю", "йцукенгшщзхъфывапролджэячсмитьбю",
    "!@#$%^&*()_+",
)  # fmt: skip

COMMON = frozenset(Path(__file__).with_suffix(".txt").read_text("ascii").split())
