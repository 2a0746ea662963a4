"""The document of the API is exact: whatever fits it is answered as it says, whatever does not is refused."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from pathlib import Path

from doorstep.doors.http.openapi import document
from doorstep.doors.http.routes import every_operation
from tests.doors.belongings import everything_of
from tests.doors.web import Client
from tests.shop import Shop

DOCUMENT = json.loads(json.dumps(document(every_operation()), default=str))
# `make fuzz` sets it: so many examples of each operation, and every phase.
EXAMPLES = int(os.environ.get("DOORSTEP_FUZZ", "0"))

# A body that fits its schema may still be refused by a rule, with 409 or 422 and the reason.
CHECKS = """
[checks]
positive_data_acceptance.expected-statuses = ["2xx", "401", "403", "404", "409", "413", "422", "429"]
negative_data_rejection.expected-statuses = ["4xx"]
"""
# Where things that are really there are named in bodies.
IN_BODIES = {
    "sku": ("body.sku", "body.lines[*].sku", "body.order.lines[*].sku", "body.content.lines[*].sku", "body.barcode"),
    "site": ("body.site", "query.site"),
    "order": ("body.order",),
    "parcel": ("body.parcel",),
    "payment": ("body.payment",),
    "asn": ("body.asn",),
}


def config(named: dict[str, str]) -> str:
    """Settings with which half of the requests name things that are there."""
    words = {**named, "sku_id": named["sku"], "sku": "MUG"}
    lines = [CHECKS]
    for name, word in words.items():
        lines.append(f"[dictionaries.{name}]\nvalues = [{json.dumps(word)}]")
    lines.append("[parameters]")
    for name in words:
        for place in (f"path.{name}", *IN_BODIES.get(name, ())):
            kind = "sku_id" if place == "path.sku" else name
            lines.append(f'"{place}" = {{ dictionary = "{kind}", probability = 0.6 }}')
    return "\n".join(lines)


async def test_nothing_that_schemathesis_thinks_of_surprises_us(
    api: Client, shop: Shop, web: str, tmp_path: Path
) -> None:
    assert api.key
    (tmp_path / "schemathesis.toml").write_text(config(await everything_of(shop, api)))
    phases = "examples,coverage,fuzzing,stateful" if EXAMPLES else "examples,fuzzing"
    # The same on every run; `make fuzz` looks for new ones.
    seed = () if EXAMPLES else ("--seed", "1")
    process = await asyncio.create_subprocess_exec(
        str(Path(sys.executable).with_name("schemathesis")), "--config-file", "schemathesis.toml", "run",
        f"{web}/v1/openapi.json", "--url", web, "--header", f"Authorization: Bearer {api.key}",
        "--max-examples", str(EXAMPLES or 2), "--phases", phases, "--continue-on-failure", "--no-color",
        "--warnings", "off", "--request-timeout", "60", "--suppress-health-check", "too_slow", *seed,
        cwd=tmp_path, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    told, _ = await process.communicate()
    print(told.decode())
    assert process.returncode == 0, "see above"


def test_every_operation_says_what_it_takes_answers_and_refuses() -> None:
    for path, methods in DOCUMENT["paths"].items():
        for method, told in methods.items():
            where = f"{method} {path}"
            assert told["summary"] and told["operationId"] and told["x-scope"], where
            assert {"401", "403", "503"} <= told["responses"].keys(), where
            good = [status for status in told["responses"] if status.startswith("2")]
            assert good, where
            for status in good:
                for content in told["responses"][status]["content"].values():
                    assert content["schema"], where
            if "requestBody" in told:
                assert {"413", "415", "422"} <= told["responses"].keys(), where
                assert told["requestBody"]["content"]["application/json"]["schema"], where


def test_operations_have_names_of_their_own() -> None:
    names = [told["operationId"] for methods in DOCUMENT["paths"].values() for told in methods.values()]
    assert len(names) == len(set(names))


def test_every_reference_leads_somewhere() -> None:
    text = json.dumps(DOCUMENT)
    for part in text.split('"$ref": "#/components/')[1:]:
        kind, name = part.split('"')[0].split("/")
        assert name in DOCUMENT["components"][kind], name
