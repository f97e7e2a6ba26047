"""Where people open the web interface, as links that are told at a terminal begin."""

PORT = 8710
DEFAULT_ADDRESS = f"http://127.0.0.1:{PORT}/"
_EVERYWHERE = {"0.0.0.0", "::", ""}  # noqa: S104 - named, not bound


def address_of(host: str, *, port: int, hosts: list[str], https: bool) -> str:
    """Give the address of a web server that listens on a host and port.

    Args:
        host: what it listens on; every address of the machine is told as the first name people know it by.
        port: its port; behind a proxy with HTTPS people see the proxy's.
        hosts: names the interface answers to.
        https: whether it stands behind HTTPS.
    """
    named = next((one for one in hosts if one not in {"127.0.0.1", "localhost", "*"}), None)
    if https and named:
        return f"https://{named}/"
    shown = (named or "localhost") if host in _EVERYWHERE else host
    return f"http://{f'[{shown}]' if ':' in shown else shown}:{port}/"
