import { rmSync } from "node:fs";
import { Readable } from "node:stream";
import { afterAll, beforeAll } from "vitest";
import { Memory } from "../../shared/domain/memory.ts";
import type { Realm } from "../../shared/domain/workspaces.ts";
import { openEmbedded } from "../../shared/drivers/embedded/open-embedded.ts";
import { machineClock, machineIds } from "../../shared/drivers/machine.ts";
import { type Authentication, identify } from "../../shared/http/callers.ts";
import { EventLog } from "../../shared/http/event-log.ts";
import type { AppRequest, AppResponse } from "../../shared/http/types.ts";
import { answerMlflow } from "../../shared/mlflow/dialect.ts";
import { restDispatcher } from "../../shared/rest/dialect.ts";
import type { RestRoute } from "../../shared/rest/route.ts";
import { restRoutes } from "../../shared/rest/routes.ts";
import type { Clock } from "../../shared/stores/clock.ts";
import type { Documents, Stores } from "../../shared/stores/stores.ts";
import { withEachWrite } from "../domain/support.ts";
import { temporaryFolder } from "../drivers/embedded-fixture.ts";
import { requireNoSecretBelow } from "../setup/secrets.ts";
import { answerOf, type Client, clientThrough, type Exchange, encoded } from "./support.ts";

/** The app without a socket, on real embedded stores. */
export interface InProcess {
  readonly client: Client;
  readonly realm: Realm;
  readonly events: EventLog;
  /** Where everything is stored. */
  readonly folder: string;
  /** How many documents, blobs and messages were written, changed or removed since the start. */
  writes(): number;
  /** What the app has logged as its own fault. */
  readonly faults: readonly unknown[];
  /** Fails when a secret that the tests have sent, or a key that they were given, is stored. */
  close(): Promise<void>;
}

export interface InProcessOptions {
  /** Of the REST API, where it is not about the real ones. */
  readonly routes?: readonly RestRoute[];
  /** Default: the machine's. */
  readonly clock?: Clock;
  /** Default: embedded. */
  readonly documents?: Documents;
  /** What is put around the stores. */
  readonly over?: (stores: Stores) => Stores;
  /** Whether callers need credentials; default false. */
  readonly authenticated?: boolean;
  /** How else they are known. */
  readonly entra?: Authentication["entra"];
  readonly owners?: Authentication["owners"];
}

export function openInProcess(options: InProcessOptions = {}): InProcess {
  const { routes = restRoutes, clock = machineClock, authenticated = false, entra, owners } = options;
  const folder = temporaryFolder();
  let writes = 0;
  const machine = { clock, ids: machineIds };
  const stores = openEmbedded({ folder, ...machine, baseUrl: () => "http://127.0.0.1:1" });
  const counted = withEachWrite(options.over?.(stores) ?? stores, async (write) => {
    const result = await write();
    if (result !== false) writes++;
    return result;
  });
  const { documents = counted.documents } = options;
  const realm: Realm = { stores: { ...counted, documents }, ...machine, memory: new Memory() };
  const events = new EventLog(realm, 90);
  const faults: unknown[] = [];
  return {
    client: clientThrough(
      exchangeWith({ realm, loopbackUser: !authenticated, entra, owners }, events, routes, faults),
      () => "http://127.0.0.1",
      () => {},
    ),
    realm,
    events,
    folder,
    writes: () => writes,
    faults,
    async close() {
      await events.settled();
      await stores.close();
      try {
        requireNoSecretBelow(folder);
      } finally {
        rmSync(folder, { recursive: true });
      }
    },
  };
}

/** One app for the file or the block that this is called in. */
export function useInProcess(options: InProcessOptions = {}): InProcess {
  let app: InProcess;
  beforeAll(() => {
    app = openInProcess(options);
  });
  afterAll(() => app.close());
  return {
    get client() {
      return app.client;
    },
    get realm() {
      return app.realm;
    },
    get events() {
      return app.events;
    },
    get folder() {
      return app.folder;
    },
    get faults() {
      return app.faults;
    },
    writes: () => app.writes(),
    close: () => app.close(),
  };
}

function exchangeWith(by: Authentication, events: EventLog, routes: readonly RestRoute[], faults: unknown[]): Exchange {
  const answerRest = restDispatcher(routes);
  const context = {
    realm: by.realm,
    events,
    settings: { limitsBodies: false },
    identify: (request: AppRequest) => identify(by, request),
    logError: (error: unknown) => void faults.push(error),
  };
  return async (method, target, sending) => {
    const { body, headers } = encoded(sending);
    const request: AppRequest = {
      method,
      url: `http://127.0.0.1${target}`,
      headers: new Headers(headers as Record<string, string>),
      body:
        method === "GET" || body === undefined
          ? null
          : body instanceof Readable
            ? body
            : Readable.from([Buffer.from(body)]),
    };
    const answer = target.startsWith("/api/v1/") ? answerRest(context, request) : answerMlflow(context, request);
    return received(await answer);
  };
}

async function received({ status, headers = {}, body = "" }: AppResponse) {
  const bytes = typeof body === "string" || body instanceof Uint8Array ? Buffer.from(body) : await collected(body);
  return answerOf(status, headers, bytes);
}

async function collected(stream: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of stream) chunks.push(chunk);
  return Buffer.concat(chunks);
}
