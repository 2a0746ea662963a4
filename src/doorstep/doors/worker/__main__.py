"""`python -m doorstep.doors.worker`: one worker; start as many as there is work for."""

from __future__ import annotations

import asyncio
import os
import signal

import structlog
import uvloop

import doorstep.doors.stages  # noqa: F401  (binds the verbs)
from doorstep.doors import logs
from doorstep.doors.mending import bring_back
from doorstep.doors.opening import open_db
from doorstep.doors.worker import finding, importing, relay, rolling, schedule
from doorstep.doors.worker.following import keep_up
from doorstep.doors.worker.loop import CALLS, IDLE_SECONDS, LANES, LONGEST_IDLE_S, Worker
from doorstep.doors.worker.outside import world_of
from doorstep.kit import home as homes
from doorstep.kit.garbage import collect_seldom
from doorstep.plug.notifier import WebhookSender


async def main() -> None:
    async with open_db(size=LANES + CALLS + 5) as db:
        world = world_of(db, homes.home())
        longest_idle_s = float(os.environ.get(IDLE_SECONDS, LONGEST_IDLE_S))
        worker = Worker(world, bring_back=bring_back, longest_idle_s=longest_idle_s)
        subscribers = relay.Relay(world, WebhookSender())
        for name in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(name, worker.stopping.set)
        structlog.get_logger("doorstep.worker").info("worker started")
        collect_seldom()
        await asyncio.gather(
            worker.run(),
            schedule.run(world, worker.stopping),
            subscribers.run(worker.stopping),
            keep_up(world, worker.stopping, finding.FOLLOWER.once),
            keep_up(world, worker.stopping, rolling.once),
            importing.run(world, homes.home(), worker.stopping),
        )


if __name__ == "__main__":
    logs.set_up()
    uvloop.run(main())
