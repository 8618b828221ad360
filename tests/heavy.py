"""Works for the tests of the bounded child: each does one thing that a heavy work may do."""

import os
import signal
import time

import numpy as np

from minigpt.config import InputError, SettingError


def echo(*arguments):
    print("what a library may print")
    return arguments


def process():
    return os.getpid()


def sleep(seconds):
    time.sleep(seconds)


def fill(megabytes):
    return len(np.ones(megabytes << 20, dtype=np.uint8))


def fill_by_strings(megabytes):
    return len([bytes(1 << 20) + b"x" for _ in range(megabytes)])


def abort():
    os.abort()


def killed():
    os.kill(os.getpid(), signal.SIGKILL)


def refuse(words):
    raise InputError(words)


def refuse_setting(words):
    raise SettingError(words)


def fail():
    raise KeyError("a fault of ours")


kept = []


def hoard(megabytes):
    kept.append(np.ones(megabytes << 20, dtype=np.uint8))
