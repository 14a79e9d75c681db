"""After a new key: the data keys of old files are wrapped with it, a few at a time.

Where it got to stands in the database, row by row: a step that ends anywhere is begun again there.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass

from django.db import transaction
from django.db.models import QuerySet

from server.calls.models import Recording
from server.calls.recordings import keeping, keyring, vault
from server.calls.recordings.models import SoundFile

log = logging.getLogger("standpipe.recordings")
A_STEP = 20


@dataclass(frozen=True, slots=True)
class Step:
    """Files wrapped anew and files that could not be; `after` is where the next step begins.

    `stopped` is what the disk said when it could take no more.
    """

    done: int
    failed: int
    after: int
    over: bool
    stopped: OSError | None = None


def older() -> QuerySet[SoundFile]:
    """The files under a key that is here and not the newest. Raises VaultError (no key at all)."""
    ring = keyring.ring()
    return SoundFile.objects.filter(key_id__in=[k for k in ring.ids if k != ring.current.id])


def step(after: int = 0, limit: int = A_STEP) -> Step:
    """Wrap anew what an older key wraps, at most `limit` files behind row `after`.

    A file that cannot be opened is left as it is and named in the log; those behind it are not
    kept waiting. Raises VaultError (no key at all).
    """
    done = failed = 0
    rows = list(older().filter(pk__gt=after).order_by("pk")[:limit])
    for row in rows:
        try:
            done += _wrap(row)
        except (vault.VaultError, FileNotFoundError) as no:
            log.warning("%s keeps its key: %s", row.name, no)
            failed += 1
        except OSError as error:
            return Step(done, failed, after, False, error)
        after = row.pk
    return Step(done, failed, after, len(rows) < limit)


def _wrap(row: SoundFile) -> int:
    with transaction.atomic():
        keyring.hold_still()
        # Not while it is being removed.
        Recording.objects.select_for_update().get(pk=row.recording_id)
        held = SoundFile.objects.filter(pk=row.pk).first()
        ring = keyring.ring()
        if held is None or held.key_id == ring.current.id:
            return 0
        held.key_id = vault.rewrap(keeping.folder() / held.name, ring)
        held.save(update_fields=["key_id"])
    return 1


_began_behind = 0


def sweep(limit: int = A_STEP) -> int:
    """One step of whoever looks after recordings; how many. From the beginning after the end.

    Raises OSError (a full disk), VaultError (no key at all).
    """
    global _began_behind
    taken = step(_began_behind, limit)
    _began_behind = 0 if taken.over else taken.after
    if taken.stopped is not None:
        raise taken.stopped
    return taken.done
