"""The built files are there, current and whole, and nothing third-party is committed."""

import gzip
import hashlib
import re
import subprocess
from pathlib import Path

import pytest

import ebbtide.web
from ebbtide.web.templatetags.ebbtide import DATA_TYPE_ICONS

WEB = Path(ebbtide.web.__file__).parent
VENDOR = WEB / "static" / "vendor"
ROOT = WEB.parents[2]


def used_icons() -> set[str]:
    found = set(DATA_TYPE_ICONS.values()) | {"database"}
    for file in (WEB / "templates").rglob("*.html"):
        text = file.read_text()
        found |= set(re.findall(r'{% icon "([a-z-]+)"', text)) | set(re.findall(r'icon_name="([a-z-]+)"', text))
    return found


def test_every_icon_used_is_in_the_sprite() -> None:
    drawn = set(re.findall(r'<symbol id="([a-z-]+)"', (VENDOR / "icons.svg").read_text()))
    assert used_icons() <= drawn


def test_css_asks_nobody_else_and_names_no_missing_map() -> None:
    css = (VENDOR / "tabler.min.css").read_text()
    assert "sourceMappingURL" not in css
    assert "@import" not in css
    outside = [url for url in re.findall(r"url\(([^)]{0,60})", css) if not url.lstrip("\"'").startswith("data:")]
    assert outside == []


@pytest.mark.parametrize("name", ["tabler.min.css", "icons.svg"])
def test_compressed_twin_is_the_same_file(name: str) -> None:
    assert gzip.decompress((VENDOR / f"{name}.gz").read_bytes()) == (VENDOR / name).read_bytes()


def test_vendor_is_what_the_lock_file_says() -> None:
    if not (ROOT / "build_assets.py").is_file():
        pytest.skip("not run from the project's checkout")
    digest = hashlib.sha256()
    for name in ("package-lock.json", "build_assets.py"):
        digest.update((ROOT / name).read_bytes() + b"\0")
    assert (VENDOR / "stamp.txt").read_text().strip() == digest.hexdigest(), (
        "install the package again to rebuild its assets"
    )


def test_vendor_is_not_committed() -> None:
    if not (ROOT / ".git").exists():
        pytest.skip("not run from the project's checkout")
    listed = subprocess.run(["git", "ls-files", str(VENDOR)], cwd=ROOT, capture_output=True, text=True, check=True)
    assert listed.stdout == ""


def luminance(colour: str) -> float:
    channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("tone", ["good", "warn", "bad", "info", "mute"])
def test_badge_colours_can_be_read(theme: str, tone: str) -> None:
    css = (WEB / "static" / "ebbtide" / "ebbtide.css").read_text()
    block = css[css.index(f'[data-bs-theme="{theme}"] {{') :]
    colours = dict(re.findall(r"--eb-([a-z-]+): (#[0-9a-f]{6});", block[: block.index("}")]))
    light, dark = sorted((luminance(colours[tone]), luminance(colours[f"{tone}-bg"])), reverse=True)
    assert (light + 0.05) / (dark + 0.05) >= 4.5
