"""The host of a broker: a name or an address and nothing else."""

from __future__ import annotations

import re
from ipaddress import ip_address

from edge.config.fault import fault


def host_alone(host: str) -> str:
    """The name or address, refused where a port, a scheme or a login stands with it."""
    name, _, port = host.rpartition(":")
    if "@" in host:
        found, do = "text before an @", "take user and password out and name a secret under broker.credentials"
    elif "://" in host:
        found, do = host.partition("://")[0][:10] + "://", "take it out; broker.tls says how the broker is spoken to"
    elif re.search(r"[/\s]", host):
        found, do = "/ or a space", "write only the name, such as mqtt.example.org"
    elif ((name and ":" not in name) or name.endswith("]")) and re.fullmatch("[0-9]{0,10}", port):
        found, do = f"also the port :{port}", f"take it out and write port: {port or 8883} under broker"
    elif not _may_be_a_host(host):
        found, do = "brackets or a colon", "write a name, such as mqtt.example.org, or an address without brackets"
    else:
        return host
    raise fault("this is no name of a host", expected="a name or an address alone", found=found, do=do)


def _may_be_a_host(host: str) -> bool:
    try:
        return not re.search("[][:]", host) or bool(ip_address(host))
    except ValueError:
        return False
