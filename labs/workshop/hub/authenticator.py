"""Who may sign in: those on the list, each with the code on their own sheet."""

from __future__ import annotations

from typing import Any

from jupyterhub.auth import Authenticator
from tornado import web

from labs.workshop.hub.accounts import Workshop
from labs.workshop.room.access_codes import Attempts, is_code, new_code

__all__ = ["CodeAuthenticator"]


class CodeAuthenticator(Authenticator):
    """Compares with the codes in the workshop's folder, which may change while the hub runs."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self.attempts = Attempts()
        self.workshop = Workshop()

    async def authenticate(self, handler: web.RequestHandler, data: dict[str, str]) -> str | None:
        """The name of who signs in, None for a wrong name or code.

        Args:
            handler: of the request.
            data: the form's ``username`` and ``password``, which here is the code.

        Raises:
            web.HTTPError: too many wrong codes were given.
        """
        name, address = data.get("username", "").strip().lower(), handler.request.remote_ip or ""
        if self.attempts.too_many(name, address):
            raise web.HTTPError(429, "Too many wrong codes. Wait a minute, then type the code from your sheet.")
        account = self.workshop.accounts().get(name)
        wanted = account.code if account else new_code()  # a name more costs the same time
        right = is_code(data.get("password", ""), wanted)
        if account and right:
            return name
        self.attempts.failed(name, address)
        return None
