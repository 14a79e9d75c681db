"""The worker that everybody writes first, to be compared with: one message, one transaction.

`python -m server.cityload.gps_naive`, with the product's environment.
"""

from __future__ import annotations

import json
import os
import threading
from typing import Any

import paho.mqtt.client as paho
import psycopg2
from paho.mqtt.enums import CallbackAPIVersion


def main() -> None:
    """Until it is told to stop."""
    env = os.environ
    conn = psycopg2.connect(
        dbname=env["STANDPIPE_DB_NAME"], user=env["STANDPIPE_DB_USER"],
        password=env["STANDPIPE_DB_PASSWORD"], host=env["STANDPIPE_DB_HOST"],
        port=env["STANDPIPE_DB_PORT"],
    )  # fmt: skip
    cursor = conn.cursor()
    cursor.execute("SELECT name, id, crew_id FROM positions_device")
    devices = {name: (pk, crew) for name, pk, crew in cursor.fetchall()}
    conn.commit()

    def message(client: Any, userdata: Any, one: paho.MQTTMessage) -> None:
        p = json.loads(one.payload)
        pk, crew = devices[one.topic.split("/")[3]]
        cursor.execute(
            "INSERT INTO positions_fix (device_id, fix_time, seq, device_time, received_at, lon, "
            "lat, accuracy_m, speed_mps, heading, battery, flag) "
            "VALUES (%s, %s, %s, %s, now(), %s, %s, %s, %s, %s, %s, '') ON CONFLICT DO NOTHING",
            [pk, p["fix_time"], p["seq"], p["device_time"], p["lon"], p["lat"], p["accuracy_m"],
             p["speed_mps"], p["heading"], p["battery"]],
        )  # fmt: skip
        cursor.execute(
            "INSERT INTO workforce_crewposition (crew_id, fix_time, device_time, received_at, "
            "accuracy_m, geom) VALUES (%s, %s, %s, now(), %s, "
            "ST_SetSRID(ST_MakePoint(%s, %s), 4326)) ON CONFLICT (crew_id) DO UPDATE SET "
            "fix_time = excluded.fix_time, geom = excluded.geom",
            [crew, p["fix_time"], p["device_time"], p["accuracy_m"], p["lon"], p["lat"]],
        )
        cursor.execute("SELECT pg_notify('standpipe_positions', %s)", [str(crew)])
        conn.commit()

    def connected(*_: Any) -> None:
        client.subscribe("sp/v1/dev/+/pos", qos=1)

    client = paho.Client(CallbackAPIVersion.VERSION2, client_id="bench-naive", clean_session=False)
    client.username_pw_set(env["STANDPIPE_MQTT_USER"], env["STANDPIPE_MQTT_PASSWORD"])
    client.on_message = message
    client.on_connect = connected
    client.connect(env["STANDPIPE_MQTT_HOST"], int(env["STANDPIPE_MQTT_PORT"]))
    client.loop_start()
    threading.Event().wait()


if __name__ == "__main__":
    main()
