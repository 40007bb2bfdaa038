import { afterAll, beforeAll } from "vitest";
import type { Role } from "../../shared/domain/access/roles.ts";
import { SettableClock } from "../domain/support.ts";
import { ownerKey } from "../setup/owner-key.ts";
import { type InProcess, type InProcessOptions, openInProcess } from "./in-process.ts";
import { type Client, ok } from "./support.ts";
import { callRest } from "./valid-rest.ts";

/** An app that asks for credentials. */
export interface Guarded {
  readonly app: InProcess;
  readonly clock: SettableClock;
  /** Whoever holds the key. */
  as(secret: string): Client;
  /** The owner of `default`. */
  readonly admin: Client;
  /** Makes a member of that role, with a key of theirs. */
  keyFor(workspace: string, role: Role, more?: object): Promise<{ secret: string; keyId: string; member: string }>;
  createWorkspace(name: string): Promise<void>;
}

let members = 0;

/** One guarded app for the file or the block that this is called in. */
export function useGuarded(options: InProcessOptions = {}): Guarded {
  const clock = new SettableClock();
  let app: InProcess;
  let admin: Client;
  const as = (secret: string) => app.client.under("", { authorization: `Bearer ${secret}` });
  beforeAll(async () => {
    app = openInProcess({ clock, authenticated: true, ...options });
    admin = as((await ownerKey(app.realm))!);
  });
  afterAll(() => app.close());
  return {
    get app() {
      return app;
    },
    get admin() {
      return admin;
    },
    clock,
    as,
    async keyFor(workspace, role, more = {}) {
      const member = `${role}-${++members}`;
      await ok(callRest(admin, "members_put", { path: { workspace, member }, json: { role } }));
      const json = { name: `of ${member}`, member, ...more };
      const { key, secret } = await ok(callRest(admin, "keys_create", { path: { workspace }, json }));
      return { secret, keyId: key.id, member };
    },
    async createWorkspace(name) {
      await ok(callRest(admin, "workspaces_create", { json: { name } }));
    },
  };
}
