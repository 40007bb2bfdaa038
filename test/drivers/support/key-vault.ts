import type { IncomingMessage, ServerResponse } from "node:http";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { json as readJson } from "node:stream/consumers";
import type { TokenCredential } from "@azure/core-auth";
import { type KeyVaultOptions, openKeyVault } from "../../../shared/drivers/key-vault/open-key-vault.ts";
import { machineIds } from "../../../shared/drivers/machine.ts";
import type { Clock } from "../../../shared/stores/clock.ts";
import type { SecretStore } from "../../../shared/stores/secret-store.ts";

import { selfSignedCertificate } from "./azurite-certificate.ts";

/** A vault that speaks Key Vault's protocol over TLS; the official client is none the wiser. */
export interface FakeVault {
  readonly endpoint: string;
  /** As PEM. */
  readonly certificate: string;
  /** What it was asked, as `GET /secrets/name`; the challenges without a token are not counted. */
  readonly asked: string[];
  /** Answers so many next requests with this status, and when to come again. */
  fail(count: number, status: number, retryAfterSeconds?: number): void;
  /** A client of it, as the app makes one. */
  open(clock: Clock, credential?: TokenCredential): SecretStore;
  close(): Promise<void>;
}

interface Secret {
  readonly versions: string[];
  deleted: boolean;
}

const TOKEN = "a-token";
const PAGE = 25;
const API = /^[\d.-]+$/;

export const vaultCredential: TokenCredential = {
  getToken: async () => ({ token: TOKEN, expiresOnTimestamp: Date.now() + 3_600_000 }),
};

/**
 * @param hostname under which it is known; for others than `localhost` the caller sees to it that it resolves
 * @param token that it takes
 */
export async function startVault(hostname = "localhost", token = TOKEN): Promise<FakeVault> {
  const { key, certificate } = selfSignedCertificate(hostname);
  const secrets = new Map<string, Secret>();
  const asked: string[] = [];
  let failing = { count: 0, status: 0, retryAfterSeconds: 0 };

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url!, endpoint);
    const send = (status: number, body?: unknown, headers: Record<string, string> = {}) =>
      response.writeHead(status, { "content-type": "application/json", ...headers }).end(body && JSON.stringify(body));
    const refuse = (status: number, code: string, inner?: string) =>
      send(status, { error: { code, message: `${code} of the vault`, ...(inner && { innererror: { code: inner } }) } });
    if (!API.test(url.searchParams.get("api-version") ?? "")) return void refuse(400, "BadParameter");
    if (request.headers.authorization !== `Bearer ${token}`) {
      request.resume();
      return void send(401, undefined, {
        "www-authenticate": `Bearer authorization="https://login.microsoftonline.com/tenant", resource="https://vault.azure.net"`,
      });
    }
    asked.push(`${request.method} ${url.pathname.replace(/\/$/, "")}`);
    if (failing.count > 0) {
      failing.count--;
      const error = { code: "Throttled", message: "Throttled of the vault" };
      return void send(failing.status, { error }, { "retry-after": String(failing.retryAfterSeconds) });
    }
    const [, kind, name = "", action] = url.pathname.split("/");
    const secret = secrets.get(name);
    const shown = (it: Secret) => ({
      id: `${endpoint}/secrets/${name}/${it.versions.length}`,
      attributes: { enabled: true },
    });
    switch (`${request.method} ${kind}${name ? "/name" : ""}${action ? `/${action}` : ""}`) {
      case "PUT secrets/name": {
        const { value } = (await readJson(request)) as { value: string };
        if (secret?.deleted) return void refuse(409, "Conflict", "ObjectIsDeletedButRecoverable");
        const kept = secret ?? { versions: [], deleted: false };
        kept.versions.push(value);
        secrets.set(name, kept);
        return void send(200, { ...shown(kept), value });
      }
      case "GET secrets/name":
        if (!secret || secret.deleted) return void refuse(404, "SecretNotFound");
        return void send(200, { ...shown(secret), value: secret.versions.at(-1) });
      case "DELETE secrets/name":
        if (!secret || secret.deleted) return void refuse(404, "SecretNotFound");
        secret.deleted = true;
        return void send(200, { ...shown(secret), recoveryId: `${endpoint}/deletedsecrets/${name}` });
      case "GET deletedsecrets/name":
        if (!secret?.deleted) return void refuse(404, "SecretNotFound");
        return void send(200, { ...shown(secret), recoveryId: `${endpoint}/deletedsecrets/${name}` });
      case "POST deletedsecrets/name/recover":
        if (!secret?.deleted) return void refuse(404, "SecretNotFound");
        secret.deleted = false;
        return void send(200, shown(secret));
      case "GET secrets": {
        const from = Number(url.searchParams.get("skip") ?? 0);
        const there = [...secrets]
          .filter(([, { deleted }]) => !deleted)
          .map(([key]) => ({ id: `${endpoint}/secrets/${key}` }));
        const more = there.length > from + PAGE ? `${endpoint}/secrets?api-version=7.6&skip=${from + PAGE}` : null;
        return void send(200, { value: there.slice(from, from + PAGE), nextLink: more });
      }
      default:
        return void refuse(405, "NotImplemented");
    }
  }

  const server = createServer({ key, cert: certificate }, (request, response) => void answer(request, response));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const endpoint = `https://${hostname}:${(server.address() as AddressInfo).port}`;
  const client: KeyVaultOptions["client"] = {
    disableChallengeResourceVerification: true,
    tlsOptions: { ca: certificate },
  };
  return {
    endpoint,
    certificate,
    asked,
    fail: (count, status, retryAfterSeconds = 0) => {
      failing = { count, status, retryAfterSeconds };
    },
    open: (clock, credential = vaultCredential) =>
      openKeyVault({ endpoint, credential, clock, ids: machineIds, client }),
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
