import { type Fault, type Files, show } from "./bicep/files.ts";
import { FIRST_MONTH } from "./bicep/functions.ts";
import { readParams } from "./bicep/params.ts";
import { parseAll, type Source, syntaxFaults } from "./bicep/syntax.ts";
import { type Deployment, deploy } from "./bicep/template.ts";
import { at, type Place, plain, type Resource, type Value } from "./bicep/values.ts";

/** The templates, and what they make of the parameter files that lie beside them. */
export interface Infra {
  readonly files: Files;
  readonly sources: ReadonlyMap<string, Source>;
  /** By parameter file; `everything` turns on what no file does. */
  readonly deployments: ReadonlyMap<string, Deployment>;
  /** The same again three months later, into the groups as the first ones left them. */
  readonly again: ReadonlyMap<string, Deployment>;
  readonly syntax: readonly Fault[];
  /** Names, parameters and properties that do not fit. */
  readonly meaning: readonly Fault[];
}

export const MAIN = "infra/main.bicep";
const START: Place = { file: MAIN, line: 1 };
const text = (value: string): Value => ({ kind: "text", text: value, exact: true, at: START });

/** What neither parameter file turns on. */
const EVERYTHING = new Map<string, Value>([
  ["cosmosMode", text("autoscale")],
  ["packageUri", text("https://example.com/package.zip")],
  ["alertEmail", text("team@example.com")],
  ["budgetAmount", { kind: "number", number: 100, at: START }],
  ["vnetEnabled", { kind: "bool", is: true, at: START }],
  ["vaultRecover", { kind: "bool", is: true, at: START }],
  ["blobSoftDeleteDays", { kind: "number", number: 0, at: START }],
]);

export async function readDeployments(files: Files): Promise<Infra> {
  const sources = await parseAll(files);
  const syntax = [...sources.values()].flatMap(syntaxFaults);
  const deployments = new Map<string, Deployment>();
  const faults: Fault[] = [];
  const again = new Map<string, Deployment>();
  const add = (name: string, params: Map<string, Value>, from: Place) => {
    const deployment = deploy(sources, MAIN, params, from, FIRST_MONTH);
    deployments.set(name, deployment);
    again.set(name, deploy(sources, MAIN, params, from, { month: "2027-02-01", tags: groupTags(deployment) }));
    faults.push(...deployment.faults);
  };
  if (syntax.length === 0) {
    for (const file of [...files.keys()].filter((it) => it.endsWith(".bicepparam"))) {
      const read = await readParams(files, file);
      faults.push(...read.faults);
      add(file, read.params, { file, line: 1 });
    }
    add("everything", EVERYTHING, START);
  }
  return { files, sources, deployments, again, syntax, meaning: distinct(faults) };
}

/** Those that a deployment gives its group. */
export function groupTags(deployment: Deployment): Record<string, string> {
  const [tags] = made(deployment, "Microsoft.Resources/tags");
  const given = tags && at(tags.body.get("properties"), "tags");
  return given ? (plain(given) as Record<string, string>) : {};
}

export function distinct(faults: readonly Fault[]): Fault[] {
  return [...new Map(faults.map((fault) => [show(fault), fault])).values()];
}

/** What a check finds in each deployment, once. */
export function inEach(infra: Infra, check: (deployment: Deployment) => Fault[]): Fault[] {
  return distinct([...infra.deployments.values()].flatMap(check));
}

/** Resources of a type that are made, rather than referred to. */
export function made(deployment: Deployment, type: string): Resource[] {
  return deployment.resources.filter((it) => it.type === type && !it.existing && it.deployed);
}

export function fault(place: Place, message: string): Fault {
  return { file: place.file, line: place.line, message };
}
