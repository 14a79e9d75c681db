"""Reads of the knowledge: what fits a call, what answers to words."""

from __future__ import annotations

from typing import Any

from django.db.models import Q
from django.utils.translation import get_language

from server.knowledge.models import Article, Edition


def suggested(trouble: str, verdict: str, limit: int = 4) -> list[dict[str, Any]]:
    """Articles about what is known of a call: those of the verdict first, then of the trouble."""
    scored = []
    for row in _current():
        article = row.article
        score = 2 * (verdict in article.verdicts) + (trouble in article.troubles)
        if score:
            scored.append((-score, article.code, row))
    return [brief(row) for *_rank, row in sorted(scored, key=lambda s: s[:2])[:limit]]


def found(query: str, limit: int = 20) -> list[dict[str, Any]]:
    """Articles in which all words occur, in either language; titles count before texts."""
    words = [w.lower() for w in query.split()[:8]]
    scored = []
    for row in _current():
        titles = f"{row.title} {row.title_zh} {row.article.code}".lower()
        text = f"{titles} {row.body} {row.body_zh}".lower()
        if all(w in text for w in words):
            scored.append((-sum(w in titles for w in words), row.article.code, row))
    return [brief(row) for *_rank, row in sorted(scored, key=lambda s: s[:2])[:limit]]


def _current() -> list[Edition]:
    rows = Edition.objects.filter(article__retired=False).select_related("article")
    return list(rows.order_by("article_id", "-number").distinct("article_id"))


def brief(row: Edition) -> dict[str, Any]:
    return {
        "code": row.article.code, "title": _own(row, "title"), "edition": row.number,
        "body": _own(row, "body"),
    }  # fmt: skip


def whole(article: Article, number: int | None = None) -> dict[str, Any] | None:
    """An article in both languages with the list of its editions; None for an unknown edition."""
    row = article.editions.filter(Q(number=number) if number else Q()).first()
    if row is None:
        return None
    return {
        **brief(row), "titles": {"en": row.title, "zh": row.title_zh},
        "bodies": {"en": row.body, "zh": row.body_zh}, "troubles": article.troubles,
        "verdicts": article.verdicts, "retired": article.retired, "by": row.by, "at": row.at,
        "editions": [{"number": e.number, "by": e.by, "at": e.at, "title": _own(e, "title")}
                     for e in article.editions.all()],
    }  # fmt: skip


def _own(row: Edition, name: str) -> str:
    chinese = (get_language() or "").startswith("zh")
    return str(getattr(row, f"{name}_zh" if chinese else name))
