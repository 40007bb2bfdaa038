import { resolve } from "node:path";

/**
 * A folder that a person has named. npm runs scripts in the checkout, but who names a folder means one where they called npm.
 * @param {string} folder
 */
export const fromCaller = (folder) => resolve((process.env.npm_lifecycle_event && process.env.INIT_CWD) || ".", folder);
