"""Several authenticators in a fixed order: the first that returns a user decides.

An authenticator that raises `Unauthorized` ends the search, so a request with a wrong credential never
becomes anonymous. A request without any credential is from the anonymous user if that is enabled; the
authorizer then decides what this user may read.
"""

import dataclasses
from collections.abc import Sequence

from apiservice.authn import authenticator

ANONYMOUS = authenticator.User(name="system:anonymous", groups=(authenticator.UNAUTHENTICATED,))

_GROUPS_OF_ALL = frozenset({authenticator.AUTHENTICATED, authenticator.UNAUTHENTICATED})


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class AuthenticatorChain:
    """Tries the authenticators in their order. `anonymous` allows requests without a credential."""

    authenticators: Sequence[authenticator.Authenticator]
    anonymous: bool

    async def authenticate(self, credentials: authenticator.Credentials) -> authenticator.User | None:
        """The user, or the anonymous user; `None` if there is no credential and `anonymous` is off.

        Raises `Unauthorized` as soon as one authenticator does.
        """
        for one in self.authenticators:
            user = await one.authenticate(credentials)
            if user is not None:
                return _authenticated(user)
        return ANONYMOUS if self.anonymous else None


def _authenticated(user: authenticator.User) -> authenticator.User:
    """The user with the group `system:authenticated`, unless the credential already contains that group or
    `system:unauthenticated`.
    """
    if user.name == ANONYMOUS.name or not _GROUPS_OF_ALL.isdisjoint(user.groups):
        return user
    return dataclasses.replace(user, groups=(*user.groups, authenticator.AUTHENTICATED))
