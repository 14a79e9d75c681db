"""One order in large type: what, where, who waits, what is dangerous, and its valves."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from kivy.metrics import dp
from kivy.uix.boxlayout import BoxLayout
from kivy.uix.label import Label
from kivy.uix.widget import Widget

from mobile_app.orders import LocalOrder
from mobile_app.text import Language, counted, say, word
from mobile_app.ui.theme import Theme
from mobile_app.ui.widgets import Chip, Press, Text, column, paint
from mqtt.orders import OrderValve


@dataclass(frozen=True, slots=True)
class PanelActions:
    """What the panel's buttons do."""

    close_valve: Callable[[OrderValve], None]
    cannot_close: Callable[[OrderValve], None]
    seen: Callable[[], None]


def order_panel(
    local: LocalOrder, theme: Theme, language: Language, actions: PanelActions
) -> BoxLayout:
    """The panel for one order; rebuilt whenever the order changes."""
    order = local.order
    box = column(padding=(dp(16), dp(12)), spacing=dp(8))
    box.add_widget(_headline(local, theme, language))
    if local.cancelled:
        box.add_widget(_banner(
            f"{say(language, 'orders.cancelled')}: {say(language, 'orders.cancelled_text')}",
            theme.bad, theme.panel, 22,
        ))
    box.add_widget(Text(order.place.address or order.incident, theme.text, 28, bold=True))
    what = (order.what_zh if language == "zh" else order.what) or order.what
    box.add_widget(Text(what, theme.text, 21))
    if order.hazards:
        dangers = " · ".join(word(language, "hazard", h) for h in order.hazards)
        box.add_widget(_banner(
            f"{say(language, 'order.dangers')}: {dangers}", theme.danger, theme.on_danger, 20
        ))
    waiting = say(language, "order.nobody_waiting") if order.waiting == 0 else say(
        language, "order.waiting", n=order.waiting)
    facts = [waiting]
    if order.route is not None and order.state in ("dispatched", "accepted", "en_route"):
        facts.append(say(
            language, "order.drive", minutes=max(1, round(order.route.seconds / 60)),
            km=f"{order.route.metres / 1000:.1f}",
        ))
    box.add_widget(Text("   ".join(facts), theme.text, 20))
    if local.waiting_reports:
        box.add_widget(Text(
            counted(language, "order.unsent", local.waiting_reports), theme.wait, 18
        ))
    if order.valves and not local.cancelled:
        box.add_widget(_valves(local, theme, language, actions))
    return box


def _headline(local: LocalOrder, theme: Theme, language: Language) -> Widget:
    order = local.order
    row = BoxLayout(size_hint_y=None, height=dp(34), spacing=dp(10))
    chip, ink = theme.priority(order.priority)
    row.add_widget(Chip(order.priority, chip, ink, 20))
    words = (
        f"{order.number} · {word(language, 'kind', order.kind)} · "
        f"{word(language, 'state', order.state)}"
    )
    label = Label(
        text=words, color=theme.muted, font_size=dp(18), halign="left", valign="middle",
        shorten=True,
    )
    label.bind(size=lambda w, size: setattr(w, "text_size", size))
    row.add_widget(label)
    return row


def _banner(text: str, colour: tuple[float, ...], ink: tuple[float, ...], size: float) -> Widget:
    banner = column(padding=(dp(12), dp(8)))
    paint(banner, colour, dp(8))  # type: ignore[arg-type]
    banner.add_widget(Text(text, ink, size, bold=True))  # type: ignore[arg-type]
    return banner


def _valves(
    local: LocalOrder, theme: Theme, language: Language, actions: PanelActions
) -> Widget:
    """Each valve with its state; while valves are being closed also with its buttons."""
    valves = sorted(local.order.valves, key=lambda v: v.sequence)
    closed = sum(v.state == "closed" for v in valves)
    box = column(spacing=dp(6))
    box.add_widget(Text(
        say(language, "order.valve_progress", done=closed, n=len(valves)), theme.muted, 18
    ))
    if local.plan_changes:
        box.add_widget(Text(say(language, "order.plan_changes"), theme.wait, 18))
    can_close = "close_valve" in local.next
    cannot = "cannot_close_valve" in local.next
    for valve in valves:
        box.add_widget(_valve_row(valve, theme, language, actions, can_close, cannot))
    return box


def _valve_row(
    valve: OrderValve,
    theme: Theme,
    language: Language,
    actions: PanelActions,
    can_close: bool,
    cannot: bool,
) -> Widget:
    row = BoxLayout(size_hint_y=None, height=dp(60), spacing=dp(8), padding=(dp(8), dp(2)))
    paint(row, theme.panel, dp(8))
    facts = [word(language, "valve", valve.state)]
    if valve.turns is not None:
        facts.append(say(language, "valve.turns", n=valve.turns))
    if valve.condition and valve.condition not in ("ok", "yes", "unknown"):
        facts.append(word(language, "reason", valve.condition))
    words = f"[b]{valve.sequence}  {_plain(valve.label)}[/b]\n{_plain(' · '.join(facts))}"
    ink = theme.bad if valve.state == "cannot_close" else theme.text
    label = Label(
        text=words, markup=True, color=ink, font_size=dp(18), halign="left", valign="middle",
        shorten=False,
    )
    label.bind(size=lambda w, size: setattr(w, "text_size", size))
    row.add_widget(label)
    if valve.state == "open":
        buttons = []
        if cannot:
            buttons.append((say(language, "step.cannot_close_valve"), actions.cannot_close, False))
        if can_close:
            buttons.append((say(language, "valve.close"), actions.close_valve, True))
        for text, action, main in buttons:
            button = Press(
                text, theme.quiet, theme.text, lambda a=action: a(valve), size=17, bold=main,
                size_hint_x=None, width=dp(104),
            )
            row.add_widget(button)
    return row


def _plain(text: str) -> str:
    """Text from elsewhere must not be read as markup."""
    return text.replace("&", "&amp;").replace("[", "&bl;").replace("]", "&br;")
