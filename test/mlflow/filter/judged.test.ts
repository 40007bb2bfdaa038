import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { FilterError } from "../../../shared/mlflow/filter/filter-error.ts";
import type { LoggedModelOrderBy } from "../../../shared/mlflow/filter/logged-models.ts";
import { Answerer, type Kind, type SeededData } from "./judged.ts";

interface Case {
  readonly kind: Kind;
  readonly filter: string;
  readonly order: readonly (string | LoggedModelOrderBy)[];
  /** Indexes into the seeded data, in order. */
  readonly found?: readonly number[];
  readonly error?: string;
  /** Only where it differs: what MLflow 3.17.2 answers. */
  readonly judge?: string;
}

const read = (name: string) => JSON.parse(readFileSync(new URL(name, import.meta.url), "utf8"));

const { data, cases } = read("judged.json") as { data: SeededData; cases: Case[] };
const differences = (read("known-differences.json") as { cases: Case[] }).cases;
const answerer = new Answerer(data);
const KINDS: readonly Kind[] = ["runs", "experiments", "registeredModels", "modelVersions", "loggedModels"];

describe.each(KINDS)("%s: answers as MLflow 3.17.2 with its SQL store", (kind) => {
  it.each(cases.filter((each) => each.kind === kind).map((each) => [titleOf(each), each] as const))("%s", check);
});

describe("known differences: answers of our own, none of them an internal error", () => {
  it.each(differences.map((each) => [`${each.kind}: ${titleOf(each)} (MLflow: ${each.judge})`, each] as const))(
    "%s",
    (_, each) => check("", each),
  );
});

function check(_: string, { kind, filter, order, found, error }: Case): void {
  const answer = () => answerer.answer(kind, filter, order);
  if (error === undefined) expect(answer()).toEqual(found!.map((index) => data[kind][index]!.id));
  else expect(messageOf(answer)).toBe(error);
}

function messageOf(answer: () => unknown): string {
  try {
    answer();
  } catch (error) {
    if (error instanceof FilterError) return sortedSets(error.message);
    throw error;
  }
  return "no error";
}

/** MLflow prints sets in a random order; the frozen messages have them sorted, without the quote that it forgets at times. */
function sortedSets(message: string): string {
  return message.replace(/\{([^{}]*)\}'?/g, (_, items: string) => `{${items.split(", ").sort().join(", ")}}`);
}

function titleOf({ filter, order }: Case): string {
  const orders = order.length > 0 ? ` order by ${JSON.stringify(order)}` : "";
  return `${JSON.stringify(filter)}${orders}`.replaceAll("%", "%%");
}
