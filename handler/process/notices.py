"""What is to be told to somebody outside, and through which channels."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from handler.models import Lapsing
from handler.models import Notice
from handler.models import NoticeKind
from handler.models import Notification
from handler.models import Target
from handler.policy import Decision
from handler.policy import Rule
from handler.policy.notices import notice_kind
from handler.process.work import Work
from handler.sellers import Seller
from handler.services import Services


def of_end(work: Work, decision: Decision) -> Sequence[Notice]:
    """Return what there is to tell of a case that ends like this."""
    kind, case = notice_kind(work.case, decision), work.case
    if kind is None:
        return ()
    notice = Notice(
        channel="",
        id=f"{kind}:{case.target}:{case.fence}",
        kind=kind,
        account=work.account.name,
        at=work.now(),
        rule=decision.rule,
        detail=decision.why,
        target=case.target,
        amount=case.amount,
        currency=case.currency,
        reference=work.reference,
        shop_order=next((word.shop_order for word in case.said if word.shop_order), ""),
    )
    return _through_each(work.services, notice)


def of_fraud(work: Work, alert: Notification, decision: Decision) -> Sequence[Notice]:
    """Return what a fraud alert tells, of each payment that it names: nothing of it is to be delivered, at once."""
    named = [Target.of_money(work.account.name, payment) for payment in alert.payments] or [work.case.target]
    notices = [
        Notice(
            channel="",
            id=f"{NoticeKind.FRAUD}:{work.case.target}:{target}:{decision.rule}",
            kind=NoticeKind.FRAUD,
            account=work.account.name,
            at=work.now(),
            rule=decision.rule,
            detail=decision.why,
            target=target,
        )
        for target in named
    ]
    return [told for notice in notices for told in _through_each(work.services, notice)]


def of_pause(services: Services, seller: Seller, now: datetime, detail: str) -> Sequence[Notice]:
    """Return what there is to tell of an account whose token is refused: once when that begins, then once a day."""
    account, since = seller.account.name, seller.mercadopago.pace.paused_since or now
    # To the hour: several processes find out one after the other.
    name = f"{NoticeKind.PAUSED}:{account}:{since:%Y-%m-%dT%H}:{(now - since).days}"
    notice = Notice("", name, NoticeKind.PAUSED, account, now, Rule.ACCOUNT_PAUSED, detail)
    return _through_each(services, notice)


def of_lapsing(services: Services, reserve: Lapsing, now: datetime) -> Sequence[Notice]:
    """Return what there is to tell of a reserve that lapses soon: once."""
    payment = reserve.payment
    notice = Notice(
        channel="",
        id=f"{NoticeKind.EXPIRING}:{reserve.target}",
        kind=NoticeKind.EXPIRING,
        account=reserve.account,
        at=now,
        rule="",
        detail=f"{payment}; it lapses at {reserve.at:%Y-%m-%d %H:%M}Z",
        target=reserve.target,
        amount=payment.amount,
        currency=payment.currency,
        reference=payment.external_reference,
    )
    return _through_each(services, notice)


def _through_each(services: Services, notice: Notice) -> Sequence[Notice]:
    return [replace(notice, channel=channel) for channel in services.channels(notice)]
