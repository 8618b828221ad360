"""The address under which others find a run, and whether they can reach it."""

import ipaddress
from urllib.parse import urlsplit, urlunsplit

UNKNOWN = "name-of-this-computer"
LISTEN = "streamlit run app.py --server.address 0.0.0.0"


def address(page: str, run_id: str, host: str | None = None) -> str:
    """The address of a run, from that of the page it is looked at on; with `host`, as others
    would have to write it."""
    scheme, here, path, _, _ = urlsplit(page)
    if host:
        port = urlsplit(page).port
        here = f"{host}:{port}" if port else host
    return urlunsplit((scheme, here, path, f"run={run_id}", ""))


def stays_here(page: str) -> bool:
    """Whether this address means, on any computer, that computer itself."""
    host = urlsplit(page).hostname or ""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        number = ipaddress.ip_address(host)
    except ValueError:  # a name
        return False
    return number.is_loopback or number.is_unspecified


def for_others(page: str, run_id: str, number: str | None) -> str:
    """The address as others in the same network write it, where this computer has that number."""
    known = number is not None and not stays_here(f"http://{number}")
    return address(page, run_id, number if known else UNKNOWN)


def advice(page: str, listens_to: str | None) -> str:
    """What to do so that others can open an address that stays here, in markdown.

    `listens_to` is the server's address; None where it answers whoever reaches the machine.
    """
    host = urlsplit(page).hostname
    closed = listens_to not in (None, "0.0.0.0", "::") and stays_here(f"http://{listens_to}")
    first = f"start the app anew with `{LISTEN}`, then " if closed else ""
    return (
        f"**Others cannot open this address**: to every computer, `{host}` is that computer "
        f"itself. For people in your network, {first}give them the address below, and let your "
        "firewall allow it. For people elsewhere, put the app on a server: the README tells how."
    )
