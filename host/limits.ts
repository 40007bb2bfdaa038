import { HOST_BODY_BYTES } from "../shared/config.ts";

/** The largest request body in strict mode: the default of the Functions host. */
export const MAX_BODY_BYTES = HOST_BODY_BYTES;
