"""browsers: what people call the browser that names itself in a request."""

from __future__ import annotations

# The first that fits: they all claim to be each other.
NAMES = (("Edg", "Edge"), ("OPR/", "Opera"), ("Firefox/", "Firefox"), ("Chrome/", "Chrome"), ("Safari/", "Safari"))
SYSTEMS = (
    ("iPhone", "iPhone"), ("iPad", "iPad"), ("Android", "Android"), ("Windows", "Windows"), ("Mac OS X", "Mac"),
    ("CrOS", "ChromeOS"), ("Linux", "Linux"),
)  # fmt: skip


def called(agent: str) -> str:
    """Chrome, Linux; of a program its own name."""
    name = next((name for mark, name in NAMES if mark in agent), "")
    system = next((name for mark, name in SYSTEMS if mark in agent), "")
    return ", ".join(filter(None, (name, system))) or agent.partition("/")[0][:40]
