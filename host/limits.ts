/** The largest request body in strict mode: the default of the Functions host. */
export const MAX_BODY_BYTES = 100 * 1024 * 1024;
