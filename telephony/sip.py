"""Endpoints and media as Asterisk configuration text: the trunk, desk phones, browsers, RTP."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from telephony.guard import ACL

TRUNK_HEADER = "X-SP-Trunk"
SITE_HEADER = "X-SP-Site"
# How soon a site that died is known to be dead, at most: the period and the patience together.
SITE_ASKED_EVERY_S = 5
SITE_PATIENCE_S = 2
# Every address of this machine.
ANY_ADDRESS = "0.0.0.0"
# A gateway across town may take its time.
TRUNK_PATIENCE_S = 4


@dataclass(frozen=True, slots=True)
class Peer:
    """Another Asterisk of the same switchboard: its site code and host:port of its SIP."""

    site: str
    contact: str


def site_endpoint(site: str) -> str:
    """The endpoint that leads to another site."""
    return f"site-{site}"


@dataclass(frozen=True, slots=True)
class Phone:
    """A desk phone or a browser. `name` is what colleagues see; `webrtc` means a browser."""

    extension: str
    password: str
    name: str
    webrtc: bool


def render_pjsip(
    *,
    sip_port: int,
    sip_address: str,
    trunk_secret: str,
    trunk_addresses: Sequence[str],
    phones: Sequence[Phone],
    wss: bool,
    trunk_contact: str = "",
    trunk_asked_s: int = 0,
    peers: Sequence[Peer] = (),
    site_secret: str = "",
) -> str:
    """pjsip.conf. Values are checked by the caller."""
    # The header comes first: a caller's From may be any number, also one of our extensions.
    sections = [
        "[global]\ntype=global\nuser_agent=Standpipe\n"
        "endpoint_identifier_order=header,ip,request_uri,username,anonymous\nkeep_alive_interval=30",
        # Shut out are the addresses of own/acl-own.conf (telephony.guard).
        f"[shut-out]\ntype=acl\nacl={ACL}",
        f"[transport-udp]\ntype=transport\nprotocol=udp\nbind={sip_address}:{sip_port}",
        f"[transport-ws]\ntype=transport\nprotocol=ws\nbind={sip_address}:{sip_port}",
    ]
    if wss:
        sections.append(f"[transport-wss]\ntype=transport\nprotocol=wss\nbind={sip_address}")
    sections.append(_trunk(
        sip_address, trunk_secret, trunk_addresses, trunk_contact, trunk_asked_s
    ))  # fmt: skip
    sections.extend(_peer(peer, sip_address, site_secret) for peer in peers)
    if peers:
        # One secret for all: whoever knows it may hand callers over, and nothing else.
        sections.append(
            f"[site-by-header]\ntype=identify\nendpoint={site_endpoint(peers[0].site)}\n"
            f"match_header={SITE_HEADER}: {site_secret}"
        )
        # The question whether we are alive cannot carry a header; its address is the secret.
        sections.append(
            f"[site-by-address]\ntype=identify\nendpoint={site_endpoint(peers[0].site)}\n"
            f"match_request_uri=/^sip:{site_secret}@/"
        )
    sections.extend(_phone(phone, sip_address) for phone in phones)
    return "\n\n".join(sections) + "\n"


def _media(sip_address: str) -> str:
    text = "direct_media=no\nrtp_symmetric=yes\ndtmf_mode=rfc4733"
    if sip_address == ANY_ADDRESS:
        # Each talk has the address by which the other side is reached.
        return text
    return f"{text}\nmedia_address={sip_address}\nbind_rtp_to_media_address=yes"


def _trunk(
    sip_address: str, secret: str, addresses: Sequence[str], contact: str, asked_s: int
) -> str:
    endpoint = (
        "[trunk]\ntype=endpoint\ntransport=transport-udp\ncontext=from-pstn\n"
        "disallow=all\nallow=ulaw,alaw\ntrust_id_inbound=yes\nsend_connected_line=no\n"
        # Never by the name in From, which anybody can write: this endpoint asks for no password.
        "identify_by=header,ip\n"
        f"allow_subscribe=no\nallow_transfer=no\nrtp_timeout=120\n{_media(sip_address)}"
    )
    # A secret in a header, not a port: any number of simulated callers may call at once, and a
    # phone that does not know the secret stays a phone. A real gateway is known by its address.
    identify = (
        f"[trunk-by-header]\ntype=identify\nendpoint=trunk\nmatch_header={TRUNK_HEADER}: {secret}"
    )
    if contact:
        # A fixed place, and no room for another: nobody can register as the public network.
        endpoint += "\naors=trunk"
        identify += (
            f"\n\n[trunk]\ntype=aor\ncontact=sip:{contact}\n"
            f"qualify_frequency={asked_s}\nqualify_timeout={TRUNK_PATIENCE_S}.0"
        )
    parts = [endpoint, identify]
    if addresses:
        matches = "\n".join(f"match={address}" for address in addresses)
        parts.append(f"[trunk-by-address]\ntype=identify\nendpoint=trunk\n{matches}")
    return "\n\n".join(parts)


def _peer(peer: Peer, sip_address: str, secret: str) -> str:
    name = site_endpoint(peer.site)
    return (
        f"[{name}]\ntype=endpoint\ntransport=transport-udp\ncontext=from-site\naors={name}\n"
        "disallow=all\nallow=ulaw,alaw\ntrust_id_inbound=yes\nsend_connected_line=no\n"
        "identify_by=header,request_uri\n"
        # A site that dies says no goodbye: its sound stops.
        "allow_subscribe=no\nallow_transfer=no\nrtp_timeout=5\nrtp_timeout_hold=60\n"
        f"{_media(sip_address)}\n\n"
        f"[{name}]\ntype=aor\ncontact=sip:{secret}@{peer.contact}\n"
        f"qualify_frequency={SITE_ASKED_EVERY_S}\nqualify_timeout={SITE_PATIENCE_S}.0"
    )


def _phone(phone: Phone, sip_address: str) -> str:
    extension = phone.extension
    if phone.webrtc:
        kind = (
            "transport=transport-ws\nwebrtc=yes\ndtls_auto_generate_cert=yes\n"
            "disallow=all\nallow=opus,ulaw\nrtp_timeout=10\nrtp_timeout_hold=300"
        )
    else:
        kind = (
            "transport=transport-udp\ndisallow=all\nallow=ulaw,alaw\nsend_connected_line=no\n"
            "rtp_timeout=10\nrtp_timeout_hold=300"
        )
    # device_state_busy_at stays unset: with it, ringing and talking look alike in queue events.
    return (
        f"[{extension}]\ntype=endpoint\ncontext=sp-internal\naors={extension}\n"
        f'auth={extension}\ncallerid="{phone.name}" <{extension}>\n{kind}\n'
        f"{_media(sip_address)}\n\n"
        f"[{extension}]\ntype=auth\nauth_type=userpass\nusername={extension}\n"
        f"password={phone.password}\n\n"
        f"[{extension}]\ntype=aor\nmax_contacts=1\nremove_existing=yes\nqualify_frequency=0\n"
        "maximum_expiration=3600\nminimum_expiration=30"
    )


def render_rtp(rtp_start: int, rtp_end: int, sip_address: str, host_ipv4s: Sequence[str]) -> str:
    """rtp.conf.

    Asterisk never offers loopback addresses to a browser, so a browser on the same machine would
    get a call without sound. Each address of the machine is announced as the loopback one.
    On a real network (`sip_address` not loopback) nothing is mapped.
    """
    text = (
        f"[general]\nrtpstart={rtp_start}\nrtpend={rtp_end}\nstrictrtp=yes\n"
        "icesupport=yes\nice_deny=::/0\n"
    )
    if sip_address.startswith("127.") and host_ipv4s:
        mapped = "\n".join(f"{address} => {sip_address}" for address in host_ipv4s)
        text += f"\n[ice_host_candidates]\n{mapped}\n"
    return text
