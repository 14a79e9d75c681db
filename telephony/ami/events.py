"""Manager messages as values. Seconds everywhere; the call id is the caller's channel id."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import unquote

from telephony.ami.parser import Message
from telephony.identity import CallerId, caller_id


@dataclass(frozen=True, slots=True)
class Connected:
    """Signed in. Events of the time before are lost: ask for the present (QueueStatus).

    `site` says which of several sites it is, empty where there is one.
    """

    site: str = ""


@dataclass(frozen=True, slots=True)
class Disconnected:
    """The connection broke, or could not be opened; it is tried again.

    `refused` when nobody listens there any more: Asterisk is dead, not merely out of reach.
    """

    reason: str
    refused: bool = False
    site: str = ""


@dataclass(frozen=True, slots=True)
class Fallback:
    """The dialplan took the call without the application. reason: absent, returned, watchdog."""

    call_id: str
    reason: str


@dataclass(frozen=True, slots=True)
class Queued:
    """The caller is about to enter the queue. `since` is when the wait began, in epoch seconds;
    earlier than now for one whose place was kept. 0 where it is not known."""

    call_id: str
    queue: str
    priority: int
    since: float = 0.0


@dataclass(frozen=True, slots=True)
class QueueJoined:
    """The caller stands in the queue, at `position` of `waiting`."""

    call_id: str
    queue: str
    caller: CallerId
    position: int
    waiting: int


@dataclass(frozen=True, slots=True)
class QueueLeft:
    """The caller left the queue: answered, gave up, timed out or pressed a key."""

    call_id: str
    queue: str
    waiting: int


@dataclass(frozen=True, slots=True)
class AgentRinging:
    """The call rings at an agent's phone: the moment for the screen-pop."""

    call_id: str
    agent: str
    agent_channel_id: str
    caller: CallerId


@dataclass(frozen=True, slots=True)
class AgentConnected:
    """The agent answered after the caller waited `hold_s`; the phone rang `ring_s`."""

    call_id: str
    agent: str
    agent_channel_id: str
    hold_s: float
    ring_s: float


@dataclass(frozen=True, slots=True)
class AgentCompleted:
    """The talk is over. reason: caller, agent or transfer."""

    call_id: str
    agent: str
    hold_s: float
    talk_s: float
    reason: str


@dataclass(frozen=True, slots=True)
class AgentNoAnswer:
    """The agent's phone rang `ring_s` and nobody took it; the agent was paused."""

    call_id: str
    agent: str
    ring_s: float


@dataclass(frozen=True, slots=True)
class Abandoned:
    """The caller hung up while waiting."""

    call_id: str
    queue: str
    hold_s: float
    position: int


@dataclass(frozen=True, slots=True)
class Answered:
    """Dialplan's own word that an agent's phone took the call.

    `channel` is the name of the phone's channel. `why` is empty for a call from the queue, else
    transfer, back (a transfer nobody took) or resume (a browser loaded again).
    """

    call_id: str
    agent: str
    channel: str = ""
    why: str = ""


@dataclass(frozen=True, slots=True)
class Consulted:
    """A colleague took the call of an agent who asks before handing a caller over."""

    call_id: str
    agent: str
    channel: str


@dataclass(frozen=True, slots=True)
class ConsultAsked:
    """A colleague's telephone begins to ring, or a number outside."""

    call_id: str
    to: str


@dataclass(frozen=True, slots=True)
class AgentLeft:
    """An agent's phone is out of the call, or never took it. `cause` is Q.850's."""

    call_id: str
    agent: str
    channel: str
    cause: int


@dataclass(frozen=True, slots=True)
class Transferred:
    """An agent hands the caller over without asking. `to`: an extension, or a queue."""

    call_id: str
    agent: str
    to: str

    @property
    def to_queue(self) -> bool:
        return not self.to.isdecimal()


@dataclass(frozen=True, slots=True)
class TransferFailed:
    """Nobody took it. status: BUSY, NOANSWER, CHANUNAVAIL. After `returns` of more than three the
    caller goes to the front of the queue, else back to `agent`."""

    call_id: str
    agent: str
    to: str
    status: str
    returns: int


@dataclass(frozen=True, slots=True)
class AgentLost:
    """The agent's phone went away in the talk; the caller waits for it some seconds."""

    call_id: str
    agent: str


@dataclass(frozen=True, slots=True)
class BackToQueue:
    """The caller goes to the front of the queue: nobody took the transfer, or came back."""

    call_id: str


@dataclass(frozen=True, slots=True)
class HeldChanged:
    """The caller hears music (`held`), or the agent again."""

    call_id: str
    agent: str
    held: bool


@dataclass(frozen=True, slots=True)
class CallBackWanted:
    """The caller wants to hang up and be called back, keeping the place since `since`."""

    call_id: str
    queue: str
    priority: int
    since: float
    number: str = ""


@dataclass(frozen=True, slots=True)
class CallEnded:
    """The caller's channel is gone. `queue_status` is empty for a call an agent took."""

    call_id: str
    queue_status: str
    agent: str
    message_left: bool
    fallback: str


@dataclass(frozen=True, slots=True)
class RatingAsked:
    """The talk is over, the agent has gone, and the caller is asked how it went."""

    call_id: str


@dataclass(frozen=True, slots=True)
class Rated:
    """The caller said how it went: `score` from 1 (bad) to 5 (good)."""

    call_id: str
    score: int


@dataclass(frozen=True, slots=True)
class MessageLeft:
    """The caller left a spoken message in the file `path`."""

    call_id: str
    path: str


@dataclass(frozen=True, slots=True)
class RecordingReady:
    """The recording's files are closed: `path` (both parties), -in and -out beside it."""

    call_id: str
    path: str
    bytes: int


@dataclass(frozen=True, slots=True)
class MemberChanged:
    """A queue member as it is now. status: Asterisk's device state (1 free, 2 talking, 5 away,
    6 ringing). `removed` when it left the queue."""

    queue: str
    agent: str
    status: int
    paused: bool
    paused_reason: str
    removed: bool = False
    penalty: int = 0


@dataclass(frozen=True, slots=True)
class PhoneReachable:
    """A phone registered or went away. `moved`: it was at another site before `site`."""

    agent: str
    reachable: bool
    site: str = ""
    moved: bool = False


@dataclass(frozen=True, slots=True)
class DialTaken:
    """A number that we rang was taken. heard: HUMAN, MACHINE, NOTSURE where it was listened for."""

    call_id: str
    heard: str


@dataclass(frozen=True, slots=True)
class DialKey:
    """Who took the call answered question number `question` with `key` (empty: with none)."""

    call_id: str
    question: int
    key: str


@dataclass(frozen=True, slots=True)
class DialOver:
    """The ringing, or the talk, of a call that we made is over.

    status: Asterisk's DIALSTATUS, or NOTALLOWED; cause: its Q.850 cause, 0 when it gave none.
    """

    call_id: str
    status: str
    cause: int


@dataclass(frozen=True, slots=True)
class DialNotBegun:
    """The first telephone of an Originate was not taken: of one to an agent, the agent's."""

    context: str
    extension: str
    # Whose telephone, and the name we gave its channel: empty where there never was one.
    agent: str = ""
    channel_id: str = ""


@dataclass(frozen=True, slots=True)
class Knocked:
    """Somebody at `address` was refused. what: account (unknown), password, format, number."""

    address: str
    account: str
    what: str


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A telephone at `address` gave the right password."""

    address: str
    account: str


@dataclass(frozen=True, slots=True)
class Other:
    """A message Standpipe has no use for."""

    name: str
    message: Message


AmiEvent = (
    Connected | Disconnected | Fallback | Queued | QueueJoined | QueueLeft | AgentRinging
    | AgentConnected | AgentCompleted | AgentNoAnswer | Abandoned | Answered | CallEnded
    | MessageLeft | RecordingReady | MemberChanged | PhoneReachable | DialTaken | DialKey | DialOver
    | DialNotBegun | CallBackWanted | Knocked | SignedIn | Other
    | ConsultAsked | Consulted | AgentLeft | Transferred | TransferFailed | AgentLost
    | BackToQueue | HeldChanged | RatingAsked | Rated
)  # fmt: skip


def agent_of(interface: str) -> str:
    """`PJSIP/1001`, `PJSIP/1001-0000002a` or, at another site, `PJSIP/1001@site-b` -> `1001`."""
    return interface.rpartition("/")[2].partition("@")[0].partition("-")[0]


def _caller(message: Message) -> CallerId:
    return caller_id(_known(message.get("CallerIDNum")), _known(message.get("CallerIDName")))


def _known(text: str) -> str:
    return "" if text == "<unknown>" else text


def _dial_event(name: str, attempt: str, message: Message) -> AmiEvent | None:
    if name == "SPDialTaken":
        return DialTaken(attempt, message.get("Heard"))
    if name == "SPDialKey":
        return DialKey(attempt, int(message.number("Question")), message.get("Key"))
    if name == "SPDialled":
        return DialOver(attempt, message.get("Status"), int(message.number("Cause")))
    if name == "SPDialRefused":
        return DialOver(attempt, "NOTALLOWED", 21)
    return None


def _user_event(message: Message) -> AmiEvent | None:
    name, call = message.get("UserEvent"), message.get("CallId")
    if attempt := message.get("Attempt"):
        return _dial_event(name, attempt, message)
    if name == "SPOddNumber":
        address = message.get("Address").rpartition(":")[0].strip("[]")
        return Knocked(address, message.get("Account"), "number")
    if not call:
        return None
    if name == "SPFallback":
        return Fallback(call, message.get("Reason"))
    if name == "SPQueued":
        return Queued(
            call, message.get("Queue"), int(message.number("QueuePriority")),
            message.number("Since"),
        )  # fmt: skip
    if name == "SPCallBackWanted":
        return CallBackWanted(
            call, message.get("Queue"), int(message.number("QueuePriority")),
            message.number("Since"), message.get("Number"),
        )  # fmt: skip
    if name == "SPAnswered":
        return Answered(
            call, message.get("Agent"), message.get("AgentChannel"), message.get("Why")
        )
    if (handing := _handing_over(name, call, message)) is not None:
        return handing
    if name == "SPAsked":
        return RatingAsked(call)
    if name == "SPRated":
        return Rated(call, int(message.number("Score")))
    if name == "SPMessageLeft":
        return MessageLeft(call, message.get("Path"))
    if name == "SPRecordingReady":
        return RecordingReady(call, message.get("Path"), int(message.number("Bytes")))
    if name == "SPCallEnded":
        status = message.get("QueueStatus")
        return CallEnded(
            call_id=call,
            # app_queue's word for a talk that is over, whoever ended it.
            queue_status="" if status == "CONTINUE" else status,
            agent=message.get("Agent"),
            message_left=message.get("Message") == "1",
            fallback=message.get("Fallback"),
        )
    return None


def _handing_over(name: str, call: str, message: Message) -> AmiEvent | None:
    agent = message.get("Agent")
    if name == "SPConsulted":
        return Consulted(call, agent, message.get("AgentChannel"))
    if name == "SPConsult":
        return ConsultAsked(call, message.get("To"))
    if name == "SPAgentLeft":
        return AgentLeft(call, agent, message.get("AgentChannel"), int(message.number("Cause")))
    if name == "SPTransfer":
        return Transferred(call, message.get("From"), message.get("To"))
    if name == "SPTransferFailed":
        return TransferFailed(
            call, message.get("From"), message.get("To"), message.get("Status"),
            int(message.number("Returns")),
        )  # fmt: skip
    if name == "SPAgentLost":
        return AgentLost(call, agent)
    if name == "SPBackToQueue":
        return BackToQueue(call)
    if name in ("SPHold", "SPUnhold"):
        return HeldChanged(call, agent_of(message.get("Holder")), name == "SPHold")
    return None


def _member(message: Message, removed: bool) -> MemberChanged:
    return MemberChanged(
        queue=message.get("Queue"),
        agent=agent_of(message.get("Interface") or message.get("Location")),
        status=int(message.number("Status")),
        paused=message.get("Paused") == "1",
        paused_reason=unquote(message.get("PausedReason")),
        removed=removed,
        penalty=int(message.number("Penalty")),
    )


_MEMBER_EVENTS = {
    "QueueMember", "QueueMemberStatus", "QueueMemberAdded", "QueueMemberPause",
    "QueueMemberRemoved", "QueueMemberPenalty",
}  # fmt: skip


_KNOCKS = {
    "InvalidAccountID": "account", "InvalidPassword": "password",
    "ChallengeResponseFailed": "password", "RequestBadFormat": "format",
    "UnexpectedAddress": "account",
}  # fmt: skip


def _security(name: str, message: Message) -> AmiEvent | None:
    """Asterisk's security events, as far as telephones are concerned."""
    if message.get("Service") != "PJSIP":
        return None
    account = message.get("AccountID")
    parts = message.get("RemoteAddress").split("/")  # IPV4/UDP/192.0.2.7/5060
    address = parts[2] if len(parts) == 4 else ""
    if name in _KNOCKS:
        return Knocked(address, account, _KNOCKS[name])
    if name == "SuccessfulAuth" and message.get("UsingPassword") == "1":
        return SignedIn(address, account)
    return None


def parse_event(message: Message) -> AmiEvent:
    """A manager event as a value; anything unknown becomes `Other`, never an error."""
    name = message.get("Event")
    # A caller whom another site handed over keeps the name that site gave.
    call = message.variable("SP_CALL_ID") or message.get("Uniqueid")
    agent = agent_of(message.get("Interface"))
    event: AmiEvent | None = None
    if name == "UserEvent":
        event = _user_event(message)
    elif name in _MEMBER_EVENTS:
        event = _member(message, removed=name == "QueueMemberRemoved")
    elif name == "QueueCallerJoin":
        event = QueueJoined(
            call, message.get("Queue"), _caller(message),
            int(message.number("Position")), int(message.number("Count")),
        )  # fmt: skip
    elif name == "QueueCallerLeave":
        event = QueueLeft(call, message.get("Queue"), int(message.number("Count")))
    elif name == "QueueCallerAbandon":
        event = Abandoned(
            call, message.get("Queue"), message.number("HoldTime"),
            int(message.number("Position")),
        )  # fmt: skip
    elif name == "AgentCalled":
        event = AgentRinging(call, agent, message.get("DestUniqueid"), _caller(message))
    elif name == "AgentConnect":
        event = AgentConnected(
            call, agent, message.get("DestUniqueid"),
            message.number("HoldTime"), message.number("RingTime"),
        )  # fmt: skip
    elif name == "AgentComplete":
        event = AgentCompleted(
            call, agent, message.number("HoldTime"), message.number("TalkTime"),
            message.get("Reason"),
        )  # fmt: skip
    elif name == "AgentRingNoAnswer":
        # The one event that counts its ringing in milliseconds.
        event = AgentNoAnswer(call, agent, message.number("RingTime") / 1000.0)
    elif name == "OriginateResponse" and message.get("Response") == "Failure":
        event = DialNotBegun(
            message.get("Context"), message.get("Exten"), agent_of(message.get("Channel")),
            _known(message.get("Uniqueid")),
        )  # fmt: skip
    elif name in ("Hold", "Unhold"):
        # Of the channel that holds: the agent's. The call's name is that of the first channel.
        event = HeldChanged(
            message.get("Linkedid"), agent_of(message.get("Channel")), name == "Hold"
        )
    elif name == "ContactStatus":
        status = message.get("ContactStatus")
        if status in {"Reachable", "NonQualified", "Created", "Updated"}:
            event = PhoneReachable(message.get("EndpointName"), True)
        elif status in {"Removed", "Unreachable"}:
            event = PhoneReachable(message.get("EndpointName"), False)
    event = event or _security(name, message)
    return event if event is not None else Other(name, message)
