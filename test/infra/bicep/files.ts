import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";

/** Texts of `infra/` by path, as `infra/modules/storage.bicep`. Tests change them in memory. */
export type Files = ReadonlyMap<string, string>;

/** What is wrong, and where: shown as `infra/main.bicep:12: …`. */
export interface Fault {
  readonly file: string;
  /** From 1. */
  readonly line: number;
  readonly message: string;
}

const ROOT = join(import.meta.dirname, "..", "..", "..");

export function readInfra(): Files {
  const paths = globSync("infra/**/*.{bicep,bicepparam,json}", { cwd: ROOT }).map((path) => path.replaceAll("\\", "/"));
  return new Map(paths.sort().map((path) => [path, readFileSync(join(ROOT, path), "utf8")]));
}

export function show({ file, line, message }: Fault): string {
  return `${file}:${line}: ${message}`;
}
