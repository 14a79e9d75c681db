"""What an agent should know: suggested by the call, found by words, every edition kept."""

from __future__ import annotations

from typing import Any

import pytest
from django.utils import translation

from server.accounts.refusals import Conflict, Refused
from server.calls import verdict
from server.knowledge import selectors, services
from server.knowledge.models import TROUBLES, VERDICTS, Article
from server.tickets.models import Kind

pytestmark = pytest.mark.django_db
SAID = {
    "title": "Frost", "title_zh": "冰冻", "body": "Open the tap.\n\n- Slowly.",
    "body_zh": "打开龙头。", "troubles": ["no_water"], "verdicts": [],
}  # fmt: skip


def test_articles_are_about_troubles_and_verdicts_that_exist() -> None:
    assert set(TROUBLES) <= set(Kind.values)
    assert {*VERDICTS, verdict.NOTHING} == {
        verdict.INSIDE, verdict.PLANNED, verdict.SAME_SEGMENT, verdict.PROBABLE_BURST,
        verdict.NOTHING,
    }  # fmt: skip
    # Something is there to begin with, for each trouble.
    for trouble in TROUBLES:
        assert selectors.suggested(trouble, ""), trouble


def test_what_is_known_of_the_place_comes_before_the_trouble() -> None:
    found = [a["code"] for a in selectors.suggested("no_water", "same_segment")]
    assert found[0] == "no-water"
    assert selectors.suggested("leak", "inside_shutoff")[0]["code"] == "shut-off"
    assert selectors.suggested("", "") == []


def test_words_of_either_language_find_an_article_in_the_readers_own() -> None:
    assert selectors.found("verbosity nobody wrote") == []
    assert selectors.found("水表 检定")[0]["code"] == "meter"
    with translation.override("zh-hans"):
        assert selectors.found("meter frozen")[0]["title"].startswith("水表")


def test_every_edition_is_kept_and_an_old_one_comes_back_as_a_new_one() -> None:
    article = services.write(SAID, by="sari")
    services.write({**SAID, "body": "Call a plumber.", "edition": 1}, by="sari", article=article)
    assert [e.body for e in article.editions.all()] == ["Call a plumber.", SAID["body"]]
    services.bring_back(article, 1, by="sari")
    assert [e.number for e in article.editions.all()] == [3, 2, 1]
    whole = selectors.whole(article)
    assert whole is not None and whole["bodies"]["en"] == SAID["body"]
    old = selectors.whole(article, 2)
    assert old is not None and old["bodies"]["en"] == "Call a plumber."


def test_two_people_do_not_overwrite_each_other() -> None:
    article = services.write(SAID, by="sari")
    services.write({**SAID, "edition": 1}, by="sari", article=article)
    with pytest.raises(Conflict):
        services.write({**SAID, "edition": 1}, by="juho", article=article)


def test_a_retired_article_is_suggested_no_more() -> None:
    services.retire(Article.objects.get(code="meter"), by="sari")
    assert selectors.suggested("meter", "") == []
    assert selectors.whole(Article.objects.get(code="meter")) is not None


@pytest.mark.parametrize(("wrong", "field"), [
    ({"title": ""}, "title"), ({"body_zh": "  "}, "body_zh"), ({"title_zh": "x" * 121}, "title_zh"),
    ({"troubles": ["flood"]}, "troubles"), ({"verdicts": "all"}, "verdicts"),
    ({"troubles": [{"a": 1}]}, "troubles"),
])  # fmt: skip
def test_a_wrong_field_is_named(wrong: dict[str, Any], field: str) -> None:
    with pytest.raises(Refused) as refused:
        services.write({**SAID, **wrong}, by="sari")
    assert refused.value.field == field


def test_everybody_in_the_office_reads_and_supervisors_write(client_of: Any, cast: Any) -> None:
    agent, boss = client_of(cast.aino), client_of(cast.sari)
    assert agent.post("/api/articles", SAID, "application/json").status_code == 403
    made = boss.post("/api/articles", SAID, "application/json")
    assert (made.status_code, made.json()["code"]) == (201, "frost")
    again = boss.post("/api/articles", SAID, "application/json")
    assert (again.status_code, again.json()["errors"][0]["field"]) == (409, "title")
    assert agent.get("/api/articles?q=frost").json()["articles"][0]["code"] == "frost"
    assert agent.get("/api/articles/frost?edition=9").status_code == 404
    assert agent.get("/api/articles/frost?edition=x").status_code == 404
    assert agent.get("/knowledge").status_code == 200
    step = boss.post("/api/articles/frost/steps", {"step": "burn"}, "application/json")
    assert (step.status_code, step.json()["errors"][0]["field"]) == (422, "step")
