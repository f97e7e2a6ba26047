"""E-mail: put into the data folder where no server is set, and posted without making anybody wait."""

import secrets
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from smtplib import SMTPException

import structlog
from django.conf import settings
from django.core.mail import EmailMessage
from django.core.mail.backends.base import BaseEmailBackend

from ebbtide.engine.clock import SystemClock

log = structlog.get_logger(__name__)

FAILURES = (OSError, SMTPException)
"""What handing over an e-mail can fail with."""
_POST = ThreadPoolExecutor(max_workers=1, thread_name_prefix="ebbtide-mail")


class FolderBackend(BaseEmailBackend):
    """Writes each e-mail into `mail` in the data folder, for its owner alone, and says so in the log.

    The log names the file and nothing of what is in it: the links in these e-mails let people in.
    """

    def send_messages(self, email_messages: Sequence[EmailMessage]) -> int:
        """Write e-mails; gives how many."""
        folder = settings.EBBTIDE_DATA / "mail"
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for message in email_messages:
            file = folder / f"{SystemClock().now():%Y%m%dT%H%M%S}-{secrets.token_hex(4)}.eml"
            file.touch(mode=0o600)
            file.write_bytes(message.message().as_bytes())
            log.warning(
                "mail was put into the data folder, because EBBTIDE_SMTP_URL is not set", file=f"mail/{file.name}"
            )
        return len(email_messages)


def send(message: EmailMessage) -> bool:
    """Hand over an e-mail while the person waits; False where that failed, which is logged."""
    try:
        message.send()
    except FAILURES as exc:
        log.error("mail could not be handed over", error=type(exc).__name__)
        return False
    return True


def post(message: EmailMessage) -> "Future[bool]":
    """Hand over an e-mail behind the answer: how long that takes says nothing about whether there was one to send."""
    return _POST.submit(send, message)
