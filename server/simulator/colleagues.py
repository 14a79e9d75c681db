"""Colleagues who act when nobody else does: an agent at a desk telephone, a dispatcher.

They leave people the first word: calls go to them only while no other agent is signed in, and an
incident waits for a dispatcher before the demo sends a crew itself.
"""

from __future__ import annotations

import asyncio
import logging
import os
import threading
from datetime import datetime, timedelta

from django.db.models import Q

from server.accounts.models import User
from server.accounts.refusals import Refused
from server.calls import agents
from server.calls import services as calls
from server.calls.models import AgentState, Call
from server.customers.models import Account
from server.dispatch import candidates
from server.dispatch import services as dispatch
from server.dispatch.models import WorkOrder
from server.simulator.callers import CallersSim
from server.tickets import services as tickets
from server.tickets.models import CallBack, Incident, Ticket
from server.workforce.models import Crew
from telephony.phone import DeskPhone
from telephony.sipp import CallerError

log = logging.getLogger("standpipe.simulator")
AGENT, DISPATCHER = "agent4", "dispatcher2"
LISTEN_S = 5.0
PATIENCE_S = 30.0
CLOSE_AFTER_S = 60.0


class Desk(threading.Thread):
    """The demo agent's telephone: answers whatever rings there."""

    def __init__(self) -> None:
        super().__init__(daemon=True, name="desk-phone")
        self._stop_asked = threading.Event()
        self.registered = False

    def run(self) -> None:
        asyncio.run(self._keep())

    async def _keep(self) -> None:
        user = await asyncio.to_thread(User.objects.get, username=AGENT)
        while not self._stop_asked.is_set():
            phone = DeskPhone(
                os.environ.get("STANDPIPE_SIP_HOST", "127.0.0.1"),
                int(os.environ["STANDPIPE_SIP_PORT"]), user.extension,
                agents.phone_password(user.extension), ring_s=1.5, hold_s=20.0,
            )  # fmt: skip
            try:
                async with phone:
                    self.registered = True
                    for _ in range(1800):  # registered anew every half hour
                        if self._stop_asked.is_set():
                            break
                        await asyncio.sleep(1)
            except CallerError as error:
                log.info("the demo's desk telephone is not there: %s", error)
                await asyncio.sleep(5)
            self.registered = False

    def stop(self) -> None:
        self._stop_asked.set()


class Colleagues:
    """`tick` about once a second."""

    def __init__(self, callers: CallersSim, desk: Desk | None) -> None:
        self._callers = callers
        self._desk = desk

    def tick(self, now: datetime) -> None:
        if self._desk is not None:
            self._sit_down_or_get_up()
            self._register(now)
        self._dispatch(now)
        self._close(now)

    def _sit_down_or_get_up(self) -> None:
        assert self._desk is not None
        user = User.objects.get(username=AGENT)
        others = AgentState.objects.exclude(user=user).exclude(
            Q(state="signed_out") | Q(state="paused")
        )
        wanted = "ready" if self._desk.registered and not others.exists() else "signed_out"
        row = AgentState.objects.filter(user=user).first()
        now_state = row.state if row else "signed_out"
        if now_state in ("talking", "ringing", "wrap"):
            return
        if now_state != wanted:
            agents.set_state(user, wanted)
            agents.ask_queue(user, wanted)

    def _register(self, now: datetime) -> None:
        rows = Call.objects.filter(
            agent__username=AGENT, contact=None, answered_at__lt=now - timedelta(seconds=LISTEN_S),
            answered_at__gt=now - timedelta(minutes=5),
        )  # fmt: skip
        for call in rows:
            story = self._callers.stories.get(call.phone) or self._callers.stories.get(
                call.raw_number
            )
            kind, note = (story.kind, story.note) if story else ("enquiry", "")
            account = Account.objects.filter(number=story.account).first() if story else None
            if call.account is None and account is not None:
                call = calls.identify(call, account, by=AGENT)
            try:
                calls.register(call, {"kind": kind, "note": note}, by=AGENT)
            except Refused as error:
                log.warning("the demo agent could not register %s: %s", call.call_id, error)

    def _dispatch(self, now: datetime) -> None:
        at_work = WorkOrder.objects.exclude(state__in=["declined", "recalled", "failed_visit"])
        waiting = (
            Incident.objects.filter(
                state__in=["open", "dispatched"], geom__isnull=False,
                opened_at__lt=now - timedelta(seconds=PATIENCE_S),
            )
            .exclude(work_orders__in=at_work)
            .order_by("priority", "pk")
        )  # fmt: skip
        for incident in waiting[:3]:
            try:
                ranked, _ms = candidates.rank_crews(incident)
                if not ranked or ranked[0].excluded:
                    continue
                crew = Crew.objects.get(pk=ranked[0].candidate.id)
                dispatch.assign(incident, crew, by=DISPATCHER)
            except Refused as error:
                log.info("the demo dispatcher: %s: %s", incident, error)

    def _close(self, now: datetime) -> None:
        """Water is back: call the customer, then close; by somebody who did not settle it."""
        for row in CallBack.objects.filter(
            reason="water_back", done_at=None, ticket__resolved_at__lt=now
            - timedelta(seconds=CLOSE_AFTER_S),
        )[:5]:  # fmt: skip
            calls.call_back_done(row, "reached", by=AGENT)
        done = Ticket.objects.filter(
            state__in=["call_back", "resolved"],
            resolved_at__lt=now - timedelta(seconds=CLOSE_AFTER_S),
        )
        for ticket in done[:5]:
            try:
                tickets.act(ticket, "close", role="agent", by=AGENT)
            except Refused as error:
                log.info("the demo agent cannot close %s: %s", ticket.number, error)
