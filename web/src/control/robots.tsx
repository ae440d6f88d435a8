/** Right: one robot in full, or all of them at a glance. There is no stop button: safety has its own. */
import { signal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { clock, lasting, number, percent, t, word } from "../core/i18n.ts";
import { tick } from "../core/live.ts";
import { look } from "../core/look.ts";
import { shown, happenings, inStateS, isBlocked, loadsOf, past, plant, type Robot, type RobotState, selected, stale } from "./live.ts";
import { Deeds } from "./deeds.tsx";
import { Day, Health } from "./health.tsx";
import { drawSign } from "./signs.ts";

const STATES: RobotState[] = ["DRIVING", "WORKING", "WAITING", "IDLE", "CHARGING", "FAULT", "SILENT"];
const EVENTS = 20;
const LISTED = 60; // of more robots only those that need somebody, or are sought
const seek = signal("");

function needsSomebody(robot: Robot): boolean {
  return robot.state === "FAULT" || robot.state === "SILENT" || robot.paused === true || isBlocked(robot);
}

export function Robots() {
  const robots = shown.value?.robots ?? [];
  const chosen = robots.find((each) => each.robot === selected.value);
  return (
    <div class={stale.value ? "stale fill" : "fill"}>
      {chosen ? (
        <Faceplate robot={chosen} />
      ) : (
        <>
          <Fleet robots={robots} />
          <Health />
        </>
      )}
    </div>
  );
}

function Fleet({ robots }: { robots: Robot[] }) {
  const open = shown.value?.transports_open ?? 0;
  const many = robots.length > LISTED;
  const sought = many ? robots.filter((each) => (seek.value ? each.robot.includes(seek.value) : needsSomebody(each))) : robots;
  return (
    <section aria-label={t("robots.fleet")}>
      <h2>{t("robots.fleet")}</h2>
      <p class="hint">{t("robots.choose")}</p>
      {many && (
        <label class="seek">
          {t("room.seek", { count: robots.length })}
          <input type="search" name="robot" value={seek.value} onInput={(event) => (seek.value = event.currentTarget.value.trim())} />
        </label>
      )}
      <dl class="facts">
        <dt>{t("robots.open_transports")}</dt>
        <dd class="num">{number(open)}</dd>
      </dl>
      <ol class="fleet" data-testid="fleet">
        {sought.slice(0, LISTED).map((robot) => (
          <li key={robot.robot}>
            <button
              type="button"
              data-robot={robot.robot}
              data-at={`${robot.x_m.toFixed(1)},${robot.y_m.toFixed(1)}`}
              title={word("state", robot.state)}
              onClick={() => (selected.value = robot.robot)}
            >
              <Sign state={robot.state} blocked={isBlocked(robot)} />
              <span class="num">{robot.robot}</span>
              <Battery level={robot.battery} />
            </button>
          </li>
        ))}
      </ol>
    </section>
  );
}

function Faceplate({ robot }: { robot: Robot }) {
  tick.value; // the time in this state runs on
  const events = happenings.value.filter((each) => each.robot === robot.robot).slice(0, EVENTS);
  const zone = plant.value?.site.time_zone;
  return (
    <section class="faceplate" data-testid="faceplate" aria-label={robot.robot}>
      <header>
        <h2 class="name">{robot.robot}</h2>
        <button type="button" class="quiet" aria-label={t("close")} onClick={() => (selected.value = null)}>
          ✕
        </button>
      </header>
      <p class={`now ${isBlocked(robot) ? "blocked" : robot.state.toLowerCase()}`}>
        <Sign state={robot.state} blocked={isBlocked(robot)} /> <b>{word("state", robot.state)}</b>
        <span class="num">{lasting(inStateS(robot.robot))}</span>
      </p>
      {(robot.paused || robot.why) && (
        <p class="held" data-testid="held">
          <span aria-hidden="true">❚❚</span> {robot.why ? word("alarm", `robot.${robot.why}`) : t("room.paused")}
        </p>
      )}
      {past.value === null && <Deeds robot={robot} />}
      <dl class="facts">
        <dt>{t("robots.battery")}</dt>
        <dd>
          <Battery level={robot.battery} /> <span class="num">{percent(share(robot.battery))}</span>
        </dd>
        <dt>{t("robots.load")}</dt>
        <dd data-testid="loads">
          {robot.slots && t("robots.slots", { count: robot.loads?.length ?? 0, slots: robot.slots })}{" "}
          {loadsOf(robot).join(", ") || "–"}
        </dd>
        <dt>{t("robots.task")}</dt>
        <dd class="num" title={robot.transport ?? ""}>
          {robot.transport ? `…${robot.transport.slice(-8)}` : "–"}
        </dd>
        <dt>{t("robots.goal")}</dt>
        <dd>{robot.route.at(-1) ?? "–"}</dd>
        <dt>{t("robots.ahead")}</dt>
        <dd class="num">{t("robots.points", { count: robot.route.length })}</dd>
        <dt>{t("robots.position")}</dt>
        <dd class="num" data-testid="position">
          {robot.x_m.toFixed(1)} m, {robot.y_m.toFixed(1)} m
        </dd>
      </dl>
      <Day machine={robot.robot} />
      <h2>{t("robots.events")}</h2>
      <ol class="events">
        {events.map((each) => (
          <li key={`${each.at_ms}${each.what}`}>
            <time class="num">{clock(each.at_ms, zone)}</time> {sentence(each.what)} <b>{each.detail}</b>
          </li>
        ))}
      </ol>
    </section>
  );
}

function sentence(what: string): string {
  const [area = "", code = ""] = what.split(".");
  return word(area, code);
}

/** Robots tell 0 to 100, sites may tell 0 to 1. */
function share(battery: number): number {
  return battery > 1 ? battery / 100 : battery;
}

function Battery({ level }: { level: number }) {
  const part = Math.max(0, Math.min(1, share(level)));
  return (
    <span class={`battery ${part < 0.2 ? "low" : ""}`} role="img" aria-label={percent(part)}>
      <i style={{ width: `${part * 100}%` }} />
    </span>
  );
}

export function Sign({ state, blocked = false }: { state: RobotState; blocked?: boolean }) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const wears = look.value;
  useEffect(() => {
    const element = canvas.current;
    const ink = element?.getContext("2d");
    if (!element || !ink) return;
    const style = getComputedStyle(document.documentElement);
    const names = ["strong", "object", "text", "p1", "p2", "p3"];
    const colour = Object.fromEntries(names.map((name) => [name, style.getPropertyValue(`--${name}`).trim()]));
    ink.setTransform(2, 0, 0, 2, 0, 0);
    ink.clearRect(0, 0, 18, 18);
    ink.translate(9, 9);
    drawSign(ink, state, blocked, 6, 0, colour);
  }, [state, blocked, wears]);
  return <canvas ref={canvas} class="sign" width="36" height="36" aria-hidden="true" />;
}

export function Legend() {
  const robots = shown.value?.robots ?? [];
  return (
    <ul class="legend" aria-label={t("control.legend")}>
      {STATES.map((state) => (
        <li key={state}>
          <Sign state={state} /> {word("state", state)}{" "}
          <b class="num">{robots.filter((each) => each.state === state).length}</b>
        </li>
      ))}
    </ul>
  );
}
