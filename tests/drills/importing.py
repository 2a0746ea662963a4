"""importing: years of a shop's orders come in while the import is killed -9 again and again; the books end the same.

The recorded orders of $DOORSTEP_DATA are imported twice, into two merchants of one database: once in one go, once in a
process that is killed at random moments and started anew until it ends by itself. Then both must have the same sales,
the same stock, the same credits linked to the same sales, and the audit must hold. The import's peak memory is measured
on the way.

    python -m tests.drills.importing --kills 20
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from doorstep.doors.opening import open_db
from doorstep.kit import embedded
from doorstep.setup.merchants import merchant_of
from doorstep.spine.audit import audit
from doorstep.spine.tenant import Db, tenant_tx

ROOT = Path(__file__).resolve().parents[2]
DATA, MAPPING = "orders_uci_online_retail", ROOT / "examples" / "mappings" / "uci_online_retail.toml"
MOST_MB = 300

# Everything that an import leaves behind, without ids and without when it was recorded.
BOOKS = {
    "orders": """
select md5(string_agg(concat_ws('|', o.external_id, o.customer, o.country, o.total_minor, o.placed_at, n.stage,
    n.payment, n.owed, n.earned), E'\\n' order by o.external_id collate "C"))
  from orders o join order_now n on n.merchant_id = o.merchant_id and n.order_id = o.order_id where o.merchant_id = $1
""",
    "lines": """
select md5(string_agg(concat_ws('|', o.external_id, l.line_no, l.code, l.title, l.ordered, l.shipped, l.taken_back,
    l.unit_price, l.total_minor), E'\\n' order by o.external_id collate "C", l.line_no))
  from orders o join order_line l on l.merchant_id = o.merchant_id and l.order_id = o.order_id where o.merchant_id = $1
""",
    "corrections": """
select md5(string_agg(concat_ws('|', c.kind, c.external_id, c.total_minor, l.line_no, l.code, l.quantity,
    l.total_minor, l.linked), E'\\n' order by c.kind, c.external_id collate "C", l.line_no))
  from correction c join correction_line l on l.merchant_id = c.merchant_id and l.correction_id = c.correction_id
  where c.merchant_id = $1
""",
    "links": """
select md5(string_agg(concat_ws('|', c.external_id, k.line_no, o.external_id, k.order_line_no, k.quantity,
    k.less_minor, k.price_differs), E'\\n'
    order by c.external_id collate "C", k.line_no, o.external_id collate "C", k.order_line_no))
  from credit_link k
  join correction c on c.merchant_id = k.merchant_id and c.correction_id = k.correction_id
  join orders o on o.merchant_id = k.merchant_id and o.order_id = k.order_id where k.merchant_id = $1
""",
    "stock": """
select md5(string_agg(concat_ws('|', s.code, t.code, a.free), E'\\n' order by s.code collate "C", t.code))
  from availability a join sku s on s.merchant_id = a.merchant_id and s.sku_id = a.sku_id
  join site t on t.site_id = a.site_id where a.merchant_id = $1
""",
    "opening": """
select coalesce(sum(m.quantity), 0)::text from move m
  where m.merchant_id = $1 and m.what = 'stock' and m.verb = 'import_opening'
""",
}


@dataclass
class Run:
    """One start of the import: how it ended, and the most memory it took."""

    returned: int
    told: dict[str, Any]
    peak_mb: float
    seconds: float


def import_once(merchant: str, files: Path, kill_after_s: float | None = None) -> Run:
    """The command, as a person calls it; killed -9 after so long."""
    command = [
        str(Path(sys.executable).with_name("doorstep")), "import", "orders", str(files), "--merchant", merchant,
        "--mapping", str(MAPPING), "--create", "--history", "--json",
    ]  # fmt: skip
    began, peak = time.monotonic(), 0
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        watched = psutil.Process(process.pid)
        while process.poll() is None:
            try:
                peak = max(peak, watched.memory_info().rss)
            except psutil.NoSuchProcess:
                break
            if kill_after_s is not None and time.monotonic() - began > kill_after_s:
                process.send_signal(signal.SIGKILL)
                kill_after_s = None
            time.sleep(0.05)
        out, err = process.communicate()
    if process.returncode not in (0, -signal.SIGKILL):
        raise AssertionError(f"the import ended with {process.returncode}: {out[-500:]} {err[-2000:]}")
    told = json.loads(out.splitlines()[-1]) if process.returncode == 0 else {}
    return Run(process.returncode, told, peak / 1e6, time.monotonic() - began)


async def books_of(db: Db, key: str) -> dict[str, Any]:
    merchant = await merchant_of(db, key)
    async with tenant_tx(db, [merchant], readonly=True) as tx:
        return {name: await tx.value(query, merchant) for name, query in BOOKS.items()}


async def compare() -> dict[str, Any]:
    """What differs between the two merchants' books, and whether the laws hold."""
    async with open_db(size=2) as db:
        smooth, killed = await books_of(db, "smooth"), await books_of(db, "killed")
        report = await audit(db)
    different = [name for name in BOOKS if smooth[name] != killed[name]]
    return {"different": different, "books": smooth, "audit_ok": report.ok}


def drill(kills: int, seed: int) -> dict[str, Any]:
    rng = random.Random(seed)
    with tempfile.TemporaryDirectory(prefix="doorstep-import-", ignore_cleanup_errors=True) as folder:
        os.chmod(folder, 0o755)  # under root the database server is another user
        home, files = Path(folder) / "home", Path(folder) / DATA
        os.environ["DOORSTEP_HOME"] = str(home)
        shutil.copytree(Path(os.environ["DOORSTEP_DATA"]) / DATA, files)
        try:
            smooth = import_once("smooth", files)
            runs: list[Run] = []
            longest = smooth.seconds
            while (struck := sum(run.returned != 0 for run in runs)) < kills:
                # Early kills fall into the reading, later ones into the writing; each run gets a bit further.
                latest = max(1.0, longest * (struck + 1) / kills)
                runs.append(import_once("killed", files, kill_after_s=rng.uniform(0.5, latest)))
                if runs[-1].returned == 0:
                    longest = runs[-1].seconds * 0.8  # all of it is in: what is left to kill is the looking
                tell(f"kill {struck + 1} of {kills}: {'killed' if runs[-1].returned else 'had ended before'}")
            runs.append(import_once("killed", files))
            again = import_once("killed", files)
            compared = asyncio.run(compare())
        finally:
            embedded.stop(home)
    return {
        "smooth": smooth.told, "smooth_seconds": round(smooth.seconds, 1),
        "kills": sum(run.returned != 0 for run in runs),
        "last": runs[-1].told, "again": again.told, "peak_mb": round(max(r.peak_mb for r in (smooth, *runs, again))),
        **compared,
    }  # fmt: skip


def tell(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    if not os.environ.get("DOORSTEP_DATA"):
        sys.exit("set DOORSTEP_DATA to the folder of recorded data to run this")
    told = drill(asked.kills, asked.seed)
    print(json.dumps(told, indent=2))
    bad = []
    if told["different"]:
        bad.append(f"the books differ in {', '.join(told['different'])}")
    if not told["audit_ok"]:
        bad.append("the audit does not hold")
    if told["again"]["taken"] or told["again"]["changed"]:
        bad.append("doing it again changed something")
    if told["peak_mb"] > MOST_MB:
        bad.append(f"it took {told['peak_mb']} MB, more than {MOST_MB}")
    print("; ".join(bad) or f"{told['kills']} kills, the same books; the audit holds")
    sys.exit(1 if bad else 0)


if __name__ == "__main__":
    main()
