import { beforeAll, describe, expect, test } from "vitest";
import { type Fault, type Files, readInfra, show } from "./bicep/files.ts";
import { FIRST_MONTH } from "./bicep/functions.ts";
import { parseAll } from "./bicep/syntax.ts";
import { deploy } from "./bicep/template.ts";
import { DESCRIPTIONS } from "./bicep/types.ts";
import { at, plain, type Value } from "./bicep/values.ts";
import { keyFaults, roleFaults, secretFaults } from "./checks/access.ts";
import { conventionFaults } from "./checks/conventions.ts";
import { blobContainerFaults, documentFaults, queueFaults, settingFaults } from "./checks/drift.ts";
import { lockFaults, timeFaults } from "./checks/order.ts";
import { typeFaults, UNCHECKED } from "./checks/types.ts";
import { type Code, readCode } from "./code.ts";
import { groupTags, type Infra, MAIN, made, readDeployments } from "./infra.ts";
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
  "time: deployed again in another month, nothing changes": timeFaults,
  "locks: what locks one thing is made one after the other": lockFaults,
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

describe("the templates", () => {
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

describe("the budget, whose first month Azure never changes and takes only if it is not over", () => {
  const text = (value: string): Value => ({ kind: "text", text: value, exact: true, at: { file: MAIN, line: 1 } });
  const asked = {
    alertEmail: text("a@example.com"),
    budgetAmount: { ...text(""), kind: "number", number: 9 } as Value,
  };

  async function deployIn(month: string, tags: Record<string, string>, params: Record<string, Value> = asked) {
    const deployment = deploy(
      await parseAll(files),
      MAIN,
      new Map(Object.entries(params)),
      { file: MAIN, line: 1 },
      { month, tags },
    );
    expect(deployment.faults).toEqual([]);
    const [budget] = made(deployment, "Microsoft.Consumption/budgets");
    const start = budget && plain(at(budget.body.get("properties"), "timePeriod", "startDate")!);
    return { start, tags: { ...tags, ...groupTags(deployment) } };
  }

  test("begins in the month in which it is made, and stays there; tags of others stay too", async () => {
    const first = await deployIn("2026-11-01", { team: "vision" });
    expect(first).toEqual({ start: "2026-11-01", tags: { team: "vision", "budget-start-cairn-dev": "2026-11-01" } });
    expect(await deployIn("2027-02-01", first.tags)).toEqual(first);
  });

  test("comes to a group that has none yet in the month of that deployment", async () => {
    const without = await deployIn("2026-11-01", {}, {});
    expect(without).toEqual({ start: undefined, tags: {} });
    expect((await deployIn("2027-02-01", without.tags)).start).toBe("2027-02-01");
  });

  test("can be given another month, which is remembered in its turn", async () => {
    const { tags } = await deployIn("2026-11-01", {});
    const moved = await deployIn("2027-03-01", tags, { ...asked, budgetStartDate: text("2027-03-01") });
    expect(moved.start).toBe("2027-03-01");
    expect((await deployIn("2027-04-01", moved.tags)).start).toBe("2027-03-01");
  });

  test("two environments of one group have their own", async () => {
    const { tags } = await deployIn("2026-11-01", {});
    const prod = await deployIn("2027-01-01", tags, { ...asked, environmentName: text("prod") });
    expect(prod.start).toBe("2027-01-01");
    expect((await deployIn("2027-02-01", prod.tags)).start).toBe("2026-11-01");
  });

  test("fails without an address, rather than being none", async () => {
    const { deployments } = await readDeployments(files);
    const budgets = [...deployments.values()].flatMap((it) => made(it, "Microsoft.Consumption/budgets"));
    expect(budgets.map((it) => JSON.stringify(plain(it.body.get("properties")!))).join()).not.toContain("fails:");
    const nobody = deploy(
      await parseAll(files),
      MAIN,
      new Map([["budgetAmount", asked.budgetAmount]]),
      { file: MAIN, line: 1 },
      FIRST_MONTH,
    );
    const [budget] = made(nobody, "Microsoft.Consumption/budgets");
    expect(JSON.stringify(plain(budget!.body.get("properties")!))).toContain("fails: budgetAmount needs alertEmail");
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
