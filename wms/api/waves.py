"""Release over HTTP: channels of sites, waves with their forecast, and taking a release back."""

from datetime import datetime
from http import HTTPStatus
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Query, Response
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StrictBool, StrictInt

from wms.api.dependencies import Now, Svc, Who
from wms.api.shapes import Shape, Text
from wms.collect.policy import is_for_release
from wms.outbound.bind import Binding
from wms.outbound.style import Style
from wms.planner.ahead import plan_wave
from wms.replenishment.propose import fill_pressed
from wms.sites import site_id
from wms.waves import channel as channels
from wms.waves import wave as waves
from wms.waves.channel import Channel
from wms.waves.orders import unrelease_orders
from wms.waves.plan import Template
from wms.waves.read import WaveView, wave_view
from wms.waves.read import waves as list_waves
from wms.waves.wave import NewWave
from wms.waves.which import Which

router = APIRouter(prefix="/console/v1", tags=["console"])
Some = Annotated[StrictInt, Field(ge=1, le=100_000)]
People = Annotated[StrictInt, Field(ge=1, le=1000)]
Texts = Annotated[tuple[Text, ...], Field(max_length=100)]
Units = Annotated[StrictInt, Field(ge=0, le=1_000_000)]
Shelf = Annotated[StrictInt, Field(ge=0, le=1000)]
Rule = Literal["FEFO", "FULL_PACK", "WHOLE", "ROBOT", "FEW_TOTES", "EMPTY_BIN", "CLOSEST"]
WaveStates = Literal["PLANNED", "SIMULATED", "RELEASED", "DONE", "CANCELLED"]


class WhichIn(Shape):
    """Which orders; empty means any. Carriers by code, or services of theirs."""

    channels: Texts = ()
    fulfilments: Texts = ()
    prefectures: Texts = ()
    carriers: Texts = ()
    priority_min: Annotated[StrictInt, Field(ge=-1000, le=1000)] | None = None
    due_within_min: Annotated[StrictInt, Field(ge=0, le=525_600)] | None = None


class StyleIn(Shape):
    """How goods are picked, at most so many orders and units in a walk."""

    mode: Literal["SINGLE", "BATCH", "CLUSTER", "ZONE", "PASS", "PUT_WALL"] = "BATCH"
    totes: StrictBool = False
    orders_max: Annotated[StrictInt, Field(ge=1, le=100)] = 30
    units_max: Some = 80
    zero_check: StrictBool = True


class BindingIn(Shape):
    """The rules by which a place is chosen, in their turn; `min_life` in thousandths."""

    rules: Annotated[tuple[Rule, ...], Field(max_length=10)] = (
        "FEFO", "WHOLE", "ROBOT", "EMPTY_BIN", "CLOSEST",
    )  # fmt: skip
    min_life: Shelf = 0
    zones: Texts = ()


class HowIn(Shape):
    """What channels and waves have in common."""

    which: WhichIn = WhichIn()
    style: StyleIn = StyleIn()
    binding: BindingIn = BindingIn()
    shelf_life: Annotated[dict[Text, Shelf], Field(max_length=100)] = Field(
        default_factory=dict, examples=[{"b2b": 333}]
    )

    def plain(self) -> dict[str, Any]:
        """As the areas below know it."""
        return {
            "which": Which(**self.which.model_dump()),
            "style": Style(**self.style.model_dump()),
            "binding": Binding(**self.binding.model_dump()),
            "shelf_life": dict(self.shelf_life),
        }


class ChannelIn(HowIn):
    """What a site releases by itself: at most so many lines in work. 0: it waits for waves."""

    wip_lines_max: Annotated[StrictInt, Field(ge=0, le=100_000, examples=[120])]
    position: Annotated[StrictInt, Field(ge=0, le=10_000)] = 0
    choose: Literal["TURN", "NEAR"] = "TURN"
    hurry_min: Annotated[StrictInt, Field(ge=0, le=525_600)] = 60
    active: StrictBool = True


class ChannelOut(ChannelIn):
    """A channel, and whose it is."""

    model_config = ConfigDict(extra="forbid", frozen=True, from_attributes=True)

    site: str
    code: str


class TemplateIn(HowIn):
    """A wave's template: which orders, how many, packed until when, and by how many people."""

    orders_max: Annotated[StrictInt, Field(ge=1, le=5000)] = 200
    lines_max: Annotated[StrictInt, Field(ge=1, le=20_000)] = 1000
    choose: Literal["TURN", "DENSE"] = "TURN"
    units_min: Units = 0
    units_max: Units = 0
    hurry_min: Annotated[StrictInt, Field(ge=0, le=525_600)] = 60
    cut_off_at: AwareDatetime | None = None
    pickers: People = 4
    sorters: People = 1
    packers: People = 2

    def template(self) -> Template:
        """As the areas below know it."""
        return Template(
            orders_max=self.orders_max,
            lines_max=self.lines_max,
            choose=self.choose,
            units_min=self.units_min,
            units_max=max(self.units_max, self.units_min),
            hurry_min=self.hurry_min,
            cut_off_at=self.cut_off_at,
            pickers=self.pickers,
            sorters=self.sorters,
            packers=self.packers,
            **self.plain(),
        )


class WaveIn(TemplateIn):
    """A wave, its site, and what it is called."""

    site: Text
    name: Text


class ActIn(Shape):
    """The act's id makes it once."""

    command_id: UUID


class UnreleaseIn(ActIn):
    """Which orders are taken back from the floor of that site."""

    orders: Annotated[tuple[UUID, ...], Field(min_length=1, max_length=1000)]


class StepOut(BaseModel):
    """A step of a wave: what was said, and what happened."""

    model_config = ConfigDict(from_attributes=True)

    step: str
    predicted_start_at: datetime | None
    predicted_finish_at: datetime | None
    actual_start_at: datetime | None
    actual_finish_at: datetime | None
    tasks: int
    tasks_done: int
    late_s: int | None = Field(description="seconds after what was said; below 0: before it")


class WaveOut(BaseModel):
    """A wave, its forecast, and how far it is."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    site: str
    name: str
    state: WaveStates
    template: dict[str, Any]
    forecast: dict[str, Any] | None
    choosing: bool = Field(description="the worker has not chosen its orders yet")
    lines: int
    lines_by_state: dict[str, int]
    steps: list[StepOut]
    missed: list[str] = Field(description="orders that were not packed at its cut-off")
    made_at: datetime
    simulated_at: datetime | None
    released_at: datetime | None
    ended_at: datetime | None


class UnreleasedOut(BaseModel):
    """How many lines were given back, and of how many it was too late."""

    taken_back: int
    too_late: int


@router.get("/channels/{site}")
def get_channels(site: Text, services: Svc) -> list[ChannelOut]:
    """The release channels of a site, in their turn; none: one for everything."""
    found = services.database.run(lambda s: channels.channels_of(s, site))
    return [ChannelOut.model_validate(_plain(each)) for each in found]


@router.get("/channels/{site}/{code}")
def get_channel(site: Text, code: Text, services: Svc) -> ChannelOut:
    """A release channel."""
    found = services.database.run(lambda s: channels.channel_of(s, site, code))
    return ChannelOut.model_validate(_plain(found))


@router.put("/channels/{site}/{code}", responses={201: {"model": ChannelOut}})
def put_channel(
    site: Text, code: Text, body: ChannelIn, services: Svc, now: Now, response: Response
) -> ChannelOut:
    """Say what a site releases by itself, how much of it at a time, and how it is picked."""
    channel = Channel(
        site=site,
        code=code,
        wip_lines_max=body.wip_lines_max,
        position=body.position,
        choose=body.choose,
        hurry_min=body.hurry_min,
        active=body.active,
        **body.plain(),
    )
    if services.database.run(lambda s: channels.save_channel(s, channel, now=now)):
        response.status_code = HTTPStatus.CREATED
    return ChannelOut.model_validate(_plain(channel))


@router.get("/waves")
def get_waves(
    services: Svc,
    site: Annotated[Text | None, Query()] = None,
    state: Annotated[WaveStates | None, Query()] = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
) -> list[WaveOut]:
    """Waves, the newest first."""
    found = services.database.run(lambda s: list_waves(s, site=site, state=state, limit=limit))
    return [WaveOut.model_validate(each) for each in found]


@router.get("/waves/{wave_id}")
def get_wave(wave_id: UUID, services: Svc) -> WaveOut:
    """A wave: what was forecast, and what happened, step by step."""
    return WaveOut.model_validate(_wave(services, wave_id))


@router.put("/waves/{wave_id}", responses={201: {"model": WaveOut}})
def put_wave(
    wave_id: UUID, body: WaveIn, services: Svc, now: Now, actor: Who, response: Response
) -> WaveOut:
    """Plan a wave. The same id with another body is refused.

    The orders of a DENSE one are chosen by the worker: `/planner/v1/ahead/{id}` says how far it is.
    """
    new = NewWave(id=wave_id, site=body.site, name=body.name, template=body.template())
    seconds = services.settings.waves_s
    if services.database.run(lambda s: plan_wave(s, new, seconds=seconds, by=str(actor), now=now)):
        response.status_code = HTTPStatus.CREATED
    return WaveOut.model_validate(_wave(services, wave_id))


@router.post("/waves/{wave_id}:simulate")
def post_simulate(wave_id: UUID, body: ActIn, services: Svc, now: Now) -> WaveOut:
    """Say what would happen if it were released now: kept, to be compared with what does."""
    services.database.run(
        lambda s: waves.simulate(s, wave_id, body.command_id, now=now, only=is_for_release())
    )
    return WaveOut.model_validate(_wave(services, wave_id))


@router.post("/waves/{wave_id}:release")
def post_release(wave_id: UUID, body: ActIn, services: Svc, now: Now) -> WaveOut:
    """Release it: its lines are pinned, its walks are made, and what they empty is filled."""
    services.database.run(
        lambda s: waves.release(s, wave_id, body.command_id, now=now, only=is_for_release())
    )
    released = _wave(services, wave_id)
    services.database.run(lambda s: fill_pressed(s, site_id(released.site), now=now))
    return WaveOut.model_validate(released)


@router.post("/waves/{wave_id}:cancel")
def post_cancel(wave_id: UUID, body: ActIn, services: Svc, now: Now, actor: Who) -> UnreleasedOut:
    """Call it off: what is still pinned is given back, what was picked goes on."""
    said = services.database.run(
        lambda s: waves.cancel(
            s, services.floor, wave_id, body.command_id, actor=str(actor), now=now
        )
    )
    return UnreleasedOut(taken_back=said["taken_back"], too_late=said["too_late"])


@router.post("/releases/{site}:take-back")
def post_take_back(
    site: Text, body: UnreleaseIn, services: Svc, now: Now, actor: Who
) -> UnreleasedOut:
    """Take the release of orders back (引当取消): possible until they are picked."""
    said = services.database.run(
        lambda s: unrelease_orders(
            s, services.floor, site, body.orders, body.command_id, actor=str(actor), now=now
        )
    )
    return UnreleasedOut(taken_back=said["taken_back"], too_late=said["too_late"])


def _wave(services: Svc, wave_id: UUID) -> WaveView:
    return services.database.run(lambda s: wave_view(s, wave_id))


def _plain(channel: Channel) -> dict[str, Any]:
    return {
        "site": channel.site, "code": channel.code, "position": channel.position,
        "wip_lines_max": channel.wip_lines_max, "active": channel.active,
        "choose": channel.choose, "hurry_min": channel.hurry_min,
        "which": _of(channel.which), "style": _of(channel.style),
        "binding": _of(channel.binding), "shelf_life": dict(channel.shelf_life),
    }  # fmt: skip


def _of(part: Which | Style | Binding) -> dict[str, Any]:
    return {name: getattr(part, name) for name in part.__slots__}
