import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { homedir } from "node:os";
import { delimiter, join } from "node:path";
import { describe, expect, test } from "vitest";
import { readInfra } from "./bicep/files.ts";

const ROOT = join(import.meta.dirname, "..", "..");
const NAMES = process.platform === "win32" ? ["bicep.exe"] : ["bicep"];

/** The Bicep compiler, where there is one: on the PATH, or where `az bicep install` puts it. */
function findCompiler(): string | undefined {
  const folders = [...(process.env.PATH ?? "").split(delimiter), join(homedir(), ".azure", "bin")];
  return folders.flatMap((folder) => NAMES.map((name) => join(folder, name))).find((file) => existsSync(file));
}

const compiler = findCompiler();
const note = compiler ? "" : " [unsupported: this machine has no Bicep compiler]";

describe.skipIf(!compiler)(`the Bicep compiler${note}`, () => {
  const sources = [...readInfra().keys()].filter((file) => /^infra\/main[\w.]*\.bicep(param)?$/.test(file));

  test.for(sources)("accepts %s, with every analyzer at error", (file) => {
    const command = file.endsWith("param") ? "build-params" : "build";
    const env = { ...process.env, CAIRN_ALERT_EMAIL: "team@example.com" };
    const { status, stderr } = spawnSync(compiler!, [command, file, "--stdout"], { cwd: ROOT, env, encoding: "utf8" });
    expect(status, stderr).toBe(0);
  });
});
