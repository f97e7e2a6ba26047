"""The product behind a real server, in front of a real browser.

ORM calls of the test stand beside Playwright's event loop, which Django takes for asynchronous code; hence the switch.
"""

import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path
from typing import Any

import pytest
from axe_core_python.sync_playwright import Axe
from django.conf import settings
from django.test import Client
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Request, Response, sync_playwright

from ebbtide.apps.orgs.models import User
from ebbtide.pg.launcher import Urls
from tests.apps.web.conftest import BACKEND
from tests.served import served

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
FLAGS = [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
]  # fmt: skip
CONTRAST = (Path(__file__).parent / "contrast.js").read_text()
MOST_TRANSFERRED = 300_000
WIDE, PHONE = {"width": 1280, "height": 900}, {"width": 390, "height": 844}


@pytest.fixture
def address(database: Urls) -> Iterator[str]:
    """The product, served."""
    with served() as where:
        yield where


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    if CHROMIUM is None:
        pytest.fail("There is no Chromium: run tools/get_browser.sh.")
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "1"
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield started
        started.close()
    del os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"]


USUAL = (
    "the server responded with a status of",  # Chromium also reports the statuses that a test asks for
    "htmx:sendAbort",  # a page is left while a piece of it is on its way
    "htmx:afterRequest",
)
"""What may stand in the browser's console."""


@dataclass
class Visitor:
    """A person at the browser, who notices everything that goes wrong on the way."""

    page: Page
    address: str
    complaints: list[str] = field(default_factory=list)
    transferred: int = 0
    """Bytes that came over the wire for the page as it stands, with nothing taken from a cache."""

    def __post_init__(self) -> None:
        wire = self.page.context.new_cdp_session(self.page)
        wire.send("Network.enable")
        wire.send("Network.setCacheDisabled", {"cacheDisabled": True})
        wire.on("Network.loadingFinished", self._came)
        self.page.on("request", self._asked)
        self.page.on("console", self._heard)
        self.page.on("pageerror", lambda error: self.complaints.append(f"script: {error}"))
        self.page.on("response", self._answered)

    def _heard(self, message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"} and not any(said in message.text for said in USUAL):
            self.complaints.append(f"console: {message.text}")

    def _asked(self, request: Request) -> None:
        if request.is_navigation_request() and request.frame == self.page.main_frame:
            self.transferred = 0

    def _came(self, told: dict[str, Any]) -> None:
        self.transferred += int(told["encodedDataLength"])

    def _answered(self, response: Response) -> None:
        if response.status >= HTTPStatus.INTERNAL_SERVER_ERROR or not response.url.startswith(self.address):
            self.complaints.append(f"{response.status} {response.url}")

    def go(self, path: str) -> None:
        self.page.goto(self.address + path)

    def enter(self, email: str) -> None:
        """Stand at home, signed in already: for tests of something else."""
        client = Client(headers={"host": "localhost"})
        client.force_login(User.objects.get(email=email), backend=BACKEND)
        cookie = client.cookies[settings.SESSION_COOKIE_NAME]
        self.page.context.add_cookies([{"name": cookie.key, "value": cookie.value, "url": self.address}])
        self.go("/")

    def sign_in(self, email: str, password: str) -> None:
        self.go("/")
        self.page.locator("#id_username").fill(email)
        self.page.locator("#id_password").fill(password)
        self.page.get_by_role("button", name="Sign in").click()
        self.page.wait_for_url("**/o/org_*/")

    def examine(self) -> list[str]:
        """What is wrong with the page as it stands, in both themes and on a phone."""
        found = []
        self.page.wait_for_timeout(100)  # a click may be leading on to another page: wait for that one
        self.page.wait_for_load_state("load")
        self.page.locator("body").wait_for(state="attached")
        if self.transferred > MOST_TRANSFERRED:
            found.append(f"{self.transferred:,} bytes transferred")
        self.transferred = 0  # what is asked for later, piece by piece, counts by itself
        found += [f"light: {fault}" for fault in self._faint() + self._barriers()]
        self.page.emulate_media(color_scheme="dark")
        found += [f"dark: {fault}" for fault in self._faint()]
        self.page.set_viewport_size(PHONE)  # type: ignore[arg-type]
        wide: int = self.page.evaluate("document.documentElement.scrollWidth")
        if wide > PHONE["width"]:
            found.append(f"scrolls sideways: {wide} px")
        found += [f"dark phone: {fault}" for fault in self._faint() + self._barriers()]
        self.page.emulate_media(color_scheme="light")
        self.page.set_viewport_size(WIDE)  # type: ignore[arg-type]
        return [f"{self.page.url}: {fault}" for fault in found]

    def _faint(self) -> list[str]:
        faint: list[str] = self.page.evaluate(CONTRAST)
        return [f"contrast {one}" for one in faint]

    def _barriers(self) -> list[str]:
        if not self.page.evaluate("'axe' in window"):
            self.page.evaluate(Axe().axe_script)
        results = self.page.evaluate("axe.run({resultTypes: ['violations']})")
        return [
            f"{one['id']} ({one['impact']}): {node['html'][:120]}"
            for one in results["violations"]
            if one["impact"] in {"serious", "critical"}
            for node in one["nodes"]
        ]


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    opened = browser.new_context(viewport=WIDE, locale="en-GB", reduced_motion="reduce")  # type: ignore[arg-type]
    yield opened
    opened.close()


@pytest.fixture
def visitor(context: BrowserContext, address: str) -> Iterator[Visitor]:
    came = Visitor(context.new_page(), address)
    yield came
    assert came.complaints == []
