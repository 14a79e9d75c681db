"""After a new key: the data keys of old files are wrapped with it, a few at a time."""

from __future__ import annotations

import logging

from django.db import transaction

from server.calls.models import Recording
from server.calls.recordings import keeping, vault
from server.calls.recordings.models import SoundFile

log = logging.getLogger("standpipe.recordings")
A_STEP = 20


def sweep(limit: int = A_STEP) -> int:
    """Wrap anew what an older key wraps; how many. Raises OSError, VaultError (no key at all).

    A file that cannot be opened with any key is left as it is and named in the log.
    """
    ring = keeping.ring()
    done = 0
    older = [key for key in ring.ids if key != ring.current.id]
    for row in SoundFile.objects.filter(key_id__in=older).order_by("pk")[:limit]:
        with transaction.atomic():
            # Not while it is being removed.
            Recording.objects.select_for_update().get(pk=row.recording_id)
            held = SoundFile.objects.filter(pk=row.pk).first()
            if held is None:
                continue
            try:
                held.key_id = vault.rewrap(keeping.folder() / held.name, ring)
            except (vault.VaultError, FileNotFoundError) as no:
                log.warning("%s keeps its key: %s", held.name, no)
                continue
            held.save(update_fields=["key_id"])
            done += 1
    return done
