"""How the nouns become rows, and rows nouns: text, whole numbers and None by name, in whatever table."""

from datetime import UTC
from datetime import datetime
from decimal import Decimal
from functools import lru_cache
from typing import Any
from typing import Protocol

from handler.models import Case
from handler.models import Entry
from handler.models import Guards
from handler.models import Notice
from handler.models import NoticeKind
from handler.models import Notification
from handler.models import Sign
from handler.models import State
from handler.models import Step
from handler.models import Target
from handler.models import TargetKind
from handler.models import is_order_id

Values = dict[str, str | int | None]


class Row(Protocol):
    """Something that gives a value by name, as `sqlite3.Row` and dict do."""

    def __getitem__(self, name: str, /) -> Any: ...


@lru_cache(maxsize=64)
def stamp(moment: datetime) -> str:
    """Return a moment as the tables hold it; the same one is often asked for several times in a row."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds")


def is_money(target: str) -> bool:
    """Whether a name is that of a payment, or of an order of the Orders API, without reading it whole."""
    kind, _, name = target.partition(":")
    kind = kind.rpartition("/")[2]
    return kind == TargetKind.PAYMENT or (kind == TargetKind.ORDER and is_order_id(name))


def case_row(case: Case) -> Values:
    """Return a case as named values, all but what was said of it."""
    return {
        "target": str(case.target),
        "account": case.target.account,
        "state": case.state,
        "reason": case.reason,
        "detail": case.detail,
        "first_seen": stamp(case.first_seen),
        "opened_at": stamp(case.opened_at),
        "updated_at": stamp(case.updated_at),
        "due_at": stamp(case.due_at),
        "lease_until": stamp(case.lease_until),
        "attempts": case.attempts,
        "misses": case.misses,
        "fence": case.fence,
        "claims": case.claims,
        "heard": case.heard,
        "idempotency_key": case.idempotency_key,
        "amount": None if case.amount is None else str(case.amount),
        "currency": case.currency,
        "grace_until": _stamp_or_none(case.grace_until),
        "opened_by": case.opened_by,
        "not_before": _stamp_or_none(case.not_before),
        "agreed": "\n".join(case.agreed),
        "began_at": _stamp_or_none(case.began_at),
        "ended_at": _stamp_or_none(case.ended_at),
    }


def case_from(row: Row) -> Case:
    """Return the case that a row holds, without what was said of it."""
    return Case(
        target=Target.parse(row["target"]),
        state=State(row["state"]),
        reason=row["reason"],
        detail=row["detail"],
        first_seen=datetime.fromisoformat(row["first_seen"]),
        opened_at=datetime.fromisoformat(row["opened_at"]),
        updated_at=datetime.fromisoformat(row["updated_at"]),
        due_at=datetime.fromisoformat(row["due_at"]),
        lease_until=datetime.fromisoformat(row["lease_until"]),
        attempts=row["attempts"],
        misses=row["misses"],
        fence=row["fence"],
        claims=row["claims"],
        heard=row["heard"],
        idempotency_key=row["idempotency_key"],
        amount=_decimal(row["amount"]),
        currency=row["currency"],
        grace_until=_moment(row["grace_until"]),
        opened_by=row["opened_by"],
        not_before=_moment(row["not_before"]),
        agreed=tuple((row["agreed"] or "").splitlines()),
        began_at=_moment(row["began_at"]),
        ended_at=_moment(row["ended_at"]),
    )


def notification_row(notification: Notification) -> Values:
    """Return a notification as named values."""
    guards = notification.guards
    return {
        "target": str(notification.target),
        "id": notification.id,
        "source": notification.source,
        "topic": notification.topic,
        "sign": notification.sign,
        "received_at": stamp(notification.received_at),
        "occurred_at": _stamp_or_none(notification.occurred_at),
        "amount": None if guards.amount is None else str(guards.amount),
        "currency": guards.currency,
        "external_reference": guards.external_reference,
        "merchant_order": guards.merchant_order,
        "via": None if notification.via is None else str(notification.via),
        "number": notification.number,
        "shop_order": notification.shop_order,
        "payments": " ".join(notification.payments),
        "problem": notification.problem,
        "code": notification.code,
    }


def notification_from(row: Row) -> Notification:
    """Return the notification that a row holds."""
    return Notification(
        id=row["id"],
        source=row["source"],
        topic=row["topic"],
        received_at=datetime.fromisoformat(row["received_at"]),
        target=Target.parse(row["target"]),
        sign=Sign(row["sign"]),
        occurred_at=_moment(row["occurred_at"]),
        guards=Guards(_decimal(row["amount"]), row["currency"], row["external_reference"], row["merchant_order"]),
        via=Target.parse(row["via"]) if row["via"] else None,
        number=row["number"],
        shop_order=row["shop_order"],
        payments=tuple(row["payments"].split()),
        problem=row["problem"],
        code=row["code"] or "",
    )


def entry_row(entry: Entry) -> Values:
    """Return a line of history as named values."""
    return {"at": stamp(entry.at), "step": entry.step, "rule": entry.rule, "detail": entry.detail}


def entry_from(row: Row) -> Entry:
    """Return the line of history that a row holds."""
    return Entry(datetime.fromisoformat(row["at"]), Step(row["step"]), row["rule"], row["detail"])


def notice_row(notice: Notice) -> Values:
    """Return what is to be told as named values."""
    return {
        "channel": notice.channel,
        "id": notice.id,
        "kind": notice.kind,
        "account": notice.account,
        "at": stamp(notice.at),
        "rule": notice.rule,
        "detail": notice.detail,
        "about": None if notice.target is None else str(notice.target),
        "amount": None if notice.amount is None else str(notice.amount),
        "currency": notice.currency,
        "reference": notice.reference,
        "shop_order": notice.shop_order,
    }


def notice_from(row: Row) -> Notice:
    """Return what a row tells."""
    return Notice(
        channel=row["channel"],
        id=row["id"],
        kind=NoticeKind(row["kind"]),
        account=row["account"],
        at=datetime.fromisoformat(row["at"]),
        rule=row["rule"],
        detail=row["detail"],
        target=Target.parse(row["about"]) if row["about"] else None,
        amount=_decimal(row["amount"]),
        currency=row["currency"],
        reference=row["reference"],
        shop_order=row["shop_order"],
    )


def _stamp_or_none(moment: datetime | None) -> str | None:
    return None if moment is None else stamp(moment)


def _moment(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)


def _decimal(text: str | None) -> Decimal | None:
    return None if text is None else Decimal(text)
