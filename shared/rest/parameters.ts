import * as z from "zod/mini";
import { KEY_ID } from "../domain/access/keys.ts";
import { MEMBER_ID, MEMBER_RULE } from "../domain/access/members.ts";
import { SECRET_NAME, SECRET_RULE } from "../domain/secrets.ts";
import { EXPERIMENT_ID, RUN_ID } from "../domain/validation.ts";
import { WORKSPACE_NAME } from "../domain/workspaces.ts";

const text = (description: string, pattern: RegExp) => z.string().check(z.regex(pattern), z.describe(description));

/** What the parts of REST paths are; a name means the same in every operation. What cannot be one is found nowhere: 404, or breaks a rule: 400. */
export const PATH_PARAMETERS: Readonly<Record<string, z.ZodMiniType<string>>> = {
  workspace: text("The name of a workspace.", WORKSPACE_NAME),
  experimentId: text("The id of an experiment.", EXPERIMENT_ID),
  runId: text("The id of a run.", RUN_ID),
  modelId: text("The id of a logged model.", RUN_ID),
  member: text("An object id of Microsoft Entra ID; or a name, for somebody who comes with a key.", MEMBER_ID),
  secret: text("The name of a secret; upper and lower case are the same.", SECRET_NAME),
  keyId: text("The id of a key, which is not the key.", KEY_ID),
};

/** Of those that callers choose, in words. The names of workspaces are not among them: what is none is told apart from a foreign one by nothing. */
export const NAME_RULES: Readonly<Record<string, string>> = { member: MEMBER_RULE, secret: SECRET_RULE };

/** The names of the parameters in a route's path, in order. */
export function parameterNames(path: string): string[] {
  return [...path.matchAll(/:(\w+)/g)].map(([, name]) => name!);
}
