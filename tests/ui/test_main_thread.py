from __future__ import annotations

import threading

from pytestqt.qtbot import QtBot

from interpviz.ui.main_thread import post


def test_a_call_from_another_thread_runs_on_the_windows_thread(qtbot: QtBot) -> None:
    ran: list[threading.Thread] = []
    other = threading.Thread(target=lambda: post(lambda: ran.append(threading.current_thread())))
    other.start()
    other.join()
    assert ran == []
    qtbot.waitUntil(lambda: bool(ran))
    assert ran == [threading.main_thread()]


def test_calls_keep_their_order(qtbot: QtBot) -> None:
    ran: list[int] = []

    def send() -> None:
        for number in range(200):
            post(lambda number=number: ran.append(number))  # type: ignore[misc]

    other = threading.Thread(target=send)
    other.start()
    other.join()
    qtbot.waitUntil(lambda: len(ran) == 200)
    assert ran == list(range(200))
