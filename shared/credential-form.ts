/** What a credential that we issue is for. A kind that is added here is also hidden wherever a text is shown. */
export const CREDENTIAL_KINDS = ["key", "run"] as const;

/** Every credential but for its last hex digits: `cairn_<kind>_<workspace id>_`. Groups: the kind, the id. */
export const CREDENTIAL = `cairn_(${CREDENTIAL_KINDS.join("|")})_(w[0-9a-f]{16})_`;
