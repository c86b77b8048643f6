"""The URL of a server, read so strictly that no two readers can see different hosts in it.

Only plain spellings pass: ASCII, no user, query or fragment, no ``..``, no number that stands for
an address, no dot at the end. What is left means the same to every HTTP library.
"""

from __future__ import annotations

from typing import NamedTuple

# A path, where there is one, is made of characters that need no second look.
_URL = r"(https?)://(\[[0-9a-f:.]+\]|[a-z0-9_.-]+)(?::([0-9]{1,5}))?(/[a-z0-9._~:+=,%/-]*)?"
_DEFAULT_PORTS = {"http": 80, "https": 443}


class UrlProblem(ValueError):
    """Why a URL is refused; the caller adds where it stands."""

    def __init__(self, message: str, hint: str) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class Url(NamedTuple):
    """A base URL in its one spelling."""

    text: str
    """Scheme and host in small letters, no default port, no slash at the end."""
    origin: str
    """Scheme, host and port: ``https://llm.example.com:8443``."""
    host: str
    loopback: bool
    """Whether it cannot leave this machine: ``localhost``, 127.0.0.0/8 or ``[::1]``."""

    @property
    def encrypted(self) -> bool:
        """Whether nobody on the way can read what is sent."""
        return self.origin.startswith("https:")


def read_url(text: str) -> Url:
    """Read the base URL of a server; UrlProblem where it is anything but plain."""
    import re

    if "@" in text:
        # Not quoted: what stands before the @ may be a password.
        raise UrlProblem(
            "a URL must not hold a user name or a password",
            "`api_key_env` names the environment variable that holds the key",
        )
    if "?" in text or "#" in text:
        raise UrlProblem(
            f"`{_shown(text)}` must end with its path", "leave out what follows `?` or `#`"
        )
    match = re.fullmatch(_URL, text, re.IGNORECASE | re.ASCII)
    if match is None or ".." in text:
        raise UrlProblem(
            f"`{_shown(text)}` is not the URL of a server",
            "write it like `https://llm.example.com/v1`, in ASCII (`xn--…` for other letters)",
        )
    scheme, host, path = match[1].lower(), match[2].lower(), match[4] or ""
    host, loopback = _read_host(host)
    port = int(match[3] or _DEFAULT_PORTS[scheme])
    if not 0 < port < 65536:
        raise UrlProblem(f"`{port}` is not a port", "a port lies between 1 and 65535")
    origin = f"{scheme}://{host}" + ("" if port == _DEFAULT_PORTS[scheme] else f":{port}")
    return Url(origin + path.rstrip("/"), origin, host, loopback)


def _read_host(host: str) -> tuple[str, bool]:
    if host.startswith("["):
        return _read_ipv6(host)
    labels = host.split(".")
    if len(host) > 253 or any(
        not 0 < len(label) < 64 or label[0] == "-" or label[-1] == "-" for label in labels
    ):
        raise UrlProblem(f"`{_shown(host)}` is not a host name", "a dot at the end is not taken")
    # A name that ends in a number is an address to some readers (`2130706433`, `0x7f.1`, `127.1`).
    if not (labels[-1].isdigit() or labels[-1].startswith("0x")):
        return host, host == "localhost"
    if len(labels) != 4 or not all(_is_octet(label) for label in labels):
        raise UrlProblem(f"`{_shown(host)}` is not an IPv4 address", "write it like `127.0.0.1`")
    if labels[0] == "0":
        raise _listening_address(host, "127.0.0.1")
    return host, labels[0] == "127"


def _is_octet(label: str) -> bool:
    return label.isdigit() and len(label) <= 3 and int(label) < 256 and str(int(label)) == label


def _read_ipv6(host: str) -> tuple[str, bool]:
    import ipaddress

    try:
        address = ipaddress.IPv6Address(host[1:-1])
    except ValueError:
        raise UrlProblem(f"`{host}` is not an IPv6 address", "write it like `[::1]`") from None
    if address.is_unspecified:
        raise _listening_address(host, "[::1]")
    # `is_loopback` of newer Pythons also takes mapped IPv4 addresses: only ::1 is meant.
    return f"[{address.compressed}]", int(address) == 1


def _listening_address(host: str, instead: str) -> UrlProblem:
    return UrlProblem(
        f"`{host}` is an address to listen on, not one to call",
        f"write `{instead}` for this machine",
    )


def _shown(text: str) -> str:
    text = text.encode("unicode_escape").decode("ascii")
    return text if len(text) <= 80 else f"{text[:79]}…"
