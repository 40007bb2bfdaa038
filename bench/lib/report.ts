import { cpus } from "node:os";
import type { Measure } from "../workloads/workload.ts";
import type { Outcome } from "./rounds.ts";
import { median, type Sample } from "./sampling.ts";

const OURS = "cairn";

/** What was measured on, in a line or two. */
export function machine(): string {
  const [cpu] = cpus();
  return `${new Date().toISOString().slice(0, 10)}, ${cpus().length} cores (${cpu?.model.trim()}), Node ${process.versions.node}. Servers run on one core,
the generator on another. Figures are medians of rounds, with the lowest and the highest; CPU is the server's, for each operation. "Ahead"
is how many times better than the subject cairn is, compared round by round. cairn and mlflow keep data in SQLite; D0 survives the end of
the process, D1 also that of the power.
`;
}

/** A table for each workload. */
export const report = (outcomes: readonly Outcome[]): string => outcomes.map(table).join("\n");

function table({ workload, samples }: Outcome): string {
  const { id, title, measure, unit, without = {} } = workload;
  const ours = samples.get(OURS) ?? [];
  const rows = [...samples].map(([name, own]) => {
    const cpu = own.map((it) => it.cpu).filter((it) => !Number.isNaN(it));
    const growth = own.map((it) => it.growth).filter((it) => it !== undefined);
    const cells = [
      name,
      spread(
        own.map((it) => figure(it, measure)),
        measure === "growth" ? "MB" : (unit ?? "ms"),
      ),
      measure === "p50" && workload.rounds > 1 ? number(median(own.map((it) => it.p99))) : "",
      cpu.length > 0 ? `${number(median(cpu) / 1_000)} ms` : "",
      measure !== "growth" && growth.length > 0 ? `${number(Math.max(...growth))} MB` : "",
      name === OURS ? "" : ahead(ours, own, measure),
    ];
    return `| ${cells.join(" | ")} |`;
  });
  const reasons = Object.entries(without).map(([name, reason]) => `${name} ${reason}.`);
  const what = { p50: "time", perSecond: "rate", growth: "memory" }[measure];
  return [
    `## ${id}: ${title}\n`,
    `| | ${what} | p99 | CPU | memory growth | cairn is ahead |`,
    "|---|---|---|---|---|---|",
    ...rows,
    ...(reasons.length > 0 ? ["", ...reasons] : []),
    "",
  ].join("\n");
}

const figure = (sample: Sample, measure: Measure): number => (measure === "growth" ? sample.growth! : sample[measure]);

function spread(values: readonly number[], unit: string): string {
  const middle = `${number(median(values))} ${unit}`;
  return values.length > 1 ? `${middle} (${number(Math.min(...values))}-${number(Math.max(...values))})` : middle;
}

/** Above 1: cairn is better. */
function ahead(ours: readonly Sample[], theirs: readonly Sample[], measure: Measure): string {
  const ratios = theirs.flatMap((their, round) => {
    const own = ours[round];
    if (!own) return [];
    const [a, b] = [figure(own, measure), figure(their, measure)];
    return [measure === "perSecond" ? a / b : b / a];
  });
  return ratios.length > 0 ? spread(ratios, "×") : "";
}

function number(value: number): string {
  if (value >= 1_000) return Math.round(value).toLocaleString("en-US");
  return value >= 100 ? value.toFixed(0) : value.toPrecision(3);
}
