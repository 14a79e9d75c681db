"""Verbs of the knowledge: write an edition, bring an old one back, retire an article."""

from __future__ import annotations

from typing import Any

from django.db import IntegrityError, transaction
from django.utils.text import slugify
from django.utils.translation import gettext as _

from server.accounts.audit import record
from server.accounts.refusals import Conflict, Refused
from server.knowledge.models import TROUBLES, VERDICTS, Article, Edition

TITLE, BODY = 120, 8000


def write(said: dict[str, Any], *, by: str, article: Article | None = None) -> Article:
    """A new article, or the next edition of `article`.

    `said`: title, title_zh, body, body_zh (both languages are needed), troubles, verdicts; and for
    an article that is there `edition`, the number that was read. Errors: Refused by field, Conflict
    when somebody wrote meanwhile.
    """
    texts = {name: _text(said, name, TITLE if "title" in name else BODY)
             for name in ("title", "title_zh", "body", "body_zh")}  # fmt: skip
    about = {"troubles": _listed(said, "troubles", TROUBLES),
             "verdicts": _listed(said, "verdicts", VERDICTS)}  # fmt: skip
    try:
        with transaction.atomic():
            if article is None:
                code = slugify(texts["title"])[:40] or "article"
                article = Article.objects.create(code=code, **about)
                number = 1
            else:
                article = Article.objects.select_for_update().get(pk=article.pk)
                number = _next(article, said.get("edition"))
                Article.objects.filter(pk=article.pk).update(**about, retired=False)
            Edition.objects.create(article=article, number=number, by=by, **texts)
            record("article.write", f"article:{article.code}", note=str(number), by=by)
    except IntegrityError:
        raise Conflict("title", "taken", _("There is an article of this name.")) from None
    article.refresh_from_db()
    return article


def retire(article: Article, *, by: str) -> None:
    """It is suggested no more; its editions stay."""
    with transaction.atomic():
        Article.objects.filter(pk=article.pk).update(retired=True)
        record("article.retire", f"article:{article.code}", by=by)


def bring_back(article: Article, number: int, *, by: str) -> Article:
    """What edition `number` said, as the newest edition."""
    old = Edition.objects.filter(article=article, number=number).first()
    last = article.editions.first()
    if old is None or last is None:
        raise Refused("edition", "unknown", _("There is no such edition."))
    return write(
        {"title": old.title, "title_zh": old.title_zh, "body": old.body, "body_zh": old.body_zh,
         "troubles": article.troubles, "verdicts": article.verdicts, "edition": last.number},
        by=by, article=article,
    )  # fmt: skip


def _next(article: Article, read: Any) -> int:
    last = article.editions.first()
    number = last.number if last else 0
    if read != number:
        text = _("Somebody wrote a new edition meanwhile. Read it first.")
        raise Conflict("edition", "changed_meanwhile", text)
    return number + 1


def _text(said: dict[str, Any], name: str, most: int) -> str:
    text = str(said.get(name) or "").strip()
    if not text:
        raise Refused(name, "required", _("An article needs its text in both languages."))
    if len(text) > most:
        raise Refused(
            name, "too_long", _("At most %(most)s characters.") % {"most": most}
        )
    return text


def _listed(said: dict[str, Any], name: str, known: tuple[str, ...]) -> list[str]:
    values = said.get(name) or []
    if not isinstance(values, list) or not all(v in known for v in values):
        raise Refused(name, "unknown", _("Choose from the list."))
    return sorted(set(values), key=known.index)
