import * as z from "zod/mini";
import { KEY_ID } from "../domain/access/keys.ts";
import { MEMBER_ID } from "../domain/access/members.ts";
import { SECRET_NAME } from "../domain/secrets.ts";
import { EXPERIMENT_ID, RUN_ID } from "../domain/validation.ts";
import { WORKSPACE_NAME } from "../domain/workspaces.ts";

const text = (description: string, pattern: RegExp) => z.string().check(z.regex(pattern), z.describe(description));

/** What the parts of REST paths are; a name means the same in every operation. What cannot be one is found nowhere: 404. */
export const PATH_PARAMETERS: Readonly<Record<string, z.ZodMiniType<string>>> = {
  workspace: text("The name of a workspace.", WORKSPACE_NAME),
  experimentId: text("The id of an experiment.", EXPERIMENT_ID),
  runId: text("The id of a run.", RUN_ID),
  modelId: text("The id of a logged model.", RUN_ID),
  member: text("An object id of Microsoft Entra ID; or a name, for somebody who comes with a key.", MEMBER_ID),
  secret: text("The name of a secret; upper and lower case are the same.", SECRET_NAME),
  keyId: text("The id of a key, which is not the key.", KEY_ID),
};

/** The names of the parameters in a route's path, in order. */
export function parameterNames(path: string): string[] {
  return [...path.matchAll(/:(\w+)/g)].map(([, name]) => name!);
}
