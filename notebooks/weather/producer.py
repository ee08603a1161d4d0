"""The producer: sends a temperature to the store, again and again."""

import math
import time

from client import send
from settings import value
from web import stop_at_once

stop_at_once()
while True:
    celsius = 20 + 5 * math.sin(time.time() / 60)
    fahrenheit = value("unit", "celsius") == "fahrenheit"
    reading = f"{celsius * 9 / 5 + 32 if fahrenheit else celsius:.1f}"
    try:
        send("readings", reading)
        print(f"{value('station', 'nowhere')}: sent {reading}", flush=True)
    except OSError as error:
        print(f"{value('station', 'nowhere')}: not sent, {error}", flush=True)
    time.sleep(float(value("interval", "1")))
