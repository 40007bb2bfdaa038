import * as z from "zod/mini";
import { KEY_ID } from "../domain/access/keys.ts";
import { MEMBER_ID, MEMBER_RULE } from "../domain/access/members.ts";
import { SECRET_NAME, SECRET_RULE } from "../domain/secrets.ts";
import { EXPERIMENT_ID, RUN_ID } from "../domain/validation.ts";
import { WORKSPACE_NAME } from "../domain/workspaces.ts";

/** A part of a path. */
export interface Parameter {
  readonly schema: z.ZodMiniType<string>;
  /** Of a name that callers choose, in words: what breaks it is 400. What can be no name or id of ours is found nowhere: 404. */
  readonly rule?: string;
}

function text(description: string, pattern: RegExp, rule?: string): Parameter {
  return { schema: z.string().check(z.regex(pattern), z.describe(description)), rule };
}

/** Without a rule, though callers choose it: what is no name is told apart from a foreign one by nothing. */
export const WORKSPACE = text("The name of a workspace.", WORKSPACE_NAME);
export const EXPERIMENT = text("The id of an experiment.", EXPERIMENT_ID);
export const RUN = text("The id of a run.", RUN_ID);
export const MODEL = text("The id of a logged model.", RUN_ID);
export const MEMBER = text(
  "An object id of Microsoft Entra ID; or a name, for somebody who comes with a key.",
  MEMBER_ID,
  MEMBER_RULE,
);
export const SECRET = text("The name of a secret; upper and lower case are the same.", SECRET_NAME, SECRET_RULE);
export const KEY = text("The id of a key, which is not the key.", KEY_ID);
