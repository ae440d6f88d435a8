/** Under the map: the last day on a slider, how fast it plays, back to now; where robots wait. */
import { useEffect } from "preact/hooks";
import { clock, day, t } from "../core/i18n.ts";
import { heat, turnHeat } from "./heat.ts";
import { past, plant } from "./live.ts";
import { goOn, lookAt, playing, readSpan, span, unrecorded } from "./past.ts";

const SPAN_EVERY_MS = 30_000;
const STEP_MS = 1_000;
const PLAYED_EVERY_MS = 250;
const SPEEDS = [1, 10, 60] as const;

export function TimeBar() {
  useEffect(() => {
    void readSpan();
    const again = window.setInterval(() => void readSpan(), SPAN_EVERY_MS);
    let before = performance.now();
    const play = window.setInterval(() => {
      const now = performance.now();
      goOn(now - before);
      if (past.peek() !== null) lookAt(past.peek()); // what was fetched meanwhile is shown too
      before = now;
    }, PLAYED_EVERY_MS);
    return () => {
      window.clearInterval(again);
      window.clearInterval(play);
    };
  }, []);
  const zone = plant.value?.site.time_zone;
  const [at, known] = [past.value, span.value];
  const shown = at ?? known?.last_ms ?? 0;
  return (
    <div class="timebar" data-testid="timebar" data-past={at !== null}>
      <button type="button" data-act="heat" aria-pressed={heat.value !== null} onClick={() => void turnHeat()}>
        {t("room.heat")}
      </button>
      {known && (
        <>
          <input
            type="range"
            name="time"
            aria-label={t("room.time")}
            aria-valuetext={`${day(shown, zone)} ${clock(shown, zone)}`}
            min={known.first_ms}
            max={known.last_ms}
            step={STEP_MS}
            value={shown}
            onInput={(event) => lookAt(Number(event.currentTarget.value))}
          />
          {at !== null && (
            <>
              <b class="num" data-testid="past">
                ↺ {clock(at, zone)}
              </b>
              {unrecorded.value && <span>{t("room.unrecorded")}</span>}
              {SPEEDS.map((each) => (
                <button key={each} type="button" data-speed={each} aria-pressed={playing.value === each} onClick={() => (playing.value = playing.value === each ? 0 : each)}>
                  {playing.value === each ? "❚❚" : "▶"} ×{each}
                </button>
              ))}
              <button type="button" class="main" data-act="live" onClick={() => lookAt(null)}>
                {t("room.live")}
              </button>
            </>
          )}
        </>
      )}
    </div>
  );
}
