/** Bottom: the day in bars. Shades of one colour, hatched for what is out of order; numbers always beside. */
import { hours, number, percent, t, word } from "../core/i18n.ts";
import type { Figures as Counted } from "./figures.ts";
import { Hour } from "./hour.tsx";
import { figures, figuresStale } from "./live.ts";

export function Figures() {
  const now = figures.value;
  const picks = now.picksByRobot + now.picksByPerson;
  const reads = now.sorterReads + now.sorterNoReads;
  return (
    <footer class={figuresStale.value ? "bottom stale" : "bottom"} data-testid="figures">
      <Hour />
      <Card title={t("kpi.orders")} total={now.ordersTotal} wide>
        <Bar parts={now.ordersByStatus.map(([status, count]) => [word("order", status), count, status.toLowerCase()])} />
      </Card>
      <Card title={t("kpi.picks")} total={picks}>
        <Bar
          parts={[
            [t("kpi.by_robot"), now.picksByRobot, "one"],
            [t("kpi.by_person"), now.picksByPerson, "two"],
          ]}
        />
      </Card>
      <Card title={t("kpi.parcels")} total={now.parcels}>
        <Bar parts={parcelParts(now)} />
      </Card>
      <Card title={t("kpi.sorter")} total={reads}>
        <Bar
          parts={[
            [t("kpi.reads"), now.sorterReads, "one"],
            [t("kpi.no_reads"), now.sorterNoReads, "odd"],
          ]}
        />
      </Card>
      <Card title={t("kpi.gates")} total={now.gatePassages}>
        <ul class="says">
          <li>
            {t("kpi.missions")} <b class="num">{number(now.robotMissions)}</b>
          </li>
          <li>
            {t("kpi.metres")} <b class="num">{number(now.robotMetres / 1000, 1)} km</b>
          </li>
          <li>
            {t("kpi.tasks_open")} <b class="num">{number(now.tasksOpen)}</b>
          </li>
        </ul>
      </Card>
      <Card title={t("kpi.lead_time")} figure={now.shipP50S === null ? "–" : hours(now.shipP50S)}>
        <ul class="says">
          <li>
            {t("kpi.p99")} <b class="num">{now.shipP99S === null ? "–" : hours(now.shipP99S)}</b>
          </li>
          <li>
            {t("kpi.lines_shipped")} <b class="num">{number(now.linesShipped)}</b>
          </li>
          <li>
            {t("kpi.split")} <b class="num">{percent(now.splitRate, 1)}</b>
          </li>
        </ul>
      </Card>
    </footer>
  );
}

function parcelParts(now: Counted): Part[] {
  if (now.parcelsByStatus.length > 0) {
    return now.parcelsByStatus.map(([status, count]) => [word("parcel", status), count, status.toLowerCase()]);
  }
  return [
    [t("kpi.shipped"), now.parcelsShipped, "one"],
    [t("kpi.in_house"), Math.max(0, now.parcels - now.parcelsShipped), "three"],
  ];
}

interface CardProps {
  title: string;
  total?: number;
  figure?: string;
  wide?: boolean;
  children: preact.ComponentChildren;
}

function Card({ title, total, figure, wide, children }: CardProps) {
  return (
    <section class={wide ? "card wide" : "card"} aria-label={title}>
      <h2>
        {title} <b class={figure ? "num words" : "num"}>{figure ?? number(total ?? 0)}</b>
      </h2>
      {children}
    </section>
  );
}

type Part = [label: string, count: number, style: string];

function Bar({ parts }: { parts: Part[] }) {
  return (
    <>
      <div class="bar" aria-hidden="true">
        {parts.map(([label, count, style]) => (
          <i key={label} class={`s-${style}`} style={{ flexGrow: count }} title={`${label} ${count}`} />
        ))}
      </div>
      <ul class="parts">
        {parts.map(([label, count, style]) => (
          <li key={label}>
            <i class={`s-${style}`} aria-hidden="true" /> {label} <b class="num">{number(count)}</b>
          </li>
        ))}
      </ul>
    </>
  );
}
