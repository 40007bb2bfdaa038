import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { exportJWK, generateKeyPair, type JWTPayload, SignJWT } from "jose";

export const TENANT = "11111111-2222-4333-8444-555555555555";
export const AUDIENCE = "99999999-8888-4777-8666-555555555555";

/** The client that asked for a token: the Azure CLI. */
const CLIENT = "04b07795-8ddb-461a-bbee-02f9e1bf7b46";

type KeyPair = Awaited<ReturnType<typeof generateKeyPair>>;

/** An issuer of tokens as Microsoft Entra ID is one, on this machine. */
export interface Issuer {
  readonly authority: string;
  /** Signs with a key of its own, known or not. */
  sign(claims?: JWTPayload, header?: { kid?: string; alg?: string }, key?: KeyPair): Promise<string>;
  /** New keys, which are published in the place of the old ones. */
  rotate(): Promise<void>;
  readonly current: KeyPair;
  /** How often its keys were asked for. */
  requests(): number;
  /** What it answers with instead of its keys. */
  failWith(status: number | undefined): void;
  /** What it publishes instead of its keys. */
  publish(text: string | undefined): void;
  close(): Promise<void>;
}

export async function startIssuer(nowMs: () => number): Promise<Issuer> {
  let current: KeyPair;
  let generation = 0;
  let requests = 0;
  let failure: number | undefined;
  let published: string | undefined;
  const kid = () => `key-${generation}`;
  const rotate = async () => {
    current = await generateKeyPair("RS256", { extractable: true });
    generation++;
  };
  await rotate();
  const server: Server = createServer(async (request, response) => {
    requests++;
    const isKeys = request.url === `/${TENANT}/discovery/v2.0/keys`;
    if (failure !== undefined || !isKeys) return response.writeHead(failure ?? 404).end();
    const keys = [{ ...(await exportJWK(current.publicKey)), kid: kid(), use: "sig" }];
    response.writeHead(200, { "content-type": "application/json" }).end(published ?? JSON.stringify({ keys }));
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const authority = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    authority,
    rotate,
    get current() {
      return current;
    },
    requests: () => requests,
    failWith: (status) => {
      failure = status;
    },
    publish: (text) => {
      published = text;
    },
    sign(claims = {}, header = {}, key = current) {
      const seconds = Math.floor(nowMs() / 1000);
      const usual = { iss: `${authority}/${TENANT}/v2.0`, aud: AUDIENCE, tid: TENANT, iat: seconds, nbf: seconds };
      const granted = { azp: CLIENT, scp: "access" };
      return new SignJWT({ ...usual, ...granted, exp: seconds + 3600, ...claims })
        .setProtectedHeader({ alg: "RS256", typ: "JWT", kid: kid(), ...header })
        .sign(key.privateKey);
    },
    close: () => new Promise((resolve) => server.close(() => resolve())),
  };
}
