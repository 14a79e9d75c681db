"""Connections outlive a request, and a bad one reaches nobody."""

from __future__ import annotations

import threading

import psycopg2
import pytest
from django.db import connection

from server.config.pooled.base import DatabaseWrapper, Pool

pytestmark = pytest.mark.django_db(transaction=True)
KEY = ("here",)


@pytest.fixture
def dial():
    made = []

    def connect():
        settings = connection.get_connection_params()
        settings.pop("cursor_factory", None)
        one = psycopg2.connect(**settings)
        one.autocommit = True
        made.append(one)
        return one

    yield connect
    for one in made:
        one.close()


def test_the_next_request_gets_the_same_connection(dial):
    pool, one = Pool(), dial()
    assert pool.take(KEY) is None
    pool.put(KEY, one)
    assert pool.take(("elsewhere",)) is None
    assert pool.take(KEY) is one
    assert pool.take(KEY) is None


def test_one_in_a_transaction_is_ended_not_kept(dial):
    pool, one = Pool(), dial()
    one.autocommit = False
    one.cursor().execute("SELECT 1")
    pool.put(KEY, one)
    assert one.closed
    assert pool.take(KEY) is None


def test_one_whose_server_went_away_is_noticed_before_it_is_handed_out(dial):
    pool, dead, alive = Pool(), dial(), dial()
    pool.put(KEY, alive)
    pool.put(KEY, dead)
    with alive.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(%s)", [dead.info.backend_pid])
    assert pool.take(KEY) is alive
    assert dead.closed


def test_too_many_and_too_old_ones_are_ended(dial):
    pool = Pool(kept=2)
    three = [dial() for _ in range(3)]
    for one in three:
        pool.put(KEY, one)
    assert [c.closed != 0 for c in three] == [True, False, False]
    old = Pool(oldest_s=-1.0)
    old.put(KEY, one := dial())
    assert one.closed
    assert old.take(KEY) is None


def test_requests_in_threads_of_their_own_share_backends(dial):
    """What ASGI does: a new thread, a query, close at the end; all through one backend."""
    seen = []

    def request():
        wrapper = DatabaseWrapper({**connection.settings_dict}, "default")
        with wrapper.cursor() as cursor:
            cursor.execute("SELECT pg_backend_pid()")
            seen.append(cursor.fetchone()[0])
        wrapper.close()

    for _n in range(6):
        thread = threading.Thread(target=request)
        thread.start()
        thread.join()
    from server.config.pooled.base import POOL

    key_of = DatabaseWrapper({**connection.settings_dict}, "default")
    key_of._pool_key = tuple(
        sorted((k, str(v)) for k, v in key_of.get_connection_params().items())
    )
    while (kept := POOL.take(key_of._pool_key)) is not None:
        kept.close()  # the test database is dropped afterwards
    assert len(set(seen)) == 1
