import type { Fault } from "../bicep/files.ts";
import type { Deployment } from "../bicep/template.ts";
import { at, type Module, plain, type Resource } from "../bicep/values.ts";
import { fault, type Infra, inEach, made } from "../infra.ts";

/** Deployed again in another month, into a group as it was left, the same parameters give the same resources: Azure refuses some changes. */
export function timeFaults(infra: Infra): Fault[] {
  return [...infra.deployments].flatMap(([name, first]) => {
    const later = new Map(
      infra.again
        .get(name)!
        .resources.filter(isMade)
        .map((it) => [keyOf(it), bodyOf(it)]),
    );
    return first.resources
      .filter((it) => isMade(it) && later.get(keyOf(it)) !== bodyOf(it))
      .map((it) => fault(it.at, `${it.name} is another one when it is deployed in another month.`));
  });
}

const isMade = ({ deployed, existing }: Resource): boolean => deployed && !existing;
const keyOf = ({ id, scope, type }: Resource): string => `${type} ${id} ${scope?.id ?? ""}`;
const bodyOf = ({ body }: Resource): string => JSON.stringify([...body].map(([key, value]) => [key, plain(value)]));

/** What takes a lock on something else while it is made; Azure refuses a second one meanwhile. */
const LOCKS: Readonly<Record<string, (resource: Resource) => string | undefined>> = {
  "Microsoft.Network/privateEndpoints": ({ body }) => {
    const target = at(body.get("properties"), "privateLinkServiceConnections", 0, "properties", "privateLinkServiceId");
    return target && String(plain(target));
  },
  "Microsoft.DocumentDB/databaseAccounts/sqlRoleAssignments": ({ parent }) => parent?.id,
  "Microsoft.DocumentDB/databaseAccounts/sqlRoleDefinitions": ({ parent }) => parent?.id,
  "Microsoft.Network/virtualNetworks/subnets": ({ parent }) => parent?.id,
};

/** Of several that lock one thing each waits for the one before: in a loop with `@batchSize(1)`, or in modules of which one waits for the other. */
export function lockFaults(infra: Infra): Fault[] {
  return inEach(infra, (deployment) => {
    const holders = Object.entries(LOCKS).flatMap(([type, lockedBy]) =>
      made(deployment, type).map((it) => ({ it, locked: lockedBy(it)?.toLowerCase() })),
    );
    return holders.flatMap(({ it, locked }, index) => {
      const rival = holders
        .slice(0, index)
        .find((other) => other.locked === locked && !inOrder(deployment, it, other.it));
      return rival ? [fault(it.at, `${it.name} is made beside ${rival.it.name}, and both lock ${locked}.`)] : [];
    });
  });
}

function inOrder({ modules }: Deployment, one: Resource, other: Resource): boolean {
  if (one.at.file === other.at.file && one.symbol === other.symbol) return one.isOneByOne;
  const [first, second] = [one, other].map((it) => modules.find(({ file }) => file === it.at.file));
  const waits = (module?: Module, on?: Module) => Boolean(on && module?.dependsOn.includes(on.symbol));
  return waits(first, second) || waits(second, first);
}
