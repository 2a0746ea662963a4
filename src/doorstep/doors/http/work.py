"""work: jobs: what waits, what was refused, what gave up."""

from __future__ import annotations

from typing import Any

from doorstep.doors.http.operations import Asked, Done, operation
from doorstep.doors.reads import work as reads
from doorstep.kit.ids import number
from doorstep.kit.refusals import NotFound
from doorstep.setup.keys import READ
from doorstep.spine import jobs


@operation("GET", "/jobs", scope=READ, tag="jobs", query=reads.JobQuery, answer=reads.JobPage)
async def list_jobs(asked: Asked) -> Any:
    """Jobs that are dead, were refused, or wait."""
    async with asked.reading() as tx:
        return await reads.jobs(tx, asked.merchant, asked.query)


@operation("POST", "/jobs/{job}/replay", scope="changes:write", tag="jobs", answer=Done)
async def replay_job(asked: Asked) -> Any:
    """Let a dead or refused job run again."""
    async with asked.writing() as tx:
        if not await jobs.replay(tx, asked.merchant, [number("job", asked.path["job"])], asked.at):
            raise NotFound(job=asked.path["job"])
    return Done()
