"""The whole error tree: what a person may read, whether trying again helps, what HTTP says.

* AdgenError
  + NotFound              404
  + NotSignedIn           401
  + TooManyTries          429
  + InputRejected         422
  + WrongStage            409
  + BudgetExceeded        402
  + Unavailable           503   the database or the storage cannot be reached
  x ProviderError         502
    + ProviderBusy              retryable
    + ContentRefused
    + BadModelOutput            retryable
  + TooManyFailures       502
  + CompositionFailed     500
  + Cancelled             409

Raised at the door that sees the cause, never caught in between; read in `jobs` (retry or not),
`api` (problem+json), `ui` (`st.error`) and `cli` (one line). Anything else is a bug.
"""


class AdgenError(Exception):
    """Root of all expected failures; `user_message` is safe to show."""

    http_status = 500
    retryable = False

    def __init__(self, user_message: str) -> None:
        super().__init__(user_message)
        self.user_message = user_message


class NotFound(AdgenError):
    """What was asked for does not exist, or is not yours."""

    http_status = 404


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


class ProviderError(AdgenError):
    """A hosted model, or its stand-in, did not deliver."""

    http_status = 502


class ProviderBusy(ProviderError):
    """A passing fault: the same request may succeed later."""

    retryable = True


class ContentRefused(ProviderError):
    """The model refused the content; the prompt must change."""


class BadModelOutput(ProviderError):
    """The model answered with something unusable."""

    retryable = True


class TooManyFailures(ProviderError):
    """Fewer results than the stage needs; the good ones are kept."""


class CompositionFailed(AdgenError):
    """The cut could not be made from these inputs."""


class Cancelled(AdgenError):
    """The person stopped it."""

    http_status = 409
