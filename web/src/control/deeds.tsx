/**
 * What people tell machines: in two steps, with a reason (wms.outbound.machines).
 *
 *   arm ─ask, why─> put before people ─confirm, within a minute─> told ─> seen on the map, or refused
 *
 * Whoever confirms may be another one than who asked. An emergency stop is no button: what can be
 * said here of a safety circuit is that it may go on, once it was reset at the machine.
 */
import { effect, signal } from "@preact/signals";
import { post } from "../core/api.ts";
import { lasting, maybeWord, t, word } from "../core/i18n.ts";
import { tick } from "../core/live.ts";
import { busy, tried } from "../core/shared.ts";
import { newId } from "../handheld/ids.ts";
import { type Alarm, alarms, named, type Robot, shown, siteNow } from "./live.ts";

export type Deed = "HOLD" | "CANCEL" | "GO_ON" | "WITHDRAW" | "CLOSE" | "OPEN" | "SAFE";
interface Asked {
  exception: string;
  deed: Deed;
  machine: string;
  reason: string;
  until: string;
}
interface Told {
  deed: Deed;
  machine: string;
  transport: string | null; // what it had when it was told
}

const DEED_OF: Record<string, Deed> = {
  "machine.hold": "HOLD",
  "machine.cancel": "CANCEL",
  "machine.go_on": "GO_ON",
  "machine.withdraw": "WITHDRAW",
  "machine.close": "CLOSE",
  "machine.open": "OPEN",
  "machine.safe": "SAFE",
};
const WHYS = ["person", "obstacle", "repair", "test", "clear"] as const;

/** What is being armed: nothing has left this screen yet. */
const armed = signal<{ deed: Deed; machine: string; command: string } | null>(null);
const why = signal("");
/** Asked for here; the feed tells of it a moment later. */
const asked = signal<Asked[]>([]);
// once the feed tells of it, the feed alone says whether it still waits: another one may confirm it
effect(() => {
  const ids = new Set(alarms.value.map((each) => each.id));
  if (asked.peek().some((each) => ids.has(each.exception))) asked.value = asked.peek().filter((each) => !ids.has(each.exception));
});
/** What was confirmed last, until it is seen. */
const told = signal<Told | null>(null);

export function arm(deed: Deed, machine: string): void {
  armed.value = { deed, machine, command: newId(Date.now()) };
  why.value = "";
}

async function ask(): Promise<void> {
  const wanted = armed.value;
  if (!wanted) return;
  const { deed, machine, command } = wanted;
  const body = { command_id: command, deed, machine, reason: why.value.trim() };
  const answer = await tried(() => post<Asked>("/console/v1/machines:ask", body));
  if (!answer) return;
  asked.value = [...asked.value, answer];
  armed.value = null;
}

async function answered(one: Asked, act: "confirm" | "ok"): Promise<void> {
  const body = { command_id: newId(Date.now()), act };
  const done = await tried(() => post(`/console/v1/exceptions/${one.exception}:solve`, body));
  gone.value = new Set([...gone.value, one.exception]);
  const transport = shown.value?.robots.find((each) => each.robot === one.machine)?.transport ?? null;
  if (done && act === "confirm") told.value = { deed: one.deed, machine: one.machine, transport };
}

/** Answered here: not shown again until the feed knows it too. */
const gone = signal<ReadonlySet<string>>(new Set());

/** Everything that waits to be confirmed, whoever asked for it. */
function waiting(): (Asked & { by: string })[] {
  const known = new Map<string, Asked & { by: string }>(asked.value.map((each) => [each.exception, { ...each, by: "" }]));
  for (const each of alarms.value) {
    const deed = DEED_OF[each.code];
    if (deed && each.until) known.set(each.id, { ...asAsked(each, deed), by: each.by ?? "" });
  }
  const now = siteNow(tick.value) ?? 0;
  return [...known.values()].filter((each) => !gone.value.has(each.exception) && Date.parse(each.until) > now);
}

function asAsked(alarm: Alarm, deed: Deed): Asked {
  return { exception: alarm.id, deed, machine: alarm.source, reason: alarm.detail ?? "", until: alarm.until ?? "" };
}

/** What is to be confirmed, at the top: it waits for a minute only. */
export function Waiting() {
  tick.value;
  return (
    <>
      {waiting().map((one) => (
        <section key={one.exception} class="confirm" data-testid="confirm" data-deed={one.deed} aria-label={t("room.confirm_title")}>
          <h2>
            <span aria-hidden="true">◆</span> {named(one.machine)}: {word("deed", one.deed)}
          </h2>
          <p>
            {one.by && `${one.by}: `}
            {maybeWord("room_why", one.reason) ?? one.reason}
          </p>
          <p class="acts">
            <button type="button" class="main" data-act="confirm" disabled={busy.value > 0} onClick={() => void answered(one, "confirm")}>
              {t("room.confirm")}
            </button>
            <button type="button" data-act="dismiss" disabled={busy.value > 0} onClick={() => void answered(one, "ok")}>
              {t("room.dismiss")}
            </button>
            <span class="num">{lasting(Math.max(0, (Date.parse(one.until) - (siteNow(tick.value) ?? 0)) / 1000))}</span>
          </p>
        </section>
      ))}
      <Sent />
    </>
  );
}

/** What was told, until it can be seen: nothing here claims more than the machine has said. */
function Sent() {
  const one = told.value;
  if (!one) return null;
  const robot = shown.value?.robots.find((each) => each.robot === one.machine);
  const refused = alarms.value.some((each) => each.code === "command.refused" && each.source === one.machine);
  const state = isSeen(one, robot) ? "seen" : refused ? "refused" : "sent";
  return (
    <p class={`sent ${state}`} role="status" data-testid="sent" data-state={state}>
      <span aria-hidden="true">{state === "seen" ? "✓" : state === "refused" ? "✕" : "…"}</span> {named(one.machine)}: {word("deed", one.deed)} · {word("room_sent", state)}
      <button type="button" class="quiet" aria-label={t("close")} onClick={() => (told.value = null)}>
        ✕
      </button>
    </p>
  );
}

function isSeen({ deed, machine, transport }: Told, robot: Robot | undefined): boolean {
  if (deed === "CLOSE" || deed === "OPEN") return (deed === "CLOSE") === (shown.value?.areas ?? []).includes(machine);
  if (deed === "SAFE") return !shown.value?.stops?.some((each) => each.circuit === machine);
  if (!robot) return false;
  if (deed === "WITHDRAW") return robot.transport !== transport;
  if (deed === "HOLD") return robot.paused === true;
  if (deed === "CANCEL") return robot.why === "cancelled";
  return !robot.paused && robot.why !== "cancelled";
}

/** The faceplate's commands. */
export function Deeds({ robot }: { robot: Robot }) {
  const stands = robot.paused || robot.why === "cancelled";
  const deeds: Deed[] = stands ? ["GO_ON", "CANCEL"] : ["HOLD", "CANCEL"];
  if (robot.transport && !robot.load) deeds.push("WITHDRAW");
  return (
    <div class="deeds">
      {deeds
        .filter((deed) => deed !== "CANCEL" || robot.why !== "cancelled")
        .map((deed) => (
          <button
            key={deed}
            type="button"
            data-deed={deed}
            aria-expanded={armed.value?.machine === robot.robot && armed.value.deed === deed}
            onClick={() => arm(deed, robot.robot)}
          >
            {word("deed", deed)} …
          </button>
        ))}
      <Why machine={robot.robot} />
    </div>
  );
}

/** Why; then it is asked for. */
export function Why({ machine }: { machine: string }) {
  const wanted = armed.value;
  if (wanted?.machine !== machine) return null;
  return (
    <form
      class="why"
      data-testid="why"
      onSubmit={(event) => {
        event.preventDefault();
        void ask();
      }}
    >
      <p>
        <b>
          {named(machine)}: {word("deed", wanted.deed)}
        </b>{" "}
        {word("deed_says", wanted.deed)}
      </p>
      <div class="usual">
        {WHYS.map((each) => (
          <button key={each} type="button" aria-pressed={why.value === word("room_why", each)} onClick={() => (why.value = word("room_why", each))}>
            {word("room_why", each)}
          </button>
        ))}
      </div>
      <label>
        {t("room.why")}
        <input name="reason" required minLength={2} maxLength={500} value={why.value} onInput={(event) => (why.value = event.currentTarget.value)} />
      </label>
      <p class="acts">
        <button type="submit" class="main" data-act="ask" disabled={busy.value > 0}>
          {t("room.ask")}
        </button>
        <button type="button" onClick={() => (armed.value = null)}>
          {t("room.not")}
        </button>
      </p>
    </form>
  );
}

/** Safety circuits that stand: what is to be done at the machine, and then here. */
export function Stops() {
  const stops = shown.value?.stops ?? [];
  if (stops.length === 0) return null;
  return (
    <section class="stops" data-testid="stops" aria-label={t("room.stops")}>
      {stops.map((stop) => (
        <div key={stop.circuit} data-circuit={stop.circuit} data-reset={stop.reset}>
          <h2>
            <span aria-hidden="true">■</span> {t("room.stopped", { circuit: stop.circuit })}
          </h2>
          <p>{t("room.stopped_robots", { count: stop.robots })}</p>
          <p>
            <b>{stop.reset ? t("room.was_reset") : t("room.not_reset")}</b>
          </p>
          {stop.reset && (
            <button type="button" data-deed="SAFE" onClick={() => arm("SAFE", stop.circuit)}>
              {word("deed", "SAFE")} …
            </button>
          )}
          <Why machine={stop.circuit} />
        </div>
      ))}
    </section>
  );
}
