const HIDDEN = "[hidden]";

/** What is a secret by its form, or by the name it stands behind. */
const SECRETS: readonly (readonly [pattern: RegExp, replacement: string])[] = [
  [/cairn_(key|run)_w[0-9a-f]{16}_[0-9a-f]+/g, HIDDEN],
  [/eyJ[\w-]{8,}\.[\w-]+(?:\.[\w-]*)?/g, HIDDEN],
  [/\b(Bearer|Basic|SharedKey|SharedAccessSignature) +[\w.~+/:=&%-]{16,}/gi, `$1 ${HIDDEN}`],
  [/(?<![A-Za-z0-9+/])[A-Za-z0-9+/]{86}==/g, HIDDEN],
  [
    /\b(AccountKey|SharedAccessKey|SharedAccessSignature|password|passwd|pwd|(?:client_?|shared_?)?secret|(?:access_?|refresh_?|id_?)?token|api[-_]?key|sig|signature)(\\?["']?\s*[=:]\s*\\?["']?)[^\s;&,"'\\}\])]+/gi,
    `$1$2${HIDDEN}`,
  ],
  [/\b(sk|ghp|gho|ghs|github_pat|glpat|hf|xox[abprs])([-_])[A-Za-z0-9_-]{16,}/g, `$1$2${HIDDEN}`],
  [/(:\/\/)[^\s/@:]+:[^\s/@]+@/g, `$1${HIDDEN}@`],
];

/**
 * The text without credentials, for what is logged or comes back in a refusal: people paste keys where names belong, and the errors of stores and
 * libraries quote what they were given.
 */
export function redact(text: string): string {
  return SECRETS.reduce((current, [pattern, replacement]) => current.replace(pattern, replacement), text);
}
