"""Signing in at a desk: at the company's provider of identities, or by password; and out again.

    browser                         Soko                                provider
    GET /auth/v1/login?back=/ui/… -> 302, a cookie for this sign-in  -> signs them in
    GET /auth/v1/callback?code=…  <- - - - - - - - - - - - - - - - - <- 302
                                  -> the code for an ID token        -> /token
                                  <- 302 back, with the session's cookie

Nothing secret stands in an address of ours but the code and the state, which are good once.
"""

from datetime import datetime
from http import HTTPStatus
from typing import TYPE_CHECKING, Annotated

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import RedirectResponse
from sqlalchemy.orm import Session

from wms.api.dependencies import Now, Services, Svc
from wms.api.identity_shapes import MyselfOut, PasswordIn, RightOut, SetUpIn, WaysOut
from wms.api.limits import visitor
from wms.errors import NotFound, WmsError
from wms.identity import returning, sessions
from wms.identity.accounts import set_up
from wms.identity.audit import Deed, Kind, record
from wms.identity.model import Account
from wms.identity.passwords import check_password, enter
from wms.identity.roles import scopes_of
from wms.identity.sessions import Seated, check_origin, cookie_name, seated

if TYPE_CHECKING:
    from wms.identity.oidc import Provider

router = APIRouter(prefix="/auth/v1", tags=["sign-in"])
SIGNING_IN = "soko_signing_in"
Back = Annotated[str, Query(pattern=r"^/ui(/[A-Za-z0-9_-]{1,40}){0,4}$")]
Returned = Annotated[str, Query(max_length=2000, pattern=r"^[ -~]*$")]


@router.get("/ways")
def get_ways(services: Svc) -> WaysOut:
    """How to sign in here."""
    settings = services.settings
    return WaysOut(provider=bool(settings.oidc_issuer), guarded=settings.access == "keys")


@router.get("/me")
def get_myself(request: Request, services: Svc, now: Now) -> MyselfOut:
    """Who sits here; 401 `sign_in_over`: nobody."""
    token = request.cookies.get(cookie_name(services.settings.public_url), "")
    return _myself(services.database.run(lambda s: seated(s, token, now=now)))


@router.post("/sign-in")
def post_sign_in(
    body: PasswordIn, request: Request, response: Response, services: Svc, now: Now
) -> MyselfOut:
    """By name and password; 401 `password_wrong`: of one of them, it is not said which."""
    check_origin(request.headers, services.settings.public_url)
    address = visitor(request, behind_proxy=services.settings.behind_proxy)
    services.limits.misses.take(f"sign-in {address}", now)

    def work(session: Session) -> tuple[str, Seated] | WmsError:
        account = enter(session, body.code, body.password, now=now)
        if isinstance(account, WmsError):
            _noted(session, "sign_in_failed", "?", address, now)  # perhaps they typed a password
            return account
        return _seat(session, account, "password", address, now)

    answer = services.database.run(work)
    if isinstance(answer, WmsError):
        raise answer  # only now: the wrong password has been counted
    return _let_in(response, services, answer)


@router.post("/set-up")
def post_set_up(
    body: SetUpIn, request: Request, response: Response, services: Svc, now: Now
) -> MyselfOut:
    """Become the first administrator, by a link of `soko admin set-up`, which is good once."""
    check_origin(request.headers, services.settings.public_url)
    check_password(body.code, body.password)
    address = visitor(request, behind_proxy=services.settings.behind_proxy)
    services.limits.misses.take(f"sign-in {address}", now)

    def work(session: Session) -> tuple[str, Seated]:
        account = set_up(session, body.token, body.code, body.name, body.password, now=now)
        _noted(session, "rights", account.code, address, now, what="administrator")
        return _seat(session, account, "password", address, now)

    return _let_in(response, services, services.database.run(work))


@router.post("/sign-out", status_code=HTTPStatus.NO_CONTENT)
def post_sign_out(request: Request, response: Response, services: Svc, now: Now) -> None:
    """The session is over, everywhere and at once."""
    name = cookie_name(services.settings.public_url)
    token = request.cookies.get(name, "")
    if token:
        check_origin(request.headers, services.settings.public_url)

    def work(session: Session) -> None:
        code = sessions.end(session, token, now=now)
        if code:
            _noted(session, "sign_out", code, _address(request, services), now)

    services.database.run(work)
    response.delete_cookie(name, path="/", secure=_is_secure(services), httponly=True)


@router.get("/login", status_code=HTTPStatus.FOUND, response_class=RedirectResponse)
def get_login(
    request: Request, services: Svc, now: Now, back: Back = "/ui/control"
) -> RedirectResponse:
    """To the company's provider of identities; 404: there is none."""
    provider = _provider(request, services)
    services.limits.reads.take(f"login {_address(request, services)}", now)
    begun = services.database.run(lambda s: provider.begin(s, back, now=now))
    answer = RedirectResponse(begun.address, HTTPStatus.FOUND)
    answer.set_cookie(
        SIGNING_IN, begun.binding, max_age=int(returning.LASTS.total_seconds()), path="/auth/v1",
        httponly=True, secure=_is_secure(services), samesite="lax",
    )  # fmt: skip
    return answer


@router.get("/callback", status_code=HTTPStatus.FOUND, response_class=RedirectResponse)
def get_callback(
    request: Request, services: Svc, now: Now, state: Returned = "", code: Returned = ""
) -> RedirectResponse:
    """Back from there, with a code for who it is."""
    provider = _provider(request, services)
    address = _address(request, services)
    came = returning.Returned(code=code, state=state, binding=request.cookies.get(SIGNING_IN, ""))
    facts = services.database.run(lambda s: returning.take_back(s, came, now=now))
    claims = provider.claims(came.code, facts, now=now)

    def work(session: Session) -> tuple[str, Seated]:
        account = returning.account_of(session, provider.issuer, claims, now=now)
        return _seat(session, account, "provider", address, now)

    answer = RedirectResponse(facts["back"], HTTPStatus.FOUND)
    _let_in(answer, services, services.database.run(work))
    answer.delete_cookie(SIGNING_IN, path="/auth/v1")
    return answer


def _provider(request: Request, services: Services) -> "Provider":
    settings = services.settings
    if not settings.oidc_issuer:
        raise NotFound("no provider of identities is set up here")
    state = request.app.state
    if getattr(state, "provider", None) is None:
        from wms.identity.oidc import Provider  # noqa: PLC0415 - of the extra `sso`

        state.provider = Provider(
            settings.oidc_issuer, settings.oidc_client_id, settings.oidc_client_secret,
            f"{settings.public_url}/auth/v1/callback",
        )  # fmt: skip
    provider: Provider = state.provider
    return provider


def _seat(
    session: Session, account: Account, by: str, address: str, now: datetime
) -> tuple[str, Seated]:
    token = sessions.begin(session, account, now=now)
    _noted(session, "sign_in", account.code, address, now, what=by)
    return token, seated(session, token, now=now)


def _let_in(response: Response, services: Services, entered: tuple[str, Seated]) -> MyselfOut:
    token, who = entered
    response.set_cookie(
        cookie_name(services.settings.public_url), token, path="/", httponly=True,
        secure=_is_secure(services), samesite="strict",
    )  # fmt: skip
    response.headers["cache-control"] = "no-store"
    return _myself(who)


def _myself(who: Seated) -> MyselfOut:
    return MyselfOut(
        code=who.code,
        name=who.name,
        rights=[
            RightOut(role=each.role, sites=list(each.sites), owners=list(each.owners))
            for each in who.rights
        ],
        scopes=sorted(scopes_of(who.rights)),
    )


def _noted(
    session: Session, kind: Kind, code: str, address: str, now: datetime, *, what: str = ""
) -> None:
    deed = Deed(kind=kind, who=f"account:{code}", what=what or kind, address=address)
    record(session, deed, now=now)


def _address(request: Request, services: Services) -> str:
    return visitor(request, behind_proxy=services.settings.behind_proxy)


def _is_secure(services: Services) -> bool:
    return services.settings.over_tls
