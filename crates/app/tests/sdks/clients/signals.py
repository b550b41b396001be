"""What a client tells the test and asks of it, beside the gateway."""

import os
import urllib.request


def _ask(path):
    with urllib.request.urlopen(os.environ["SIGNALS"] + path, timeout=30) as answer:
        return answer.read().decode()


def more():
    """Whether another call is to be made."""
    return _ask("/more") == "yes"


def seen(number):
    """Says that this event arrived; the next one is sent only then."""
    _ask(f"/seen/{number}")
