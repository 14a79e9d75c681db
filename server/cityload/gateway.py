"""A gateway to the public network as an Asterisk of its own: speaks A-law and RFC 4733 to us.

    lines (mu-law) ── gateway, 127.0.0.2 ══ A-law trunk ══► switchboard, 127.0.0.1

Real gateways are known by their address, so it has one of its own. It turns one law into the other,
as gateways do; what the switchboard hears and says on the trunk is A-law and nothing else.
"""

from __future__ import annotations

from dataclasses import dataclass

from telephony.config import AsteriskConfig
from telephony.sip import TRUNK_HEADER

ADDRESS = "127.0.0.2"


@dataclass(frozen=True, slots=True)
class Gateway(AsteriskConfig):
    """`trunk_contact` is the switchboard; `lines` (host:port) are the telephones beyond.

    Telephones show `secret_of_trunk`, as simulated callers show it to a switchboard.
    """

    lines: str = ""

    def files(self) -> dict[str, str]:
        """As a switchboard's, but for who is spoken to and where calls go."""
        # Not super(): a class with slots is made a second time, and super() looks for the first.
        texts = AsteriskConfig.files(self)
        return {**texts, "pjsip.conf": self._endpoints(), "extensions.conf": _DIALPLAN}

    def _endpoints(self) -> str:
        return "\n\n".join([
            "[global]\ntype=global\nuser_agent=Gateway\nendpoint_identifier_order=header,ip",
            f"[udp]\ntype=transport\nprotocol=udp\nbind={self.bind_address}:{self.sip_port}",
            self._endpoint("lines", "ulaw", self.lines),
            f"[lines]\ntype=identify\nendpoint=lines\n"
            f"match_header={TRUNK_HEADER}: {self.secret_of_trunk}",
            self._endpoint("switchboard", "alaw", self.trunk_contact),
            "[switchboard]\ntype=identify\nendpoint=switchboard\n"
            f"match={self.trunk_contact.partition(':')[0]}",
        ]) + "\n"  # fmt: skip

    def _endpoint(self, name: str, codec: str, contact: str) -> str:
        return (
            f"[{name}]\ntype=endpoint\ntransport=udp\ncontext=from-{name}\naors={name}\n"
            f"disallow=all\nallow={codec}\ndtmf_mode=rfc4733\ntrust_id_inbound=yes\n"
            "trust_id_outbound=yes\nsend_pai=yes\nsend_connected_line=no\ndirect_media=no\n"
            f"rtp_symmetric=yes\nmedia_address={self.bind_address}\n"
            f"bind_rtp_to_media_address=yes\n\n"
            f"[{name}]\ntype=aor\ncontact=sip:{contact}\nqualify_frequency=0"
        )


def _through(context: str, to: str) -> str:
    lines = [
        f"exten => {pattern},1,Dial(PJSIP/${{EXTEN}}@{to},60)\n same => n,Hangup(${{HANGUPCAUSE}})"
        for pattern in ("_X!", "_+X!")
    ]
    return f"[{context}]\n" + "\n".join(lines)


_DIALPLAN = "\n\n".join([
    _through("from-lines", "switchboard"), _through("from-switchboard", "lines"),
]) + "\n"  # fmt: skip
