"""The whole error tree: what a person may read, whether trying again helps, what HTTP says.

* AdgenError
  + NotFound              404
    + Removed             410   the retention rule took the file; its row is there
  + NotSignedIn           401
  + NotAllowed            403   seen, but not to be changed by this person
  + TooManyTries          429
  + InputRejected         422
  + WrongStage            409
  + BudgetExceeded        402
  + Unavailable           503   the database or the storage cannot be reached
    + StorageAway                 the bucket is away, or a file is not in it yet; it passes
  x ProviderError         502
    + ProviderBusy              retryable, even twice: the fault is the provider's and passing
      + Throttled               nothing was taken; the same order may be sent after `wait_s`
      + AnswerLost              the order may have been taken or not; look before sending again
    + ResultWaiting             ordered and there, only not to be fetched now; stays to be collected
    + BadModelOutput            retryable once: the same model may do better
    + ContentRefused            the prompt must change
    + ModelInputRefused         the model does not take these inputs
    + ModelGone                 another model may do it
    + ResultLost                made and paid, but no longer to be had; made again only on request
    + AccountBlocked      402   nothing can be ordered until a person settles it
  + TooManyFailures       502
  + CompositionFailed     500
  + Cancelled             409

Raised at the door that sees the cause, never caught in between; read in `jobs` (retry or not),
`api` (problem+json), `ui` (`st.error`) and `cli` (one line). Anything else is a bug.
"""

from __future__ import annotations

from decimal import Decimal


class AdgenError(Exception):
    """Root of all expected failures; `user_message` is safe to show."""

    http_status = 500
    retryable = False

    def __init__(self, user_message: str, *, charged: Decimal | None = Decimal(0)) -> None:
        """`charged` counts the units a provider bills all the same; None when that is unknown."""
        super().__init__(user_message)
        self.user_message = user_message
        self.charged = charged


class NotFound(AdgenError):
    """What was asked for does not exist, or is not yours."""

    http_status = 404


class Removed(NotFound):
    """The retention rule took this file; the message says after how long."""

    http_status = 410


class NotAllowed(AdgenError):
    """The person may see it, but not do this."""

    http_status = 403


class NotSignedIn(AdgenError):
    """Nobody is signed in, or the password is wrong."""

    http_status = 401


class TooManyTries(AdgenError):
    """Slow down: too many wrong passwords."""

    http_status = 429


class InputRejected(AdgenError):
    """The input cannot be used; the message says why and what would do."""

    http_status = 422


class WrongStage(AdgenError):
    """The command does not fit where the ad is."""

    http_status = 409


class BudgetExceeded(AdgenError):
    """The step would cross a budget; nothing was spent."""

    http_status = 402


class Unavailable(AdgenError):
    """Something the product needs cannot be reached."""

    http_status = 503


class StorageAway(Unavailable):
    """The file storage is away, or a file has still to be uploaded: the same may work later."""


class ProviderError(AdgenError):
    """A hosted model, or its stand-in, did not deliver."""

    http_status = 502


class ProviderBusy(ProviderError):
    """A passing fault: the same request may succeed later."""

    retryable = True


class Throttled(ProviderBusy):
    """The provider takes no order for `wait_s` seconds; nothing was taken."""

    def __init__(self, user_message: str, wait_s: float) -> None:
        super().__init__(user_message)
        self.wait_s = wait_s


class AnswerLost(ProviderBusy):
    """The order went out and no answer came: it may be under way, and paid."""


class ResultWaiting(ProviderError):
    """The result is there or being made, and cannot be fetched at the moment."""


class BadModelOutput(ProviderError):
    """The model answered with something unusable."""

    retryable = True


class ContentRefused(ProviderError):
    """The model refused the content; the prompt must change."""


class ModelInputRefused(ProviderError):
    """The model does not take these inputs; the same request would be refused again."""


class ModelGone(ProviderError):
    """The model or its version is not there, or not for this account."""


class ResultLost(ProviderError):
    """Whether it was made cannot be told any more, or its file is gone: paid, perhaps."""


class AccountBlocked(ProviderError):
    """The provider takes no order of this account: no credit, or a wrong token."""

    http_status = 402


class TooManyFailures(ProviderError):
    """Fewer results than the stage needs; the good ones are kept."""


class CompositionFailed(AdgenError):
    """The cut could not be made from these inputs."""


class Cancelled(AdgenError):
    """The person stopped it."""

    http_status = 409
