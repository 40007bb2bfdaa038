import * as z from "zod/mini";
import { deleteSecret, listSecrets, readSecret, type Secret, setSecret } from "../../domain/secrets.ts";
import { MAX_SECRET_BYTES } from "../../stores/secret-store.ts";
import { SECRET, WORKSPACE } from "../parameters.ts";
import { type RestRoute, restRoute } from "../route.ts";
import { Time } from "../time.ts";

const Value = z
  .string()
  .check(z.minLength(1), z.maxLength(MAX_SECRET_BYTES), z.describe(`At most ${MAX_SECRET_BYTES} bytes of UTF-8.`));

const SecretJson = z
  .object({
    name: z.string().check(z.describe("As it was first set; upper and lower case are the same.")),
    createdTime: Time,
    updatedTime: Time,
    updatedBy: z.string(),
  })
  .check(z.meta({ id: "Secret" }));

const SecretValue = z.object({ value: Value }).check(z.meta({ id: "SecretValue" }));
const NewSecretValue = z.strictObject({ value: Value }).check(z.meta({ id: "NewSecretValue" }));

const time = (ms: number): string => new Date(ms).toISOString();

function secretJson({ name, createdMs, updatedMs, updatedBy }: Secret) {
  return { name, createdTime: time(createdMs), updatedTime: time(updatedMs), updatedBy };
}

/** Secrets of a workspace. One operation alone shows a value. */
export const secretRoutes: readonly RestRoute[] = [
  restRoute({
    name: "secrets_list",
    summary: "List the secrets, in order of name; without their values.",
    method: "GET",
    path: "workspaces/:workspace/secrets",
    params: { workspace: WORKSPACE },
    permission: "read",
    returns: z.object({ value: z.array(SecretJson) }),
    status: 200,
    do: async ({ workspace }) => ({ value: (await listSecrets(workspace)).map(secretJson) }),
  }),
  restRoute({
    name: "secrets_set",
    summary: "Set a secret, new or not; on every instance within five minutes.",
    method: "PUT",
    path: "workspaces/:workspace/secrets/:secret",
    params: { workspace: WORKSPACE, secret: SECRET },
    permission: "write",
    body: NewSecretValue,
    returns: SecretJson,
    status: 200,
    refusals: ["InvalidState", "NotImplemented"],
    do: async ({ workspace, params, body, caller }) =>
      secretJson(await setSecret(workspace, params.secret, body.value, caller.id)),
  }),
  restRoute({
    name: "secrets_read",
    summary: "Show the value of a secret.",
    method: "GET",
    path: "workspaces/:workspace/secrets/:secret/value",
    params: { workspace: WORKSPACE, secret: SECRET },
    permission: "secrets",
    returns: SecretValue,
    status: 200,
    refusals: ["NotImplemented"],
    do: async ({ workspace, params }) => ({ value: await readSecret(workspace, params.secret) }),
  }),
  restRoute({
    name: "secrets_delete",
    summary: "Delete a secret.",
    method: "DELETE",
    path: "workspaces/:workspace/secrets/:secret",
    params: { workspace: WORKSPACE, secret: SECRET },
    permission: "write",
    status: 204,
    refusals: ["NotImplemented"],
    do: async ({ workspace, params }) => deleteSecret(workspace, params.secret),
  }),
];
