import { globSync, readFileSync } from "node:fs";
import { join, posix } from "node:path";

import { expect, test } from "vitest";

const ROOT = join(import.meta.dirname, "..");
const IMPORT = /\b(?:from|import|import\() ?"(\.[^"]+\.ts)"/g;
const ROW = /^\| (`(?:functions|host|shared)\/.*?) \|.*\|([^|]*)\|$/gm;

/** The rooms of docs/architecture.md, and what each may import besides itself. */
const ROOMS = new Map(
  [...readFileSync(join(ROOT, "docs/architecture.md"), "utf8").matchAll(ROW)].flatMap(([, rooms, allowed]) =>
    inBackticks(rooms!).map((room): [string, string[]] => [room, inBackticks(allowed!)]),
  ),
);
const FILES = globSync("{functions,host,shared}/**/*.ts", { cwd: ROOT }).map((file) => file.replaceAll("\\", "/"));
const IMPORTS = new Map(FILES.map((file) => [file, importsOf(file)]));

function inBackticks(cell: string): string[] {
  return [...cell.matchAll(/`([^`]+)`/g)].map(([, name]) => name!);
}

function importsOf(file: string): string[] {
  const source = readFileSync(join(ROOT, file), "utf8");
  return [...source.matchAll(IMPORT)].map(([, path]) => posix.join(posix.dirname(file), path!));
}

/** `shared/*.ts` are the files of that folder itself. */
function liesIn(file: string, room: string): boolean {
  return room.endsWith("/*.ts") ? posix.dirname(file) === posix.dirname(room) : file.startsWith(room);
}

/** The narrowest one. */
function roomOf(file: string): string | undefined {
  const depth = (room: string) => room.split("/").length + (room.includes("*") ? -0.5 : 0);
  const rooms = [...ROOMS.keys()].filter((room) => liesIn(file, room));
  return rooms.sort((a, b) => depth(a) - depth(b)).at(-1);
}

/** The files of a circle that begins and ends with `file`; undefined: there is none. */
function circleFrom(file: string): string[] | undefined {
  const ways = [[file]];
  const seen = new Set<string>();
  for (const way of ways) {
    for (const next of IMPORTS.get(way.at(-1)!) ?? []) {
      if (next === file) return [...way, file];
      if (!seen.has(next)) ways.push([...way, next]);
      seen.add(next);
    }
  }
  return undefined;
}

test("imports: each file lies in a room, which imports what the table of rooms allows it", () => {
  const faults = FILES.flatMap((file) => {
    const room = roomOf(file);
    if (room === undefined) return [`${file} lies in no room`];
    const mayImport = (to: string) => roomOf(to) === room || ROOMS.get(room)!.some((other) => liesIn(to, other));
    const wrong = IMPORTS.get(file)!.filter((to) => !mayImport(to));
    return wrong.map((to) => `${file} imports ${to}`);
  });
  expect(faults).toEqual([]);
  expect(FILES.length).toBeGreaterThan(200);
});

test("imports: no file imports what imports it, whatever lies between", () => {
  const circles = FILES.map((file) => circleFrom(file)?.join(" > ")).filter((circle) => circle !== undefined);
  expect(circles).toEqual([]);
});
