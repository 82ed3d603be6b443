"""The subscription: what Graph has, beside what the app remembers of it, and when a notification last came."""

from azure.core.exceptions import AzureError

from shared import subscription_record
from shared.deliveries import Deliveries
from shared.failures import Failure, FailureCode
from shared.graph import Subscription, fingerprint
from shared.subscription_record import SubscriptionHealth, SubscriptionRecord
from status_page import say
from status_page.health.check_graph import NO_TOKEN
from status_page.health.check_tokens import usable
from status_page.health.findings import Finding, Verdict, codes_of, failed, of_failure, passed, skipped, warning
from status_page.health.kit import Kit

_BY_ITSELF = (
    "The app looks after its subscription every hour, after five minutes when something is missing. If this is still "
    "so an hour from now, check in Azure that the function keep_subscription is not disabled, and look at the page."
)


def check_subscription(kit: Kit) -> Finding:
    """It exists at Graph, is ours, leads here, has not ended; the record agrees."""
    if not usable(kit, kit.settings.cloud.endpoints.graph):
        return skipped(NO_TOKEN)
    try:
        record, _ = subscription_record.read(kit.control)
        delivered = _last_delivery(kit)
    except AzureError as error:
        return skipped(f"What the app remembers of its subscription cannot be read: {type(error).__name__}.")
    try:
        listed = kit.graph().subscriptions()
    except Failure as failure:
        return of_failure(failure)
    found = _judge(kit, record, next((one for one in listed if one.id == record.id), None), len(listed))
    return Finding(found.verdict, f"{found.found} {delivered}", found.remedy, found.request_id)


def _judge(kit: Kit, record: SubscriptionRecord, at_graph: Subscription | None, listed: int) -> Finding:
    """What to say of the subscription itself."""
    others = f"Graph has {say.counted(listed, 'subscription', 'subscriptions')} of this app registration."
    if record.id is None:
        return _never_made(record, others)
    if at_graph is None:
        found = f"Graph no longer has the subscription that the app remembers: no notification comes. {others}"
        return failed(found, _BY_ITSELF)
    if wrong := _not_as_wanted(kit, record, at_graph):
        return wrong
    health = subscription_record.health(record, kit.clock.now())
    until = say.exactly(at_graph.expires)
    found = f"Graph has the subscription, it leads here and is valid until {until}. {health.sentence}"
    if health is SubscriptionHealth.VALID:
        return passed(found)
    remedy = FailureCode.read(record.error_code).remedy if record.error_code else _BY_ITSELF
    verdict = Verdict.WARNING if health is SubscriptionHealth.RETRYING else Verdict.FAILED
    return Finding(verdict, found, remedy, record.error_request_id or "")


def _never_made(record: SubscriptionRecord, others: str) -> Finding:
    if not record.error_code:
        return warning(f"The app has not asked Graph for a subscription yet. {others}", _BY_ITSELF)
    code, said = FailureCode.read(record.error_code), codes_of(record.error_detail or "")
    words = f"There is no subscription. {code.sentence}" + (f" Graph said: {said}." if said else "")
    return failed(f"{words} {others}", code.remedy, record.error_request_id or "")


def _not_as_wanted(kit: Kit, record: SubscriptionRecord, at_graph: Subscription) -> Finding | None:
    """What is wrong with the subscription that Graph has; None when nothing is."""
    now, settings = kit.clock.now(), kit.settings
    if at_graph.notification_url.lower() != f"{settings.public_url}/api/notifications".lower():
        return failed(
            "The subscription sends notifications to another address than the app's public one.",
            f"Check that PHOTOSYNC_PUBLIC_URL ({settings.public_url}) is right. {_BY_ITSELF}",
        )
    ours = fingerprint(settings.client_state.get_secret_value())
    if (at_graph.client_state_sha256 or record.client_state_sha256) != ours:
        return warning(
            "The subscription was made with another client state than PHOTOSYNC_CLIENT_STATE.",
            f"After a change of that setting the app makes a new subscription by itself, within the hour. {_BY_ITSELF}",
        )
    if at_graph.expires <= now:
        return failed(f"The subscription ended {say.ago(at_graph.expires, now)}.", _BY_ITSELF)
    return None


def _last_delivery(kit: Kit) -> str:
    now = kit.clock.now()
    latest = Deliveries(kit.storage).latest(now, 1)
    if not latest:
        return "No notification came today or yesterday; where nobody changed, that is right."
    return f"The last delivery came {say.ago(latest[0].at, now)} and was answered with {latest[0].status}."
