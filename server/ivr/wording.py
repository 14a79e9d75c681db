"""Problems of a menu and its parts in words, in the reader's language."""

from __future__ import annotations

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy

from telephony.ivr_tree import Problem

_TEXTS: dict[str, Promise] = {
    "not_a_tree": gettext_lazy("That is not a menu."),
    "empty": gettext_lazy("There is no node."),
    "too_many": gettext_lazy("There are more than %(value)s nodes."),
    "unknown_field": gettext_lazy("“%(field)s” means nothing here."),
    "no_such_node": gettext_lazy("It leads to “%(value)s”, which does not exist."),
    "bad_name": gettext_lazy("A node's name is small letters, digits and hyphens, 40 at most."),
    "unknown_kind": gettext_lazy("Choose what kind of node it is."),
    "bad_text": gettext_lazy("The title is longer than 80 characters."),
    "no_such_queue": gettext_lazy("There is no queue “%(value)s”."),
    "needed": gettext_lazy("“%(field)s” is missing. %(value)s"),
    "unknown_question": gettext_lazy("Choose which number is asked for."),
    "unknown_language": gettext_lazy("Choose a language."),
    "bad_list": gettext_lazy("“%(field)s” is not readable, or too long."),
    "no_such_prompt": gettext_lazy("There is no prompt “%(value)s”."),
    "key_is_taken": gettext_lazy(
        "Key %(value)s is the emergency (1) or a person (0) everywhere, and leads nowhere else."
    ),
    "no_key": gettext_lazy("“%(value)s” is no key of a telephone."),
    "unknown_enquiry": gettext_lazy("Choose what is looked up."),
    "unknown_result": gettext_lazy("“%(value)s” is no result of this enquiry."),
    "no_number": gettext_lazy("“%(field)s” needs a number."),
    "out_of_range": gettext_lazy("“%(field)s” is not within %(value)s."),
    "above_most": gettext_lazy("The least number of digits is above the most."),
    "bad_days": gettext_lazy("Choose the days on which it is open."),
    "bad_clock": gettext_lazy("“%(field)s” is a time such as 08:00."),
    "before_opening": gettext_lazy("It closes before it opens."),
    "bad_date": gettext_lazy("Holidays are dates such as 2026-12-25, 60 at most."),
    "unreachable": gettext_lazy("No caller can get here."),
    "endless": gettext_lazy("A caller who presses nothing goes round for ever."),
    "not_asked": gettext_lazy("Callers can get here who were not asked for “%(value)s”."),
}


def problem_json(found: Problem) -> dict[str, str]:
    """{node, field, code, text}; the text begins with the node's name where there is one."""
    text = str(_TEXTS[found.code]) % {"field": found.field, "value": found.value}
    where = f"{found.node}: {text}" if found.node else text
    return {
        "node": found.node, "field": found.field, "code": found.code, "text": where.strip()
    }  # fmt: skip
