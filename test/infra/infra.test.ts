import { beforeAll, describe, expect, test } from "vitest";
import { type Fault, type Files, readInfra, show } from "./bicep/files.ts";
import { DESCRIPTIONS } from "./bicep/types.ts";
import { keyFaults, roleFaults, secretFaults } from "./checks/access.ts";
import { conventionFaults } from "./checks/conventions.ts";
import { blobContainerFaults, documentFaults, queueFaults, settingFaults } from "./checks/drift.ts";
import { typeFaults, UNCHECKED } from "./checks/types.ts";
import { type Code, readCode } from "./code.ts";
import { type Infra, readDeployments } from "./infra.ts";
import { driftMutations } from "./mutations/drift.ts";
import { type Mutation, mutate } from "./mutations/mutate.ts";
import { rulesMutations } from "./mutations/rules.ts";
import { templateMutations } from "./mutations/template.ts";

const MUTATIONS = [...templateMutations, ...driftMutations, ...rulesMutations];

/** Every check, by what it promises. */
const CHECKS = {
  "syntax: every file parses": ({ syntax }) => syntax,
  "meaning: names, parameters and properties exist and fit": ({ meaning }) => meaning,
  "types: every body is one that the resource type takes": typeFaults,
  "settings: those that the code and the host read, and no others": settingFaults,
  "queues: those that functions listen to, with their poison queues, and no others": queueFaults,
  "blob containers: those that the code writes to, and no others": blobContainerFaults,
  "documents: database, containers, keys, unique keys and index as the code relies on them": documentFaults,
  "roles: exactly those that the app needs, granted before it exists": roleFaults,
  "keys: nothing is opened by a key, nothing is open to all": keyFaults,
  "secrets: no output holds one": secretFaults,
  "conventions: short local modules, descriptions, one version of each type, analyzers at error": conventionFaults,
} satisfies Record<string, (infra: Infra, code: Code) => readonly Fault[]>;

let files: Files;
let code: Code;

beforeAll(async () => {
  files = readInfra();
  code = await readCode();
});

async function faultsOf(check: keyof typeof CHECKS, changed: Files): Promise<string[]> {
  return CHECKS[check](await readDeployments(changed), code).map(show);
}

const titled = (prefix: string) => Object.keys(CHECKS).find((title) => title.startsWith(prefix)) as keyof typeof CHECKS;

describe("A6, A8, A9, B10, Q8: the templates", () => {
  test.for(Object.keys(CHECKS) as (keyof typeof CHECKS)[])("%s", async (check) => {
    expect(await faultsOf(check, files)).toEqual([]);
  });

  test("containers of blobs: each that a rule names is in the list that deployments and purges go by", () => {
    expect([...code.blobContainersNamed].sort()).toEqual([...code.blobContainers].sort());
  });

  for (const [type, reason] of Object.entries(UNCHECKED)) {
    test.skip(`types: ${type} [unsupported: ${reason}]`, () => {});
  }

  test("types: what is skipped is used, and everything else is described", async () => {
    const { deployments } = await readDeployments(files);
    const used = new Set([...deployments.values()].flatMap((it) => it.resources).map((it) => it.typeAndVersion));
    const described = [...used].filter((it) => !UNCHECKED[it.split("@")[0]!]);
    expect(described.filter((it) => !DESCRIPTIONS[it])).toEqual([]);
    expect(Object.keys(UNCHECKED).filter((type) => ![...used].some((it) => it.startsWith(`${type}@`)))).toEqual([]);
  });
});

describe("a broken template is told by file and line", () => {
  test.for(MUTATIONS.map((mutation) => [mutation.title, mutation] as [string, Mutation]))(
    "%s",
    async ([, mutation]) => {
      const { changed, place } = mutate(files, mutation);
      const found = await faultsOf(titled(mutation.check), changed);
      expect(
        found.filter((it) => it.startsWith(`${place}: `) && mutation.says.test(it)),
        found.join("\n"),
      ).not.toEqual([]);
    },
  );

  test("every check has a mutation that it catches", () => {
    const caught = new Set(MUTATIONS.map((mutation) => titled(mutation.check)));
    expect([...caught].sort()).toEqual(Object.keys(CHECKS).sort());
  });
});
