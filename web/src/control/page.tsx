/** The control room: are we on plan, what is late, what is broken, in five seconds. */
import { useEffect, useRef } from "preact/hooks";
import "./control.css";
import { Home, LanguageSwitch, LookSwitch } from "../core/bar.tsx";
import { mustSignIn, SignIn, WhoIsThere } from "../core/signin.tsx";
import { clock, day, lang, lasting, number, t, word } from "../core/i18n.ts";
import { look } from "../core/look.ts";
import { failure } from "../core/shared.ts";
import { Areas } from "./areas.tsx";
import { Stops, Waiting } from "./deeds.tsx";
import { AlarmList, OrderList, OutOfService } from "./lists.tsx";
import { Figures } from "./kpi.tsx";
import {
  connected,
  figures,
  flow,
  frame,
  frameAge,
  past,
  perHour,
  plant,
  plantMissing,
  selected,
  shown,
  siteClock,
  speed,
  stale,
  watch,
} from "./live.ts";
import { heat } from "./heat.ts";
import { Floor } from "./map.ts";
import { pictureAt } from "./past.ts";
import { AlarmRates } from "./rates.tsx";
import { Legend, Robots } from "./robots.tsx";
import { Spark } from "./spark.tsx";
import { TimeBar } from "./timebar.tsx";

/** On a wall: seen by all, touched by nobody. */
const kiosk = new URLSearchParams(location.search).has("kiosk");

export function Page() {
  useEffect(watch, []);
  document.title = `${t("control.title")} · Soko`;
  return (
    <div class={`control ${kiosk ? "kiosk" : ""}`} data-kiosk={kiosk}>
      <Header />
      <aside class="left">
        <AlarmList />
        <OutOfService />
        <AlarmRates />
        <OrderList />
      </aside>
      <MapView />
      <aside class="right">
        <Right />
      </aside>
      <Figures />
    </div>
  );
}

function Right() {
  if (mustSignIn()) return <SignIn />;
  return (
    <>
      <Problem />
      <Stops />
      <Waiting />
      <Areas />
      <Robots />
    </>
  );
}

function Problem() {
  if (!failure.value) return null;
  return (
    <p class="warn" role="alert">
      ✕ {word("problem", failure.value.code, failure.value.facts)}
    </p>
  );
}

function Header() {
  const site = plant.value?.site;
  const name = (lang.value === "ja" ? site?.name_ja : site?.name_en) ?? "";
  const robots = shown.value?.robots ?? [];
  const moving = robots.filter((each) => each.state !== "FAULT" && each.state !== "SILENT").length;
  const now = siteClock.value;
  const zone = site?.time_zone;
  const simulated = speed.value !== 1;
  const late = figures.value.ordersLate;
  return (
    <header class="top">
      <Home />
      <h1>
        {site?.code ?? "…"} <small>{name}</small>
      </h1>
      <span class={`mode ${simulated || past.value !== null ? "sim" : ""}`}>
        {past.value !== null ? t("room.past") : simulated ? t("control.mode_sim", { speed: number(speed.value) }) : t("control.mode_live")}
      </span>
      <span class="time num" data-testid="clock">
        {now === null ? "–" : `${day(now, zone)} ${clock(now, zone)}`}
      </span>
      <dl class="heads">
        <Head label={t("control.orders_open")} value={number(figures.value.ordersOpen)} />
        {late !== null && <Head label={t("control.orders_late")} value={number(late)} bad={late > 0} />}
        <Head label={t("control.throughput")} value={perHour.value === null ? "–" : number(perHour.value)}>
          <Spark points={flow.value.map((each) => each.shipped)} />
        </Head>
        <Head label={t("control.robots")} value={`${moving}/${robots.length}`} bad={moving < robots.length} />
      </dl>
      <Net />
      <WhoIsThere />
      <LookSwitch />
      <LanguageSwitch />
    </header>
  );
}

interface HeadProps {
  label: string;
  value: string;
  bad?: boolean;
  children?: preact.ComponentChildren;
}

function Head({ label, value, bad, children }: HeadProps) {
  return (
    <div class={bad ? "bad" : ""}>
      <dt>{label}</dt>
      <dd class="num">
        {bad && <span aria-hidden="true">▲ </span>}
        {value}
        {children}
      </dd>
    </div>
  );
}

function Net() {
  const good = connected.value && !stale.value;
  const text = good ? t("net.live") : connected.value ? t("net.stale") : t("net.off");
  return (
    <span class={`net ${good ? "good" : "bad"}`} role="status" data-testid="net">
      <i aria-hidden="true">{good ? "●" : "✕"}</i> {text}
    </span>
  );
}

function MapView() {
  const canvas = useRef<HTMLCanvasElement>(null);
  const still = useRef<HTMLCanvasElement>(null);
  const floor = useRef<Floor | null>(null);
  const known = plant.value;
  const wears = look.value;

  useEffect(() => {
    const element = canvas.current;
    if (!element || !still.current || !known) return;
    const drawn = new Floor(element, still.current, known);
    floor.current = drawn;
    const sized = new ResizeObserver(() => drawn.fit());
    sized.observe(element);
    let next = 0;
    const paint = (now_ms: number): void => {
      const then = past.peek();
      const picture = then === null ? (frame.peek()?.value ?? null) : pictureAt(then);
      drawn.draw(picture, now_ms, selected.peek(), { live: then === null && !stale.peek(), past: then !== null, heat: heat.peek() });
      next = requestAnimationFrame(paint);
    };
    next = requestAnimationFrame(paint);
    return () => {
      sized.disconnect();
      cancelAnimationFrame(next);
    };
  }, [known]);
  useEffect(() => floor.current?.fit(), [wears, known]);

  const pick = (event: MouseEvent): void => {
    const now = frame.peek();
    if (!floor.current || !now) return;
    selected.value = floor.current.robotAt(past.peek() === null ? now.value : (shown.peek() ?? now.value), event.offsetX, event.offsetY, performance.now());
  };
  return (
    <main class={`map ${stale.value && past.value === null ? "stale" : ""}`} data-testid="map" data-stale={stale.value}>
      <canvas ref={canvas} onClick={pick} role="img" aria-label={t("control.map_label")} />
      <canvas ref={still} class="ground" aria-hidden="true" />
      <MapNote />
      <TimeBar />
      <Legend />
    </main>
  );
}

function MapNote() {
  if (plantMissing.value && !plant.value) return <p class="note">{t("control.no_plant")}</p>;
  if (!shown.value) return <p class="note">{t("control.waiting_for_site")}</p>;
  if (stale.value && past.value === null) return <p class="note">{t("control.stale", { age: lasting(frameAge.value) })}</p>;
  return null;
}
