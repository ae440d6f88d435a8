/** Machines of the last day, the worst first: how long they could work, and did (GET /console/v1/machine-health). */
import { signal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { get } from "../core/api.ts";
import { lasting, percent, t, word } from "../core/i18n.ts";
import { selected } from "./live.ts";

interface Machine {
  machine: string;
  state_ms: Record<string, number>;
  faults: number;
  availability: number | null;
  performance: number | null;
  oee: number | null;
  mtbf_s: number | null;
  mttr_s: number | null;
}

const EVERY_MS = 60_000;
const WORST = 8;
const STATES = ["RUNNING", "IDLE", "STARVED", "BLOCKED", "MAINT", "FAULT", "OFFLINE"];
const machines = signal<readonly Machine[]>([]);

function read(): void {
  void get<Machine[]>("/console/v1/machine-health?hours=24").then(
    (told) => (machines.value = told),
    () => undefined,
  );
}

export function Health() {
  useEffect(() => {
    read();
    const again = window.setInterval(read, EVERY_MS);
    return () => window.clearInterval(again);
  }, []);
  const worst = [...machines.value].sort((a, b) => (a.oee ?? a.availability ?? 1) - (b.oee ?? b.availability ?? 1)).slice(0, WORST);
  if (worst.length === 0) return null;
  return (
    <section class="health" data-testid="health">
      <h2>{t("room.health")}</h2>
      <table>
        <thead>
          <tr>
            <th scope="col">{t("room.machine")}</th>
            <th scope="col">{t("room.availability")}</th>
            <th scope="col">{t("room.performance")}</th>
            <th scope="col">OEE</th>
          </tr>
        </thead>
        <tbody>
          {worst.map((each) => (
            <tr key={each.machine} data-machine={each.machine}>
              <th scope="row">
                <button type="button" class="link" onClick={() => (selected.value = each.machine)}>
                  {each.machine}
                </button>
              </th>
              {[each.availability, each.performance, each.oee].map((share, index) => (
                <td key={index} class="num">
                  {share === null ? "–" : percent(share)}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}

/** One machine's day, in its faceplate. */
export function Day({ machine }: { machine: string }) {
  const one = machines.value.find((each) => each.machine === machine);
  if (!one) return null;
  const whole = Object.values(one.state_ms).reduce((sum, each) => sum + each, 0) || 1;
  return (
    <section data-testid="day">
      <h2>{t("room.day")}</h2>
      <ul class="says">
        {STATES.filter((state) => one.state_ms[state]).map((state) => (
          <li key={state}>
            {word("machine_state", state)} <b class="num">{percent((one.state_ms[state] ?? 0) / whole)}</b>
          </li>
        ))}
        {one.mtbf_s !== null && one.mttr_s !== null && (
          <li>
            {t("room.faults", { count: one.faults })} <b class="num">{lasting(one.mtbf_s)} / {lasting(one.mttr_s)}</b>
          </li>
        )}
      </ul>
    </section>
  );
}
