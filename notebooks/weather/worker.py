"""The worker: computes the mean of the store's readings and sends it back when it has changed."""

import time
from statistics import mean

from client import lines, send
from settings import value
from web import stop_at_once

stop_at_once()
while True:
    try:
        readings, means = lines("readings"), lines("means")
        if readings and means[-1:] != [new := f"{mean(map(float, readings)):.2f}"]:
            send("means", new)
            print(f"mean of {len(readings)} readings: {new}", flush=True)
    except OSError as error:
        print(f"no mean: {error}", flush=True)
    time.sleep(float(value("interval", "1")))
