"""work: what somebody must look at, and jobs that were refused or gave up."""

from __future__ import annotations

from typing import Any

from doorstep.doors.http.goods import Done
from doorstep.doors.http.operations import Asked, operation
from doorstep.doors.reads import work as reads
from doorstep.kit.ids import number
from doorstep.kit.refusals import NotFound
from doorstep.setup.keys import READ
from doorstep.spine import jobs

RESOLVE = """
update attention set resolved_at = $3, resolved_by = $4
  where merchant_id = $1 and attention_id = $2 and resolved_at is null returning attention_id
"""
IS_RESOLVED = "select 1 from attention where merchant_id = $1 and attention_id = $2"


@operation("GET", "/attention", scope=READ, tag="attention", query=reads.AttentionQuery, answer=reads.AttentionPage)
async def list_attention(asked: Asked) -> Any:
    """What somebody must look at, newest first."""
    async with asked.reading() as tx:
        return await reads.attention(tx, asked.merchant, asked.query)


@operation("POST", "/attention/{attention}/resolve", scope="changes:write", tag="attention", answer=Done)
async def resolve_attention(asked: Asked) -> Any:
    """Somebody looked at it; a second time changes nothing."""
    attention_id = number("att", asked.path["attention"])
    async with asked.writing() as tx:
        by = f"key:{asked.holder.prefix}"
        if await tx.value(RESOLVE, asked.merchant, attention_id, asked.at, by) is None and (
            await tx.value(IS_RESOLVED, asked.merchant, attention_id) is None
        ):
            raise NotFound(attention=asked.path["attention"])
    return Done()


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
