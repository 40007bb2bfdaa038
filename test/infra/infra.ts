import { type Fault, type Files, show } from "./bicep/files.ts";
import { readParams } from "./bicep/params.ts";
import { parseAll, type Source, syntaxFaults } from "./bicep/syntax.ts";
import { type Deployment, deploy } from "./bicep/template.ts";
import type { Place, Resource, Value } from "./bicep/values.ts";

/** The templates, and what they make of the parameter files that lie beside them. */
export interface Infra {
  readonly files: Files;
  readonly sources: ReadonlyMap<string, Source>;
  /** By parameter file; `everything` turns on what no file does. */
  readonly deployments: ReadonlyMap<string, Deployment>;
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
  ["vaultRecover", { kind: "bool", is: true, at: START }],
  ["blobSoftDeleteDays", { kind: "number", number: 0, at: START }],
]);

export async function readDeployments(files: Files): Promise<Infra> {
  const sources = await parseAll(files);
  const syntax = [...sources.values()].flatMap(syntaxFaults);
  const deployments = new Map<string, Deployment>();
  const faults: Fault[] = [];
  const add = (name: string, params: Map<string, Value>, from: Place) => {
    const deployment = deploy(sources, MAIN, params, from);
    deployments.set(name, deployment);
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
  return { files, sources, deployments, syntax, meaning: distinct(faults) };
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
