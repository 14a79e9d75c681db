"""The private database, for real: first start, second start, another's process number, backup."""

from __future__ import annotations

import os
import tarfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from ops import postgres
from ops.archive import read_manifest
from ops.backup import _pack
from ops.errors import OpsError
from ops.network import host_ipv4s
from ops.paths import State, is_root
from ops.ports import ensure_ports
from ops.programs import Site, build
from ops.restore import _restore_into
from ops.run import run
from ops.say import Say
from ops.secrets import ensure_secrets
from ops.settings import Options, process_env
from ops.site import Installation
from ops.supervise import Supervisor
from ops.up import database_running
from tests.ops.conftest import eventually


@pytest.fixture
def site(state: State) -> Iterator[Site]:
    yield another_site(state)


def another_site(state: State) -> Site:
    """What the commands see of a state; the test is skipped where there is no PostgreSQL."""
    try:
        postgres.find_bin()
    except OpsError as lacking:
        pytest.skip(str(lacking))
    return Site(
        state, state.root, ensure_ports(state), ensure_secrets(state), Say(), durable=False,
        host_ipv4s=host_ipv4s(),
    )  # fmt: skip


def start(site: Site) -> Supervisor:
    supervisor = Supervisor(site.state)
    programs = build(["postgres"], site)
    supervisor.launch(programs, process_env({}), process_env({}))
    supervisor.start(programs[0])
    site.cluster.ensure_database()
    return supervisor


def test_the_database_starts_keeps_its_rows_and_starts_again(site: Site) -> None:
    supervisor = start(site)
    cluster = site.cluster
    assert "POSTGIS" in cluster.sql("SELECT postgis_full_version();", "standpipe")
    cluster.sql("CREATE TABLE kept (n int); INSERT INTO kept VALUES (965113);", "standpipe")
    supervisor.stop()
    assert not (site.state.root / "pg/postmaster.pid").exists()
    start(site)
    assert cluster.sql("SELECT n FROM kept;", "standpipe") == "965113"
    assert cluster.sql("SHOW jit;") == "off"
    assert cluster.sql("SHOW idle_in_transaction_session_timeout;") == "1min"


def test_a_database_started_for_one_command_stays_for_another_that_found_it_running(
    site: Site,
) -> None:
    installation = Installation(site, Options(), None)
    begun, first_is_over = threading.Event(), threading.Event()
    answers: list[str] = []

    def second() -> None:
        with database_running(installation, Say()):
            begun.set()
            first_is_over.wait(20)
            time.sleep(0.5)
            answers.append(site.cluster.sql("SELECT 965113;", "standpipe"))

    with database_running(installation, Say()):
        other = threading.Thread(target=second)
        other.start()
        assert begun.wait(20)
        first_is_over.set()
    other.join(20)
    assert answers == ["965113"]
    assert Supervisor(site.state).pid() is None
    # Nor does it stay for ever: the next command starts it anew, and stops it.
    with database_running(installation, Say()):
        assert site.cluster.sql("SELECT 1;", "standpipe") == "1"
    assert Supervisor(site.state).pid() is None


def test_the_application_is_no_superuser_and_nobody_enters_without_a_password(site: Site) -> None:
    start(site)
    cluster = site.cluster
    assert cluster.sql("SELECT rolsuper FROM pg_roles WHERE rolname='standpipe';") == "f"
    env = {**cluster.admin_env(), "PGPASSWORD": "guess"}
    with pytest.raises(OpsError, match="password authentication failed"):
        run([cluster.program("psql"), "-d", "postgres", "-c", "select 1"], what="psql", env=env)
    assert (site.state.root / "pgsock").stat().st_mode & 0o077 == 0
    if is_root():
        assert (site.state.root / "pg").stat().st_uid != 0


def test_a_killed_supervisor_takes_the_database_along_and_the_next_start_recovers(
    site: Site,
) -> None:
    supervisor = start(site)
    site.cluster.sql("CREATE TABLE kept (n int); INSERT INTO kept VALUES (1);", "standpipe")
    main = supervisor.pid()
    assert main is not None
    os.kill(main, 9)
    assert eventually(lambda: not (site.state.root / "pg/postmaster.pid").exists())
    start(site)
    assert site.cluster.sql("SELECT n FROM kept;", "standpipe") == "1"


def test_a_process_number_that_somebody_else_has_now_does_not_stop_the_start(site: Site) -> None:
    site.cluster.prepare()
    # Our own number: a living process which is no database.
    (site.cluster.data / "postmaster.pid").write_text(f"{os.getpid()}\n/elsewhere\n")
    start(site)
    assert site.cluster.sql("SELECT 1;") == "1"


def test_a_folder_that_is_no_cluster_is_not_overwritten(site: Site) -> None:
    (site.state.root / "pg").mkdir()
    (site.state.root / "pg/thesis.txt").write_text("years of work")
    with pytest.raises(OpsError, match="not a PostgreSQL cluster"):
        site.cluster.prepare()
    assert (site.state.root / "pg/thesis.txt").exists()


def test_a_backup_brings_back_rows_recordings_and_photos(site: Site, tmp_path: Path) -> None:
    start(site)
    cluster, root = site.cluster, site.state.root
    cluster.sql(
        "SET ROLE standpipe; CREATE TABLE kept (n int, g geometry);"
        "INSERT INTO kept VALUES (7, ST_Point(24.94, 60.17, 4326));",
        "standpipe",
    )
    (root / "recordings/call.wav").write_bytes(b"RIFF")
    dump = tmp_path / "dump"
    run(
        [cluster.program("pg_dump"), "-Fc", "-d", "standpipe", "-f", dump], what="pg_dump",
        env=cluster.admin_env(),
    )  # fmt: skip
    _pack(tmp_path / "b.tar", site.state, dump)
    assert set(read_manifest(tmp_path / "b.tar")["members"]) >= {
        "database.dump", "recordings/call.wav",
    }  # fmt: skip
    cluster.sql("DROP TABLE kept;", "standpipe")
    (root / "recordings/call.wav").unlink()
    (root / "recordings/later.wav").write_bytes(b"x")
    _restore_into(site.state, cluster, tmp_path / "b.tar")
    assert cluster.sql("SELECT n, ST_X(g) FROM kept;", "standpipe") == "7|24.94"
    assert [path.name for path in (root / "recordings").iterdir()] == ["call.wav"]
    owner = cluster.sql("SELECT tableowner FROM pg_tables WHERE tablename='kept';", "standpipe")
    assert owner == "standpipe"


def test_a_damaged_or_foreign_backup_is_refused_with_the_reason(
    state: State, tmp_path: Path
) -> None:
    dump = tmp_path / "dump"
    dump.write_bytes(b"D" * 5000)
    (state.root / "photos/pit.jpg").write_bytes(b"P" * 5000)
    good = tmp_path / "good.tar"
    _pack(good, state, dump)
    assert read_manifest(good)["standpipe"] == 2

    bent = bytearray(good.read_bytes())
    bent[bent.index(b"PPPP") + 100] = 0
    (tmp_path / "bent.tar").write_bytes(bent)
    with pytest.raises(OpsError, match=r"photos/pit\.jpg is damaged"):
        read_manifest(tmp_path / "bent.tar")

    (tmp_path / "short.tar").write_bytes(good.read_bytes()[:6000])
    with pytest.raises(OpsError, match="cut short"):
        read_manifest(tmp_path / "short.tar")

    with pytest.raises(OpsError, match="no such file"):
        read_manifest(tmp_path / "none.tar")

    (tmp_path / "text.tar").write_text("not a tar")
    with pytest.raises(OpsError, match="not a backup"):
        read_manifest(tmp_path / "text.tar")

    # A member that the manifest does not name, and whose name leads outside.
    with tarfile.open(good, "a") as tar:
        tar.add(dump, arcname="../../escaped")
    with pytest.raises(OpsError, match="does not allow"):
        read_manifest(good)
