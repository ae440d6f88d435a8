"""`soko edge ca`: certificates of the machines of a site. See edge.authority for what they do."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from edge.authority import Authority

Pki = Annotated[Path, typer.Option(help="The folder with ca.crt and devices/.")]

ca = typer.Typer(help="Certificates of a site's machines.", no_args_is_help=True)


@ca.command()
def create(
    *,
    pki: Pki = Path("pki"),
    name: Annotated[str, typer.Option(help="Of the authority, such as the site.")] = "Soko",
) -> None:
    """Found an authority in that folder."""
    with _said():
        from edge.authority import Authority  # noqa: PLC0415 - heavy

        Authority.create(pki, name=name, now=_now())
        typer.echo(f"{pki / 'ca.crt'} for everybody; {pki / 'ca.key'} stays here, and safe")


@ca.command()
def issue(
    names: Annotated[list[str] | None, typer.Argument(help="Device ids.")] = None,
    *,
    pki: Pki = Path("pki"),
    site: Annotated[
        list[Path] | None,
        typer.Option(help="Everybody of these site files who has none; edges get RSA."),
    ] = None,
    host: Annotated[
        list[str] | None, typer.Option(help="Names or addresses it is reached by (brokers).")
    ] = None,
    days: Annotated[int, typer.Option(help="How long it is valid.", min=1)] = 90,
    rsa: Annotated[bool, typer.Option("--rsa", help="An RSA key: for OPC UA.")] = False,
) -> None:
    """Give machines a key and a certificate each; what they had stays valid until it ends."""
    with _said():
        authority, wanted = _authority(pki), [*(names or ())]
        if site:
            have = {one.name for one in authority.issued()}
            wanted += [name for name in _everybody(site) if name not in have | {*wanted}]
        for name in wanted:
            use_rsa = rsa or (name.startswith("edge-") and name not in {*(names or ())})
            made = authority.issue(name, _now(), hosts=host or (), days=days, use_rsa=use_rsa)
            typer.echo(f"{name}: {made.certificate.parent}")


@ca.command("list")
def list_issued(*, pki: Pki = Path("pki")) -> None:
    """Who has a certificate, and until when."""
    with _said():
        now = _now()
        for one in _authority(pki).issued():
            due = "ended" if now > one.ends_at else "renew soon" if one.is_due(now) else ""
            until = f"{one.ends_at:%Y-%m-%d}"
            typer.echo(f"{one.name:<24} until {until}  {' '.join(one.hosts)} {due}".rstrip())


@ca.command()
def renew(
    names: Annotated[list[str] | None, typer.Argument(help="Without: all that are due.")] = None,
    *,
    pki: Pki = Path("pki"),
) -> None:
    """New certificates like the old ones: for those with less than a third of their time left."""
    with _said():
        made = _authority(pki).renew(_now(), names=names or ())
        for one in made:
            typer.echo(f"{one.certificate.parent.name}: {one.certificate.parent}")
        typer.echo(f"{len(made)} renewed; they are used from the next connect on")


@ca.command()
def revoke(
    name: Annotated[str, typer.Argument(help="Device id.")],
    *,
    pki: Pki = Path("pki"),
    older: Annotated[
        bool, typer.Option("--older", help="Only those before the one it has now.")
    ] = False,
) -> None:
    """Make the certificates of a machine invalid."""
    with _said():
        _authority(pki).revoke(name, _now(), older=older)
        typer.echo("revoked; write the broker's settings again (broker-config) and restart it")


@ca.command()
def rotate(*, pki: Pki = Path("pki")) -> None:
    """A new authority beside the old one: give out ca.crt, renew everybody, then retire."""
    with _said():
        _authority(pki).rotate(_now())
        typer.echo(f"two authorities in {pki / 'ca.crt'}: give it out, renew all, then retire")


@ca.command()
def retire(*, pki: Pki = Path("pki")) -> None:
    """Trust the newest authority alone."""
    with _said():
        _authority(pki).retire(_now())
        typer.echo(f"one authority in {pki / 'ca.crt'}: give it out")


def _authority(pki: Path) -> "Authority":
    from edge.authority import Authority  # noqa: PLC0415 - heavy

    return Authority(pki)


def _everybody(sites: list[Path]) -> Iterator[str]:
    from edge.rights import rights_of  # noqa: PLC0415
    from edge.site import read_site  # noqa: PLC0415

    yield from rights_of([read_site(site.read_text(encoding="utf-8")) for site in sites])


def _now() -> datetime:
    from edge.clock import SystemClock  # noqa: PLC0415

    return SystemClock().now()  # certificates are valid by the real time


@contextmanager
def _said() -> Iterator[None]:
    """What goes wrong is said in a line."""
    from edge.authority import AuthorityFault  # noqa: PLC0415
    from edge.site import SiteFaults  # noqa: PLC0415

    try:
        yield
    except (AuthorityFault, SiteFaults, ValueError, OSError) as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(1) from error
