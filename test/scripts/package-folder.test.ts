import { execFileSync, spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { shellEnvironment } from "../setup/clone.ts";

const ROOT = join(import.meta.dirname, "..", "..");

describe("npm run package -- --out", { timeout: 60_000 }, () => {
  let folder: string;

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "cairn-out-"));
  });

  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  const make = (out: string, cwd = folder) =>
    spawnSync("npm", ["--prefix", ROOT, "run", "package", "--", "--out", out], {
      cwd,
      encoding: "utf8",
      env: shellEnvironment(),
    });

  /** Every file below the folder with its content. */
  const contents = (below: string) =>
    execFileSync("find", [below, "-type", "f", "-exec", "sha256sum", "{}", "+"], { encoding: "utf8" })
      .split("\n")
      .sort();

  test("makes a folder, and replaces there what it has made", () => {
    expect(make("made").status).toBe(0);
    const first = contents(join(folder, "made"));
    writeFileSync(join(folder, "made", "package", "stale.js"), "");
    mkdirSync(join(folder, "made", ".cairn-package-draft"));
    expect(make(join(folder, "made")).status).toBe(0);
    expect(contents(join(folder, "made"))).toEqual(first);
    expect(readdirSync(join(folder, "made")).sort()).toEqual(["cairn.zip", "package"]);
  });

  test.each([
    ["", "must not be empty"],
    [".", "holds other things"],
    ["./", "holds other things"],
    ["..", "holds other things"],
    ["sub/..", "holds other things"],
    ["theirs.txt", "cannot be used"],
    ["foreign", "foreign/package is not what this command makes"],
    ["broken", "broken/package is not what this command makes"],
    ["link", "holds other things (theirs.txt)"],
  ])("%j: is refused, and everything stays", (out, words) => {
    const inner = join(folder, "inner");
    for (const name of ["sub", "foreign/package/deep", "broken/package", "linked"])
      mkdirSync(join(inner, name), { recursive: true });
    writeFileSync(join(inner, "theirs.txt"), "theirs");
    writeFileSync(join(inner, "foreign", "package", "package.json"), '{"name": "cairn", "main": "index.js"}');
    writeFileSync(join(inner, "broken", "package", "package.json"), "{");
    writeFileSync(join(inner, "linked", "theirs.txt"), "");
    symlinkSync(join(inner, "linked"), join(inner, "link"));
    const before = contents(folder);
    const { status, stderr } = make(out, inner);
    expect([status, stderr]).toEqual([1, expect.stringContaining(words)]);
    expect(contents(folder)).toEqual(before);
    expect(readFileSync(join(ROOT, "package.json"), "utf8")).toContain("cairn");
  });
});
