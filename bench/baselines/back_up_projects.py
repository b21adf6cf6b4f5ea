"""Backs up projects with the official cvat-sdk, as somebody would who writes a script for it today.

    back_up_projects.py FOLDER [--threads N] [--poll SECONDS] [--only ID,ID,…]

One after another, or by a pool of threads. Nothing is set that the SDK has a default for, but the pause between two looks
at an export where --poll says so (its default is 5 s). Prints how many seconds each project took. CVAT_URL and CVAT_ACCESS_TOKEN name the server and the login.
"""

import argparse
import json
import os
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from cvat_sdk import make_client

parser = argparse.ArgumentParser()
parser.add_argument("folder", type=Path)
parser.add_argument("--threads", type=int, default=1)
parser.add_argument("--poll", type=float)
parser.add_argument("--only", default="")
options = parser.parse_args()
only = {int(number) for number in options.only.split(",") if number}
threads = threading.local()


def connect():
    # One a thread: the SDK does not say that threads may share one.
    if not hasattr(threads, "client"):
        threads.client = make_client(os.environ["CVAT_URL"], access_token=os.environ["CVAT_ACCESS_TOKEN"])
    return threads.client


def back_up(number):
    started = time.monotonic()
    project = connect().projects.retrieve(number)
    project.download_backup(options.folder / f"project-{number}.zip", status_check_period=options.poll)
    return time.monotonic() - started


options.folder.mkdir(parents=True, exist_ok=True)
numbers = [project.id for project in connect().projects.list() if not only or project.id in only]
with ThreadPoolExecutor(options.threads) as pool:
    print(json.dumps(list(pool.map(back_up, numbers))))
