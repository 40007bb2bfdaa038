import { afterAll, beforeAll, describe } from "vitest";
import { AZURE_STORES, type EmulatedStores, startAzureStores } from "../setup/azure-stores.ts";
import { type RunningServer, startServer } from "../setup/server.ts";
import { type Client, connect } from "./support.ts";
import { createWorld, type World } from "./world.ts";

/** How the workspace of a suite runs: the mode of the local host, on its embedded stores or on Azure's. */
const FLAVOURS = {
  light: { title: "light mode", mode: "light", onAzure: false },
  strict: { title: "strict mode", mode: "strict", onAzure: false },
  azure: { title: "on Cosmos DB and Azure Storage", mode: "light", onAzure: true },
} as const;

export type Flavour = (typeof FLAVOURS)[keyof typeof FLAVOURS];

export interface Served {
  readonly server: RunningServer;
  readonly client: Client;
  /** Made before the first test, unless `withWorld` is false. */
  readonly world: World;
  /** A suite that runs once for each flavour, against a workspace of its own. */
  describe(title: string, define: (flavour: Flavour) => void): void;
}

interface Options {
  /** Connections of the client. */
  readonly connections?: number;
  readonly withWorld?: boolean;
}

/**
 * What the tests of a file talk to: `server`, `client` and `world` are those of the flavour whose tests are running, so
 * they may be used in tests and in functions that tests call, not while tests are being declared.
 */
export function served(flavours: readonly (keyof typeof FLAVOURS)[], options: Options = {}): Served {
  const server = {} as RunningServer;
  const world = {} as World;
  const client = connect(() => server.url, options.connections);

  const describeOne = (title: string, flavour: Flavour, define: (flavour: Flavour) => void) => {
    const { title: how, mode, onAzure } = flavour;
    const isMissing = onAzure && !AZURE_STORES.available;
    describe.skipIf(isMissing)(`${title}, ${how}${isMissing ? AZURE_STORES.note : ""}`, () => {
      let stores: EmulatedStores | undefined;
      beforeAll(async () => {
        stores = onAzure ? await startAzureStores() : undefined;
        Object.assign(server, await startServer({ mode, env: stores?.env }));
        if (options.withWorld !== false) Object.assign(world, await createWorld(client));
      });
      afterAll(async () => {
        client.close();
        await server.stop?.();
        await stores?.close();
      });
      define(flavour);
    });
  };
  return {
    server,
    client,
    world,
    describe(title, define) {
      for (const name of flavours) describeOne(title, FLAVOURS[name], define);
    },
  };
}
