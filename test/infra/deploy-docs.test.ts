import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { readInfra } from "./bicep/files.ts";
import { at, plain } from "./bicep/values.ts";
import { made, readDeployments } from "./infra.ts";

const ROOT = join(import.meta.dirname, "..", "..");
const read = (file: string) => readFileSync(join(ROOT, file), "utf8");

const files = readInfra();
const main = files.get("infra/main.bicep")!;
const guide = read("docs/deploy.md");
const sorted = (names: Iterable<string>) => [...new Set(names)].sort();
const matches = (text: string, pattern: RegExp) => [...text.matchAll(pattern)].map(([, name]) => name!);

/** The lines of a chapter, from its title to the next one. */
function chapter(title: string): string {
  return new RegExp(`^## ${title}\\n(.*?)(?=^## )`, "ms").exec(guide)?.[1] ?? "";
}

describe("docs/deploy.md is true", () => {
  test("parameters: every one of the template, and no others", () => {
    const rows = chapter("Parameters").match(/^\| `.*?\|/gm) ?? [];
    expect(sorted(rows.flatMap((row) => matches(row, /`(\w+)`/g)))).toEqual(sorted(matches(main, /^param (\w+)/gm)));
  });

  test("modules: every one of the template, and no others", () => {
    const rows = chapter("What is deployed").match(/^\| `.*?\|/gm) ?? [];
    expect(sorted(rows.flatMap((row) => matches(row, /`(\w+)`/g)))).toEqual(
      sorted(matches(main, /'modules\/(\w+)\.bicep'/g)),
    );
  });

  test("providers: every one that the template uses, but those that are always there", () => {
    const used = [...files.values()].flatMap((text) => matches(text, /^resource \w+ '([^/]+)/gm));
    const always = ["Microsoft.Authorization", "Microsoft.Resources"];
    // The subnet of Flex Consumption is delegated to it.
    const delegated = matches(files.get("infra/modules/network.bicep")!, /serviceName: '([^/]+)/g);
    const wanted = sorted([...used, ...delegated].filter((it) => !always.includes(it)));
    const loop = /for provider in ([^;]+);/.exec(guide)![1]!;
    expect(sorted(matches(loop, /(Microsoft\.\w+)/g))).toEqual(wanted);
  });

  test("outputs: those that its commands ask for are there", () => {
    const asked = [...matches(guide, /outputs\.(\w+)\.value/g), ...matches(guide, /\$\(value (\w+)\)/g)];
    const outputs = matches(main, /^output (\w+)/gm);
    expect(asked.length).toBeGreaterThan(3);
    expect(asked.filter((name) => !outputs.includes(name))).toEqual([]);
  });

  test("alerts: every one has its line", async () => {
    const infra = await readDeployments(files);
    const production = infra.deployments.get("infra/main.production.bicepparam")!;
    const types = ["Microsoft.Insights/scheduledQueryRules", "Microsoft.Insights/metricAlerts"];
    const alerts = types
      .flatMap((type) => made(production, type))
      .map((it) => it.name.replace(/^alert-cairn-prod-/, ""));
    const rows = matches(chapter("When an alert comes"), /^\| `([\w-]+)`/gm);
    expect(sorted(rows)).toEqual(sorted(alerts.map((name) => name.replace(/-\d+$/, ""))));
  });

  test("links: the files and chapters that it points to are there", () => {
    const links = matches(guide, /\]\(([^)]+)\)/g);
    const anchorsOf = (text: string) =>
      matches(text, /^##+ (.+)$/gm).map((title) => `#${title.toLowerCase().replaceAll("'", "").replaceAll(" ", "-")}`);
    const broken = links.filter((link) => {
      const [, file, anchor] = /^([^#]*)(#.*)?$/.exec(link)!;
      if (file && !existsSync(join(ROOT, "docs", file))) return true;
      return anchor !== undefined && !anchorsOf(file ? read(`docs/${file}`) : guide).includes(anchor);
    });
    expect(broken).toEqual([]);
  });
});

describe("other ways to deploy", () => {
  test("azd: azure.yaml names the service that the app is tagged with, and the package", async () => {
    const infra = await readDeployments(files);
    const [app] = made(infra.deployments.get("infra/main.bicepparam")!, "Microsoft.Web/sites");
    const yaml = read("azure.yaml");
    const service = /^services:\n {2}(\w+):/m.exec(yaml)![1];
    expect(plain(at(app!.body.get("tags"), "azd-service-name")!)).toBe(service);
    expect(yaml).toContain("project: out/package\n");
    expect(yaml).toContain("run: npm run package\n");
  });

  test("GitHub: its actions are pinned by hash, and what builds the package has no way into Azure", () => {
    const workflow = read(".github/workflows/deploy.yml");
    const uses = matches(workflow, /uses: (.+)$/gm);
    expect(uses.length).toBeGreaterThan(4);
    expect(uses.filter((it) => !/^[\w-]+\/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$/.test(it))).toEqual([]);
    const jobs = workflow.split(/^ {2}(?=\w+:\n {4})/m).slice(1);
    const signsIn = jobs.filter((job) => job.includes("id-token: write"));
    expect(signsIn).toHaveLength(1);
    expect(signsIn.join()).not.toMatch(/\bnpm\b|\bnode\b|\bnpx\b/);
    expect(workflow.split("\njobs:")[0]).not.toContain("id-token");
  });

  test("GitHub: the deployer may grant the roles of the template, and no others", () => {
    const granted = matches(files.get("infra/modules/roles.bicep")!, /^var \w+ = '([0-9a-f-]{36})'/gm);
    const ofAzure = granted.filter((id) => !id.startsWith("00000000"));
    const condition = /^roles="([^"]+)"/m.exec(guide)![1]!;
    expect(sorted(matches(condition, /([0-9a-f-]{36})/g))).toEqual(sorted(ofAzure));
  });

  test("GitHub: the workflow signs in without a secret, and deploys the parameter files that there are", () => {
    const workflow = read(".github/workflows/deploy.yml");
    expect(workflow).toContain("id-token: write");
    expect(workflow).not.toMatch(/secrets\.|creds:/);
    const named = matches(workflow, /(infra\/[\w.]+\.bicepparam)/g);
    expect(sorted(named)).toEqual(sorted([...files.keys()].filter((file) => file.endsWith(".bicepparam"))));
    const variables = sorted(matches(workflow, /vars\.(\w+)/g));
    expect(variables.filter((name) => !guide.includes(`\`${name}\``))).toEqual([]);
    expect(variables).toEqual(
      expect.arrayContaining(matches([...files.values()].join("\n"), /readEnvironmentVariable\('(\w+)'/g)),
    );
  });
});
