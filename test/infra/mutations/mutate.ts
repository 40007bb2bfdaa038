import type { Files } from "../bicep/files.ts";

/** A fault put into a template, and what a check must say of it. */
export interface Mutation {
  readonly title: string;
  /** How the title of the check begins that catches it. */
  readonly check: string;
  readonly file: string;
  readonly find: string;
  readonly put: string;
  /** A text in the line that must be named; default: the line that was changed. */
  readonly near?: string;
  /** File of that line; default: the changed one. */
  readonly nearFile?: string;
  readonly says: RegExp;
}

/** The files with the fault in them, and `file:line` of where it should be seen. */
export function mutate(
  files: Files,
  { file, find, put, near, nearFile = file }: Mutation,
): { changed: Files; place: string } {
  const text = files.get(file) ?? "";
  if (text.split(find).length !== 2) throw new Error(`${file} must hold ${JSON.stringify(find)} once.`);
  const changed = new Map(files).set(
    file,
    text.replace(find, () => put),
  );
  const shown = changed.get(nearFile)!;
  const index = near === undefined ? text.indexOf(find) : shown.indexOf(near);
  if (index < 0) throw new Error(`${nearFile} does not hold ${JSON.stringify(near)}.`);
  return { changed, place: `${nearFile}:${shown.slice(0, index).split("\n").length}` };
}

export const MAIN = "infra/main.bicep";
export const moduleFile = (name: string) => `infra/modules/${name}.bicep`;
