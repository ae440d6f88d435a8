/** Work: what is open and who has it, by kind and zone, how long it waits; given, hurried, taken back. */
import { signal } from "@preact/signals";
import { get } from "../core/api.ts";
import { hours, maybeWord, number, t, word } from "../core/i18n.ts";
import { busy, tried, usePolling } from "../core/shared.ts";
import { age } from "./figures.ts";
import { act, asked, now, POLL_MS, readNow, said, site } from "./state.ts";

interface Task {
  id: string;
  site: string;
  by: "person" | "robot";
  kind: string;
  state: string;
  title: string;
  zone: string;
  station: string | null;
  priority: number;
  done: number;
  total: number;
  made_at: string;
  due_at: string | null;
  leased_at: string | null;
  operator: string;
  device: string;
  for_operator: string | null;
  note: string;
  why: string;
}
interface Operator {
  code: string;
  name: string;
  active: boolean;
}

const tasks = signal<readonly Task[] | null>(null);
const operators = signal<readonly Operator[]>([]);
const kind = signal("");
const inZone = signal<string | null>(null);
const chosen = signal("");

async function read(): Promise<void> {
  await readNow();
  if (!site.value) return;
  const found = await tried(() => get<Task[]>(`/console/v1/tasks?${asked({ site: site.value, limit: 1000 })}`));
  if (found) tasks.value = found;
  if (operators.value.length === 0) operators.value = (await tried(() => get<Operator[]>("/console/v1/operators"))) ?? [];
}

async function steer(task: Task, what: string, body: Record<string, unknown>): Promise<void> {
  const done = await act<{ task: Task; recovery: string | null }>(`/console/v1/tasks/${task.id}:${what}`, body);
  if (done) {
    const more = done.recovery ? ` · ${t("floor.recovery")}` : "";
    said.value = `${word("floor_steer", what)}: ${task.title}${more}`;
  }
  await read();
}

export function Work() {
  usePolling(read, POLL_MS, [site.value]);
  const all = tasks.value ?? [];
  const shown = all.filter((each) => (!kind.value || each.kind === kind.value) && (inZone.value === null || each.zone === inZone.value));
  return (
    <>
      <Pool all={all} />
      {tasks.value && shown.length === 0 && <p class="hint">{t("floor.no_tasks")}</p>}
      {shown.length > 0 && <List shown={shown.slice(0, 300)} />}
    </>
  );
}

/** Kind by zone: how much is open, in hand, blocked, and how long the oldest waits. */
function Pool({ all }: { all: readonly Task[] }) {
  const kinds = [...new Set(all.map((each) => each.kind))].sort();
  const zones = [...new Set(all.map((each) => each.zone))].sort();
  if (all.length === 0) return null;
  const cell = (k: string, z: string) => all.filter((each) => each.kind === k && each.zone === z);
  return (
    <div class="scrolls" tabIndex={0} role="region" aria-label={t("floor.pool")}>
      <table class="pool">
        <thead>
          <tr>
            <th scope="col">{t("floor.pool")}</th>
            {zones.map((z) => (
              <th key={z} scope="col">
                {z || t("floor.no_zone")}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {kinds.map((k) => (
            <tr key={k} data-kind={k}>
              <th scope="row">{maybeWord("kind", k) ?? k}</th>
              {zones.map((z) => {
                const here = cell(k, z);
                if (here.length === 0) return <td key={z}>–</td>;
                const open = here.filter((each) => each.state === "OPEN");
                const leased = here.filter((each) => each.state === "LEASED").length;
                const blocked = here.filter((each) => each.state === "BLOCKED").length;
                const oldest = Math.max(0, ...open.map((each) => age(now.value, each.made_at)));
                const on = kind.value === k && inZone.value === z;
                return (
                  <td key={z}>
                    <button
                      type="button"
                      class="cell"
                      aria-pressed={on}
                      onClick={() => {
                        kind.value = on ? "" : k;
                        inZone.value = on ? null : z;
                      }}
                    >
                      <b class="num">{number(open.length)}</b> {t("floor.open")} · {number(leased)} {t("floor.in_hand")}
                      {blocked > 0 && (
                        <span class="bad">
                          {" "}
                          · ✕ {number(blocked)} {t("floor.blocked")}
                        </span>
                      )}
                      {open.length > 0 && <small>{t("floor.oldest", { time: hours(oldest) })}</small>}
                    </button>
                  </td>
                );
              })}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function List({ shown }: { shown: readonly Task[] }) {
  return (
    <div class="scrolls" tabIndex={0} role="region" aria-label={t("floor.tasks")}>
      <table class="tasks">
        <thead>
          <tr>
            <th scope="col">{t("floor.task")}</th>
            <th scope="col">{t("floor.state")}</th>
            <th scope="col">{t("floor.who")}</th>
            <th scope="col">{t("floor.progress")}</th>
            <th scope="col" class="num">
              {t("floor.age")}
            </th>
            <th scope="col" class="num">
              {t("floor.priority")}
            </th>
            <th scope="col">
              <span class="unseen">{t("floor.acts")}</span>
            </th>
          </tr>
        </thead>
        <tbody>
          {shown.map((task) => (
            <Line key={task.id} task={task} />
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Line({ task }: { task: Task }) {
  const open = chosen.value === task.id;
  const late = task.due_at !== null && Date.parse(task.due_at) < now.value;
  return (
    <>
      <tr data-task={task.id} data-state={task.state}>
        <th scope="row">
          {task.by === "robot" && <i title={t("floor.robot")}>⚙ </i>}
          {task.title}
          <small>
            {maybeWord("kind", task.kind) ?? task.kind} · {[task.zone, task.station].filter(Boolean).join(" · ")}
          </small>
        </th>
        <td>
          {word("task_state", task.state)}
          {task.why && <small class="bad">{task.why}</small>}
        </td>
        <td>
          {task.operator || (task.for_operator ? `→ ${task.for_operator}` : "–")}
          {task.device && <small>{task.device}</small>}
        </td>
        <td>
          <progress max={Math.max(1, task.total)} value={task.done} aria-label={`${task.done} / ${task.total}`} />{" "}
          <span class="num">
            {task.done}/{task.total}
          </span>
        </td>
        <td class="num">
          {hours(age(now.value, task.made_at))}
          {late && <small class="bad">▲ {t("floor.late")}</small>}
        </td>
        <td class="num">{task.priority}</td>
        <td>
          {task.by === "person" && (
            <button type="button" aria-expanded={open} data-act="steer" onClick={() => (chosen.value = open ? "" : task.id)}>
              {t("floor.steer")}
            </button>
          )}
        </td>
      </tr>
      {open && (
        <tr class="steering">
          <td colSpan={7}>
            <Steering task={task} />
          </td>
        </tr>
      )}
    </>
  );
}

function Steering({ task }: { task: Task }) {
  const note = signal("");
  const off = busy.value > 0;
  return (
    <div class="acts" data-testid="steering">
      {task.state === "OPEN" && (
        <label>
          {word("floor_steer", "assign")}
          <select
            name="worker"
            disabled={off}
            onChange={(event) => void steer(task, "assign", { worker: event.currentTarget.value || null })}
          >
            <option value="" selected={!task.for_operator}>
              {t("floor.anybody")}
            </option>
            {operators.value
              .filter((each) => each.active)
              .map((each) => (
                <option key={each.code} value={each.code} selected={task.for_operator === each.code}>
                  {each.name}
                </option>
              ))}
          </select>
        </label>
      )}
      <button type="button" data-steer="prioritise" disabled={off} onClick={() => void steer(task, "prioritise", { priority: task.priority + 10 })}>
        ▲ {t("floor.sooner")}
      </button>
      <button type="button" disabled={off} onClick={() => void steer(task, "prioritise", { priority: task.priority - 10 })}>
        ▼ {t("floor.later")}
      </button>
      <label class="wide">
        {t("floor.note")}
        <input name="note" maxLength={500} onInput={(event) => (note.value = event.currentTarget.value)} />
      </label>
      <button type="button" data-steer="note" disabled={off} onClick={() => void steer(task, "note", { note: note.value })}>
        {word("floor_steer", "note")}
      </button>
      {task.state === "LEASED" && (
        <button type="button" data-steer="revoke" disabled={off} onClick={() => void steer(task, "revoke", { why: note.value })}>
          ✕ {word("floor_steer", "revoke")}
        </button>
      )}
      {task.state === "BLOCKED" ? (
        <button type="button" data-steer="unblock" disabled={off} onClick={() => void steer(task, "unblock", {})}>
          {word("floor_steer", "unblock")}
        </button>
      ) : (
        <button type="button" data-steer="block" disabled={off} onClick={() => void steer(task, "block", { why: note.value })}>
          {word("floor_steer", "block")}
        </button>
      )}
    </div>
  );
}
