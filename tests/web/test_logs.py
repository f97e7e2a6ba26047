"""The log says what happened and where; a value of a customer's never gets into it."""

import logging
import logging.config

import pytest
from django.conf import settings


def test_an_exception_is_logged_by_kind_and_place_without_its_words(capsys: pytest.CaptureFixture[str]) -> None:
    logging.config.dictConfig(settings.LOGGING)
    try:
        raise ValueError("+49 30 2312 5123 of Frau Muster")
    except ValueError:
        logging.getLogger("django.request").exception("Internal Server Error: /o/org_1/")
    told = capsys.readouterr().err
    assert "ValueError" in told
    assert "test_logs.py" in told
    assert "Muster" not in told
    assert "2312" not in told
